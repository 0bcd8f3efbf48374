public import BERT
public import ModelFiles
public import WordPiece

/// What every BERT class has, with or without a head: a configuration, weights, and a way into a folder.
public protocol PretrainedModel: Sendable {
  var configuration: BERTConfiguration { get }
  /// The class, as transformers names it.
  var architecture: BERTArchitecture { get }
  /// The parameters under their Hugging Face names.
  var weights: ModelWeights { get }
}

extension PretrainedModel {
  /// Writes a complete folder that transformers opens, reads it back and compares.
  ///
  /// - Parameters:
  ///   - path: a folder that is empty or not there yet.
  ///   - tokenizer: the one the model was trained with.
  ///   - card: the `README.md`; a short one when nil.
  ///   - trainerState: the `trainer_state.json`; none when nil.
  ///   - overwriting: replaces the model in a folder that holds files.
  /// - Throws: as ``ModelExport/write(to:overwriting:verifying:)``.
  public func export(
    to path: String, tokenizer: WordPieceTokenizer, card: ModelCard? = nil, trainerState: JSONValue? = nil,
    overwriting: Bool = false
  ) throws {
    var export = try ModelExport(self, tokenizer: tokenizer)
    export.card = card ?? ModelCard(name: FileSystem.name(of: path), of: self)
    export.trainerState = trainerState
    try export.write(to: path, overwriting: overwriting)
  }
}

extension BERTModel: PretrainedModel {
  public var architecture: BERTArchitecture { network.architecture }
  public var weights: ModelWeights { ModelWeights(network.store) }
}

extension BERTForSequenceClassification: PretrainedModel {
  public var architecture: BERTArchitecture { network.architecture }
  public var weights: ModelWeights { ModelWeights(network.store) }
}

extension BERTForMaskedLM: PretrainedModel {
  public var architecture: BERTArchitecture { network.architecture }
  public var weights: ModelWeights { ModelWeights(network.store) }
}

extension BERTForNextSentencePrediction: PretrainedModel {
  public var architecture: BERTArchitecture { network.architecture }
  public var weights: ModelWeights { ModelWeights(network.store) }
}

extension BERTForTokenClassification: PretrainedModel {
  public var architecture: BERTArchitecture { network.architecture }
  public var weights: ModelWeights { ModelWeights(network.store) }
}

extension BERTForQuestionAnswering: PretrainedModel {
  public var architecture: BERTArchitecture { network.architecture }
  public var weights: ModelWeights { ModelWeights(network.store) }
}

/// The parameters of a model in memory, in the reference's module order.
public struct ModelWeights: WeightSource, RandomAccessCollection {
  private let source: any WeightSource
  public let tensors: [TensorInfo]

  init(_ source: any WeightSource) { (self.source, tensors) = (source, source.tensors) }

  public var startIndex: Int { 0 }
  public var endIndex: Int { tensors.count }
  public subscript(position: Int) -> TensorInfo { tensors[position] }

  public func tensor(named name: String) -> TensorInfo? { source.tensor(named: name) }

  /// Calls `body` with the bytes of a parameter; all are F32.
  ///
  /// - Throws: `BERTLoadError` when there is no such parameter; what `body` throws.
  public func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try source.withBytes(of: name, body)
  }

  /// Calls `body` with the values of a parameter, row-major.
  ///
  /// - Throws: `BERTLoadError` when there is no such parameter; what `body` throws.
  public func withFloats<Result>(
    of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    try withBytes(of: name) { bytes in
      try bytes.withUnsafeBytes { try $0.withMemoryRebound(to: Float.self, body) }
    }
  }
}
