import Tensors

/// The memory of one forward (and backward) pass: one block, cut once for the largest batch it must hold.
///
/// A workspace planned for training keeps the activations of every layer; one for inference lets all layers share
/// them. Smaller batches use the front of each buffer.
package final class Workspace: @unchecked Sendable {
  /// How large a batch may be, by what sizes the buffers.
  package struct Capacity: Sendable, Equatable {
    /// B
    package var sequences: Int
    /// T = B·S
    package var tokens: Int
    /// B·S², the attention scores of one head
    package var scores: Int

    package init(sequences: Int, tokens: Int, scores: Int) {
      (self.sequences, self.tokens, self.scores) = (sequences, tokens, scores)
    }

    package init(_ inputs: BERTInputs) {
      self.init(
        sequences: inputs.batchSize, tokens: inputs.tokenCount, scores: inputs.tokenCount * inputs.length)
    }

    /// Whether a batch of the size of `other` fits.
    package func holds(_ other: Capacity) -> Bool {
      sequences >= other.sequences && tokens >= other.tokens && scores >= other.scores
    }

    /// The smallest capacity that holds both.
    package func union(_ other: Capacity) -> Capacity {
      Capacity(
        sequences: max(sequences, other.sequences), tokens: max(tokens, other.tokens),
        scores: max(scores, other.scores))
    }
  }

  package let capacity: Capacity
  /// Bytes of the block.
  package var byteCount: Int { block.byteCount }
  private let configuration: BERTConfiguration
  private let isForTraining: Bool
  private let block: MemoryBlock
  private let integers: BatchBuffers

  /// What ``fill(_:)`` set, and with it the views below: they have the rows of this batch.
  private(set) var batch: Batch
  var embeddings: EmbeddingActivations
  var layers: [LayerActivations]
  private(set) var head: HeadBuffers
  private(set) var gradient: Matrix
  private(set) var backwardScratch: BackwardScratch

  /// - Throws: an error when the memory cannot be had.
  package init(_ configuration: BERTConfiguration, _ capacity: Capacity, training: Bool) throws {
    self.configuration = configuration
    self.capacity = capacity
    isForTraining = training
    block = try MemoryBlock(byteCount: Self.byteCount(configuration, capacity, training: training))
    var carver = Carver(block)
    let buffers = Buffers(&carver, configuration, capacity, training: training)
    integers = buffers.integers
    batch = Batch(batchSize: 0, length: 0, buffers.integers, isPadded: false)
    (embeddings, layers, head) = (buffers.embeddings, buffers.layers, buffers.head)
    (gradient, backwardScratch) = (buffers.gradient, buffers.backward)
  }

  /// The bytes of a workspace's block, without making one.
  package static func byteCount(_ configuration: BERTConfiguration, _ capacity: Capacity, training: Bool)
    -> Int
  {
    var measure = Carver()
    _ = Buffers(&measure, configuration, capacity, training: training)
    return measure.floatCount * MemoryLayout<Float>.stride
  }

  /// The last layer's output, (T, C).
  var lastHiddenState: Matrix { layers.last?.feedForward.output ?? embeddings.output }

  /// Takes a batch, which must fit the capacity, and cuts every view to its size.
  package func fill(_ inputs: BERTInputs) {
    precondition(capacity.holds(Capacity(inputs)), "the workspace was planned for smaller batches")
    integers.inputIDs.update(from: inputs.inputIDs, count: inputs.tokenCount)
    integers.tokenTypeIDs.update(from: inputs.tokenTypeIDs, count: inputs.tokenCount)
    for index in 0..<inputs.tokenCount { integers.positions[index] = Int32(index % inputs.length) }
    if let mask = inputs.attentionMask { integers.keep.update(from: mask, count: mask.count) }
    let isSameShape = batch.batchSize == inputs.batchSize && batch.length == inputs.length
    batch = Batch(
      batchSize: inputs.batchSize, length: inputs.length, integers, isPadded: inputs.attentionMask != nil)
    guard !isSameShape else { return }
    // Cutting again from the start is what gives contiguous buffers for this batch's own sizes.
    var carver = Carver(block)
    let buffers = Buffers(
      &carver, configuration, capacity, cutTo: Capacity(inputs), training: isForTraining)
    (embeddings, layers, head) = (buffers.embeddings, buffers.layers, buffers.head)
    (gradient, backwardScratch) = (buffers.gradient, buffers.backward)
  }
}

/// The ids of a batch, where the kernels read them.
struct Batch {
  /// B
  let batchSize: Int
  /// S
  let length: Int
  let inputIDs: UnsafeMutablePointer<Int32>  // (B, S)
  let tokenTypeIDs: UnsafeMutablePointer<Int32>  // (B, S)
  let positions: UnsafeMutablePointer<Int32>  // (B, S)
  /// (B, S), 1 for tokens; nil when nothing is padded.
  let keep: UnsafeMutablePointer<UInt8>?

  /// T
  var tokenCount: Int { batchSize * length }

