public import ForeignFormats
public import ModelFiles

/// A BERT model on its way into a GGUF file, as llama.cpp's converter would write it.
///
/// ```swift
/// let export = try GGUFExport(weights, configuration: config, tokenizer: tokenizer, name: "MiniLM", type: .q80, pooling: .mean)
/// try export.write(to: "minilm-Q8_0.gguf")
/// ```
///
/// The keys, their order, the types of tensors and the form of the vocabulary are those of ggml-org/llama.cpp,
/// `conversion/bert.py` and `conversion/base.py`, with two differences. The pooler is kept, as `cls`, where llama.cpp's
/// pooling type `rank` looks for it; the converter drops it. And the classifier is always `cls.output`, with its labels.
public struct GGUFExport: Sendable {
  /// How llama.cpp makes one vector of a text, and the number that says so.
  public enum Pooling: UInt32, Sendable, CaseIterable {
    /// None: one vector a token.
    case none = 0
    /// The mean over all tokens.
    case mean = 1
    /// The first token.
    case cls = 2
    /// The last token.
    case last = 3
    /// The logits of the classifier.
    case rank = 4
  }

  /// In the order of the file.
  public let metadata: [(key: String, value: GGUFValue)]
  /// In the order of the checkpoint.
  public let tensors: [GGUFTensor]
  /// The tensors that GGUF has no name for.
  public let leftOut: [(name: String, reason: String)]
  /// What will be different in llama.cpp, for people.
  public let notes: [String]
  private let weights: any WeightSource
  /// The tensors to read, in the order of ``tensors``.
  private let sources: [TensorInfo]

  /// Plans a file; no data is read.
  ///
  /// - Parameters:
  ///   - weights: under Hugging Face's names.
  ///   - configuration: the `config.json`.
  ///   - tokenizer: nil writes none, and llama.cpp cannot load the file.
  ///   - name: what becomes of `general.name`; nil writes none.
  ///   - type: of the matrices. Vectors and the embeddings of positions and segments stay F32; matrices whose rows are
  ///     no whole blocks become F16, as with the converter.
  ///   - pooling: nil writes none, which leaves it to whoever loads the model. Models with a classifier want `rank`.
  /// - Throws: ``GGUFModelError``.
  public init(
    _ weights: any WeightSource, configuration: JSONValue, tokenizer: TokenizerDescription?,
    name: String? = nil, type: GGUFTensorType = .float16, pooling: Pooling? = nil
  ) throws {
    let plan = try GGUFExportPlan(weights.tensors, type: type)
    let vocabularySize = try plan.rows(of: "token_embd.weight")
    var metadata: [(key: String, value: GGUFValue)] = [
      ("general.architecture", "bert"), ("general.type", "model"),
    ]
    if let name, !name.isEmpty { metadata.append(("general.name", .string(name))) }
    metadata += try Self.parameters(configuration, plan, type: type, pooling: pooling)
    if let tokenizer {
      metadata += try GGUFVocabulary.metadata(
        tokenizer, size: vocabularySize, segments: configuration["type_vocab_size"]?.intValue ?? 2)
    }
    (self.metadata, self.weights) = (metadata, weights)
    (tensors, sources, leftOut) = (plan.tensors, plan.sources, plan.leftOut)
    notes = Self.notes(configuration, tokenizer)
  }

  /// Writes the file.
  ///
  /// - Throws: `GGUFError`, `SystemError`, the error of the weights; then nothing has changed.
  public func write(to path: String, overwriting: Bool = false) throws {
    let sources = Dictionary(uniqueKeysWithValues: zip(tensors.map(\.name), self.sources))
    try GGUFWriter.write(metadata: metadata, tensors, to: path, overwriting: overwriting) { tensor, sink in
      guard let info = sources[tensor.name] else { throw GGUFModelError.missingTensor(tensor.name) }
      try weights.forEachPiece(of: info, byteCount: 1 << 20) { _, bytes in
        if tensor.type.elementType == info.elementType { return try sink(bytes) }
        let floats = try FloatPieces.floats(bytes, info)
        if tensor.type == .float16 || tensor.type == .bfloat16 {
          let isHalf = tensor.type == .float16
          let words = floats.map { (isHalf ? HalfPrecision.half($0) : HalfPrecision.bfloat($0)).littleEndian }
          try sink(words.span.bytes)
        } else {
          let words = floats.map { $0.bitPattern.littleEndian }
          try sink(words.span.bytes)
        }
      }
    }
  }

  /// The keys of sizes, and those they have in `config.json`.
  private static let sizes = [
    ("bert.block_count", "num_hidden_layers"), ("bert.context_length", "max_position_embeddings"),
    ("bert.embedding_length", "hidden_size"), ("bert.feed_forward_length", "intermediate_size"),
    ("bert.attention.head_count", "num_attention_heads"),
  ]

