import BERT
import CKernels
import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// AdamW with decoupled weight decay, over the flat blocks of a model's parameters.
///
/// The arithmetic is torch's (`torch/optim/adamw.py`): dense, so that every row of an embedding table decays in every
/// step and every row that was ever looked up keeps moving with its moments. Rows that never were have zero moments,
/// so for them the decay is the whole step, and their moments are never touched.
final class AdamW {
  let layout: ParameterLayout
  private let parameters: UnsafeMutablePointer<Float>
  let firstMoment: MemoryBlock
  let secondMoment: MemoryBlock
  private let tables: [Table]
  private let beta1: Double
  private let beta2: Double
  private let epsilon: Double
  private let weightDecay: Double
  /// Where inputs of a layer are packed for an update.
  private let panels: MemoryBlock
  /// Parameters that decay, outside the embeddings.
  private let weightCount: Int
  /// Steps taken.
  var stepCount = 0

  /// An embedding table in the flat block.
  private struct Table {
    let offset: Int
    let rows: Int
    let columns: Int
    let gradient: KeyPath<Gradients, EmbeddingGradient>
    /// One byte a row: 1 once the row has had a gradient.
    let isActive: UnsafeMutablePointer<UInt8>
  }

  /// - Throws: an error when the memory for the moments cannot be had, or the model is not in one flat block.
  init(_ network: Network, _ arguments: TrainingArguments) throws {
    guard let layout = network.store.layout, let flat = network.store.flat else {
      preconditionFailure("the optimiser needs a model whose parameters are in one flat block")
    }
    (self.layout, parameters) = (layout, flat)
    weightCount = layout.segments.reduce(0) {
      $0 + (layout.decayRange.contains($1.offset) ? $1.count : 0)
    }
    firstMoment = try MemoryBlock(byteCount: layout.count * MemoryLayout<Float>.stride)
    secondMoment = try MemoryBlock(byteCount: layout.count * MemoryLayout<Float>.stride)
    (beta1, beta2) = (arguments.adamBeta1, arguments.adamBeta2)
    (epsilon, weightDecay) = (arguments.adamEpsilon, arguments.weightDecay)
    let configuration = network.configuration
    // Inputs are at most as wide as the feed-forward block; a panel is 32 columns at most.
    let widest = max(configuration.hiddenSize, configuration.intermediateSize) + 32
    panels = try MemoryBlock(byteCount: widest * WeightUpdate.tokenLimit * MemoryLayout<Float>.stride)
    func table(
      _ name: String, _ rows: Int, _ gradient: KeyPath<Gradients, EmbeddingGradient>
    ) -> Table {
      let active = UnsafeMutablePointer<UInt8>.allocate(capacity: rows)
      active.initialize(repeating: 0, count: rows)
      return Table(
        offset: layout.offset(of: "bert.embeddings.\(name).weight"), rows: rows,
        columns: configuration.hiddenSize, gradient: gradient, isActive: active)
    }
    tables = [
      table("word_embeddings", configuration.vocabSize, \.wordRows),
      table("position_embeddings", configuration.maxPositionEmbeddings, \.positionRows),
      table("token_type_embeddings", configuration.typeVocabSize, \.tokenTypeRows),
    ]
  }

  deinit {
    for table in tables { table.isActive.deallocate() }
  }

  /// Takes the memory for the moments of words that will have some, so that no later step has to. Only before the
  /// first step and before moments are restored. Words outside the table are left to the step, which refuses them.
  func prepare(words: some Sequence<Int32>) {
    precondition(stepCount == 0, "moments are zero before the first step alone")
    let table = tables[0]
    for word in words where (0..<table.rows).contains(Int(word)) {
      let at = table.offset + Int(word) * table.columns
      for block in [firstMoment, secondMoment] {
        // A row lies in two pages at most.
        for place in [at, at + table.columns - 1] {
          block.floats(at: place, count: 1).pointee = 0
        }
      }
    }
  }

  /// Finds the rows that have moments. A row that had only gradients of zero is none of them; its step is the decay
  /// alone, as theirs with moments of zero would be.
  func markActiveRows() {
    for table in tables {
      for row in 0..<table.rows {
        let at = table.offset + row * table.columns
        let hasMoments = [firstMoment, secondMoment].contains { block in
          let values = block.floats(at: at, count: table.columns)
          return (0..<table.columns).contains { values[$0] != 0 }
        }
        table.isActive[row] = hasMoments ? 1 : 0
      }
    }
  }

