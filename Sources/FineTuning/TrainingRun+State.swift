import BERT
import ModelFiles
import RandomStreams

extension TrainingRun {
  /// Where a run begins or goes on.
  struct Position {
    /// Passes over the training set that are done.
    var epoch = 0
    /// Batches of the next pass that are done.
    var batch = 0
    /// Whether the log or the evaluation at the end of the last pass is still to be done: Trainer saves at a step before
    /// it does what is due at the end of an epoch.
    var isEpochEndDue = false
  }

  /// All that is needed to go on from here.
  var state: TrainingState {
    var progress = progress
    progress.elapsedSeconds = elapsedSeconds
    progress.earlyStoppingCounter = trainer.state.earlyStoppingCounter
    progress.hasEnded = trainer.state.shouldTrainingStop
    progress.logOrders = []
    for record in trainer.state.logHistory {
      let names = record.entries.map(\.name)
      if !progress.logOrders.contains(names) { progress.logOrders.append(names) }
    }
    if progress.pendingBatches == 0 { progress.generatorBeforePending = [] }
    let groups = OptimizerState.groups(parameters, weightDecay: arguments.weightDecay)
    return TrainingState(
      trainer: trainer.state,
      optimizer: OptimizerState(
        stepCount: optimizer.stepCount, groups: groups,
        learningRate: rate(beforeStep: trainer.state.globalStep), initialLearningRate: arguments.learningRate,
        beta1: arguments.adamBeta1, beta2: arguments.adamBeta2, epsilon: arguments.adamEpsilon,
        moments: optimizer.moments(parameters)),
      generator: dropout.generator.state, progress: progress)
  }

  private var parameters: [TensorInfo] {
    network.store.table.specs.map { TensorInfo(name: $0.name, elementType: .float32, shape: $0.shape) }
  }

  /// Takes up where another run left off.
  ///
  /// - Throws: ``TrainingStateError`` when the state is not of such a run; the errors of reading it.
  func resume(_ state: TrainingState) throws -> Position {
    let step = state.trainer.globalStep
    guard step <= plan.maxSteps else {
      throw TrainingStateError.beyondEnd(step: step, maxSteps: plan.maxSteps)
    }
    guard state.optimizer.stepCount == step else {
      throw TrainingStateError.stepCount(run: step, optimizer: state.optimizer.stepCount)
    }
    try optimizer.restore(state.optimizer, parameters)
    trainer.updateState { $0 = state.trainer }
    latestLoss = state.trainer.logHistory.last { $0["loss"] != nil }?["loss"]
    if let found = state.progress {
      progress = found
      trainer.updateState {
        $0.restoreOrders(found.logOrders)
        $0.earlyStoppingCounter = found.earlyStoppingCounter
        // What ended it may not end this run, which may be longer or more patient.
        let isImpatient = arguments.earlyStoppingPatience.map { found.earlyStoppingCounter >= $0 } ?? false
        $0.shouldTrainingStop = found.hasEnded && (step >= plan.maxSteps || isImpatient)
      }
    } else {
      progress.lastLoggedStep = step
      progress.batchCount =
        step / plan.stepsPerEpoch * batchesPerEpoch
        + step % plan.stepsPerEpoch * arguments.gradientAccumulationSteps
    }
    if arguments.loadBestModelAtEnd, let best = state.trainer.bestGlobalStep {
      try restoreBestParameters(state.bestWeights, step: best)
    }
    let (epoch, batch) = progress.batchCount.quotientAndRemainder(dividingBy: batchesPerEpoch)
    try replayPending(before: epoch)
    dropout.generator = try TorchGenerator(state: state.generator)
    let wasEvaluated = state.trainer.logHistory.contains {
      $0["eval_loss"] != nil && $0["step"] == Double(step)
    }
    let isLogDue = arguments.loggingStrategy == .epoch && step > progress.lastLoggedStep
    let isEvaluationDue = arguments.evalStrategy == .epoch && !wasEvaluated
    return Position(
      epoch: epoch, batch: batch,
      isEpochEndDue: batch == 0 && step > 0 && (isLogDue || isEvaluationDue))
  }

  /// Goes once more through the batches whose gradients waited when the state was saved, at the end of an epoch.
  private func replayPending(before epoch: Int) throws {
    let count = progress.pendingBatches
    guard count > 0 else { return }
    // Only the older dialect carries batches over, and it counts them over the whole run.
    let carried =
      arguments.dialect == .torch22 ? progress.batchCount % arguments.gradientAccumulationSteps : 0
    guard epoch > 0, count == carried, count <= batchesPerEpoch else {
      throw TrainingStateError.value(
        key: "pending_batches",
        expected: "\(carried) after \(progress.batchCount) batches in groups of "
          + "\(arguments.gradientAccumulationSteps)",
        found: "\(count)")
    }
    let generatorState = progress.generatorBeforePending
    dropout.generator = try TorchGenerator(state: generatorState)
    let order = order(ofEpoch: epoch - 1)
    beginGroup(at: batchesPerEpoch - count)
    for batch in batchesPerEpoch - count..<batchesPerEpoch {
      _ = try addGradients(ofBatch: batch, of: order)
    }
    progress.generatorBeforePending = generatorState
  }

  private func restoreBestParameters(_ source: (any WeightSource)?, step: Int) throws {
    guard let source, let layout = network.store.layout, let bestParameters else {
      throw TrainingStateError.noBestWeights(step: step)
    }
    hasBestParameters = true
    for info in parameters {
      guard let found = source.tensor(named: info.name), found.shape == info.shape,
        found.elementType == .float32
      else {
        throw TrainingStateError.parameters(
          expected: "'\(info.name)' of type F32 and shape \(info.shape) among the best weights",
          found: source.tensor(named: info.name).map { "\($0.elementType.rawValue) \($0.shape)" } ?? "none")
      }
      let target = UnsafeMutableRawPointer(
        bestParameters.floats(at: layout.offset(of: info.name), count: info.elementCount))
      try source.forEachPiece(of: found) { range, bytes in
        bytes.withUnsafeBytes { bytes in
          guard let start = bytes.baseAddress else { return }
          (target + range.lowerBound * MemoryLayout<Float>.stride).copyMemory(
            from: start, byteCount: bytes.count)
        }
      }
    }
  }
}