  private static func parameters(
    _ configuration: JSONValue, _ plan: GGUFExportPlan, type: GGUFTensorType, pooling: Pooling?
  ) throws(GGUFModelError) -> [(key: String, value: GGUFValue)] {
    let modelType = configuration["model_type"]
    guard modelType?.stringValue ?? "bert" == "bert" else {
      throw .notBERT(found: modelType?.stringValue ?? modelType?.kind ?? "")
    }
    if let found = configuration["position_embedding_type"]?.stringValue, found != "absolute" {
      throw .unsupported(key: "position_embedding_type", supported: "'absolute'", found: "'\(found)'")
    }
    if configuration["is_decoder"]?.boolValue == true {
      throw .unsupported(key: "is_decoder", supported: "encoders", found: "true")
    }
    let epsilon = configuration["layer_norm_eps"]
    guard let epsilonValue = epsilon == nil ? 1e-12 : epsilon?.doubleValue else {
      throw .missingKey("layer_norm_eps", expected: "a number", found: epsilon?.kind)
    }
    var metadata: [(key: String, value: GGUFValue)] = []
    for (key, source) in sizes {
      guard let number = configuration[source]?.intValue.flatMap({ UInt32(exactly: $0) }) else {
        throw .missingKey(source, expected: "a whole number", found: configuration[source]?.kind)
      }
      metadata.append((key, .uint32(number)))
    }
    metadata += [
      ("bert.attention.layer_norm_epsilon", .float32(Float(epsilonValue))),
      ("general.file_type", .uint32(type.fileType)), ("bert.attention.causal", false),
    ]
    if let pooling { metadata.append(("bert.pooling_type", .uint32(pooling.rawValue))) }
    if let count = plan.classCount {
      guard count <= 1 << 20 else {
        throw .wrongShape(
          tensor: "classifier.weight", expected: "at most \(1 << 20) classes", found: [count])
      }
      let labels = (0..<count).map { configuration["id2label"]?["\($0)"]?.stringValue ?? "LABEL_\($0)" }
      metadata.append(("bert.classifier.output_labels", .array(.string(labels))))
    }
    metadata.append(("general.quantization_version", .uint32(2)))
    return metadata
  }

  private static func notes(_ configuration: JSONValue, _ tokenizer: TokenizerDescription?) -> [String] {
    var notes: [String] = []
    if tokenizer == nil {
      notes.append("there is no vocabulary that can be read, and llama.cpp loads no file without one")
    }
    let activation = configuration["hidden_act"]?.stringValue ?? "gelu"
    if activation != "gelu" {
      notes.append("hidden_act is '\(activation)'; llama.cpp computes 'gelu' for every BERT")
    }
    if tokenizer?.lowercase == false {
      notes.append("the tokenizer keeps capitals; llama.cpp turns them into small letters for every BERT")
    }
    return notes
  }
}

/// Which tensors of a checkpoint become which of a file.
private struct GGUFExportPlan {
  private(set) var tensors: [GGUFTensor] = []
  private(set) var sources: [TensorInfo] = []
  private(set) var leftOut: [(name: String, reason: String)] = []

  init(_ infos: [TensorInfo], type: GGUFTensorType) throws(GGUFModelError) {
    var names: Set<String> = []
    for info in infos {
      guard let name = GGUFNames.ggufName(ofHuggingFace: info.name) else {
        leftOut.append((info.name, "GGUF has no name for it"))
        continue
      }
      guard FloatPieces.canRead(info.elementType) else {
        throw .unsupportedElementType(tensor: info.name, found: info.elementType.rawValue)
      }
      // Names and labels are made for rows: there are to be no more of them than the file has numbers.
      guard !info.shape.contains(0) else {
        throw .wrongShape(tensor: info.name, expected: "without a dimension of 0", found: info.shape)
      }
      guard names.insert(name).inserted else { throw .nameCollision(name) }
      var chosen = GGUFNames.staysFloat32(name, rank: info.shape.count) ? .float32 : type
      if let row = info.shape.last, row % chosen.blockElementCount != 0 { chosen = .float16 }
      tensors.append(GGUFTensor(name: name, shape: info.shape, type: chosen))
      sources.append(info)
    }
  }

  /// The number of classes; nil without a classifier.
  var classCount: Int? { tensors.first { $0.name == "cls.output.weight" }?.shape.first }

  func rows(of name: String) throws(GGUFModelError) -> Int {
    guard let rows = tensors.first(where: { $0.name == name })?.shape.first else {
      throw .missingTensor(GGUFNames.huggingFaceName(ofGGUF: name) ?? name)
    }
    return rows
  }
}

/// Floats from the bytes of any float type.
enum FloatPieces {
  static func canRead(_ type: ElementType) -> Bool {
    [.float32, .float16, .bfloat16, .float64].contains(type)
  }

  static func floats(_ bytes: RawSpan, _ info: TensorInfo) throws(GGUFModelError) -> [Float] {
    switch info.elementType {
    case .float32: return map(bytes) { (word: UInt32) in Float(bitPattern: word) }
    case .float16: return map(bytes) { HalfPrecision.float(half: $0) }
    case .bfloat16: return map(bytes) { HalfPrecision.float(bfloat: $0) }
    case .float64: return map(bytes) { (word: UInt64) in Float(Double(bitPattern: word)) }
    default: throw .unsupportedElementType(tensor: info.name, found: info.elementType.rawValue)
    }
  }

  private static func map<Word: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: RawSpan, _ float: (Word) -> Float
  ) -> [Float] {
    let size = MemoryLayout<Word>.size
    return bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / size).map { index in
        float(Word(littleEndian: bytes.loadUnaligned(fromByteOffset: index * size, as: Word.self)))
      }
    }
  }
}

extension GGUFTensorType {
  /// The number of `general.file_type` for a model of which most tensors have this type (`LlamaFileType`).
  var fileType: UInt32 {
    switch self {
    case .float32: 0
    case .float16: 1
    case .q40: 2
    case .q41: 3
    case .q80: 7
    case .q50: 8
    case .q51: 9
    case .bfloat16: 32
    default: 1024  // GUESSED
    }
  }
}
