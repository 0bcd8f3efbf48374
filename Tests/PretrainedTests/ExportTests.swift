import Foundation
import Pretrained
import Synchronization
import Testing

@Suite("an exported folder")
struct ExportTests {
  /// The classifier of the fixtures, which transformers 5.23 wrote.
  private func model() throws -> (BERTForSequenceClassification, WordPieceTokenizer) {
    let checkpoint = try Checkpoint(Fixture.path("classifier"))
    return try (BERTForSequenceClassification.load(from: checkpoint).model, checkpoint.tokenizer())
  }

  @Test("holds what transformers would have written, byte for byte")
  func sameBytes() throws {
    let folder = try TemporaryFolder()
    let (model, tokenizer) = try model()
    try model.export(to: folder.path("out"), tokenizer: tokenizer)
    for name in ["model.safetensors", "config.json", "tokenizer_config.json"] {
      let written = try Array(Data(contentsOf: folder.url.appending(path: "out/\(name)")))
      #expect(written == (try Fixture.bytes("classifier/\(name)")), "\(name)")
    }
    #expect(
      try folder.names("out") == [
        "README.md", "config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json",
        "tokenizer_config.json", "vocab.txt",
      ])
    #expect(try folder.names() == ["out"])
  }

  @Test("answers as the model it was written from")
  func sameAnswers() throws {
    let folder = try TemporaryFolder()
    let (model, tokenizer) = try model()
    try model.export(to: folder.path("out"), tokenizer: tokenizer)
    let texts = try Fixture.strings(Fixture.expected()["texts"])
    let before = try TextClassifier(model: model, tokenizer: tokenizer).answers(texts)
    #expect(try TextClassifier(folder.path("out")).answers(texts) == before)
  }

  @Test("is not written over files, unless that is said; other files then stay")
  func overwriting() throws {
    let folder = try TemporaryFolder()
    let (model, tokenizer) = try model()
    let out = folder.path("out")
    try folder.write("mine", to: "out/notes.txt")
    try folder.write(#"{"[NEW]": 91}"#, to: "out/added_tokens.json")
    #expect(throws: ExportError.folderNotEmpty(path: out)) { try model.export(to: out, tokenizer: tokenizer) }
    #expect(try folder.names("out") == ["added_tokens.json", "notes.txt"])

    try model.export(to: out, tokenizer: tokenizer, overwriting: true)
    try model.export(to: out + "/", tokenizer: tokenizer, trainerState: ["epoch": 1.0], overwriting: true)
    #expect(try folder.names("out").contains("notes.txt"))
    #expect(
      try !folder.names("out").contains("added_tokens.json"), "another tokenizer's tokens would be read")
    #expect(try folder.names("out").contains("trainer_state.json"))
    #expect(try folder.names() == ["out"])
    #expect(throws: ExportError.notAFolder(path: folder.path("out/notes.txt"))) {
      try model.export(to: folder.path("out/notes.txt"), tokenizer: tokenizer, overwriting: true)
    }
  }

  @Test("is written through a link, and loses nothing when a folder is in the way")
  func places() throws {
    let folder = try TemporaryFolder()
    let (model, tokenizer) = try model()
    let (out, link) = (folder.path("out"), folder.path("link"))
    try model.export(to: out, tokenizer: tokenizer)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: out)
    try model.export(to: link, tokenizer: tokenizer, overwriting: true)
    #expect(try folder.names() == ["link", "out"])
    #expect(try folder.names("out").filter { $0.hasPrefix(".") } == [])

    try folder.write("[]", to: "out/added_tokens.json")
    try folder.write("mine", to: "out/trainer_state.json/notes.txt")
    let before = try folder.names("out")
    #expect(throws: ExportError.folderInTheWay(path: out + "/trainer_state.json")) {
      try model.export(to: out, tokenizer: tokenizer, trainerState: ["epoch": 1.0], overwriting: true)
    }
    #expect(try folder.names("out") == before)
  }

  @Test("is written into an empty folder, and into folders that are not there yet")
  func newFolders() throws {
    let folder = try TemporaryFolder()
    let (model, tokenizer) = try model()
    try FileManager.default.createDirectory(atPath: folder.path("empty"), withIntermediateDirectories: true)
    for name in ["empty", "a/b/c"] {
      try model.export(to: folder.path(name), tokenizer: tokenizer)
      #expect(try TextClassifier(folder.path(name)).labels == model.configuration.labels)
    }
  }

  @Test("is refused when it does not read back as it was written, and leaves nothing behind")
  func unfaithfulDisk() throws {
    let folder = try TemporaryFolder()
    let (model, tokenizer) = try model()
    var export = try ModelExport(model, tokenizer: tokenizer)
    export.weights = ChangingWeights(model.weights, changing: "classifier.bias")
    #expect(
      throws: ExportError.differs(
        path: folder.path("out"), what: "the data of tensor 'classifier.bias'", expected: "as it was",
        found: "changed")
    ) { try export.write(to: folder.path("out")) }
    #expect(try folder.names().isEmpty)
  }

  @Test(
    "of every class opens again as that class",
    arguments: ["masked-lm", "embedder", "several-labels", "regression"])
  func everyClass(name: String) throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Checkpoint(Fixture.path(name))
    let tokenizer = try checkpoint.tokenizer()
    let out = folder.path("out")
    switch checkpoint.architecture {
    case .maskedLM: try BERTForMaskedLM.load(from: checkpoint).model.export(to: out, tokenizer: tokenizer)
    case .model: try BERTModel.load(from: checkpoint).model.export(to: out, tokenizer: tokenizer)
    default:
      try BERTForSequenceClassification.load(from: checkpoint).model.export(to: out, tokenizer: tokenizer)
    }
    let written = try Checkpoint(out)
    #expect(written.architecture == checkpoint.architecture)
    #expect(written.weights.map(\.name) == checkpoint.weights.map(\.name))
    #expect(
      try Data(contentsOf: URL(filePath: out + "/model.safetensors"))
        == Data(Fixture.bytes("\(name)/model.safetensors")))
    #expect(
      try Data(contentsOf: URL(filePath: out + "/config.json")) == Data(Fixture.bytes("\(name)/config.json")))
  }

  @Test("of a tokenizer with tokens of its own keeps their ids and matching")
  func addedTokens() throws {
    let folder = try TemporaryFolder()
    let (model, tokenizer) = try model()
    var options = tokenizer.options
    (options.lowercase, options.cleanText) = (false, false)
    options.addedTokens = [
      .init(content: "[ENT]", isSpecial: true), .init(content: "iris", singleWord: true, leftStrip: true),
    ]
    let larger = try WordPieceTokenizer(vocabulary: tokenizer.vocabulary, options: options)
    let out = folder.path("out")
    try ModelExport(model, tokenizer: larger).write(to: out)
    let read = try WordPieceTokenizer(Checkpoint(out))
    for text in ["an [ENT] iris", "irises iris.", "Paris [MASK]", "a\u{1}b\tc"] {
      let (a, b) = try (larger.encode(text, truncation: .none), read.encode(text, truncation: .none))
      #expect(a.inputIDs == b.inputIDs, "\(text)")
    }
    #expect(larger.id(of: "[ENT]") == read.id(of: "[ENT]"))
  }
}

/// Weights of which one reads otherwise after the first time, as from a disk that forgets.
private final class ChangingWeights: WeightSource {
  private let source: ModelWeights
  private let name: String
  private let wasRead = Mutex(false)

  init(_ source: ModelWeights, changing name: String) { (self.source, self.name) = (source, name) }

  var tensors: [TensorInfo] { source.tensors }
  func tensor(named name: String) -> TensorInfo? { source.tensor(named: name) }

  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    guard name == self.name,
      wasRead.withLock({ value in
        defer { value = true }; return value
      })
    else {
      return try source.withBytes(of: name, body)
    }
    let count = source.tensor(named: name)?.elementCount ?? 0
    return try body([Float](repeating: 7, count: count).span.bytes)
  }
}
