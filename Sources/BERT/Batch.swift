import Tensors

/// Which hidden states somebody reads; the others need not be computed.
package enum WantedStates: Sendable {
  /// Those of every position, padding included.
  case positions
  /// Those of the tokens. Padding is left out of every product; nothing that is read depends on it, because a masked
  /// key weighs exactly 0.
  case tokens
  /// Those of the first token of each sequence. The last layer is computed for them alone.
  case firstTokens
}

/// The tokens of a batch, where the kernels read them: T rows, sequence after sequence.
struct Batch {
  /// B
  let batchSize: Int
  /// S, the padded length.
  let length: Int
  /// The rows of each sequence: its tokens where padding is left out, else S.
  let lengths: [Int]
  let wanted: WantedStates
  let inputIDs: UnsafeMutablePointer<Int32>  // (T)
  let tokenTypeIDs: UnsafeMutablePointer<Int32>  // (T)
  let positions: UnsafeMutablePointer<Int32>  // (T)
  /// (T), 1 for tokens; nil when every row is one.
  let keep: UnsafeMutablePointer<UInt8>?
  /// Attention in every layer but, where only first tokens are wanted, the last.
  let attention: AttentionLayout
  /// Attention in the last layer.
  let lastAttention: AttentionLayout

  /// T
  var tokenCount: Int { attention.keyCount }
  /// Rows of the last hidden states: T, or B where only first tokens are wanted.
  var lastRowCount: Int { lastAttention.queryCount }
  /// Whether rows are those of the padded batch.
  var isPadded: Bool { tokenCount == batchSize * length }

  init(empty buffers: BatchBuffers, _ configuration: BERTConfiguration) {
    self.init(lengths: [], length: 0, .positions, buffers, hasMask: false, configuration)
  }

  private init(
    lengths: [Int], length: Int, _ wanted: WantedStates, _ buffers: BatchBuffers, hasMask: Bool,
    _ configuration: BERTConfiguration
  ) {
    (batchSize, self.length, self.lengths, self.wanted) = (lengths.count, length, lengths, wanted)
    (inputIDs, tokenTypeIDs, positions) = (buffers.inputIDs, buffers.tokenTypeIDs, buffers.positions)
    keep = hasMask ? buffers.keep : nil
    let heads = configuration.numAttentionHeads
    func layout(firstOnly: Bool) -> AttentionLayout {
      AttentionLayout(
        lengths: lengths, firstOnly: firstOnly, heads: heads, headSize: configuration.hiddenSize / heads)
    }
    attention = layout(firstOnly: false)
    lastAttention = wanted == .firstTokens ? layout(firstOnly: true) : attention
  }

  /// Writes a batch into the buffers.
  ///
  /// - Parameter rows: what ``rows(_:_:)`` says of it.
  init(
    _ inputs: BERTInputs, _ rows: Rows, _ wanted: WantedStates, into buffers: BatchBuffers,
    _ configuration: BERTConfiguration
  ) {
    let (length, lengths) = (inputs.length, rows.lengths)
    var row = 0
    for (sequence, count) in lengths.enumerated() {
      for position in 0..<count {
        let source = sequence * length + position
        buffers.inputIDs[row] = inputs.inputIDs[source]
        buffers.tokenTypeIDs[row] = inputs.tokenTypeIDs[source]
        buffers.positions[row] = Int32(position)
        row += 1
      }
    }
    if let mask = rows.mask { buffers.keep.update(from: mask, count: mask.count) }
    self.init(lengths: lengths, length: length, wanted, buffers, hasMask: rows.mask != nil, configuration)
  }

  /// What there is to compute of a batch.
  struct Rows {
    /// Of each sequence: its tokens where padding is left out, else S.
    let lengths: [Int]
    /// (B, S), nil when every row is a token.
    let mask: [UInt8]?
  }

  /// The rows of a batch: without its padding where that is allowed and stands at the end of sequences.
  static func rows(_ inputs: BERTInputs, _ wanted: WantedStates) -> Rows {
    if wanted != .positions, let mask = inputs.attentionMask, let lengths = lengths(mask, inputs.length) {
      return Rows(lengths: lengths, mask: nil)
    }
    return Rows(
      lengths: [Int](repeating: inputs.length, count: inputs.batchSize), mask: inputs.attentionMask)
  }

  /// The tokens of each sequence, if padding follows them and every sequence has one; else nil. The first position is
  /// read by every pooler, even where it is padding.
  private static func lengths(_ mask: [UInt8], _ length: Int) -> [Int]? {
    var lengths: [Int] = []
    for start in stride(from: 0, to: mask.count, by: length) {
      let row = mask[start..<start + length]
      let tokens = row.firstIndex(of: 0).map { $0 - start } ?? length
      guard tokens > 0, row[(start + tokens)...].allSatisfy({ $0 == 0 }) else { return nil }
      lengths.append(tokens)
    }
    return lengths
  }

