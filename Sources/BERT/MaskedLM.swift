import CKernels
public import ModelFiles
public import Tensors

/// The head that predicts tokens: dense, activation, normalisation, and a product with the word table.
///
/// Reference: `BertLMPredictionHead` in transformers' `modeling_bert.py`.
struct PredictionHead: Sendable {
  let transform: Linear
  let layerNorm: LayerNorm
  let decoder: Linear  // (V, C), the word table unless the checkpoint unties it
  let isDecoderTied: Bool
  let activation: activation_kind

  init(_ network: Network) {
    let (store, configuration) = (network.store, network.configuration)
    let size = configuration.hiddenSize
    transform = Linear(store, "cls.predictions.transform.dense", inputSize: size, outputSize: size)
    layerNorm = LayerNorm(store, "cls.predictions.transform.LayerNorm", epsilon: configuration.layerNormEps)
    let untied = "cls.predictions.decoder.weight"
    isDecoderTied = store.table[untied] == nil
    decoder = Linear(
      weight: isDecoderTied ? network.encoder.embeddings.word : Parameter(store, untied),
      bias: Parameter(store, "cls.predictions.bias"), inputSize: size, outputSize: configuration.vocabSize)
    activation = configuration.hiddenAct.kernel
  }

  /// What the head leaves for its backward, for R rows.
  struct Activations {
    let preActivation: Matrix  // (R, C)
    let activated: Matrix  // (R, C), kept as the normalisation's input
    let statistics: RowStatistics
    let normalised: Matrix  // (R, C)
    let logits: Matrix  // (R, V)
    private let scratch: Scratch

    init(rows: Int, _ configuration: BERTConfiguration) throws {
      let (size, vocabulary) = (configuration.hiddenSize, configuration.vocabSize)
      scratch = try Scratch(floats: rows * (3 * size + 2 + vocabulary))
      preActivation = scratch.matrix(rows: rows, columns: size)
      activated = scratch.matrix(rows: rows, columns: size)
      normalised = scratch.matrix(rows: rows, columns: size)
      logits = scratch.matrix(rows: rows, columns: vocabulary)
      statistics = RowStatistics(mean: scratch.floats(rows), rstd: scratch.floats(rows))
    }
  }

  func forward(_ hidden: Matrix, _ activations: Activations, _ compute: Compute) {
    transform.forward(
      hidden, activation, preActivation: activations.preActivation, into: activations.activated, compute)
    layerNorm.forward(
      activations.activated, bias: nil, mask: nil, residual: nil, into: activations.normalised,
      statistics: activations.statistics, compute)
    decoder.forward(activations.normalised, into: activations.logits, compute)
  }

  /// From dLogits, which `activations.logits` holds, to the gradient of `hidden`.
  func backward(
    _ hidden: Matrix, _ activations: Activations, into dHidden: Matrix, _ gradients: Gradients,
    _ compute: Compute
  ) {
    decoder.backwardParameters(activations.logits, input: activations.normalised, gradients, compute)
    let dy = activations.normalised  // no longer needed once the decoder has its gradient
    decoder.backwardInput(activations.logits, into: dy, compute)
    layerNorm.backward(inPlace: dy, input: activations.activated, activations.statistics, gradients, compute)
    compute.activationBackward(activation, preActivation: activations.preActivation, inPlace: dy)
    transform.backwardParameters(dy, input: hidden, gradients, compute)
    transform.backwardInput(dy, into: dHidden, compute)
  }
}

/// BERT with the masked language model head; its decoder is the word table unless the checkpoint unties it.
///
/// Reference: `BertForMaskedLM` in transformers' `modeling_bert.py`.
public final class BERTForMaskedLM: Trainable {
  package var hasDenseWordGradient: Bool { head.isDecoderTied }
  package let network: Network
  private let head: PredictionHead

  public var configuration: BERTConfiguration { network.configuration }

  package init(network: Network) {
    self.network = network
    head = PredictionHead(network)
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
  ) throws -> (model: BERTForMaskedLM, report: LoadReport) {
    let (network, report) = try Network.load(
      from: source, configuration: configuration, architecture: .maskedLM, storage: .mapped, seed: seed,
      threads: threads, linearWeights: linearWeights)
    return (BERTForMaskedLM(network: network), report)
  }

