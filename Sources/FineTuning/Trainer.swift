public import BERT
import RandomStreams
import Tensors
public import WordPiece

/// Fine-tunes a text classifier, step for step as transformers' `Trainer` does.
///
/// With the seed of a Python run, the order of the examples, the dropout masks, and to a few units in the seventh
/// digit the losses are those of that run. A trainer reports by events and prints nothing; it writes no files. It
/// trains its own copy of the model's parameters, once.
///
/// Reference: `transformers/trainer.py`; accelerate's `data_loader.py` for the order of the examples.
public final class Trainer {
  public let arguments: TrainingArguments
  /// The model in training; after ``train(on:evaluating:onEvent:)`` the trained one.
  public let model: BERTForSequenceClassification
  public private(set) var state = TrainerState()

  private let tokenizer: WordPieceTokenizer
  private let truncation: Truncation
  private let computeMetrics: ComputeMetrics
  /// Holds torch's global generator as the Python run would leave it.
  fileprivate let dropout: Dropout
  private var hasTrained = false
  private var evaluationWorkspace: Workspace?

  /// Names and values from predicted classes, true classes and the number of classes; names without a prefix.
  public typealias ComputeMetrics =
    @Sendable (_ predicted: [Int], _ labels: [Int], _ classCount: Int) -> [(name: String, value: Double)]

  /// - Parameters:
  ///   - model: a single-label classifier; its parameters are copied.
  ///   - truncation: of texts longer than the model's positions; `.none` makes them an error.
  ///   - computeMetrics: accuracy and micro-averaged precision, recall and F1 unless given.
  /// - Throws: ``TrainingError`` when an argument is out of range; an error when memory for the copy cannot be had.
  public init(
    _ model: BERTForSequenceClassification, tokenizer: WordPieceTokenizer, arguments: TrainingArguments,
    truncation: Truncation, computeMetrics: @escaping ComputeMetrics = Trainer.microAverages
  ) throws {
    try arguments.validate()
    let problem = BERTForSequenceClassification.problemType(model.configuration, .classes([]))
    guard problem == .singleLabelClassification else { throw TrainingError.problemType(problem.rawValue) }
    self.arguments = arguments
    self.model = BERTForSequenceClassification(network: try model.network.flattened())
    self.tokenizer = tokenizer
    self.truncation = truncation
    self.computeMetrics = computeMetrics
    dropout = Dropout(generator: TorchGenerator(seed: arguments.seed), dialect: arguments.dialect)
  }

  /// Precision, recall and F1 averaged over all decisions, and accuracy.
  public static let microAverages: ComputeMetrics = { predicted, labels, classCount in
    let metrics = ClassificationMetrics(labels: labels, predictions: predicted, classCount: classCount)
    let average = metrics.average(.micro)
    return [
      ("precision", average.precision), ("recall", average.recall), ("f1", average.f1),
      ("accuracy", metrics.accuracy),
    ]
  }

  // MARK: Training

  /// Trains for the planned steps.
  ///
  /// - Parameters:
  ///   - dataset: at least one row; labels named as the model's.
  ///   - validation: evaluated as ``TrainingArguments/evalStrategy`` says.
  ///   - onEvent: sees every event, and may stop the run; what it throws ends the run.
  /// - Throws: ``TrainingError`` when the run cannot start; `TokenizerError` for a text that is too long.
  public func train(
    on dataset: TextDataset, evaluating validation: TextDataset? = nil,
    onEvent: (TrainingEvent) throws -> TrainingControl = { _ in .continue }
  ) throws -> TrainOutput {
    guard !hasTrained else { throw TrainingError.alreadyTrained }
    guard arguments.evalStrategy == .never || validation != nil else { throw TrainingError.noEvaluationData }
    let examples = try tokenized(dataset, "training")
    let evaluated = try validation.map { try tokenized($0, "validation") }
    hasTrained = true
    return try TrainingRun(self, examples, evaluated).run(onEvent)
  }

  // MARK: Evaluation