  /// The row of the first token of each sequence.
  var firstRows: [Int] {
    var row = 0
    return lengths.map { length in
      defer { row += length }
      return row
    }
  }
}

struct BatchBuffers {
  let inputIDs: UnsafeMutablePointer<Int32>
  let tokenTypeIDs: UnsafeMutablePointer<Int32>
  let positions: UnsafeMutablePointer<Int32>
  let keep: UnsafeMutablePointer<UInt8>
}

// MARK: - Dropout masks

extension Batch {
  /// Draws the mask of a (B, S, N) tensor and keeps those rows that there are.
  ///
  /// All of it is drawn, because the draws of a seeded run do not depend on what is computed.
  ///
  /// - Parameters:
  ///   - bytes: room for B·S·N.
  ///   - firstOnly: whether there are only the rows of first tokens.
  func rowMask(
    _ bytes: UnsafeMutablePointer<UInt8>?, columns: Int, probability: Double, firstOnly: Bool,
    _ dropout: Dropout?
  ) -> DropoutMask? {
    guard let bytes,
      let mask = dropout?.mask(bytes, count: batchSize * length * columns, probability: probability)
    else { return nil }
    guard firstOnly || !isPadded else { return mask }
    var target = bytes
    for (sequence, count) in lengths.enumerated() {
      let kept = (firstOnly ? 1 : count) * columns
      target.update(from: bytes + sequence * length * columns, count: kept)
      target += kept
    }
    return mask
  }

  /// Draws the mask of (B, H, S, S) probabilities and keeps those of the queries and keys that there are.
  func scoreMask(
    _ bytes: UnsafeMutablePointer<UInt8>?, _ layout: AttentionLayout, probability: Double, firstOnly: Bool,
    _ dropout: Dropout?
  ) -> DropoutMask? {
    let square = length * length
    guard let bytes,
      let mask = dropout?.mask(bytes, count: batchSize * layout.heads * square, probability: probability)
    else { return nil }
    guard firstOnly || !isPadded else { return mask }
    var target = bytes
    for (sequence, count) in lengths.enumerated() {
      for head in 0..<layout.heads {
        let source = bytes + (sequence * layout.heads + head) * square
        for query in 0..<(firstOnly ? 1 : count) {
          target.update(from: source + query * length, count: count)
          target += count
        }
      }
    }
    return mask
  }
}

// MARK: - Rows for users

extension Batch {
  /// A copy of (T, N) rows as a (B, S, N) tensor, zeros where padding was left out.
  func tensor(_ rows: Matrix) -> Tensor {
    let shape = [batchSize, length, rows.columns]
    guard !isPadded else { return Tensor(shape: shape, copying: rows) }
    var tensor = Tensor(shape: shape, values: [Float](repeating: 0, count: shape.reduce(1, *)))
    tensor.values.withUnsafeMutableBufferPointer { values in
      guard var target = values.baseAddress else { return }
      for (first, count) in zip(firstRows, lengths) {
        for row in first..<first + count {
          (target + (row - first) * rows.columns).update(from: rows.row(row), count: rows.columns)
        }
        target += length * rows.columns
      }
    }
    return tensor
  }
}

extension Matrix {
  /// Copies another matrix of the same shape.
  func copy(_ source: Matrix) {
    for row in 0..<rows { self.row(row).update(from: source.row(row), count: columns) }
  }

  /// Copies some rows of `source` to the front.
  func gather(_ rows: [Int], of source: Matrix) {
    for (target, row) in rows.enumerated() { self.row(target).update(from: source.row(row), count: columns) }
  }

  /// Moves the first rows, as many as there are `rows`, to these, which ascend; all others become zero.
  func spread(to rows: [Int]) {
    var end = self.rows
    for (source, row) in rows.enumerated().reversed() {
      if source != row { self.row(row).update(from: self.row(source), count: columns) }
      for other in row + 1..<end { self.row(other).update(repeating: 0, count: columns) }
      end = row
    }
    for other in 0..<end { self.row(other).update(repeating: 0, count: columns) }
  }

  /// Adds each row to a row of `target`.
  func scatterAdd(to rows: [Int], of target: Matrix, _ compute: Compute) {
    for (source, row) in rows.enumerated() {
      compute.add(self.row(source), to: target.row(row), count: columns)
    }
  }
}
