import CKernels

/// Where the sequences of a batch lie in rows without padding between them, and which tokens ask.
///
/// T tokens in all, sequence after sequence; Q queries in all: every token, or the first of each sequence.
package struct AttentionLayout: Sendable {
  struct Sequence: Sendable {
    /// S
    let keys: Int
    let queries: Int
    /// The row of the first token, and that of the first query among the queries.
    let firstKey: Int
    let firstQuery: Int
    /// Where the (H, queries, S) scores begin.
    let firstScore: Int
  }

  package let heads: Int
  /// D
  package let headSize: Int
  /// T
  package private(set) var keyCount = 0
  /// Q
  package private(set) var queryCount = 0
  /// The elements of the scores of all heads.
  package private(set) var scoreCount = 0
  /// The most keys of a sequence.
  private(set) var mostKeys = 0
  let sequences: [Sequence]
  /// Heads that make a task worth handing out.
  let headsPerTask: Int

  /// - Parameters:
  ///   - lengths: S of each sequence.
  ///   - firstOnly: whether only the first token of each sequence asks.
  package init(lengths: [Int], firstOnly: Bool, heads: Int, headSize: Int) {
    (self.heads, self.headSize) = (heads, headSize)
    var sequences: [Sequence] = []
    sequences.reserveCapacity(lengths.count)
    for length in lengths {
      let queries = firstOnly ? min(length, 1) : length
      sequences.append(
        Sequence(
          keys: length, queries: queries, firstKey: keyCount, firstQuery: queryCount, firstScore: scoreCount))
      keyCount += length
      queryCount += queries
      scoreCount += heads * queries * length
      mostKeys = max(mostKeys, length)
    }
    self.sequences = sequences
    let work = sequences.reduce(0) { max($0, $1.queries * $1.keys) } * headSize
    headsPerTask = max(1, (1 << 18) / max(work, 1))
  }
}

extension Compute {
  /// context (Q, C) of multi-head self-attention; C = H·D.
  ///
  /// - Parameters:
  ///   - query: (Q, C).
  ///   - key: (T, C), rows of one block with those of `value`.
  ///   - keep: (T), not zero for the tokens that may be attended to; nil for all. A masked key weighs exactly 0.
  ///   - mask: (H, Q, S) for each sequence, the dropout of the probabilities; nil keeps all.
  ///   - probabilities: as `mask`, before dropout; may be nil when there is no backward and no sequence has more than
  ///     ``keysWithoutProbabilities`` keys.
  ///   - dropped: as `mask`, after dropout; untouched, and may be nil, without a mask.
  package func attentionForward(
    _ layout: AttentionLayout, query: Matrix, key: Matrix, value: Matrix, keep: UnsafePointer<UInt8>?,
    mask: UnsafePointer<UInt8>?, maskScale: Float, probabilities: UnsafeMutablePointer<Float>?,
    dropped: UnsafeMutablePointer<Float>?, context: Matrix
  ) {
    precondition(
      mask == nil || dropped != nil && probabilities != nil, "dropout needs room for what it drops")
    precondition(
      probabilities != nil || layout.mostKeys <= Self.keysWithoutProbabilities,
      "so long a sequence needs room for its probabilities")
    layout.check(query: query, key: key, value: value, context: context)
    let set = kernels.set
    forEachHead(layout) { sequence, head in
      var shape = layout.shape(sequence, query: query, key: key, context: context)
      let column = head * layout.headSize
      let scores = sequence.firstScore + head * sequence.queries * sequence.keys
      attention_forward(
        set, &shape, query.row(sequence.firstQuery) + column, key.row(sequence.firstKey) + column,
        value.row(sequence.firstKey) + column, keep.map { $0 + sequence.firstKey }, mask.map { $0 + scores },
        maskScale, probabilities.map { $0 + scores }, dropped.map { $0 + scores },
        context.row(sequence.firstQuery) + column)
    }
  }

  /// The gradients of query, key and value, laid out as these, from contextGradient (Q, C).
  ///
  /// - Parameters:
  ///   - query: as in the forward; `probabilities`, `dropped` and `mask` as the forward had and left them.
  ///   - scratch: as large as the probabilities.
  package func attentionBackward(
    _ layout: AttentionLayout, query: Matrix, key: Matrix, value: Matrix,
    probabilities: UnsafePointer<Float>, dropped: UnsafePointer<Float>?, mask: UnsafePointer<UInt8>?,
    maskScale: Float, contextGradient: Matrix, queryGradient: Matrix, keyGradient: Matrix,
    valueGradient: Matrix, scratch: UnsafeMutablePointer<Float>
  ) {
    precondition(mask == nil || dropped != nil, "dropout needs the dropped probabilities")
    precondition(
      queryGradient.stride == query.stride && keyGradient.stride == key.stride,
      "a gradient is laid out as what it is the gradient of")
    layout.check(query: query, key: key, value: value, context: contextGradient)
    layout.check(query: queryGradient, key: keyGradient, value: valueGradient, context: contextGradient)
    let set = kernels.set
    forEachHead(layout) { sequence, head in
      var shape = layout.shape(sequence, query: query, key: key, context: contextGradient)
      let column = head * layout.headSize
      let scores = sequence.firstScore + head * sequence.queries * sequence.keys
      let (firstQuery, firstKey) = (sequence.firstQuery, sequence.firstKey)
      attention_backward(
        set, &shape, query.row(firstQuery) + column, key.row(firstKey) + column, value.row(firstKey) + column,
        probabilities + scores, dropped.map { $0 + scores }, mask.map { $0 + scores }, maskScale,
        contextGradient.row(firstQuery) + column, queryGradient.row(firstQuery) + column,
        keyGradient.row(firstKey) + column, valueGradient.row(firstKey) + column, scratch + scores)
    }
  }

  /// The most keys of a sequence for which the forward needs no memory for probabilities.
  package static var keysWithoutProbabilities: Int { Int(ATTENTION_KEYS) }

  private func forEachHead(_ layout: AttentionLayout, _ body: (AttentionLayout.Sequence, Int) -> Void) {
    layout.sequences.withUnsafeBufferPointer { sequences in
      pool.forEachRange(sequences.count * layout.heads, grain: layout.headsPerTask) { range in
        for index in range { body(sequences[index / layout.heads], index % layout.heads) }
      }
    }
  }
}

extension AttentionLayout {
  fileprivate func shape(_ sequence: Sequence, query: Matrix, key: Matrix, context: Matrix) -> head_shape {
    head_shape(
      queries: sequence.queries, keys: sequence.keys, head_size: headSize, query_stride: query.stride,
      key_stride: key.stride, context_stride: context.stride, scale: 1 / Float(headSize).squareRoot())
  }

  fileprivate func check(query: Matrix, key: Matrix, value: Matrix, context: Matrix) {
    let size = heads * headSize
    precondition(
      query.rows == queryCount && context.rows == queryCount && key.rows == keyCount && value.rows == keyCount
        && [query, key, value, context].allSatisfy { $0.columns == size } && key.stride == value.stride,
      "the shapes of attention do not fit")
  }
}
