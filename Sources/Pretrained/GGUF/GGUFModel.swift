public import ForeignFormats
public import ModelFiles

/// A BERT model in a GGUF file, as a Hugging Face folder would describe it.
///
/// What a GGUF file does not say is filled with BERT's defaults: dropout, `initializer_range`, `hidden_act` (which
/// llama.cpp takes to be `gelu`).
public struct GGUFModel: Sendable {
  /// What would be the `config.json`.
  public let configuration: JSONValue
  /// Nil when the file holds no vocabulary.
  public let tokenizer: TokenizerDescription?
  /// The tensors under Hugging Face's names, quantised ones as F32.
  public let weights: any WeightSource
  /// The tensors that cannot be read or have no such name, under their GGUF names.
  public let leftOut: [(name: String, reason: String)]
  /// What may surprise, for people.
  public let notes: [String]

  /// - Throws: ``GGUFModelError``.
  public init(_ file: GGUFFile) throws(GGUFModelError) {
    let architecture = file["general.architecture"]
    guard let name = architecture?.stringValue, name == "bert" else {
      throw .notBERT(found: architecture?.stringValue ?? architecture?.kind ?? "missing")
    }
    let parts = try GGUFModelParts(file)
    let renamed = try RenamedWeights(file) { parts.huggingFaceName(of: $0) }
    (weights, leftOut) = (renamed, file.leftOut + renamed.unnamed.map { ($0, "it is no tensor of BERT") })
    tokenizer = try GGUFVocabulary.tokenizer(of: file)
    configuration = try parts.configuration(file, tokenizer)
    var notes: [String] = []
    if parts.classCount != nil, !parts.hasPooler {
      notes.append(
        "the file has a classifier and no pooler, which llama.cpp's converter drops; the classes cannot be computed"
      )
    }
    if let pooling = file["bert.pooling_type"]?.intValue {
      let kind = UInt32(exactly: pooling).flatMap { GGUFExport.Pooling(rawValue: $0) }
      notes.append("the file asks for the pooling type '\(kind.map { "\($0)" } ?? "\(pooling)")'")
    }
    self.notes = notes
  }
}

/// What the tensors of a file say about the model.
private struct GGUFModelParts {
  let vocabularySize: Int
  let hiddenSize: Int
  let classCount: Int?
  let hasPooler: Bool
  /// Whether `cls` is the classifier: the converter writes models so that have none but the labels LABEL_0, LABEL_1.
  private let classifierIsCLS: Bool