  /// Loss and metrics on a data set, under names with the given prefix. Does not join the log history.
  ///
  /// - Throws: ``TrainingError`` when the set is empty or its labels differ; `TokenizerError` for a text too long.
  public func predict(_ dataset: TextDataset, metricKeyPrefix prefix: String = "test") throws -> PredictionOutput {
    try predict(tokenized(dataset, prefix), prefix: prefix)
  }

  func predict(_ dataset: TokenizedDataset, prefix: String) throws -> PredictionOutput {
    let clock = ContinuousClock()
    let start = clock.now
    dropout.advanceDataLoader()
    let needed = dataset.capacity(batchSize: arguments.evalBatchSize)
    let held = evaluationWorkspace?.capacity
    if held?.holds(needed) != true {
      evaluationWorkspace = try Workspace(
        model.configuration, held?.union(needed) ?? needed, training: false)
    }
    var (logits, labels, lossSum, batchCount): ([[Float]], [Int], Double, Int) = ([], [], 0, 0)
    for first in stride(from: 0, to: dataset.count, by: arguments.evalBatchSize) {
      let rows = first..<min(first + arguments.evalBatchSize, dataset.count)
      let (inputs, batchLabels) = try dataset.batch(rows)
      guard let evaluationWorkspace else { break }
      let output = try model.logits(inputs, in: evaluationWorkspace)
      let columns = output.shape[1]
      let batchLogits = (0..<rows.count).map { Array(output.values[$0 * columns..<($0 + 1) * columns]) }
      // The loss of a batch counts once for each of its examples, rounded to float as it comes from the model.
      let loss = meanCrossEntropy(
        batchLogits, batchLabels, labelSmoothing: arguments.labelSmoothingFactor)
      lossSum += Double(loss) * Double(rows.count)
      logits += batchLogits
      labels += batchLabels
      batchCount += 1
    }
    let predicted = logits.map { row in row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 } }
    var metrics = LogRecord()
    metrics.append("\(prefix)_loss", Double(Float(lossSum / Double(dataset.count))))
    for metric in computeMetrics(predicted, labels, model.configuration.labels.count) {
      metrics.append("\(prefix)_\(metric.name)", metric.value)
    }
    metrics.appendSpeed(prefix, clock.now - start, samples: dataset.count, steps: batchCount)
    return PredictionOutput(logits: logits, labels: labels, predicted: predicted, metrics: metrics)
  }

  private func tokenized(_ dataset: TextDataset, _ name: String) throws -> TokenizedDataset {
    guard !dataset.texts.isEmpty else { throw TrainingError.noExamples(name) }
    guard dataset.labelNames == model.configuration.labels else {
      throw TrainingError.labelMismatch(expected: model.configuration.labels, found: dataset.labelNames)
    }
    return try TokenizedDataset(dataset, tokenizer: tokenizer, truncation: truncation)
  }

  // MARK: For a run

  fileprivate func updateState(_ change: (inout TrainerState) -> Void) { change(&state) }
}

extension Dropout {
  /// What every DataLoader iterator takes from the global generator: one 64-bit draw, for its workers' seed.
  fileprivate func advanceDataLoader() { _ = generator.randomInt64() }
}

/// One call of `train`: the loop and what it carries from step to step.
private final class TrainingRun {
  private let trainer: Trainer
  private let arguments: TrainingArguments
  private let examples: TokenizedDataset
  private let validation: TokenizedDataset?
  private let network: Network
  private let workspace: Workspace
  private let gradients: Gradients
  private let optimizer: AdamW
  private let dropout: Dropout
  private let plan: TrainingPlan
  private let batchesPerEpoch: Int
  private let epochCount: Int
  private let warmup: Int
  /// Parameters that take part in `floating_point_ops`: all but the embedding tables.
  private let computedParameterCount: Int

  /// Sum of step losses since the last log, in float as torch's tensor is.
  private var lossSinceLog: Float = 0
  private var lossBeforeLog = 0.0
  private var lastLoggedStep = 0
  private var flosSinceStore = 0.0
  private var gradNorm: Float = 0
  private var learningRate = 0.0
  private var latestLoss: Double?
  private let bestParameters: MemoryBlock?
  private var isStopping = false
  /// Batches of the run so far.
  private var batchCount = 0

