public import ModelFiles
public import Tensors

/// BERT with the head that tells whether the second text follows the first.
///
/// Reference: `BertForNextSentencePrediction` in transformers' `modeling_bert.py`.
public final class BERTForNextSentencePrediction: Sendable {
  package let network: Network
  private let pooler: Pooler
  private let classifier: Linear

  public var configuration: BERTConfiguration { network.configuration }

  package init(network: Network) {
    self.network = network
    pooler = Pooler(network.store, prefix: network.prefix, network.configuration)
    classifier = Linear(
      network.store, "cls.seq_relationship", inputSize: network.configuration.hiddenSize, outputSize: 2)
  }

  /// Loads a checkpoint for inference; its weights are used where they lie in the file.
  ///
  /// - Parameters:
  ///   - source: an opened file of weights, such as `SafetensorsFile` or `ShardedWeights`.
  ///   - configuration: of the same checkpoint; gives the sizes that the weights must fit.
  ///   - seed: of the weights that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: ``BERTLoadError`` when encoder weights are missing or do not fit; `LinearWeightsError` when
  ///   `linearWeights` cannot hold them.
  public static func load(
    from source: any WeightSource, configuration: BERTConfiguration, seed: UInt64 = 42, threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTForNextSentencePrediction, report: LoadReport) {
    let (network, report) = try Network.load(
      from: source, configuration: configuration, architecture: .nextSentencePrediction, storage: .mapped,
      seed: seed, threads: threads, linearWeights: linearWeights)
    return (BERTForNextSentencePrediction(network: network), report)
  }

  /// (B, 2): column 0 speaks for "the second text is the continuation", column 1 against it.
  ///
  /// - Throws: ``BERTInputError`` when an id or the length is outside the model's tables.
  public func logits(_ inputs: BERTInputs) throws -> Tensor {
    try network.withHiddenStates(inputs) { workspace in
      pooler.forward(workspace.lastHiddenState, workspace.batch, into: workspace.head.pooled, network.compute)
      let scratch = try Scratch(floats: inputs.batchSize * 2)
      let logits = scratch.matrix(rows: inputs.batchSize, columns: 2)
      classifier.forward(workspace.head.pooled, into: logits, network.compute)
      return Tensor(shape: [inputs.batchSize, 2], copying: logits)
    }
  }
}
