public import RandomStreams

/// When something happens during training.
public enum IntervalStrategy: Sendable, Equatable {
  case never
  case epoch
  /// Every so many optimiser steps.
  case steps(Int)
}

/// The arguments of a training run, named and defaulted as transformers' `TrainingArguments`.
public struct TrainingArguments: Sendable, Equatable {
  /// Where checkpoints go; only its name is used here, in the training state.
  public var outputDirectory = "trainer_output"
  /// Passes over the training set; may be fractional.
  public var numTrainEpochs = 3.0
  /// Optimiser steps in all; overrides ``numTrainEpochs`` when set.
  public var maxSteps: Int?
  /// Examples a step (`per_device_train_batch_size`).
  public var batchSize = 8
  /// Examples a batch in evaluation (`per_device_eval_batch_size`).
  public var evalBatchSize = 8
  public var learningRate = 5e-5
  public var weightDecay = 0.0
  public var adamBeta1 = 0.9
  public var adamBeta2 = 0.999
  public var adamEpsilon = 1e-8
  /// The gradient's norm is clipped to this; 0 clips nothing.
  public var maxGradNorm = 1.0
  public var lrScheduler = LearningRateSchedule.linear
  /// Steps of warm-up; below 1 a share of all steps, rounded up.
  public var warmupSteps = 0.0
  public var labelSmoothingFactor = 0.0
  /// Batches whose gradients are averaged into one step.
  public var gradientAccumulationSteps = 1
  /// transformers 5.23 sums the gradients of accumulated batches where 4.38 averages them, because BERT ignores the
  /// count it is handed: losses and norms are then k times as large, and clipping acts earlier. True does the same.
  public var sumsAccumulatedGradients = false
  public var loggingStrategy = IntervalStrategy.steps(500)
  public var loggingFirstStep = false
  public var evalStrategy = IntervalStrategy.never
  public var saveStrategy = IntervalStrategy.steps(500)
  /// Restores the best evaluated weights when training ends. Needs evaluations and saves at the same moments.
  public var loadBestModelAtEnd = false
  /// The metric that decides which model is best, with or without `eval_`; "loss" when nil and one is needed.
  public var metricForBestModel: String?
  /// Nil: true unless the metric's name ends in "loss".
  public var greaterIsBetter: Bool?
  /// Evaluations without improvement after which training stops; nil never stops early.
  public var earlyStoppingPatience: Int?
  /// How much better counts as better, for stopping early.
  public var earlyStoppingThreshold = 0.0
  /// Seeds the dropout masks, and the order of the examples when ``dataSeed`` is nil.
  public var seed: UInt64 = 42
  /// Seeds the order of the examples. The older dialect ignores it, as accelerate did.
  public var dataSeed: UInt64?
  /// Which stack's random numbers and log records to reproduce.
  public var dialect = RandomDialect.torch215

  public init() {}

  /// The best-model metric in force, with its prefix; nil when none is needed.
  var bestMetricName: String? {
    let name = metricForBestModel ?? (loadBestModelAtEnd || earlyStoppingPatience != nil ? "loss" : nil)
    return name.map { $0.hasPrefix("eval_") ? $0 : "eval_" + $0 }
  }

  /// Whether larger values of the best-model metric are better.
  var prefersGreater: Bool { greaterIsBetter ?? !(bestMetricName ?? "loss").hasSuffix("loss") }

  /// The largest count that is taken, so that the sums and products of two of them are integers still.
  private static let largestCount = Int(Int32.max)