  init(batchSize: Int, length: Int, _ buffers: BatchBuffers, isPadded: Bool) {
    (self.batchSize, self.length) = (batchSize, length)
    (inputIDs, tokenTypeIDs, positions) = (buffers.inputIDs, buffers.tokenTypeIDs, buffers.positions)
    keep = isPadded ? buffers.keep : nil
  }
}

struct BatchBuffers {
  let inputIDs: UnsafeMutablePointer<Int32>
  let tokenTypeIDs: UnsafeMutablePointer<Int32>
  let positions: UnsafeMutablePointer<Int32>
  let keep: UnsafeMutablePointer<UInt8>
}

/// What the sequence heads work in.
struct HeadBuffers {
  let pooled: Matrix  // (B, C)
  let droppedPooled: Matrix  // (B, C)
  let pooledGradient: Matrix  // (B, C)
  let logits: Matrix  // (B, labels)
  let maskBytes: UnsafeMutablePointer<UInt8>  // (B, C)
}

/// Gradients that live only within one layer's backward.
struct BackwardScratch {
  let dropped: Matrix  // (T, C)
  let context: Matrix  // (T, C)
  let inner: Matrix  // (T, F)
  let queryKeyValue: Matrix  // (T, 3C)
  let scores: UnsafeMutablePointer<Float>  // (B, H, S, S)
}

/// Every buffer of a workspace, in the order in which they are cut.
private struct Buffers {
  let integers: BatchBuffers
  let embeddings: EmbeddingActivations
  let layers: [LayerActivations]
  let head: HeadBuffers
  let gradient: Matrix
  let backward: BackwardScratch

  /// - Parameters:
  ///   - capacity: what each buffer is sized for.
  ///   - used: what the views show; the capacity when nil.
  init(
    _ carver: inout Carver, _ configuration: BERTConfiguration, _ capacity: Workspace.Capacity,
    cutTo used: Workspace.Capacity? = nil, training: Bool
  ) {
    let used = used ?? capacity
    let (size, inner, heads) =
      (configuration.hiddenSize, configuration.intermediateSize, configuration.numAttentionHeads)
    let tokens = capacity.tokens
    let scoreCount = capacity.scores * heads

    func matrix(_ rows: Int, _ columns: Int, showing shown: Int) -> Matrix {
      carver.matrix(rows: rows, columns: columns).rows(0..<shown)
    }
    func hidden(_ columns: Int) -> Matrix { matrix(tokens, columns, showing: used.tokens) }
    func statistics() -> RowStatistics {
      RowStatistics(mean: carver.floats(tokens), rstd: carver.floats(tokens))
    }
    func maskBytes(_ count: Int) -> UnsafeMutablePointer<UInt8>? { training ? carver.bytes(count) : nil }

    integers = BatchBuffers(
      inputIDs: carver.integers(tokens), tokenTypeIDs: carver.integers(tokens),
      positions: carver.integers(tokens), keep: carver.bytes(tokens))
    embeddings = EmbeddingActivations(
      sum: hidden(size), statistics: statistics(), output: hidden(size), maskBytes: maskBytes(tokens * size))

    func layer(output: Matrix? = nil) -> LayerActivations {
      let packed = hidden(3 * size)
      let probabilities = carver.floats(scoreCount)
      let attention = AttentionActivations(
        queryKeyValue: packed, probabilities: probabilities,
        dropped: training ? carver.floats(scoreCount) : probabilities, context: hidden(size),
        sum: hidden(size),
        statistics: statistics(), output: hidden(size), probabilityMaskBytes: maskBytes(scoreCount),
        outputMaskBytes: maskBytes(tokens * size))
      let feedForward = FeedForwardActivations(
        preActivation: hidden(inner), inner: hidden(inner), sum: hidden(size), statistics: statistics(),
        output: output ?? hidden(size), maskBytes: maskBytes(tokens * size))
      return LayerActivations(attention: attention, feedForward: feedForward)
    }
    let count = configuration.numHiddenLayers
    if training {
      layers = (0..<count).map { _ in layer() }
    } else {
      // In inference every layer reads and writes the same buffers: a layer's input is dead once its feed-forward
      // block starts, so the output may take its place.
      layers = count == 0 ? [] : Array(repeating: layer(output: embeddings.output), count: count)
    }

    let batch = capacity.sequences
    func pooled(_ columns: Int) -> Matrix { matrix(batch, columns, showing: used.sequences) }
    head = HeadBuffers(
      pooled: pooled(size), droppedPooled: pooled(size), pooledGradient: pooled(size),
      logits: pooled(configuration.labels.count),
      maskBytes: carver.bytes(batch * size))
    let trained = training ? tokens : 0
    let shown = training ? used.tokens : 0
    gradient = matrix(trained, size, showing: shown)
    backward = BackwardScratch(
      dropped: matrix(trained, size, showing: shown), context: matrix(trained, size, showing: shown),
      inner: matrix(trained, inner, showing: shown), queryKeyValue: matrix(trained, 3 * size, showing: shown),
      scores: carver.floats(training ? scoreCount : 0))
  }
}
