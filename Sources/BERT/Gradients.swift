import Tensors

/// Collects what the backward pass hands over, in a flat block of the parameters' layout.
///
/// Weight gradients of linear layers are products of two matrices. They are written (the first time in a step) or added
/// (afterwards, when gradients are accumulated over several batches), or their factors are kept for the optimiser; bias and normalisation gradients are always added to a range that
/// ``begin()`` clears. The embedding tables have gradients only in the rows that were looked up.
package final class Gradients {
  package let layout: ParameterLayout
  package let wordRows: EmbeddingGradient
  package let positionRows: EmbeddingGradient
  package let tokenTypeRows: EmbeddingGradient
  /// Whether the word table has a dense gradient, as it has when the decoder of a masked LM is tied to it.
  package let hasDenseWordGradient: Bool
  /// Whether the optimiser takes factors of weight gradients, so that the products need not be formed.
  package let mayKeepFactors: Bool
  /// Whether factors are kept in this step; their matrices must stay until the optimiser has seen them.
  package var keepsFactors = false
  /// The factors of this step, in the order of the backward.
  package private(set) var updates: [WeightUpdate] = []
  private let block: MemoryBlock
  private let start: UnsafeMutablePointer<Float>
  /// Weights that already hold a product of this step, by offset.
  private var written: Set<Int> = []

  /// - Parameters:
  ///   - tokenCapacity: the most tokens that one step will look up, over all its batches.
  ///   - denseWordGradient: true for a masked LM with a tied decoder.
  ///   - mayKeepFactors: whether the optimiser takes factors; not where a step has several batches.
  package init(
    layout: ParameterLayout, configuration: BERTConfiguration, tokenCapacity: Int,
    denseWordGradient: Bool = false, mayKeepFactors: Bool = false
  ) throws {
    self.layout = layout
    self.mayKeepFactors = mayKeepFactors
    hasDenseWordGradient = denseWordGradient
    // What is not written is address space only: the part of the embedding tables unless their gradient is dense, and
    // all weights while factors are kept.
    block = try MemoryBlock(byteCount: max(layout.count, 1) * MemoryLayout<Float>.stride)
    start = block.floats(at: 0, count: layout.count)
    let columns = configuration.hiddenSize
    func rows(_ table: Int) throws -> EmbeddingGradient {
      try EmbeddingGradient(tableRows: table, columns: columns, capacity: min(table, tokenCapacity))
    }
    wordRows = try rows(configuration.vocabSize)
    positionRows = try rows(configuration.maxPositionEmbeddings)
    tokenTypeRows = try rows(configuration.typeVocabSize)
    written.reserveCapacity(layout.segments.count)
  }

  /// Starts a step: forgets the last one.
  package func begin() {
    written.removeAll(keepingCapacity: true)
    updates.removeAll(keepingCapacity: true)
    let plain = layout.plainRange
    (start + plain.lowerBound).update(repeating: 0, count: plain.count)
    for rows in [wordRows, positionRows, tokenTypeRows] { rows.removeAll() }
  }

  /// The gradient of a parameter, to be added to.
  package func values(of parameter: Parameter) -> UnsafeMutablePointer<Float> { start + parameter.offset }

  /// The gradient at an offset of the layout.
  package func values(at offset: Int) -> UnsafeMutablePointer<Float> { start + offset }

  /// Forms dW = dYᵀ·X for `weight`, which may stand for several adjacent weights, or keeps the factors.
  ///
  /// - Parameters:
  ///   - dy: (T, N).
  ///   - x: (T, K).
  func addProduct(_ dy: Matrix, _ x: Matrix, to weight: Parameter, _ compute: Compute) {
    if keepsFactors {
      updates.append(WeightUpdate(outputGradient: dy, input: x, offset: weight.offset))
      return
    }
    let adding = !written.insert(weight.offset).inserted
    let target = Matrix(values(of: weight), rows: dy.columns, columns: x.columns)
    compute.product(dy, transposed: true, x, into: target, adding: adding)
  }

  /// Adds Σ_t dY[t, :] to the gradient of `bias`.
  func addColumnSums(of dy: Matrix, to bias: Parameter, _ compute: Compute) {
    compute.columnSums(dy, addingTo: values(of: bias))
  }
}

/// The gradient of an embedding table: only the rows that were looked up.
package final class EmbeddingGradient {
  /// V, the rows of the table.
  package let tableRows: Int
  /// C
  package let columns: Int
  /// The rows with a gradient, in the order of their first use.
  package private(set) var rows: [Int32] = []
  private var slotOfRow: [Int32]
  private var capacity: Int
  private var block: MemoryBlock

  init(tableRows: Int, columns: Int, capacity: Int) throws {
    (self.tableRows, self.columns, self.capacity) = (tableRows, columns, max(capacity, 1))
    slotOfRow = [Int32](repeating: -1, count: tableRows)
    block = try MemoryBlock(byteCount: self.capacity * columns * MemoryLayout<Float>.stride)
    rows.reserveCapacity(self.capacity)
  }

  /// The gradient of the rows, (rows.count, C), in the order of ``rows``.
  package var values: UnsafeMutablePointer<Float> { block.floats(at: 0, count: capacity * columns) }

  /// The gradient of a row, or nil when it was not looked up in this step.
  package func gradient(ofRow row: Int) -> UnsafeMutablePointer<Float>? {
    slotOfRow[row] < 0 ? nil : values + Int(slotOfRow[row]) * columns
  }

  func removeAll() {
    for row in rows { slotOfRow[Int(row)] = -1 }
    rows.removeAll(keepingCapacity: true)
  }

  /// Adds row `source` of `dy` to row `row` of the table.
  func add(_ source: UnsafePointer<Float>, toRow row: Int32, _ compute: Compute) {
    var slot = Int(slotOfRow[Int(row)])
    if slot < 0 {
      slot = rows.count
      precondition(slot < capacity, "more embedding rows in one step than were planned for")
      slotOfRow[Int(row)] = Int32(slot)
      rows.append(row)
      (values + slot * columns).update(from: source, count: columns)
    } else {
      compute.add(source, to: values + slot * columns, count: columns)
    }
  }
}
