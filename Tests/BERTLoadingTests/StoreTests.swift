import BERT
import Foundation
import ModelFiles
import Tensors
import Testing

@Suite("parameters in memory")
struct StoreTests {
  static func load(
    _ weights: any WeightSource, _ architecture: BERTArchitecture = .sequenceClassification,
    _ storage: ParameterStore.Storage = .flat, configuration: BERTConfiguration = tiny
  ) throws -> (store: ParameterStore, report: LoadReport) {
    let (store, report) = try ParameterStore.load(
      from: weights, configuration: configuration, architecture: architecture, storage: storage, seed: 1)
    return (store, report)
  }

  @Test(
    "a flat block has tables, decaying and plain tensors in ranges of their own",
    arguments: BERTArchitecture.allCases)
  func layout(architecture: BERTArchitecture) throws {
    let table = WeightTable(tiny, architecture)
    let layout = ParameterLayout(table)
    #expect(layout.segments.map(\.name).sorted() == table.specs.map(\.name).sorted())
    #expect(layout.embeddingRange.lowerBound == 0)
    #expect(layout.embeddingRange.upperBound == layout.decayRange.lowerBound)
    #expect(layout.decayRange.upperBound == layout.plainRange.lowerBound)
    #expect(layout.plainRange.upperBound == layout.count)
    let prefix = architecture.prefix + "embeddings."
    #expect(
      layout.segments.prefix(3).map(\.name)
        == ["word", "position", "token_type"].map { "\(prefix)\($0)_embeddings.weight" })
    var end = 0
    for segment in layout.segments {
      let spec = try #require(table[segment.name])
      #expect(segment.count == spec.elementCount && segment.decays == spec.decays)
      #expect(layout.offset(of: segment.name) == segment.offset)
      #expect(segment.offset >= end)
      let range = segment.offset..<segment.offset + segment.count
      #expect(layout.plainRange.contains(range.lowerBound) == !segment.decays)
      let owner = [layout.embeddingRange, layout.decayRange, layout.plainRange].filter { $0.overlaps(range) }
      #expect(
        owner.count == 1 && owner[0].lowerBound <= range.lowerBound && range.upperBound <= owner[0].upperBound
      )
      let follows = segment.name.contains("self.key") || segment.name.contains("self.value")
      #expect(follows ? segment.offset == end : segment.offset % 16 == 0, "\(segment.name)")
      end = range.upperBound
    }
    #expect(
      [layout.decayRange, layout.plainRange].allSatisfy { $0.lowerBound % 16 == 0 } && layout.count % 16 == 0)
  }

  @Test("every value is where the layout says, and a copy has its own")
  func copies() throws {
    let weights = MemoryWeights(tiny, .sequenceClassification)
    let store = try Self.load(weights).store
    let (layout, flat) = (try #require(store.layout), try #require(store.flat))
    for (number, spec) in store.table.specs.enumerated() {
      #expect(store[spec.name] == flat + layout.offset(of: spec.name))
      #expect(try store.values(spec.name).allSatisfy { $0 == Float(number + 1) })
    }
    let copy = try Self.load(weights, .sequenceClassification, .mapped).store.copyFlat()
    #expect(copy.layout?.segments == layout.segments)
    for spec in store.table.specs { #expect(try copy.values(spec.name) == store.values(spec.name)) }
    copy["classifier.bias"][0] = -1
    #expect(store["classifier.bias"][0] != -1)
  }

  @Test("a mapped file is used in place, and only what it lacks takes memory")
  func mapped() throws {
    let file = try SafetensorsFile(path: fixtures.appending(path: "bertloading/checkpoint.safetensors").path)
    let (store, report) = try Self.load(
      file, .nextSentencePrediction, .mapped, configuration: referenceConfiguration)
    #expect(report.isComplete && store.layout == nil && store.flat == nil)
    #expect(store.ownedByteCount == 0)
    for name in report.loaded {
      let start = try #require(file.mappedBytes(of: name)).start
      #expect(UnsafeRawPointer(store[name]) == start)
    }
    let (other, _) = try Self.load(
      file, .sequenceClassification, .mapped, configuration: referenceConfiguration)
    #expect(other.ownedByteCount == (48 + 16) * 4)  // 3 × 12 and 3 floats, each padded to 64 bytes
  }

  @Test("a mapping outlives the file object it came from")
  func keepsMapping() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
    try FileManager.default.copyItem(
      atPath: fixtures.appending(path: "bertloading/checkpoint.safetensors").path, toPath: path)
    let store = try Self.load(
      SafetensorsFile(path: path), .nextSentencePrediction, .mapped, configuration: referenceConfiguration
    ).store
    try FileManager.default.removeItem(atPath: path)
    #expect(try store.values("bert.embeddings.word_embeddings.weight").allSatisfy(\.isFinite))
  }

  @Test("a file without padding, whose floats lie at odd addresses, is copied")
  func unaligned() throws {
    let weights = MemoryWeights(tiny, .model)
    var header = "{"
    var offset = 0
    for tensor in weights.list {
      header += "\"\(tensor.name)\":{\"dtype\":\"F32\",\"shape\":\(tensor.shape),"
      header += "\"data_offsets\":[\(offset),\(offset + tensor.bytes.count)]},"
      offset += tensor.bytes.count
    }
    header = header.dropLast() + "}"
    while (8 + header.utf8.count) % 4 != 1 { header += " " }
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    try Data(length + Array(header.utf8) + weights.list.flatMap(\.bytes)).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    for storage in [ParameterStore.Storage.mapped, .flat] {
      let store = try Self.load(SafetensorsFile(path: path), .model, storage).store
      for (number, spec) in store.table.specs.enumerated() {
        #expect(try store.values(spec.name).allSatisfy { $0 == Float(number + 1) })
      }
    }
  }

  /// 1.5, -2^-14 and the smallest subnormal F16, in each type that holds them.
  static let halves: [(type: ElementType, bytes: [UInt8], expected: [Float])] = [
    (.float16, [0x00, 0x3E, 0x00, 0x84, 0x01, 0x00], [1.5, -0x1p-14, 0x1p-24]),
    (.bfloat16, [0xC0, 0x3F, 0x80, 0xB8, 0x80, 0x33], [1.5, -0x1p-14, 0x1p-24]),
    (
      .float64, [1.5, -0x1p-14, 0.1].flatMap { value in withUnsafeBytes(of: value as Double) { Array($0) } },
      [1.5, -0x1p-14, 0.1]
    ),
  ]

  @Test("16 and 64 bit floats are converted, and the report says so", arguments: halves.indices)
  func converts(index: Int) throws {
    let (type, bytes, expected) = Self.halves[index]
    var configuration = tiny
    configuration.labels = ["a", "b", "c"]
    var weights = MemoryWeights(configuration, .sequenceClassification)
    weights.drop { $0 == "classifier.bias" }
    weights.add("classifier.bias", [3], type, bytes)
    for storage in [ParameterStore.Storage.mapped, .flat] {
      let (store, report) = try Self.load(
        weights, .sequenceClassification, storage, configuration: configuration)
      #expect(try store.values("classifier.bias") == expected)
      #expect(report.convertedTypes == [type] && report.isComplete)
      #expect(report.description == "41 of 41 weights loaded (\(type.rawValue) converted to F32)")
    }
  }

  @Test("what is written has the canonical names, once each, and loads again")
  func writes() throws {
    var weights = MemoryWeights(tiny, .maskedLM)
    weights.rename { $0.replacing("bert.", with: "").replacing("LayerNorm.weight", with: "LayerNorm.gamma") }
    let store = try Self.load(weights, .maskedLM).store
    #expect(store.tensors.map(\.name) == store.table.specs.map(\.name))
    #expect(store.tensor(named: "bert.embeddings.LayerNorm.weight")?.shape == [4])
    #expect(store.tensor(named: "cls.predictions.decoder.bias") == nil)
    let again = try Self.load(store, .maskedLM)
    #expect(again.report.renamed.isEmpty && again.report.isComplete && again.report.unused.isEmpty)
    #expect(throws: BERTLoadError.noSuchWeight("pooler.weight", nearest: [])) {
      try store.withBytes(of: "pooler.weight") { _ in }
    }
    #expect(throws: BERTLoadError.noSuchWeight("classifier", nearest: [])) {
      try store.withBytes(of: "classifier") { _ in }
    }
  }

  @Test("an untied decoder is written with its bias, which version 5 looks for there")
  func writesUntiedDecoder() throws {
    var weights = MemoryWeights(tiny, .maskedLM)
    weights.add("cls.predictions.decoder.weight", [6, 4], [Float](repeating: 9, count: 24))
    let (store, report) = try Self.load(weights, .maskedLM)
    #expect(report.isDecoderUntied && store.table.hasUntiedDecoder)
    #expect(report.description.hasSuffix("the decoder differs from the word embeddings: they are not tied"))
    #expect(
      store.tensors.suffix(2).map(\.name) == [
        "cls.predictions.decoder.weight", "cls.predictions.decoder.bias",
      ])
    let bias = try store.values("cls.predictions.bias")
    try store.withBytes(of: "cls.predictions.decoder.bias") { bytes in
      #expect((0..<6).map { bytes.unsafeLoadUnaligned(fromByteOffset: 4 * $0, as: Float.self) } == bias)
    }
    var untied = tiny
    untied.tieWordEmbeddings = false
    let again = try Self.load(store, .maskedLM, configuration: untied)
    #expect(again.report.isComplete && again.report.unused.isEmpty && !again.report.isDecoderUntied)
    #expect(again.report.ignored == ["cls.predictions.decoder.bias"])
  }

  @Test("the report reads well")
  func report() throws {
    var weights = MemoryWeights(tiny, .model)
    weights.drop { $0.hasPrefix("pooler.") }
    weights.add("classifier.weight", [3, 4], [Float](repeating: 0, count: 12))
    for layer in [0, 1, 2, 5] { weights.add("adapter.layer.\(layer).down.weight", [1], [0]) }
    weights.add("cls.x", [1], [0])
    weights.add("embeddings.position_ids", [1, 5], .int64, [UInt8](repeating: 0, count: 40))
    let report = try Self.load(weights).report
    #expect(
      report.description == """
        37 of 41 weights loaded
        37 under another name, such as embeddings.word_embeddings.weight for bert.embeddings.word_embeddings.weight
        3 newly initialised with seed 1, to be trained: bert.pooler.dense.weight, bert.pooler.dense.bias, classifier.bias
        classifier.weight is [3, 4] in the file and [2, 4] here: newly initialised with seed 1, to be trained
        5 not used by this model: adapter.layer.{0-2, 5}.down.weight, cls.x
        """)
    #expect(report.ignored == ["embeddings.position_ids"] && !report.isComplete)
  }
}
