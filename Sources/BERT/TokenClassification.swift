public import ModelFiles
public import Tensors

/// BERT with a classifier on every token.
///
/// Reference: `BertForTokenClassification` in transformers' `modeling_bert.py`.
public final class BERTForTokenClassification: Trainable {
  package let network: Network
  private let classifier: Linear
  private let dropoutProbability: Double

  public var configuration: BERTConfiguration { network.configuration }

  package init(network: Network) {
    let configuration = network.configuration
    self.network = network
    classifier = Linear(
      network.store, "classifier", inputSize: configuration.hiddenSize, outputSize: configuration.labels.count
    )
    dropoutProbability = configuration.classifierDropout ?? configuration.hiddenDropoutProb
  }

  /// Loads a checkpoint for inference; its weights are used where they lie in the file.
  ///
  /// - Parameters:
  ///   - source: an opened file of weights, such as `SafetensorsFile` or `ShardedWeights`.
  ///   - configuration: of the same checkpoint; gives the sizes that the weights must fit.
  ///   - labels: the names of the classes; those of the configuration when nil.
  ///   - seed: of the weights that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: ``BERTLoadError`` when encoder weights are missing or do not fit; `LinearWeightsError` when
  ///   `linearWeights` cannot hold them.
  public static func load(
    from source: any WeightSource, configuration: BERTConfiguration, labels: [String]? = nil,
    seed: UInt64 = 42,
    threads: Int? = nil, linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTForTokenClassification, report: LoadReport) {
    var configuration = configuration
    if let labels { configuration.labels = labels }
    let (network, report) = try Network.load(
      from: source, configuration: configuration, architecture: .tokenClassification, storage: .mapped,
      seed: seed,
      threads: threads, linearWeights: linearWeights)
    return (BERTForTokenClassification(network: network), report)
  }

  /// The raw scores of each label for each token, (B, S, labels).
  ///
  /// - Throws: ``BERTInputError`` when an id or the length is outside the model's tables.
  public func logits(_ inputs: BERTInputs) throws -> Tensor {
    try network.withHiddenStates(inputs) { workspace in
      let scratch = try Scratch(floats: inputs.tokenCount * classifier.outputSize)
      let logits = scratch.matrix(rows: inputs.tokenCount, columns: classifier.outputSize)
      classifier.forward(workspace.lastHiddenState, into: logits, network.compute)
      return Tensor(shape: [inputs.batchSize, inputs.length, classifier.outputSize], copying: logits)
    }
  }

  /// The mean loss over the labelled tokens and the gradient of every parameter, without dropout.
  ///
  /// - Parameters:
  ///   - inputs: (B, S)
  ///   - labels: (B, S), a class for each token, or -100 for tokens that do not count.
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
    let targets = try tokenTargets(labels, inputs, classes: classifier.outputSize)
    let compute = network.compute
    workspace.fill(inputs)
    network.encoder.forward(workspace, dropout: dropout)
    let hidden = workspace.lastHiddenState
    let scratch = try Scratch(floats: inputs.tokenCount * (classifier.outputSize + hidden.columns))
    let logits = scratch.matrix(rows: inputs.tokenCount, columns: classifier.outputSize)
    var features = hidden
    let maskBytes = try Scratch(floats: dropout == nil ? 0 : (hidden.count + 3) / 4)
    let mask = dropout?.mask(maskBytes.bytes, count: hidden.count, probability: dropoutProbability)
    if let mask {
      features = scratch.matrix(rows: hidden.rows, columns: hidden.columns)
      compute.dropout(hidden, mask: mask.bytes, scale: mask.scale, into: features)
    }
    classifier.forward(features, into: logits, compute)
    let loss = Loss.crossEntropy(inPlace: logits, targets: targets, options, compute)
    classifier.backwardParameters(logits, input: features, gradients, compute)
    classifier.backwardInput(logits, into: workspace.gradient, compute)
    if let mask {
      compute.dropout(workspace.gradient, mask: mask.bytes, scale: mask.scale, into: workspace.gradient)
    }
    network.encoder.backward(workspace, gradients)
    return loss
  }
}

/// Checks (B, S) labels, classes or -100, and flattens them.
func tokenTargets(_ labels: [[Int]], _ inputs: BERTInputs, classes: Int) throws(BERTInputError) -> [Int32] {
  guard labels.count == inputs.batchSize, labels.allSatisfy({ $0.count == inputs.length }) else {
    throw .labels(
      expected: "\(inputs.batchSize) rows of \(inputs.length) classes",
      found: "\(labels.count) rows of \(Set(labels.map(\.count)).sorted())")
  }
  let flat = labels.flatMap(\.self)
  if let wrong = flat.first(where: { !(0..<classes).contains($0) && $0 != -100 }) {
    throw .labels(expected: "classes in 0 ..< \(classes), or -100", found: "\(wrong)")
  }
  return flat.map(Int32.init)
}