  init(_ file: GGUFFile) throws(GGUFModelError) {
    let shapes = Dictionary(file.entries.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    guard let embedding = shapes["token_embd.weight"] else { throw .missingTensor("token_embd.weight") }
    guard embedding.count == 2 else {
      throw .wrongShape(tensor: "token_embd.weight", expected: "[vocabulary, hidden]", found: embedding)
    }
    (vocabularySize, hiddenSize) = (embedding[0], embedding[1])
    let cls = shapes["cls.weight"]
    classifierIsCLS = shapes["cls.output.weight"] == nil && cls.map { $0.first != embedding[1] } ?? false
    hasPooler = cls != nil && !classifierIsCLS
    let classifier = shapes["cls.output.weight"] ?? (classifierIsCLS ? cls : nil)
    classCount = classifier?.first
  }

  func huggingFaceName(of name: String) -> String? {
    if classifierIsCLS && (name == "cls.weight" || name == "cls.bias") {
      return "classifier" + name.dropFirst(3)
    }
    return GGUFNames.huggingFaceName(ofGGUF: name, prefix: classCount == nil ? "" : "bert.")
  }

  func configuration(
    _ file: GGUFFile, _ tokenizer: TokenizerDescription?
  ) throws(GGUFModelError) -> JSONValue {
    func number(_ key: String) throws(GGUFModelError) -> JSONValue {
      guard let number = file[key]?.intValue, number >= 0 else {
        throw .missingKey(key, expected: "a whole number", found: file[key]?.kind)
      }
      return .number(number)
    }
    guard file["bert.embedding_length"]?.intValue == hiddenSize else {
      throw .wrongShape(
        tensor: "token_embd.weight",
        expected: "[vocabulary, \(file["bert.embedding_length"]?.kind ?? "bert.embedding_length")]",
        found: [vocabularySize, hiddenSize])
    }
    let segments =
      file.entries.first { $0.name == "token_types.weight" }?.shape.first
      ?? file["tokenizer.ggml.token_type_count"]?.intValue ?? 2
    let epsilon = file["bert.attention.layer_norm_epsilon"]
    guard let epsilonValue = epsilon?.doubleValue, epsilonValue.isFinite else {
      throw .missingKey("bert.attention.layer_norm_epsilon", expected: "a number", found: epsilon?.kind)
    }
    var configuration: JSONValue = [
      "architectures": .strings([classCount == nil ? "BertModel" : "BertForSequenceClassification"]),
      "attention_probs_dropout_prob": 0.1, "classifier_dropout": nil, "hidden_act": "gelu",
      "hidden_dropout_prob": 0.1, "hidden_size": .number(hiddenSize), "initializer_range": 0.02,
      "intermediate_size": try number("bert.feed_forward_length"),
      // Through the shortest text of the float, so that 1e-12 is not 9.999999960041972e-13.
      "layer_norm_eps": .number(Double("\(Float(epsilonValue))") ?? epsilonValue),
      "max_position_embeddings": try number("bert.context_length"), "model_type": "bert",
      "num_attention_heads": try number("bert.attention.head_count"),
      "num_hidden_layers": try number("bert.block_count"),
      "pad_token_id": .number(file["tokenizer.ggml.padding_token_id"]?.intValue ?? 0),
      "type_vocab_size": .number(segments), "use_cache": true, "vocab_size": .number(vocabularySize),
    ]
    if let classCount {
      let found = file["bert.classifier.output_labels"]?.arrayValue?.strings
      guard classCount <= 1 << 20, found == nil || found?.count == classCount else {
        throw .missingKey(
          "bert.classifier.output_labels", expected: "an array of \(classCount) strings",
          found: file["bert.classifier.output_labels"]?.kind)
      }
      let labels = found ?? (0..<classCount).map { "LABEL_\($0)" }
      configuration.set("id2label", .object(labels.enumerated().map { .init("\($0)", .string($1)) }))
      configuration.set("label2id", .object(labels.enumerated().map { .init($1, .number($0)) }))
    }
    return configuration
  }
}

/// The tensors of a file under other names.
private struct RenamedWeights: WeightSource {
  let tensors: [TensorInfo]
  /// The tensors that got no name.
  let unnamed: [String]
  private let file: GGUFFile
  /// From new names to old ones.
  private let names: [String: String]

  init(_ file: GGUFFile, _ rename: (String) -> String?) throws(GGUFModelError) {
    var (tensors, unnamed, names): ([TensorInfo], [String], [String: String]) = ([], [], [:])
    for info in file.tensors {
      guard let name = rename(info.name) else {
        unnamed.append(info.name)
        continue
      }
      guard names.updateValue(info.name, forKey: name) == nil else { throw .nameCollision(name) }
      tensors.append(TensorInfo(name: name, elementType: info.elementType, shape: info.shape))
    }
    (self.file, self.tensors, self.unnamed, self.names) = (file, tensors, unnamed, names)
  }

  func tensor(named name: String) -> TensorInfo? {
    guard let old = names[name], let info = file.tensor(named: old) else { return nil }
    return TensorInfo(name: name, elementType: info.elementType, shape: info.shape)
  }

  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try file.withBytes(of: names[name] ?? name, body)
  }

  func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    try file.withElements(of: names[name] ?? name, in: range, body)
  }
}