  /// The norm of all gradients, before clipping.
  func gradientNorm(_ gradients: Gradients, _ compute: Compute) -> Double {
    var sum = compute.sumOfSquares(gradients.updates)
    for range in gradients.keepsFactors ? [layout.plainRange] : [layout.decayRange, layout.plainRange] {
      sum += compute.sumOfSquares(gradients.values(at: range.lowerBound), count: range.count)
    }
    for table in tables {
      let rows = gradients[keyPath: table.gradient]
      sum += compute.sumOfSquares(rows.values, count: rows.rows.count * table.columns)
    }
    return sum.squareRoot()
  }

  /// Takes one step.
  ///
  /// - Parameters:
  ///   - gradientScale: multiplies every gradient first; the clipping coefficient.
  ///   - learningRate: of this step.
  func step(_ gradients: Gradients, gradientScale: Float, learningRate: Double, _ compute: Compute) {
    stepCount += 1
    var decaying = adamw_step()
    decaying.gradient_scale = gradientScale
    decaying.decay = Float(1 - learningRate * weightDecay)
    decaying.beta1 = Float(beta1)
    decaying.beta2 = Float(beta2)
    decaying.one_minus_beta1 = Float(1 - beta1)
    decaying.one_minus_beta2 = Float(1 - beta2)
    decaying.step_size = Float(learningRate / (1 - pow(beta1, Double(stepCount))))
    decaying.bias_correction2_sqrt = Float((1 - pow(beta2, Double(stepCount))).squareRoot())
    decaying.epsilon = Float(epsilon)
    var plain = decaying
    plain.decay = 1
    let m = firstMoment.floats(at: 0, count: layout.count)
    let v = secondMoment.floats(at: 0, count: layout.count)
    func move(_ range: Range<Int>, _ step: adamw_step) {
      let at = range.lowerBound
      compute.adamW(
        parameters: parameters + at, firstMoment: m + at, secondMoment: v + at,
        gradient: gradients.values(at: at), step, count: range.count)
    }
    if gradients.keepsFactors {
      update(gradients.updates, decaying, m, v, compute)
    } else {
      move(layout.decayRange, decaying)
    }
    move(layout.plainRange, plain)
    for table in tables { update(table, gradients[keyPath: table.gradient], decaying, m, v, compute) }
  }

  /// Moves every weight outside the embeddings, given the factors of its gradient.
  private func update(
    _ updates: [WeightUpdate], _ step: adamw_step, _ m: UnsafeMutablePointer<Float>,
    _ v: UnsafeMutablePointer<Float>, _ compute: Compute
  ) {
    let moved = updates.reduce(0) { $0 + $1.outputGradient.columns * $1.input.columns }
    precondition(moved == weightCount, "a step moves every weight once")
    let scratch = panels.floats(at: 0, count: compute.panelFloats(updates))
    for one in updates {
      compute.adamW(
        one, parameters: parameters, firstMoment: m, secondMoment: v, step, panels: scratch)
    }
  }

  private func update(
    _ table: Table, _ gradient: EmbeddingGradient, _ step: adamw_step, _ m: UnsafeMutablePointer<Float>,
    _ v: UnsafeMutablePointer<Float>, _ compute: Compute
  ) {
    for row in gradient.rows { table.isActive[Int(row)] = 1 }
    let (p, active, columns) = (parameters, table.isActive, table.columns)
    compute.pool.forEachRange(table.rows, grain: 256) { rows in
      var row = rows.lowerBound
      while row < rows.upperBound {
        let at = table.offset + row * columns
        if active[row] == 1 {
          compute.kernels.adamW(p + at, m + at, v + at, gradient.gradient(ofRow: row), step, columns)
          row += 1
        } else {
          // A run of rows without moments only decays.
          let first = row
          while row < rows.upperBound, active[row] == 0 { row += 1 }
          if step.decay != 1 { compute.kernels.scale(p + at, step.decay, (row - first) * columns) }
        }
      }
    }
  }
}
