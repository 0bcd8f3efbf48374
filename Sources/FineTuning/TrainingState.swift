public import ModelFiles

/// All that a run needs to go on, beside the weights: what Trainer keeps in a `checkpoint-N` folder.
public struct TrainingState: Sendable {
  /// Steps, log and best model: `trainer_state.json`.
  public var trainer: TrainerState
  /// `optimizer.pt`.
  public var optimizer: OptimizerState
  /// torch's global generator, the `cpu` of `rng_state.pth`: 5056 bytes.
  public var generator: [UInt8]
  /// What a run of this package carries besides; nil in a checkpoint of Trainer, and then the run goes on as Trainer's.
  public var progress: TrainingProgress?
  /// The weights of the best step so far, for a run that ends with them.
  public var bestWeights: (any WeightSource)?

  public init(
    trainer: TrainerState, optimizer: OptimizerState, generator: [UInt8],
    progress: TrainingProgress? = nil, bestWeights: (any WeightSource)? = nil
  ) {
    (self.trainer, self.optimizer, self.generator) = (trainer, optimizer, generator)
    (self.progress, self.bestWeights) = (progress, bestWeights)
  }
}

/// AdamW's memory, as torch's `optimizer.state_dict()` has it.
public struct OptimizerState: Sendable {
  /// Parameters that are treated alike.
  public struct Group: Sendable, Equatable {
    /// In the order of the model's `named_parameters()`.
    public var parameters: [TensorInfo]
    public var weightDecay: Double

    public init(parameters: [TensorInfo], weightDecay: Double) {
      (self.parameters, self.weightDecay) = (parameters, weightDecay)
    }
  }

  /// Steps taken.
  public var stepCount: Int
  /// Those that decay, then those that do not; as Trainer makes them.
  public var groups: [Group]
  /// The rate of the next step.
  public var learningRate: Double
  /// The rate that the schedule multiplies.
  public var initialLearningRate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  /// For every parameter `NAME` two tensors of its shape: `NAME.exp_avg` and `NAME.exp_avg_sq`. While a run goes on they
  /// are the run's own and change with its next step.
  public var moments: any WeightSource

  public init(
    stepCount: Int, groups: [Group], learningRate: Double, initialLearningRate: Double, beta1: Double,
    beta2: Double, epsilon: Double, moments: any WeightSource
  ) {
    (self.stepCount, self.groups, self.moments) = (stepCount, groups, moments)
    (self.learningRate, self.initialLearningRate) = (learningRate, initialLearningRate)
    (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
  }

  public static let firstMoment = "exp_avg"
  public static let secondMoment = "exp_avg_sq"

  /// The names of a model's parameters, decaying ones first, each in the order of `named_parameters()`.
  ///
  /// Reference: `get_decay_parameter_names` and `create_optimizer` in `transformers/trainer.py`.
  public static func groups(_ parameters: [TensorInfo], weightDecay: Double) -> [Group] {
    let decays = { (info: TensorInfo) in !info.name.hasSuffix(".bias") && !info.name.contains("LayerNorm") }
    return [
      Group(parameters: parameters.filter(decays), weightDecay: weightDecay),
      Group(parameters: parameters.filter { !decays($0) }, weightDecay: 0),
    ]
  }
}

/// Why a run cannot be taken up where a checkpoint left it.
@nonexhaustive
public enum TrainingStateError: Error, Equatable, CustomStringConvertible {
  /// A member of a state's file is missing or of another kind.
  case value(key: String, expected: String, found: String)
  /// The parameters of a group, or a tensor of moments, are not those of the model.
  case parameters(expected: String, found: String)
  /// The optimiser has taken another number of steps than the run.
  case stepCount(run: Int, optimizer: Int)
  /// The checkpoint lies beyond the end of the run.
  case beyondEnd(step: Int, maxSteps: Int)
  /// The best weights so far are needed and not there.
  case noBestWeights(step: Int)

  public var description: String {
    switch self {
    case .value(let key, let expected, let found):
      "'\(key)' is \(found), and \(expected) is expected; resume from another checkpoint"
    case .parameters(let expected, let found):
      "the optimiser's state holds \(found), and \(expected) is expected; resume from a checkpoint of this model"
    case .stepCount(let run, let optimizer):
      "the run has taken \(run) steps and its optimiser \(optimizer); resume from another checkpoint"
    case .beyondEnd(let step, let maxSteps):
      "the checkpoint was made at step \(step) and the run ends at \(maxSteps); "
        + "give the arguments and data of the run that made it"
    case .noBestWeights(let step):
      "the best weights so far are those of step \(step), and its checkpoint is not there; "
        + "resume where the checkpoints are, or without loading the best model at the end"
    }
  }
}
