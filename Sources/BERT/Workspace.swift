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
    /// T: B·S, or less where padding is left out
    package var tokens: Int
    /// The attention scores of one head: B·S², or less where padding is left out
    package var scores: Int
    /// S of the longest sequence
    package var longest: Int

    package init(sequences: Int, tokens: Int, scores: Int, longest: Int) {
      (self.sequences, self.tokens, self.scores, self.longest) = (sequences, tokens, scores, longest)
    }

    /// That of `sequences` sequences of `length` tokens each.
    package init(sequences: Int, length: Int) {
      self.init(
        sequences: sequences, tokens: sequences * length, scores: sequences * length * length, longest: length
      )
    }

    /// That of a batch with its padding, which training needs room for: masks are drawn for it.
    package init(_ inputs: BERTInputs) {
      self.init(sequences: inputs.batchSize, length: inputs.length)
    }

    /// That of a batch whose sequences have these numbers of tokens.
    init(lengths: [Int]) {
      self.init(
        sequences: lengths.count, tokens: lengths.reduce(0, +), scores: lengths.reduce(0) { $0 + $1 * $1 },
        longest: lengths.max() ?? 0)
    }

    /// Whether a batch of the size of `other` fits.
    package func holds(_ other: Capacity) -> Bool {
      sequences >= other.sequences && tokens >= other.tokens && scores >= other.scores
        && longest >= other.longest
    }

    /// The smallest capacity that holds both.
    package func union(_ other: Capacity) -> Capacity {
      Capacity(
        sequences: max(sequences, other.sequences), tokens: max(tokens, other.tokens),
        scores: max(scores, other.scores), longest: max(longest, other.longest))
    }
  }

  package let capacity: Capacity
  /// Bytes of the block.
  package var byteCount: Int { block.byteCount }
  private let configuration: BERTConfiguration
  private let isForTraining: Bool
  private let block: MemoryBlock
  private let integers: BatchBuffers

  /// What ``fill(_:for:)`` set, and with it the views below: they have the rows of this batch.
  private(set) var batch: Batch
  var embeddings: EmbeddingActivations
  var layers: [LayerActivations]
  private(set) var head: HeadBuffers
  /// The gradient of the hidden states, (T, C); of the last ones as many rows as there are.
  private(set) var gradient: Matrix
  private var backward: BackwardBuffers

  /// - Throws: an error when the memory cannot be had.
  package init(_ configuration: BERTConfiguration, _ capacity: Capacity, training: Bool) throws {
    self.configuration = configuration
    self.capacity = capacity
    isForTraining = training
    block = try MemoryBlock(byteCount: Self.byteCount(configuration, capacity, training: training))
    var carver = Carver(block)
    let buffers = Buffers(&carver, configuration, capacity, training: training)
    integers = buffers.integers
    batch = Batch(empty: buffers.integers, configuration)
    (embeddings, layers, head) = (buffers.embeddings, buffers.layers, buffers.head)
    (gradient, backward) = (buffers.gradient, buffers.backward)
  }

  /// The bytes of a workspace's block, without making one.
  package static func byteCount(_ configuration: BERTConfiguration, _ capacity: Capacity, training: Bool)
    -> Int
  {
    var measure = Carver()
    _ = Buffers(&measure, configuration, capacity, training: training)
    return measure.floatCount * MemoryLayout<Float>.stride
  }

  /// The last layer's output, (T, C), or (B, C) where only first tokens are wanted.
  var lastHiddenState: Matrix { layers.last?.feedForward.output ?? embeddings.output }

  /// The last hidden state of the first token of each sequence, (B, C).
  var firstTokens: Matrix {
    let hidden = lastHiddenState
    if batch.wanted == .firstTokens, !layers.isEmpty { return hidden }
    head.first.gather(batch.firstRows, of: hidden)
    return head.first
  }

  /// The gradient of ``lastHiddenState``, in its shape.
  var lastGradient: Matrix { gradient.rows(0..<batch.lastRowCount) }

  /// What a layer's backward works in. Where products may be formed later, each layer has its own.
  func backwardBuffers(ofLayer index: Int) -> LayerGradients {
    let layer = keepsFactors ? backward.layers[index] : backward.shared
    let isLast = index == layers.count - 1
    return isLast ? layer.lastRows(batch.lastRowCount) : layer
  }

  /// Whether the factors of every weight's gradient are there until the next batch.
  package var keepsFactors: Bool { isForTraining && batch.tokenCount <= WeightUpdate.tokenLimit }

  /// Copies of the parameters that training holds, themselves included: parameters, two moments and, where batches may
  /// be too large for their factors to be kept, gradients.
  package static func parameterCopies(_ capacity: Capacity, keepsFactors: Bool = true) -> Int {
    keepsFactors && capacity.tokens <= WeightUpdate.tokenLimit ? 3 : 4
  }

  /// Takes a batch, which must fit the capacity, and cuts every view to its size.
  ///
  /// - Parameter wanted: the hidden states that will be read.
  package func fill(_ inputs: BERTInputs, for wanted: WantedStates) {
    fill(inputs, Batch.rows(inputs, wanted), for: wanted)
  }

  func fill(_ inputs: BERTInputs, _ rows: Batch.Rows, for wanted: WantedStates) {
    precondition(
      capacity.holds(isForTraining ? Capacity(inputs) : Capacity(lengths: rows.lengths)),
      "the workspace was planned for smaller batches")
    let previous = batch
    batch = Batch(inputs, rows, wanted, into: integers, configuration)
    guard
      previous.tokenCount != batch.tokenCount || previous.lastRowCount != batch.lastRowCount
        || previous.batchSize != batch.batchSize
        || previous.attention.scoreCount != batch.attention.scoreCount
    else { return }
    // Cutting again from the start is what gives contiguous buffers for this batch's own sizes.
    var carver = Carver(block)
    let buffers = Buffers(&carver, configuration, capacity, showing: batch, training: isForTraining)
    (embeddings, layers, head) = (buffers.embeddings, buffers.layers, buffers.head)
    (gradient, backward) = (buffers.gradient, buffers.backward)
  }
}
