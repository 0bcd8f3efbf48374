public import ModelFiles
public import Tensors

/// BERT without a head: hidden states, the pooled first token, and mean-pooled embeddings.
///
/// Reference: `BertModel` in transformers' `modeling_bert.py`.
public final class BERTModel: Sendable {
  package let network: Network
  private let pooler: Pooler

  public var configuration: BERTConfiguration { network.configuration }

  package init(network: Network) {
    self.network = network
    pooler = Pooler(network.store, prefix: network.prefix, network.configuration)
  }

  /// Loads a checkpoint for inference; its weights are used where they lie in the file.
  ///
  /// - Parameters:
  ///   - source: an opened file of weights, such as `SafetensorsFile` or `ShardedWeights`.
  ///   - configuration: of the same checkpoint; gives the sizes that the weights must fit.
  ///   - seed: of a pooler that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: ``BERTLoadError`` when encoder weights are missing or do not fit; `LinearWeightsError` when
  ///   `linearWeights` cannot hold them.
  public static func load(
    from source: any WeightSource, configuration: BERTConfiguration, seed: UInt64 = 42, threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTModel, report: LoadReport) {
    let (network, report) = try Network.load(
      from: source, configuration: configuration, architecture: .model, storage: .mapped, seed: seed,
      threads: threads, linearWeights: linearWeights)
    return (BERTModel(network: network), report)
  }

  /// The last hidden states, (B, S, C), and the pooled first tokens, (B, C).
  ///
  /// Rows of padding hold values that mean nothing, as in the reference.
  ///
  /// - Throws: ``BERTInputError`` when an id or the length is outside the model's tables.
  public func callAsFunction(_ inputs: BERTInputs) throws -> (lastHiddenState: Tensor, pooled: Tensor) {
    try network.withHiddenStates(inputs) { workspace in
      let (hidden, pooled) = (workspace.lastHiddenState, workspace.head.pooled)
      pooler.forward(hidden, workspace.batch, into: pooled, network.compute)
      return (
        Tensor(shape: [inputs.batchSize, inputs.length, hidden.columns], copying: hidden),
        Tensor(shape: [inputs.batchSize, hidden.columns], copying: pooled)
      )
    }
  }

  /// The hidden states of the embeddings and of every layer: L + 1 tensors, (B, S, C) each.
  ///
  /// - Throws: ``BERTInputError`` when an id or the length is outside the model's tables.
  public func hiddenStates(_ inputs: BERTInputs) throws -> [Tensor] {
    var states: [Tensor] = []
    try network.withHiddenStates(
      inputs,
      visit: { _, hidden in
        states.append(Tensor(shape: [inputs.batchSize, inputs.length, hidden.columns], copying: hidden))
      }
    ) { _ in }
    return states
  }

  /// The mean of the last hidden states over the tokens that are not padding, (B, C).
  ///
  /// This is how sentence-transformers models such as all-MiniLM-L6-v2 pool (`Pooling` with mean tokens: the sum over
  /// the mask divided by its count, at least 1e-9).
  ///
  /// - Throws: ``BERTInputError`` when an id or the length is outside the model's tables.
  public func meanPooled(_ inputs: BERTInputs) throws -> Tensor {
    try network.withHiddenStates(inputs) { workspace in
      let hidden = workspace.lastHiddenState
      var means = Tensor(
        shape: [inputs.batchSize, hidden.columns],
        values: [Float](repeating: 0, count: inputs.batchSize * hidden.columns))
      for row in 0..<inputs.batchSize {
        let tokens = (row * inputs.length..<(row + 1) * inputs.length).filter {
          inputs.attentionMask?[$0] != 0
        }
        let count = max(Float(tokens.count), 1e-9)
        for column in 0..<hidden.columns {
          let sum = tokens.reduce(Float(0)) { $0 + hidden.start[$1 * hidden.stride + column] }
          means.values[row * hidden.columns + column] = sum / count
        }
      }
      return means
    }
  }
}
