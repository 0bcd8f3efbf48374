/// What a trainer reports while it works.
public enum TrainingEvent: Sendable {
  /// The run is planned; no step has been taken.
  case began(TrainingPlan)
  /// One optimiser step has been taken.
  case step(StepRecord)
  /// A training record has joined the log.
  case logged(LogRecord)
  /// An evaluation has joined the log; `trainingLoss` is the last logged one, nil when none was logged yet.
  case evaluated(LogRecord, trainingLoss: Double?)
  /// The moment to write `checkpoint-<step>`: the trainer's model and state are those of this step.
  case checkpoint(step: Int)
  /// The last step is done, and the best model restored if that was asked for and one was found.
  case ended(TrainOutput)
}

/// What the receiver of an event wants next.
public enum TrainingControl: Sendable {
  case `continue`
  /// Finish the step and what is due after it, save, then end; from there a run can be resumed.
  case stop
}

/// What a run will do.
public struct TrainingPlan: Sendable, Equatable {
  public var exampleCount: Int
  public var evaluationCount: Int
  /// Optimiser steps in an epoch.
  public var stepsPerEpoch: Int
  public var maxSteps: Int
  /// The longest example, in tokens.
  public var longest: Int
  /// Parameters that are trained.
  public var parameterCount: Int
  /// Bytes for parameters, gradients, moments and activations.
  public var byteCount: Int
}

/// One optimiser step.
public struct StepRecord: Sendable, Equatable {
  /// Counted from 1.
  public var step: Int
  /// Passes over the training set so far.
  public var epoch: Double
  /// Mean loss of the step's examples.
  public var loss: Float
  /// Norm of all gradients, before clipping.
  public var gradNorm: Float
  /// The rate that this step used.
  public var learningRate: Double
}

/// One entry of the log history: names and values in Trainer's order.
public struct LogRecord: Sendable, Equatable {
  public enum Value: Sendable, Equatable {
    case integer(Int)
    case number(Double)

    public var number: Double {
      switch self {
      case .integer(let value): Double(value)
      case .number(let value): value
      }
    }
  }

  public private(set) var entries: [(name: String, value: Value)] = []

  public init() {}

  /// The value called `name`, or nil.
  public subscript(name: String) -> Double? { entries.first { $0.name == name }?.value.number }

  mutating func append(_ name: String, _ value: Double) { entries.append((name, .number(value))) }
  mutating func append(_ name: String, _ value: Int) { entries.append((name, .integer(value))) }

  public static func == (one: LogRecord, other: LogRecord) -> Bool {
    one.entries.elementsEqual(other.entries) { $0.name == $1.name && $0.value == $1.value }
  }
}

/// What a finished run amounts to. Reference: `TrainOutput` in transformers' `trainer_utils.py`.
public struct TrainOutput: Sendable, Equatable {
  public var globalStep: Int
  /// The mean loss of all steps.
  public var trainingLoss: Double
  /// `train_runtime`, `train_samples_per_second`, `train_steps_per_second`, `total_flos`, `train_loss`, `epoch`.
  public var metrics: LogRecord
  /// Whether the receiver of the events ended the run before its last step.
  public var wasStopped: Bool
}

/// The logits of a data set and what they are worth.
public struct PredictionOutput: Sendable {
  /// One row of logits an example, in the data set's order.
  public var logits: [[Float]]
  public var labels: [Int]
  /// The class with the largest logit of each example.
  public var predicted: [Int]
  /// `<prefix>_loss`, the metrics, `<prefix>_runtime`, and the rates.
  public var metrics: LogRecord
}