  init(_ trainer: Trainer, _ examples: TokenizedDataset, _ validation: TokenizedDataset?) throws {
    self.trainer = trainer
    self.examples = examples
    self.validation = validation
    (arguments, network, dropout) = (trainer.arguments, trainer.model.network, trainer.dropout)
    let configuration = network.configuration
    let accumulation = arguments.gradientAccumulationSteps
    batchesPerEpoch = (examples.count + arguments.batchSize - 1) / arguments.batchSize
    let stepsPerEpoch =
      arguments.dialect == .torch215
      ? (batchesPerEpoch + accumulation - 1) / accumulation : max(batchesPerEpoch / accumulation, 1)
    let maxSteps =
      arguments.maxSteps ?? Int((arguments.numTrainEpochs * Double(stepsPerEpoch)).rounded(.up))
    epochCount =
      arguments.maxSteps == nil
      ? Int(arguments.numTrainEpochs.rounded(.up)) : (maxSteps + stepsPerEpoch - 1) / stepsPerEpoch
    warmup =
      arguments.warmupSteps < 1
      ? Int((arguments.warmupSteps * Double(maxSteps)).rounded(.up)) : Int(arguments.warmupSteps)
    guard let layout = network.store.layout else {
      preconditionFailure("a trainer's model has its parameters in one flat block")
    }
    let capacity = examples.capacity(batchSize: arguments.batchSize)
    workspace = try Workspace(configuration, capacity, training: true)
    gradients = try Gradients(
      layout: layout, configuration: configuration, tokenCapacity: capacity.tokens * accumulation)
    optimizer = try AdamW(network, arguments)
    bestParameters =
      arguments.loadBestModelAtEnd ? try MemoryBlock(byteCount: layout.count * MemoryLayout<Float>.stride) : nil
    let table = network.store.table
    computedParameterCount =
      table.parameterCount - (configuration.vocabSize + configuration.maxPositionEmbeddings
        + configuration.typeVocabSize) * configuration.hiddenSize
    plan = TrainingPlan(
      exampleCount: examples.count, evaluationCount: validation?.count ?? 0, stepsPerEpoch: stepsPerEpoch,
      maxSteps: maxSteps, longest: examples.longest, parameterCount: table.parameterCount,
      byteCount: 4 * layout.count * MemoryLayout<Float>.stride + workspace.byteCount)
  }

  func run(_ onEvent: (TrainingEvent) throws -> TrainingControl) throws -> TrainOutput {
    func report(_ event: TrainingEvent) throws {
      if try onEvent(event) == .stop { isStopping = true }
    }
    let clock = ContinuousClock()
    let start = clock.now
    trainer.updateState {
      $0.maxSteps = plan.maxSteps
      $0.numTrainEpochs = epochCount
    }
    try report(.began(plan))

    var pending = 0  // batches in the current step
    var groupSize = 0
    var stepLoss: Float = 0
    epochs: for epoch in 0..<epochCount {
      dropout.advanceDataLoader()
      let seed = arguments.dialect == .torch215 ? arguments.dataSeed ?? arguments.seed : arguments.seed
      let order = epochOrder(count: examples.count, seed: seed, epoch: epoch)
      for batch in 0..<batchesPerEpoch {
        if pending == 0 {
          gradients.begin()
          stepLoss = 0
          // The last group of an epoch is smaller in the current dialect; the older one carries it over.
          groupSize =
            arguments.dialect == .torch215
            ? min(arguments.gradientAccumulationSteps, batchesPerEpoch - batch) : arguments.gradientAccumulationSteps
        }
        let first = batch * arguments.batchSize
        let (inputs, labels) = try examples.batch(
          order[first..<min(first + arguments.batchSize, order.count)])
        let share = arguments.sumsAccumulatedGradients ? 1 : 1 / Float(groupSize)
        let loss =
          try trainer.model.step(
            inputs, labels: .classes(labels), workspace, gradients, dropout: dropout,
            LossOptions(labelSmoothing: Float(arguments.labelSmoothingFactor), gradientScale: share)) * share
        stepLoss += loss
        // A loss that is no number counts as the running mean, so that one bad batch does not blank the log.
        lossSinceLog +=
          loss.isFinite
          ? loss : lossSinceLog / Float(1 + trainer.state.globalStep - lastLoggedStep)
        flosSinceStore += Double(6 * inputs.tokenCount * computedParameterCount)
        pending += 1
        batchCount += 1
        guard isStepDue(batch: batch, pending: pending, groupSize: groupSize) else { continue }
        pending = 0

        takeStep()
        let step = trainer.state.globalStep + 1
        trainer.updateState {
          $0.globalStep = step
          $0.epoch = Double(epoch) + Double(batch + 1) / Double(batchesPerEpoch)
        }
        try report(
          .step(
            StepRecord(
              step: step, epoch: trainer.state.epoch, loss: stepLoss, gradNorm: gradNorm, learningRate: learningRate)))
        let isLast = step >= plan.maxSteps
        try logEvaluateSave(
          log: (step == 1 && arguments.loggingFirstStep) || arguments.loggingStrategy.isDue(at: step),
          evaluate: arguments.evalStrategy.isDue(at: step)
            || (isLast && arguments.evalStrategy.isBySteps && arguments.dialect == .torch215),
          save: arguments.saveStrategy.isDue(at: step)
            || (isLast && arguments.saveStrategy.isBySteps && arguments.dialect == .torch215),
          stopping: isLast || isStopping, report)
        if isLast || trainer.state.shouldTrainingStop || isStopping { break }
      }
      let ends = trainer.state.globalStep >= plan.maxSteps || trainer.state.shouldTrainingStop || isStopping
      try logEvaluateSave(
        log: arguments.loggingStrategy == .epoch, evaluate: arguments.evalStrategy == .epoch,
        save: arguments.saveStrategy == .epoch, stopping: ends, report)
      if ends || trainer.state.shouldTrainingStop || isStopping { break epochs }
    }

    if arguments.loadBestModelAtEnd { restoreBest() }
    let output = finish(clock.now - start)
    try report(.ended(output))
    return output
  }

