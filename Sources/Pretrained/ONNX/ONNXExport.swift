public import BERT
public import ForeignFormats
public import ModelFiles

/// A model on its way into an ONNX file, which onnxruntime and others run.
///
/// The graph takes `input_ids`, `attention_mask` and `token_type_ids`, I64 of shape (batch, sequence), and gives what
/// the class gives, under the names of `optimum-cli export onnx`: `logits`; `last_hidden_state` and `pooler_output` of a
/// model without a head; `start_logits` and `end_logits` of one that answers questions. Weights keep their Hugging Face
/// names and shapes. The file's metadata hold `architecture`, `id2label` (JSON) where there are labels, and
/// `problem_type` where it is known.
public struct ONNXExport: Sendable {
  /// What computes, and with which names.
  public let model: ONNXModel
  private let weights: any WeightSource
  /// Under which name `weights` has a weight of the graph.
  private let sourceNames: [String: String]

  /// Under which name the source has a weight of the graph.
  package func sourceName(of name: String) -> String { sourceNames[name] ?? name }

  /// A model in memory; its weights are F32.
  ///
  /// - Throws: ``ONNXExportError``.
  public init(_ model: some PretrainedModel) throws {
    try self.init(
      weights: model.weights, configuration: model.configuration, architecture: model.architecture)
  }

  /// Weights in a file, in the types they have there.
  ///
  /// The graph computes in the type of the word embeddings. On a processor, onnxruntime 1.32 runs F32 and F16; it has no
  /// BF16 additions and no F64 error function, so a file of those types is sound and yet not for it.
  ///
  /// - Parameters:
  ///   - weights: under any of the names that `WeightSpec.spellings` lists. A model of class
  ///     `BERTArchitecture.model` may lack the pooler; the graph then gives no `pooler_output`.
  ///   - configuration: of the same checkpoint. `tieWordEmbeddings` decides which weight the decoder is.
  ///   - architecture: the class to compute.
  /// - Throws: ``ONNXExportError`` when a weight is missing or does not fit; `ConfigurationError`.
  public init(
    weights: any WeightSource, configuration: BERTConfiguration, architecture: BERTArchitecture
  ) throws {
    try configuration.check()
    var infos: [String: TensorInfo] = [:]
    for spec in WeightTable(configuration, architecture).specs {
      infos[spec.name] = spec.spellings.lazy.compactMap { weights.tensor(named: $0) }.first
    }
    let graph = try BERTGraph(configuration, architecture, hasPooler: infos["pooler.dense.weight"] != nil)
      .graph { infos[$0] }
    (self.weights, sourceNames) = (weights, infos.mapValues(\.name))
    model = ONNXModel(graph: graph, metadata: Self.metadata(configuration, architecture))
  }

  /// Writes the file, and a second one with the weights when they take more than 2 GiB.
  ///
  /// - Parameters:
  ///   - path: the file, usually `model.onnx`.
  ///   - overwriting: whether to replace a file that is there.
  ///   - externalData: whether the weights go into a file of their own.
  /// - Returns: the paths of the files written.
  /// - Throws: `ONNXError`, `SystemError`, or the errors of reading the weights; then nothing has changed.
  @discardableResult
  public func write(
    to path: String, overwriting: Bool = false, externalData: ONNXWriter.ExternalData = .automatic
  ) throws -> [String] {
    try ONNXWriter.write(model, to: path, overwriting: overwriting, externalData: externalData) {
      info, sink in
      let source = TensorInfo(
        name: sourceNames[info.name] ?? info.name, elementType: info.elementType, shape: info.shape)
      try weights.forEachPiece(of: source) { _, bytes in try sink(bytes) }
    }
  }

  private static func metadata(
    _ configuration: BERTConfiguration, _ architecture: BERTArchitecture
  ) -> [(key: String, value: String)] {
    var metadata = [(key: "architecture", value: architecture.rawValue)]
    guard architecture == .sequenceClassification || architecture == .tokenClassification else {
      return metadata
    }
    let labels = configuration.labels.enumerated().map { JSONValue.Member("\($0)", .string($1)) }
    metadata.append(("id2label", JSONValue.object(labels).compactText()))
    if architecture == .sequenceClassification, let problemType = configuration.problemType {
      metadata.append(("problem_type", problemType.rawValue))
    }
    return metadata
  }
}

extension BERTGraph {
  /// - Parameter hasPooler: of a model without a head.
  init(_ configuration: BERTConfiguration, _ architecture: BERTArchitecture, hasPooler: Bool) {
    let isUntied = !configuration.tieWordEmbeddings
    let head: Head =
      switch architecture {
      case .model: .none(hasPooler: hasPooler)
      case .sequenceClassification: .sequenceClassification
      case .tokenClassification: .tokenClassification
      case .maskedLM: .maskedLM(hasUntiedDecoder: isUntied)
      case .nextSentencePrediction: .nextSentencePrediction
      case .questionAnswering: .questionAnswering
      case .preTraining: .preTraining(hasUntiedDecoder: isUntied)
      }
    let activation: Activation =
      switch configuration.hiddenAct {
      case .gelu: .gelu
      case .geluNew, .geluPytorchTanh: .geluTanh
      case .relu: .relu
      }
    self.init(
      layers: configuration.numHiddenLayers, heads: configuration.numAttentionHeads,
      hiddenSize: configuration.hiddenSize, intermediateSize: configuration.intermediateSize,
      vocabularySize: configuration.vocabSize, positions: configuration.maxPositionEmbeddings,
      tokenTypes: configuration.typeVocabSize, layerNormEps: configuration.layerNormEps,
      activation: activation, labels: configuration.labels.count, head: head)
  }
}
