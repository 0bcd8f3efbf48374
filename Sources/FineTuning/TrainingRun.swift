import BERT
import RandomStreams
import Tensors

/// One call of `train`: the loop and what it carries from step to step.
final class TrainingRun {
  let trainer: Trainer
  let arguments: TrainingArguments
  let examples: TokenizedDataset
  private let validation: TokenizedDataset?
  let network: Network
  let workspace: Workspace
  let gradients: Gradients
  let optimizer: AdamW
  let dropout: Dropout
  let plan: TrainingPlan
  let batchesPerEpoch: Int
  private let epochCount: Int
  private let warmup: Int
  /// Parameters that take part in `floating_point_ops`: all but the embedding tables.
  private let computedParameterCount: Int

  private let start = ContinuousClock().now
  /// Sums since the last log, in float where torch's tensor is; batches so far.
  var progress = TrainingProgress()
  var latestLoss: Double?
  let bestParameters: MemoryBlock?
  /// Whether ``bestParameters`` holds any: before the first evaluation it holds none.
  var hasBestParameters = false
  private var isStopping = false
  /// The step of the last checkpoint.
  private var lastSavedStep: Int?
  private var stepLoss: Float = 0
  private var groupSize = 0

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
      layout: layout, configuration: configuration, tokenCapacity: capacity.tokens * accumulation,
      mayKeepFactors: accumulation == 1 && trainer.updates == .fused)
    optimizer = try AdamW(network, arguments)
    optimizer.prepare(words: examples.words)
    bestParameters =
      arguments.loadBestModelAtEnd
      ? try MemoryBlock(byteCount: layout.count * MemoryLayout<Float>.stride) : nil
    let table = network.store.table
    computedParameterCount =
      table.parameterCount
      - (configuration.vocabSize + configuration.maxPositionEmbeddings
        + configuration.typeVocabSize) * configuration.hiddenSize
    plan = TrainingPlan(
      exampleCount: examples.count, evaluationCount: validation?.count ?? 0, stepsPerEpoch: stepsPerEpoch,
      maxSteps: maxSteps, longest: examples.longest, parameterCount: table.parameterCount,
      byteCount: Workspace.parameterCopies(capacity, keepsFactors: gradients.mayKeepFactors) * layout.count
        * MemoryLayout<Float>.stride + workspace.byteCount)
  }

  /// Runs to the end.
  ///
  /// - Parameters:
  ///   - state: where an earlier run left off; the model has its weights already.
  ///   - onEvent: sees every event.
  func run(
    resuming state: TrainingState?, _ onEvent: (TrainingEvent) throws -> TrainingControl
  ) throws -> TrainOutput {
    func report(_ event: TrainingEvent) throws {
      if try onEvent(event) == .stop { isStopping = true }
    }
    let position = try state.map(resume) ?? Position()
    trainer.updateState {
      $0.maxSteps = plan.maxSteps
      $0.numTrainEpochs = epochCount
    }
    try report(.began(plan))

    if position.isEpochEndDue { try endEpoch(report) }
    var isOver = hasEnded || isStopping
    var epoch = position.epoch
    while epoch < epochCount && !isOver {
      let firstBatch = epoch == position.epoch ? position.batch : 0
      // In the middle of an epoch the loader has made its draw already.
      if firstBatch == 0 { dropout.advanceDataLoader() }
      let order = order(ofEpoch: epoch)
      var isCutShort = false
      for batch in firstBatch..<batchesPerEpoch {
        if progress.pendingBatches == 0 { beginGroup(at: batch) }
        try accumulate(batch, of: order)
        guard isStepDue(batch: batch, pending: progress.pendingBatches, groupSize: groupSize) else {
          continue
        }
        progress.pendingBatches = 0

        let gradNorm = takeStep()
        let step = trainer.state.globalStep + 1
        trainer.updateState {
          $0.globalStep = step
          $0.epoch = Double(epoch) + Double(batch + 1) / Double(batchesPerEpoch)
        }
        try report(
          .step(
            StepRecord(
              step: step, epoch: trainer.state.epoch, loss: stepLoss, gradNorm: gradNorm,
              learningRate: lastLearningRate)))
        let isLast = step >= plan.maxSteps
        try logEvaluateSave(
          log: (step == 1 && arguments.loggingFirstStep) || arguments.loggingStrategy.isDue(at: step),
          evaluate: arguments.evalStrategy.isDue(at: step)
            || (isLast && arguments.evalStrategy.isBySteps && arguments.dialect == .torch215),
          save: arguments.saveStrategy.isDue(at: step)
            || (isLast && arguments.saveStrategy.isBySteps && arguments.dialect == .torch215),
          report)
        if hasEnded || isStopping {
          // What is due at the end of an epoch is due even then; elsewhere a run that is stopped only saves.
          isCutShort = !hasEnded && batch + 1 < batchesPerEpoch
          break
        }
      }
      if !isCutShort { try endEpoch(report) }
      isOver = hasEnded || isStopping
      epoch += 1
    }
    // A run that was stopped is saved as it would have gone on.
    if isStopping, !hasEnded, lastSavedStep != trainer.state.globalStep { try save(report) }

    if hasBestParameters { restoreBest() }
    let output = finish()
    try report(.ended(output))
    return output
  }

  /// Whether the run has come to its end by itself.
  private var hasEnded: Bool {
    trainer.state.globalStep >= plan.maxSteps || trainer.state.shouldTrainingStop
  }

  func order(ofEpoch epoch: Int) -> [Int] {
    let seed = arguments.dialect == .torch215 ? arguments.dataSeed ?? arguments.seed : arguments.seed
    return epochOrder(count: examples.count, seed: seed, epoch: epoch)
  }

  /// Begins the batches that make one step.
  func beginGroup(at batch: Int) {
    gradients.begin()
    stepLoss = 0
    // The last group of an epoch is smaller in the current dialect; the older one carries it over.
    groupSize =
      arguments.dialect == .torch215
      ? min(arguments.gradientAccumulationSteps, batchesPerEpoch - batch)
      : arguments.gradientAccumulationSteps
    progress.generatorBeforePending = groupSize > 1 ? dropout.generator.state : []
  }

  /// Adds the gradients of a batch, and its loss to the sums.
  private func accumulate(_ batch: Int, of order: [Int]) throws {
    let (loss, tokenCount) = try addGradients(ofBatch: batch, of: order)
    // A loss that is no number counts as the running mean, so that one bad batch does not blank the log.
    progress.lossSinceLog +=
      loss.isFinite
      ? loss
      : progress.lossSinceLog / Float(1 + trainer.state.globalStep - progress.lastLoggedStep)
    progress.floatingPointOperationsSinceStore += Double(6 * tokenCount * computedParameterCount)
    progress.pendingBatches += 1
    progress.batchCount += 1
  }

  /// One forward and backward pass; its loss counts in the step's.
  func addGradients(ofBatch batch: Int, of order: [Int]) throws -> (loss: Float, tokenCount: Int) {
    let first = batch * arguments.batchSize
    let (inputs, labels) = try examples.batch(order[first..<min(first + arguments.batchSize, order.count)])
    let share = arguments.sumsAccumulatedGradients ? 1 : 1 / Float(groupSize)
    let loss =
      try trainer.model.step(
        inputs, labels: .classes(labels), workspace, gradients, dropout: dropout,
        LossOptions(labelSmoothing: Float(arguments.labelSmoothingFactor), gradientScale: share)) * share
    stepLoss += loss
    return (loss, inputs.tokenCount)
  }

  /// Whether the gradients at hand make a step.
  ///
  /// The current dialect steps when a group is full. The older one counts batches over the whole run, and steps as well
  /// at the end of an epoch that is shorter than a group.
  private func isStepDue(batch: Int, pending: Int, groupSize: Int) -> Bool {
    guard arguments.dialect == .torch22 else { return pending == groupSize }
    let isShortEpoch = batchesPerEpoch <= groupSize && batch + 1 == batchesPerEpoch
    return progress.batchCount % groupSize == 0 || isShortEpoch
  }

  /// Clips the gradients and moves the parameters.
  ///
  /// - Returns: the norm of the gradients before they were clipped.
  private func takeStep() -> Float {
    let compute = network.compute
    let gradNorm = Float(optimizer.gradientNorm(gradients, compute))
    progress.gradNorm = gradNorm
    let coefficient =
      arguments.maxGradNorm > 0 ? min(1, Float(arguments.maxGradNorm) / (gradNorm + 1e-6)) : 1
    optimizer.step(
      gradients, gradientScale: coefficient, learningRate: rate(beforeStep: trainer.state.globalStep), compute
    )
    return gradNorm
  }

  /// The rate that the last step used.
  private var lastLearningRate: Double { rate(beforeStep: trainer.state.globalStep - 1) }

  func rate(beforeStep step: Int) -> Double {
    arguments.learningRate
      * arguments.lrScheduler.factor(
        step: step, warmup: warmup, total: plan.maxSteps, base: arguments.learningRate)
  }

  /// Trainer's `_maybe_log_save_evaluate`: log, then evaluate, then save.
  private func logEvaluateSave(
    log: Bool, evaluate: Bool, save: Bool, _ report: (TrainingEvent) throws -> Void
  ) throws {
    let step = trainer.state.globalStep
    if step >= plan.maxSteps { trainer.updateState { $0.shouldTrainingStop = true } }
    if log, step > progress.lastLoggedStep { try report(.logged(logTraining())) }
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
    if save { try self.save(report) }
  }

  /// What is due when an epoch is over.
  private func endEpoch(_ report: (TrainingEvent) throws -> Void) throws {
    try logEvaluateSave(
      log: arguments.loggingStrategy == .epoch, evaluate: arguments.evalStrategy == .epoch,
      save: arguments.saveStrategy == .epoch, report)
  }

  private func save(_ report: (TrainingEvent) throws -> Void) throws {
    let step = trainer.state.globalStep
    storeFLOs()
    trainer.updateState {
      // Where the best checkpoint will stand once this one is written.
      if let best = $0.bestGlobalStep {
        $0.bestModelCheckpoint = "\(arguments.outputDirectory)/checkpoint-\(best)"
      }
    }
    lastSavedStep = step
    try report(.checkpoint(step: step))
  }

  /// The training record of the steps since the last one.
  private func logTraining() -> LogRecord {
    let step = trainer.state.globalStep
    let isCurrent = arguments.dialect == .torch215
    let mean = Double(progress.lossSinceLog) / Double(step - progress.lastLoggedStep)
    var record = LogRecord()
    record.append("loss", isCurrent ? mean : mean.rounded(toDecimals: 4))
    if arguments.maxGradNorm > 0 || isCurrent, let gradNorm = progress.gradNorm {
      record.append("grad_norm", Double(gradNorm))
    }
    record.append("learning_rate", isCurrent ? lastLearningRate : rate(beforeStep: step))
    progress.lossBeforeLog += Double(progress.lossSinceLog)
    progress.lossSinceLog = 0
    progress.lastLoggedStep = step
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
        state.bestMetric.map { isBetter(than: $0) && abs(value - $0) > arguments.earlyStoppingThreshold }
        ?? true
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

  func keepBest() {
    guard let flat = network.store.flat, let layout = network.store.layout, let bestParameters else { return }
    bestParameters.start.copyMemory(from: flat, byteCount: layout.count * MemoryLayout<Float>.stride)
    hasBestParameters = true
  }

  private func restoreBest() {
    guard let flat = network.store.flat, let layout = network.store.layout, let bestParameters else { return }
    UnsafeMutableRawPointer(flat).copyMemory(
      from: bestParameters.start, byteCount: layout.count * MemoryLayout<Float>.stride)
  }

  private func storeFLOs() {
    trainer.updateState { $0.totalFLOs += progress.floatingPointOperationsSinceStore }
    progress.floatingPointOperationsSinceStore = 0
  }

  /// Seconds of this run and of those that it goes on with.
  var elapsedSeconds: Double { progress.elapsedSeconds + (ContinuousClock().now - start) / .seconds(1) }

  private func finish() -> TrainOutput {
    storeFLOs()
    let runtime = Duration.seconds(elapsedSeconds)
    let steps = trainer.state.globalStep
    let mean = (progress.lossBeforeLog + Double(progress.lossSinceLog)) / max(Double(steps), 0.001)
    // Rates are over the planned samples and steps, as Trainer's are.
    let samples =
      arguments.maxSteps.map {
        Double($0) * Double(arguments.batchSize) * Double(arguments.gradientAccumulationSteps)
      } ?? (Double(examples.count) * arguments.numTrainEpochs).rounded(.towardZero)
    var metrics = LogRecord()
    metrics.appendSpeed("train", runtime, samples: samples, steps: plan.maxSteps)
    metrics.append("total_flos", trainer.state.totalFLOs)
    metrics.append("train_loss", mean)
    return TrainOutput(
      globalStep: steps, trainingLoss: mean, metrics: append(metrics), wasStopped: isStopping && !hasEnded)
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