  /// Whether the gradients at hand make a step.
  ///
  /// The current dialect steps when a group is full. The older one counts batches over the whole run, and steps as well
  /// at the end of an epoch that is shorter than a group.
  private func isStepDue(batch: Int, pending: Int, groupSize: Int) -> Bool {
    guard arguments.dialect == .torch22 else { return pending == groupSize }
    let isShortEpoch = batchesPerEpoch <= groupSize && batch + 1 == batchesPerEpoch
    return batchCount % groupSize == 0 || isShortEpoch
  }

  /// Clips the gradients and moves the parameters.
  private func takeStep() {
    let compute = network.compute
    let norm = optimizer.gradientNorm(gradients, compute)
    gradNorm = Float(norm)
    let coefficient =
      arguments.maxGradNorm > 0 ? min(1, Float(arguments.maxGradNorm) / (gradNorm + 1e-6)) : 1
    learningRate = rate(beforeStep: trainer.state.globalStep)
    optimizer.step(gradients, gradientScale: coefficient, learningRate: learningRate, compute)
  }

  private func rate(beforeStep step: Int) -> Double {
    arguments.learningRate
      * arguments.lrScheduler.factor(
        step: step, warmup: warmup, total: plan.maxSteps, base: arguments.learningRate)
  }

  /// Trainer's `_maybe_log_save_evaluate`: log, then evaluate, then save.
  private func logEvaluateSave(
    log: Bool, evaluate: Bool, save: Bool, stopping: Bool, _ report: (TrainingEvent) throws -> Void
  ) throws {
    let step = trainer.state.globalStep
    if stopping { trainer.updateState { $0.shouldTrainingStop = true } }
    if log, step > lastLoggedStep { try report(.logged(logTraining())) }
    if evaluate, let validation {
      let metrics = try trainer.predict(validation, prefix: "eval").metrics
      let record = append(metrics)
      if let name = arguments.bestMetricName {
        guard let value = metrics[name] else {
          throw TrainingError.unknownMetric(
            name, available: metrics.entries.map(\.name).filter { $0.hasPrefix("eval_") })
        }
        judge(value)
      }
      try report(.evaluated(record, trainingLoss: latestLoss))
    }
    if save {
      trainer.updateState {
        // Where the best checkpoint will stand once this one is written.
        if let best = $0.bestGlobalStep {
          $0.bestModelCheckpoint = "\(arguments.outputDirectory)/checkpoint-\(best)"
        }
      }
      try report(.checkpoint(step: step))
    }
  }

