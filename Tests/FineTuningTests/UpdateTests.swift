import BERT
import FineTuning
import ModelFiles
import Testing
import WordPiece

/// The two ways in which weights move.
@Suite("fused and plain updates")
struct UpdateImplementationTests {
  private static func run(_ updates: UpdateImplementation, maxGradNorm: Double, batchSize: Int = 4) throws
    -> (steps: [StepRecord], weights: [(name: String, values: [Float])])
  {
    let source = try TrainerGolden.current.get()
    var arguments = TrainingArguments()
    (arguments.maxSteps, arguments.batchSize, arguments.learningRate) = (6, batchSize, 1e-3)
    (arguments.weightDecay, arguments.maxGradNorm, arguments.saveStrategy) = (0.01, maxGradNorm, .never)
    let trainer = try Trainer(
      TrainerGolden.model(dropout: 0.1), tokenizer: TrainerGolden.tokenizer(), arguments: arguments,
      truncation: .none, updates: updates)
    var steps: [StepRecord] = []
    _ = try trainer.train(on: source.dataset("train")) { event in
      if case .step(let step) = event { steps.append(step) }
      return .continue
    }
    let store = trainer.model.network.store
    return (
      steps,
      try store.tensors.map { info in
        (
          info.name,
          try store.withBytes(of: info.name) { bytes in
            bytes.withUnsafeBytes { Array($0.assumingMemoryBound(to: Float.self)) }
          }
        )
      }
    )
  }

  @Test("where nothing is clipped a run is the same, bit for bit", arguments: [0, 1e9])
  func unclipped(maxGradNorm: Double) throws {
    let (fused, plain) = (
      try Self.run(.fused, maxGradNorm: maxGradNorm), try Self.run(.plain, maxGradNorm: maxGradNorm)
    )
    for (one, other) in zip(fused.weights, plain.weights) {
      #expect(one.values == other.values, "\(one.name)")
    }
    for (one, other) in zip(fused.steps, plain.steps) {
      #expect(one.loss == other.loss)
      // The norm comes from Gram matrices here and from the gradients there.
      #expect(abs(one.gradNorm / other.gradNorm - 1) < 1e-6)
    }
    #expect(fused.steps.count == 6)
  }

  @Test("where gradients are clipped a run differs by the rounding of the norm")
  func clipped() throws {
    let (fused, plain) = (try Self.run(.fused, maxGradNorm: 0.05), try Self.run(.plain, maxGradNorm: 0.05))
    // A key's bias shifts all scores of a query alike, so its gradient is rounding alone.
    for (one, other) in zip(fused.weights, plain.weights) where !one.name.hasSuffix("key.bias") {
      // Six steps of 1e-3 whose directions depend on the coefficient through ε alone.
      #expect(zip(one.values, other.values).allSatisfy { abs($0 - $1) < 1e-6 }, "\(one.name)")
    }
    for (one, other) in zip(fused.steps, plain.steps) { #expect(abs(one.loss - other.loss) < 1e-6) }
  }
}
