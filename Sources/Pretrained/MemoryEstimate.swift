public import BERT

/// The memory that running or training a model here takes, without what the process itself needs.
public struct MemoryEstimate: Sendable, Hashable {
  /// B
  public let batchSize: Int
  /// S, in tokens.
  public let length: Int
  /// For predictions, in bytes: the weights in single precision, and one set of activations that all layers share.
  public let inference: Int
  /// For fine-tuning, in bytes: weights, both moments of AdamW, gradients where a batch is too large to do without, and
  /// the activations of every layer.
  public let fineTuning: Int

  /// - Parameters:
  ///   - configuration: sound, as one that weights were loaded with.
  ///   - architecture: decides on the head.
  ///   - batchSize: B, at least 1.
  ///   - length: S, at least 1.
  public init(
    _ configuration: BERTConfiguration, _ architecture: BERTArchitecture, batchSize: Int, length: Int
  ) {
    (self.batchSize, self.length) = (batchSize, length)
    let weights = 4 * WeightTable(configuration, architecture).parameterCount
    let capacity = Workspace.Capacity(sequences: batchSize, length: length)
    inference = weights + Workspace.byteCount(configuration, capacity, training: false)
    fineTuning =
      Workspace.parameterCopies(capacity) * weights
      + Workspace.byteCount(configuration, capacity, training: true)
  }
}
