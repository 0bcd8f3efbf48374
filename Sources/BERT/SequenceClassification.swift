public import ModelFiles
public import Tensors

/// The labels of a batch, in the form the problem type asks for.
public enum SequenceLabels: Sendable, Equatable {
  /// One class a sequence: B values in 0 ..< labels.
  case classes([Int])
  /// One value a sequence and label, (B, labels): targets of a regression, or 0 and 1 for several labels at once.
  case values([[Float]])
}

/// BERT with a classifier on the pooled first token.
///
/// One label a text, several labels a text, or regression, as `problem_type` says. Reference:
/// `BertForSequenceClassification` in transformers' `modeling_bert.py`.
public final class BERTForSequenceClassification: Trainable {
  package let network: Network
  private let pooler: Pooler
  private let classifier: Linear
  private let dropoutProbability: Double

  public var configuration: BERTConfiguration { network.configuration }

  package init(network: Network) {
    let configuration = network.configuration
    self.network = network
    pooler = Pooler(network.store, prefix: network.prefix, configuration)
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
  ///   - labels: the names of the classes; those of the configuration when nil. A checkpoint without a classifier, or
  ///     with one for another number of labels, gets a new one.
  ///   - problemType: overrides the configuration's.
  ///   - seed: of the weights that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Returns: the model, and what was loaded, renamed, newly initialised and left over.
  /// - Throws: ``BERTLoadError`` when encoder weights are missing or do not fit; `LinearWeightsError` when
  ///   `linearWeights` cannot hold them.
  public static func load(
    from source: any WeightSource, configuration: BERTConfiguration, labels: [String]? = nil,
    problemType: ProblemType? = nil, seed: UInt64 = 42, threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTForSequenceClassification, report: LoadReport) {
    try load(
      from: source, configuration: configuration, labels: labels, problemType: problemType, seed: seed,
      threads: threads, storage: .mapped, linearWeights: linearWeights)
  }

  /// As the public form; `storage: .flat` makes the parameters trainable.
  package static func load(
    from source: any WeightSource, configuration: BERTConfiguration, labels: [String]?,
    problemType: ProblemType?,
    seed: UInt64, threads: Int?, storage: ParameterStore.Storage, linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTForSequenceClassification, report: LoadReport) {
    var configuration = configuration
    if let labels { configuration.labels = labels }
    if let problemType { configuration.problemType = problemType }
    let (network, report) = try Network.load(
      from: source, configuration: configuration, architecture: .sequenceClassification, storage: storage,
      seed: seed, threads: threads, linearWeights: linearWeights)
    return (BERTForSequenceClassification(network: network), report)
  }

  /// The raw scores of each label, (B, labels).
  ///
  /// - Throws: ``BERTInputError`` when an id or the length is outside the model's tables.
  public func logits(_ inputs: BERTInputs) throws -> Tensor {
    try network.withHiddenStates(inputs) { workspace in
      logits(workspace, pooled: workspace.head.pooled)
      return Tensor(shape: [inputs.batchSize, classifier.outputSize], copying: workspace.head.logits)
    }
  }

  /// The logits in a workspace that the caller keeps, as an evaluation within training does.
  package func logits(_ inputs: BERTInputs, in workspace: Workspace) throws -> Tensor {
    try inputs.check(against: configuration)
    workspace.fill(inputs)
    network.encoder.forward(workspace)
    logits(workspace, pooled: workspace.head.pooled)
    return Tensor(shape: [inputs.batchSize, classifier.outputSize], copying: workspace.head.logits)
  }

  private func logits(_ workspace: Workspace, pooled: Matrix) {
    pooler.forward(workspace.lastHiddenState, workspace.batch, into: pooled, network.compute)
    classifier.forward(pooled, into: workspace.head.logits, network.compute)
  }

  package func step(
    _ inputs: BERTInputs, labels: SequenceLabels, _ workspace: Workspace, _ gradients: Gradients,
    dropout: Dropout?,
    _ options: LossOptions
  ) throws -> Float {
    try inputs.check(against: configuration)
    let targets = try Targets(labels, inputs, configuration)
    let compute = network.compute
    workspace.fill(inputs)
    network.encoder.forward(workspace, dropout: dropout)
    let (batch, head, hidden) = (workspace.batch, workspace.head, workspace.lastHiddenState)
    pooler.forward(hidden, batch, into: head.pooled, compute)
    let mask = dropout?.mask(head.maskBytes, count: head.pooled.count, probability: dropoutProbability)
    var features = head.pooled
    if let mask {
      features = head.droppedPooled
      compute.dropout(head.pooled, mask: mask.bytes, scale: mask.scale, into: features)
    }
    classifier.forward(features, into: head.logits, compute)

    let loss =
      switch targets {
      case .classes(let classes): Loss.crossEntropy(inPlace: head.logits, targets: classes, options, compute)
      case .regression(let values): Loss.meanSquaredError(inPlace: head.logits, targets: values, options)
      case .multiLabel(let values): Loss.binaryCrossEntropy(inPlace: head.logits, targets: values, options)
      }

    classifier.backwardParameters(head.logits, input: features, gradients, compute)
    classifier.backwardInput(head.logits, into: head.pooledGradient, compute)
    if let mask {
      compute.dropout(head.pooledGradient, mask: mask.bytes, scale: mask.scale, into: head.pooledGradient)
    }
    pooler.backward(
      hidden, batch, pooled: head.pooled, inPlace: head.pooledGradient, into: workspace.gradient, gradients,
      compute)
    network.encoder.backward(workspace, gradients)
    return loss
  }

  /// The mean loss of one batch and the gradient of every parameter, without dropout.
  ///
  /// - Parameters:
  ///   - inputs: (B, S)
  ///   - labels: in the form the problem type asks for.
  ///   - options: label smoothing and a factor for the gradients; by default 0 and 1.
  /// - Returns: gradients by parameter name; shapes as the parameters.
  /// - Throws: ``BERTInputError`` when inputs or labels do not fit the model; an error when memory runs out.
  public func lossAndGradients(_ inputs: BERTInputs, labels: SequenceLabels, options: LossOptions = .init())
    throws
    -> (loss: Float, gradients: [(name: String, gradient: Tensor)])
  {
    try gradientsOfLoss(inputs, labels: labels, options: options)
  }

  /// The problem type in force for `labels`: the configuration's, else what the reference deduces from the labels.
  package static func problemType(_ configuration: BERTConfiguration, _ labels: SequenceLabels) -> ProblemType
  {
    if let given = configuration.problemType { return given }
    if configuration.labels.count == 1 { return .regression }
    if case .classes = labels { return .singleLabelClassification }
    return .multiLabelClassification
  }

  /// Labels checked and flattened for the loss that takes them.
  private enum Targets {
    case classes([Int32])
    case regression([Float])
    case multiLabel([Float])

    init(_ labels: SequenceLabels, _ inputs: BERTInputs, _ configuration: BERTConfiguration)
      throws(BERTInputError)
    {
      let (batch, count) = (inputs.batchSize, configuration.labels.count)
      let problem = BERTForSequenceClassification.problemType(configuration, labels)
      switch (labels, problem) {
      case (.classes(let classes), .singleLabelClassification):
        guard classes.count == batch, classes.allSatisfy({ (0..<count).contains($0) || $0 == -100 }) else {
          throw .labels(
            expected: "\(batch) classes in 0 ..< \(count)",
            found: "\(classes.count) values \(classes.prefix(8))")
        }
        self = .classes(classes.map(Int32.init))
      case (.values(let values), .regression), (.values(let values), .multiLabelClassification):
        guard values.count == batch, values.allSatisfy({ $0.count == count }) else {
          throw .labels(
            expected: "\(batch) rows of \(count) values",
            found: "\(values.count) rows of \(Set(values.map(\.count)).sorted())")
        }
        let flat = values.flatMap(\.self)
        self = problem == .regression ? .regression(flat) : .multiLabel(flat)
      case (.classes, _):
        throw .labels(expected: "rows of values for \(problem.rawValue)", found: "classes")
      case (.values, .singleLabelClassification):
        throw .labels(expected: "one class a sequence for \(problem.rawValue)", found: "rows of values")
      }
    }
  }
}