  /// The raw scores of every vocabulary entry for each token, (B, S, V).
  ///
  /// - Throws: ``BERTInputError`` when an id or the length is outside the model's tables.
  public func logits(_ inputs: BERTInputs) throws -> Tensor {
    try network.withHiddenStates(inputs, .positions) { workspace in
      let activations = try PredictionHead.Activations(rows: inputs.tokenCount, configuration)
      head.forward(workspace.lastHiddenState, activations, network.compute)
      return Tensor(
        shape: [inputs.batchSize, inputs.length, configuration.vocabSize], copying: activations.logits)
    }
  }

  /// The raw scores of every vocabulary entry at some positions only, (positions.count, V).
  ///
  /// - Parameters:
  ///   - inputs: (B, S)
  ///   - positions: indices into the B·S tokens of the batch.
  /// - Throws: ``BERTInputError`` when an id, the length or a position is outside its range.
  public func logits(_ inputs: BERTInputs, at positions: [Int]) throws -> Tensor {
    if let wrong = positions.first(where: { !(0..<inputs.tokenCount).contains($0) }) {
      throw BERTInputError.labels(expected: "positions in 0 ..< \(inputs.tokenCount)", found: "\(wrong)")
    }
    return try network.withHiddenStates(inputs, .positions) { workspace in
      let rows = try GatheredRows(positions, of: workspace.lastHiddenState)
      let activations = try PredictionHead.Activations(rows: positions.count, configuration)
      head.forward(rows.matrix, activations, network.compute)
      return Tensor(shape: [positions.count, configuration.vocabSize], copying: activations.logits)
    }
  }

  /// The mean loss over the labelled tokens and the gradient of every parameter, without dropout.
  ///
  /// - Parameters:
  ///   - inputs: (B, S)
  ///   - labels: (B, S), the token to predict, or -100 for tokens that do not count.
  ///   - options: label smoothing and a factor for the gradients; by default 0 and 1.
  /// - Returns: gradients by parameter name; shapes as the parameters.
  /// - Throws: ``BERTInputError`` when inputs or labels do not fit the model; an error when memory runs out.
  public func lossAndGradients(_ inputs: BERTInputs, labels: [[Int]], options: LossOptions = .init()) throws
    -> (loss: Float, gradients: [(name: String, gradient: Tensor)])
  {
    try gradientsOfLoss(inputs, labels: labels, options: options)
  }

  package func step(
    _ inputs: BERTInputs, labels: [[Int]], _ workspace: Workspace, _ gradients: Gradients, dropout: Dropout?,
    _ options: LossOptions
  ) throws -> Float {
    try inputs.check(against: configuration)
    let targets = try tokenTargets(labels, inputs, classes: configuration.vocabSize)
    let compute = network.compute
    workspace.fill(inputs, for: .positions)
    network.encoder.forward(workspace, dropout: dropout)
    // Tokens without a label have no part in the loss, so the head sees only the others.
    let positions = targets.indices.filter { targets[$0] >= 0 }
    let rows = try GatheredRows(positions, of: workspace.lastHiddenState)
    let activations = try PredictionHead.Activations(rows: positions.count, configuration)
    head.forward(rows.matrix, activations, compute)
    let loss = Loss.crossEntropy(
      inPlace: activations.logits, targets: positions.map { targets[$0] }, options, compute)
    let dRows = try Scratch(floats: rows.matrix.count)
    let dHidden = dRows.matrix(rows: positions.count, columns: configuration.hiddenSize)
    head.backward(rows.matrix, activations, into: dHidden, gradients, compute)
    workspace.gradient.fill(0)
    for (row, position) in positions.enumerated() {
      (workspace.gradient.start + position * workspace.gradient.stride).update(
        from: dHidden.start + row * dHidden.stride, count: dHidden.columns)
    }
    network.encoder.backward(workspace, gradients)
    return loss
  }
}

/// Copies of some rows of a matrix.
struct GatheredRows {
  let matrix: Matrix
  private let scratch: Scratch

  init(_ positions: [Int], of source: Matrix) throws {
    scratch = try Scratch(floats: positions.count * source.columns)
    matrix = scratch.matrix(rows: positions.count, columns: source.columns)
    for (row, position) in positions.enumerated() {
      (matrix.start + row * matrix.stride).update(
        from: source.start + position * source.stride, count: source.columns)
    }
  }
}
