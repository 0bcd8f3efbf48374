import BERT
import RandomStreams
import Tensors

/// One call of `train`: the loop and what it carries from step to step.
final class TrainingRun {
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
            ? min(arguments.gradientAccumulationSteps, batchesPerEpoch - batch)
            : arguments.gradientAccumulationSteps
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
              step: step, epoch: trainer.state.epoch, loss: stepLoss, gradNorm: gradNorm,
              learningRate: learningRate)))
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
