import ForeignFormats
import Foundation
import ModelFiles
import Pretrained
import Testing

@Suite("a BERT model goes into a GGUF file and comes back")
struct GGUFModelTests {
  private let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Fixtures/gguf"
  )
  .standardized.path
  private let document: JSONValue
  private let file: GGUFFile

  init() throws {
    document = try JSONValue(path: folder + "/bert.json")
    file = try GGUFFile(path: folder + "/bert.gguf")
  }

  private var vocabulary: [String] { document["vocabulary"]?.arrayValue?.compactMap(\.stringValue) ?? [] }

  @Test("under the names of llama.cpp, and back under its own")
  func names() throws {
    let tensors = document["tensors"]?.arrayValue ?? []
    #expect(tensors.count == 41)
    for tensor in tensors {
      let (own, gguf) = (try #require(tensor[0]?.stringValue), try #require(tensor[2]?.stringValue))
      #expect(GGUFNames.ggufName(ofHuggingFace: own) == gguf)
      #expect(
        GGUFNames.ggufName(ofHuggingFace: String(own.dropFirst(own.hasPrefix("bert.") ? 5 : 0))) == gguf)
      #expect(GGUFNames.huggingFaceName(ofGGUF: gguf, prefix: "bert.") == own)
    }
    #expect(
      GGUFNames.ggufName(ofHuggingFace: "bert.encoder.layer.11.output.LayerNorm.gamma")
        == "blk.11.layer_output_norm.weight")
    #expect(GGUFNames.ggufName(ofHuggingFace: "embeddings.LayerNorm.beta") == "token_embd_norm.bias")
  }

  @Test(
    "except what has no name",
    arguments: [
      "cls.predictions.bias", "cls.predictions.transform.dense.weight", "cls.seq_relationship.weight",
      "qa_outputs.weight", "bert.embeddings.position_ids", "encoder.layer.01.output.dense.weight",
      "encoder.layer.-1.output.dense.weight", "encoder.layer.x.output.dense.weight", "encoder.layer.0",
      "bert.bert.pooler.dense.bias", "weight", "", ".weight",
    ])
  func unnamed(name: String) { #expect(GGUFNames.ggufName(ofHuggingFace: name) == nil) }

  @Test("from a file: configuration, tokenizer and weights")
  func model() throws {
    let model = try GGUFModel(file)
    for member in document["config"]?.members ?? [] {
      #expect(model.configuration[member.key] == member.value, "\(member.key)")
    }
    #expect(model.configuration["label2id"]?["virginica"] == 2)
    let tokenizer = try #require(model.tokenizer)
    #expect(tokenizer.tokens == vocabulary)
    #expect(tokenizer.specialTokens == SpecialTokens())
    #expect(tokenizer.addedTokens == TokenizerDescription(tokens: vocabulary).addedTokens)
    #expect(tokenizer.lowercase && tokenizer.modelMaxLength == 16)
    #expect(model.leftOut.isEmpty)
    let names = document["tensors"]?.arrayValue?.compactMap { $0[0]?.stringValue }
    #expect(model.weights.tensors.map(\.name) == names)
    #expect(
      model.weights.tensor(named: "bert.encoder.layer.1.intermediate.dense.weight")?.elementType == .float16)
    #expect(model.weights.tensor(named: "blk.0.attn_q.weight") == nil)
    let bias = try model.weights.withBytes(of: "classifier.bias") { $0.withUnsafeBytes { Array($0) } }
    #expect(try bias == file.withBytes(of: "cls.output.bias") { $0.withUnsafeBytes { Array($0) } })
  }

  @Test("into the same bytes that llama.cpp's converter writes")
  func export() throws {
    let model = try GGUFModel(file)
    let tokenizer = TokenizerDescription(tokens: vocabulary)
    let export = try GGUFExport(
      model.weights, configuration: #require(document["config"]), tokenizer: tokenizer, name: "Tiny",
      type: .float16, pooling: .cls)
    #expect(export.metadata.map(\.key) == file.metadata.map(\.key))
    for (key, value) in export.metadata { #expect(file[key] == value, "\(key)") }
    #expect(export.leftOut.isEmpty && export.notes.isEmpty)
    let path = NSTemporaryDirectory() + "gguf-\(UUID()).gguf"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try export.write(to: path)
    #expect(try FileSystem.read(path) == FileSystem.read(file.path))
  }

  @Test(
    "in any type, vectors and small embeddings staying F32",
    arguments: [GGUFTensorType.float32, .bfloat16, .q80, .q40])
  func types(type: GGUFTensorType) throws {
    let model = try GGUFModel(file)
    let export = try GGUFExport(
      model.weights, configuration: model.configuration, tokenizer: model.tokenizer, type: type,
      pooling: .rank)
    let path = NSTemporaryDirectory() + "gguf-\(UUID()).gguf"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try export.write(to: path)
    let written = try GGUFFile(path: path)
    for entry in written.entries {
      let stays =
        entry.shape.count < 2 || entry.name == "position_embd.weight" || entry.name == "token_types.weight"
      #expect(entry.type == (stays ? .float32 : type), "\(entry.name)")
    }
    #expect(written["bert.pooling_type"] == .uint32(4))
    let again = try GGUFModel(written)
    #expect(again.configuration == model.configuration)
    #expect(again.tokenizer?.tokens == model.tokenizer?.tokens)
  }

  @Test("matrices whose rows are no whole blocks become F16")
  func partialBlocks() throws {
    let source = Tensors([
      ("embeddings.word_embeddings.weight", [16, 32]), ("pooler.dense.weight", [4, 33]),
      ("cls.predictions.bias", [16]),
    ])
    let export = try GGUFExport(
      source, configuration: #require(document["config"]),
      tokenizer: TokenizerDescription(tokens: vocabulary),
      type: .q80)
    #expect(export.tensors.map(\.type) == [.q80, .float16])
    #expect(export.leftOut.map(\.name) == ["cls.predictions.bias"])
  }

  @Test("added tokens, other roles and capitals")
  func tokenizer() throws {
    var tokenizer = TokenizerDescription(tokens: vocabulary)
    tokenizer.lowercase = false
    tokenizer.tokens[6] = "The"
    tokenizer.addedTokens.append(AddedToken(id: 15, content: "new word", special: false))
    let export = try GGUFExport(
      Tensors([("embeddings.word_embeddings.weight", [20, 32])]), configuration: #require(document["config"]),
      tokenizer: tokenizer)
    #expect(export.notes.count == 1)
    let path = NSTemporaryDirectory() + "gguf-\(UUID()).gguf"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try export.write(to: path)
    let written = try GGUFFile(path: path)
    let stored = try #require(written["tokenizer.ggml.tokens"]?.arrayValue?.strings)
    #expect(stored.prefix(3) == ["[PAD]", "[UNK]", "[CLS]"])
    #expect(stored[5...9] == ["▁[unused0]", "▁The", "▁flower", "s", "ing"])
    #expect(stored[14...] == ["", "▁new word", "▁[PAD16]", "▁[PAD17]", "▁[PAD18]", "▁[PAD19]"])
    #expect(
      written["tokenizer.ggml.token_type"]?.arrayValue?.integers
        == [3, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 5, 5, 5, 5])
    let back = try #require(try GGUFModel(written).tokenizer)
    #expect(back.tokens == tokenizer.tokens + ["new word"])
    #expect(back.lowercase == false)
    #expect(back.addedTokens.last?.special == false)
  }

  @Test("what cannot be is refused")
  func refusals() throws {
    let config = try #require(document["config"])
    let tokenizer = TokenizerDescription(tokens: vocabulary)
    let source = Tensors([("embeddings.word_embeddings.weight", [16, 32])])
    func export(_ key: String, _ value: JSONValue) throws {
      var config = config
      config.set(key, value)
      _ = try GGUFExport(source, configuration: config, tokenizer: tokenizer)
    }
    #expect(throws: GGUFModelError.notBERT(found: "roberta")) { try export("model_type", "roberta") }
    #expect(
      throws: GGUFModelError.missingKey("hidden_size", expected: "a whole number", found: "the number 1.5")
    ) {
      try export("hidden_size", 1.5)
    }
    #expect(
      throws: GGUFModelError.unsupported(key: "is_decoder", supported: "encoders", found: "true")
    ) { try export("is_decoder", true) }
    #expect(throws: GGUFModelError.vocabularyTooLarge(tokens: 15, rows: 14)) {
      try GGUFExport(
        Tensors([("embeddings.word_embeddings.weight", [14, 32])]), configuration: config,
        tokenizer: tokenizer)
    }
    #expect(throws: GGUFModelError.missingTensor("embeddings.word_embeddings.weight")) {
      try GGUFExport(Tensors([]), configuration: config, tokenizer: tokenizer)
    }
    #expect(throws: GGUFModelError.nameCollision("token_embd.weight")) {
      try GGUFExport(
        Tensors([
          ("embeddings.word_embeddings.weight", [16, 32]),
          ("bert.embeddings.word_embeddings.weight", [16, 32]),
        ]), configuration: config, tokenizer: tokenizer)
    }
    #expect(throws: GGUFModelError.notBERT(found: "test")) {
      try GGUFModel(GGUFFile(path: folder + "/values.gguf"))
    }
  }
}

/// Tensors of zeros.
private struct Tensors: WeightSource {
  let tensors: [TensorInfo]

  init(_ shapes: [(String, [Int])]) {
    tensors = shapes.map { TensorInfo(name: $0.0, elementType: .float32, shape: $0.1) }
  }

  func tensor(named name: String) -> TensorInfo? { tensors.first { $0.name == name } }

  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try body([UInt8](repeating: 0, count: tensor(named: name)?.byteCount ?? 0).span.bytes)
  }
}