  /// The training record of the steps since the last one.
  private func logTraining() -> LogRecord {
    let step = trainer.state.globalStep
    let isCurrent = arguments.dialect == .torch215
    let mean = Double(lossSinceLog) / Double(step - lastLoggedStep)
    var record = LogRecord()
    record.append("loss", isCurrent ? mean : mean.rounded(toDecimals: 4))
    if arguments.maxGradNorm > 0 || isCurrent { record.append("grad_norm", Double(gradNorm)) }
    record.append("learning_rate", isCurrent ? learningRate : rate(beforeStep: step))
    lossBeforeLog += Double(lossSinceLog)
    lossSinceLog = 0
    lastLoggedStep = step
    storeFLOs()
    let full = append(record)
    latestLoss = full["loss"]
    return full
  }

  /// Adds epoch and step, and puts the record into the history.
  private func append(_ record: LogRecord) -> LogRecord {
    var record = record
    let epoch = trainer.state.epoch
    record.append("epoch", arguments.dialect == .torch215 ? epoch : epoch.rounded(toDecimals: 2))
    record.append("step", trainer.state.globalStep)
    trainer.updateState { $0.logHistory.append(record) }
    return record
  }

  /// Early stopping looks at the value first, against the best so far; then the best is updated.
  private func judge(_ value: Double) {
    let state = trainer.state
    func isBetter(than other: Double) -> Bool { arguments.prefersGreater ? value > other : value < other }
    if let patience = arguments.earlyStoppingPatience {
      let improves =
        state.bestMetric.map { isBetter(than: $0) && abs(value - $0) > arguments.earlyStoppingThreshold } ?? true
      trainer.updateState {
        $0.earlyStoppingCounter = improves ? 0 : $0.earlyStoppingCounter + 1
        if $0.earlyStoppingCounter >= patience { $0.shouldTrainingStop = true }
      }
    }
    guard state.bestMetric.map(isBetter(than:)) ?? true else { return }
    trainer.updateState {
      $0.bestMetric = value
      if arguments.saveStrategy != .never { $0.bestGlobalStep = $0.globalStep }
    }
    if arguments.loadBestModelAtEnd { keepBest() }
  }

  private func keepBest() {
    guard let flat = network.store.flat, let layout = network.store.layout else { return }
    let bytes = layout.count * MemoryLayout<Float>.stride
    bestParameters?.start.copyMemory(from: flat, byteCount: bytes)
  }

  private func restoreBest() {
    guard let flat = network.store.flat, let layout = network.store.layout, let bestParameters else { return }
    UnsafeMutableRawPointer(flat).copyMemory(
      from: bestParameters.start, byteCount: layout.count * MemoryLayout<Float>.stride)
  }

  private func storeFLOs() {
    trainer.updateState { $0.totalFLOs += flosSinceStore }
    flosSinceStore = 0
  }

  private func finish(_ runtime: Duration) -> TrainOutput {
    storeFLOs()
    let steps = trainer.state.globalStep
    let mean = (lossBeforeLog + Double(lossSinceLog)) / max(Double(steps), 0.001)
    // Rates are over the planned samples and steps, as Trainer's are.
    let samples =
      arguments.maxSteps.map { $0 * arguments.batchSize * arguments.gradientAccumulationSteps }
      ?? Int(Double(examples.count) * arguments.numTrainEpochs)
    var metrics = LogRecord()
    metrics.appendSpeed("train", runtime, samples: samples, steps: plan.maxSteps)
    metrics.append("total_flos", trainer.state.totalFLOs)
    metrics.append("train_loss", mean)
    return TrainOutput(
      globalStep: steps, trainingLoss: mean, metrics: append(metrics), wasStopped: isStopping)
  }
}

extension IntervalStrategy {
  fileprivate var isBySteps: Bool {
    if case .steps = self { true } else { false }
  }

  fileprivate func isDue(at step: Int) -> Bool {
    if case .steps(let interval) = self { step % interval == 0 } else { false }
  }
}
