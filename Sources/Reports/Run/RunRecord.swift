public import ModelFiles

/// A finished fine-tuning run, read from its folder.
///
/// Of all files only something to report on must be there; what is missing, cut short or of the wrong kind becomes a
/// ``notes`` entry. Read are `run.json`, `config.json`, `trainer_state.json`, `training_log.jsonl`,
/// `predictions.jsonl` and `predict_results.json`.
public struct RunRecord: Sendable {
  /// One optimiser step of the log.
  public struct Step: Sendable, Equatable {
    /// Counted from 1.
    public var number: Int
    /// Mean loss of the step's examples; NaN when it is not there.
    public var loss: Double
    /// Norm of all gradients before clipping; NaN when it is not there.
    public var gradNorm: Double
    /// The rate the step used; NaN when it is not there.
    public var learningRate: Double
  }

  /// One evaluation while training.
  public struct Evaluation: Sendable, Equatable {
    /// The step after which it took place.
    public var step: Int
    /// Passes over the training rows by then.
    public var epoch: Double
    /// Mean loss of the validation rows; NaN when it is not there.
    public var loss: Double
    /// `accuracy`, `f1` and others, in the file's order.
    public var metrics: [(name: String, value: Double)]

    /// The metric of a name, or nil.
    public subscript(name: String) -> Double? { metrics.first { $0.name == name }?.value }

    public static func == (one: Evaluation, other: Evaluation) -> Bool {
      one.step == other.step && one.epoch == other.epoch && one.loss == other.loss
        && one.metrics.elementsEqual(other.metrics) { $0 == $1 }
    }
  }

  /// What the finished model said of a test row.
  public struct Prediction: Sendable, Equatable {
    /// The only text, or the first of a pair.
    public var text: String
    /// The second text, for pairs.
    public var pair: String?
    /// The row's class.
    public var label: Int
    /// The class with the largest logit.
    public var predicted: Int
    /// One number a class.
    public var logits: [Double]
  }

  /// The folder.
  public let path: String
  /// What `run.json` says, or what can be told without it.
  public internal(set) var description: RunDescription
  /// Whether there was a `run.json`.
  public internal(set) var isDescribed = false
  /// The name of each class.
  public internal(set) var labels: [String] = []
  /// Every step of the log, ascending.
  public internal(set) var steps: [Step] = []
  /// Losses that were logged while training, for runs without a log of every step.
  public internal(set) var loggedLosses: [Step] = []
  /// Every evaluation while training, ascending.
  public internal(set) var evaluations: [Evaluation] = []
  /// The step of the best evaluation, where the run kept track.
  public internal(set) var bestStep: Int?
  /// Steps that were taken; nil when unknown.
  public internal(set) var globalStep: Int?
  /// `train_runtime` and the like, from the last log record.
  public internal(set) var trainMetrics: [(name: String, value: Double)] = []
  /// The texts trained on.
  public internal(set) var trainTexts: [String] = []
  /// The texts evaluated on while training.
  public internal(set) var validationTexts: [String] = []
  /// The texts of the test.
  public internal(set) var testTexts: [String] = []
  /// One for each test row; empty when there was no test.
  public internal(set) var predictions: [Prediction] = []
  /// `predict_results.json` as it is; null when there is none.
  public internal(set) var testResults: JSONValue = .null
  /// `config.json` as it is; null when there is none.
  public internal(set) var configuration: JSONValue = .null
  /// What could not be read, one sentence each.
  public internal(set) var notes: [String] = []

  /// Reads the folder of a run.
  ///
  /// - Throws: ``RunRecordError`` when there is nothing to report on; `SystemError`.
  public init(path: String) throws {
    guard FileSystem.isDirectory(path) else { throw RunRecordError.notAFolder(path: path) }
    self.path = path
    description = RunDescription(labels: [])
    readDescription()
    readState()
    readLog()
    readPredictions()
    if steps.isEmpty && evaluations.isEmpty && loggedLosses.isEmpty && predictions.isEmpty {
      throw RunRecordError.noRun(path: path, notes: notes)
    }
  }

  /// The name of the folder, without what leads there.
  public var name: String {
    let name = FileSystem.name(of: FileSystem.resolved(path) ?? path)
    return name.isEmpty ? path : name
  }
}

/// Why there is no run to report on.
@nonexhaustive
public enum RunRecordError: Error, Equatable, CustomStringConvertible {
  /// There is no folder of this name.
  case notAFolder(path: String)
  /// The folder holds none of a run's files. `notes`: what is wrong with those that are there.
  case noRun(path: String, notes: [String])

  public var description: String {
    switch self {
    case .notAFolder(let path): "\(path): no folder; give the one that `ckpt finetune --out` wrote"
    case .noRun(let path, let notes):
      "\(path): no run to report on, since there is no usable training_log.jsonl, trainer_state.json or "
        + "predictions.jsonl\(notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))"); "
        + "give the folder that `ckpt finetune --out` wrote"
    }
  }
}