  /// - Throws: ``TrainingError/argument(name:found:expected:)`` for the first value that cannot be used.
  func validate() throws(TrainingError) {
    func require(_ holds: Bool, _ name: String, _ found: some Any, _ expected: String) throws(TrainingError) {
      if !holds { throw .argument(name: name, found: "\(found)", expected: expected) }
    }
    func requireCount(_ count: Int, _ name: String) throws(TrainingError) {
      try require(
        (1...Self.largestCount).contains(count), name, count, "an integer from 1 to \(Self.largestCount)")
    }
    try require(
      numTrainEpochs > 0 && numTrainEpochs < 1e9, "num_train_epochs", numTrainEpochs, "a positive number")
    if let maxSteps { try requireCount(maxSteps, "max_steps") }
    try requireCount(batchSize, "per_device_train_batch_size")
    try requireCount(evalBatchSize, "per_device_eval_batch_size")
    try require(learningRate >= 0 && learningRate.isFinite, "learning_rate", learningRate, "a number from 0")
    try require(weightDecay >= 0 && weightDecay.isFinite, "weight_decay", weightDecay, "a number from 0")
    try require((0..<1).contains(adamBeta1), "adam_beta1", adamBeta1, "a number in 0 ..< 1")
    try require((0..<1).contains(adamBeta2), "adam_beta2", adamBeta2, "a number in 0 ..< 1")
    try require(adamEpsilon > 0, "adam_epsilon", adamEpsilon, "a positive number")
    try require(maxGradNorm >= 0, "max_grad_norm", maxGradNorm, "a number from 0; 0 clips nothing")
    try require(
      (0...Double(Self.largestCount)).contains(warmupSteps), "warmup_steps", warmupSteps,
      "a number from 0 to \(Self.largestCount)")
    try require(
      (0..<1).contains(labelSmoothingFactor), "label_smoothing_factor", labelSmoothingFactor,
      "a number in 0 ..< 1")
    try requireCount(gradientAccumulationSteps, "gradient_accumulation_steps")
    for (name, strategy) in [
      ("logging_steps", loggingStrategy), ("eval_steps", evalStrategy), ("save_steps", saveStrategy),
    ] {
      if case .steps(let count) = strategy { try require(count > 0, name, count, "at least 1") }
    }
    try require(
      earlyStoppingPatience == nil || evalStrategy != .never, "eval_strategy", evalStrategy,
      "epoch or steps, since early stopping looks at evaluations")
    try require(
      !loadBestModelAtEnd || evalStrategy != .never, "eval_strategy", evalStrategy,
      "epoch or steps, since the best model is found by evaluating")
    if loadBestModelAtEnd {
      try require(
        evalStrategy == saveStrategy, "save_strategy", saveStrategy,
        "the same as eval_strategy (\(evalStrategy)) when the best model is loaded at the end")
    }
  }
}

/// Why training cannot start or go on.
@nonexhaustive
public enum TrainingError: Error, Equatable, CustomStringConvertible {
  /// A value out of range, under the argument's name in transformers.
  case argument(name: String, found: String, expected: String)
  /// A data set without rows.
  case noExamples(String)
  /// An evaluation was asked for but no data set given.
  case noEvaluationData
  /// The label names of the data are not those of the model.
  case labelMismatch(expected: [String], found: [String])
  /// The best-model metric is not among those that the evaluation gives.
  case unknownMetric(String, available: [String])
  /// ``Trainer/train(on:evaluating:resuming:onEvent:)`` was called a second time.
  case alreadyTrained
  /// The loss is not a number and has been so for every step since the last log.
  case problemType(String)

  public var description: String {
    switch self {
    case .argument(let name, let found, let expected): "\(name) is \(found); give \(expected)"
    case .noExamples(let name): "the \(name) set has no rows; give at least one"
    case .noEvaluationData: "the run is to be evaluated but has no validation set; give one or evaluate never"
    case .labelMismatch(let expected, let found):
      "the data's labels are \(found), the model's \(expected); load the model with the data's labels"
    case .unknownMetric(let name, let available):
      "no metric is called \(name); choose one of \(available.joined(separator: ", "))"
    case .alreadyTrained: "this trainer has trained already; make a new one from its model to train on"
    case .problemType(let found):
      "the model's problem type is \(found); this trainer trains single-label classification"
    }
  }
}
