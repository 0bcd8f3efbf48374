public import ModelFiles
public import Tensors

/// BERT with the head that marks where an answer starts and ends.
///
/// Reference: `BertForQuestionAnswering` in transformers' `modeling_bert.py`.
public final class BERTForQuestionAnswering: Sendable {
  package let network: Network
  private let outputs: Linear

  public var configuration: BERTConfiguration { network.configuration }

  package init(network: Network) {
    self.network = network
    outputs = Linear(network.store, "qa_outputs", inputSize: network.configuration.hiddenSize, outputSize: 2)
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
  ) throws -> (model: BERTForQuestionAnswering, report: LoadReport) {
    let (network, report) = try Network.load(
      from: source, configuration: configuration, architecture: .questionAnswering, storage: .mapped,
      seed: seed,
      threads: threads, linearWeights: linearWeights)
    return (BERTForQuestionAnswering(network: network), report)
  }

  /// The raw scores of each token as the start and as the end of the answer, (B, S) each.
  ///
  /// - Throws: ``BERTInputError`` when an id or the length is outside the model's tables.
  public func logits(_ inputs: BERTInputs) throws -> (start: Tensor, end: Tensor) {
    try network.withHiddenStates(inputs) { workspace in
      let scratch = try Scratch(floats: inputs.tokenCount * 2)
      let logits = scratch.matrix(rows: inputs.tokenCount, columns: 2)
      outputs.forward(workspace.lastHiddenState, into: logits, network.compute)
      let shape = [inputs.batchSize, inputs.length]
      return (
        start: Tensor(shape: shape, copying: logits.columns(0..<1)),
        end: Tensor(shape: shape, copying: logits.columns(1..<2))
      )
    }
  }
}
