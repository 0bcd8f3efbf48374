import Fingerprints
import Foundation
import Pretrained
import Testing

/// Writes a safetensors file of F32 tensors.
func writeFloats(_ tensors: [(name: String, shape: [Int], values: [Float])], to path: String) throws {
  let infos = tensors.map { TensorInfo(name: $0.name, elementType: .float32, shape: $0.shape) }
  try SafetensorsWriter.write(infos, to: path, overwriting: true) { info, sink in
    let values = tensors.first { $0.name == info.name }?.values ?? []
    let bytes = values.withUnsafeBytes { Array($0) }
    try sink(bytes.span.bytes)
  }
}

@Suite("two checkpoints are compared")
struct ComparisonTests {
  private func compare(
    _ a: [(name: String, shape: [Int], values: [Float])],
    _ b: [(name: String, shape: [Int], values: [Float])],
    _ criterion: CheckpointComparison.Criterion = .tolerance(0)
  ) throws -> CheckpointComparison {
    let folder = try TemporaryFolder()
    try writeFloats(a, to: folder.path("a.safetensors"))
    try writeFloats(b, to: folder.path("b.safetensors"))
    return try CheckpointComparison(
      Checkpoint(folder.path("a.safetensors")), Checkpoint(folder.path("b.safetensors")), criterion: criterion
    )
  }

  @Test("what is added, removed and changed, with how much")
  func differences() throws {
    let found = try compare(
      [("same", [2], [1, 2]), ("gone", [1], [0]), ("moved", [2], [3, 4]), ("shaped", [2], [1, 1])],
      [("same", [2], [1, 2]), ("new", [1], [0]), ("moved", [2], [3, 4.5]), ("shaped", [1, 2], [1, 1])])
    #expect(found.added.map(\.name) == ["new"])
    #expect(found.removed.map(\.name) == ["gone"])
    #expect(found.changed.map(\.name) == ["moved", "shaped"])
    #expect(!found.isIdentical)
    let moved = try #require(found.changed.first?.difference)
    #expect(moved.maxAbs == 0.5)
    #expect(moved.changedCount == 1)
    #expect(abs(moved.relativeRMS - 0.1) < 1e-15)  // 0.5 / |(3, 4)|
    #expect(abs(moved.cosine - 27 / (5 * 29.25.squareRoot())) < 1e-15)  // 9 + 18 over the norms
  }

  static let criteria: [(a: Float, b: Float, criterion: CheckpointComparison.Criterion, isSame: Bool)] = [
    (0, -0.0, .tolerance(0), true), (0, -0.0, .bits, false), (.nan, .nan, .tolerance(0), true),
    (1, 1.25, .tolerance(0.25), true), (1, 1.25, .tolerance(0.2), false), (1, .nan, .tolerance(10), false),
    (.infinity, .infinity, .tolerance(0), true), (.infinity, 1, .tolerance(10), false),
  ]

  @Test("by value or by bits, as asked", arguments: criteria.indices)
  func criterion(index: Int) throws {
    let (a, b, criterion, isSame) = Self.criteria[index]
    #expect(try compare([("x", [1], [a])], [("x", [1], [b])], criterion).isIdentical == isSame)
  }

  @Test(
    "NaN is far from everything, wherever it stands", arguments: [[Float.nan, 0], [0, .nan], [.nan, .nan]])
  func notANumber(values: [Float]) throws {
    let found = try compare([("x", [2], values)], [("x", [2], [1, 0.5])], .tolerance(10))
    #expect(!found.isIdentical)
    #expect(found.changed.first?.difference?.maxAbs.isNaN == true)
  }

  static let wideIntegers: [(a: [Int64], b: [Int64], changed: Int)] = [
    ([1 << 53], [(1 << 53) + 1], 1), ([.max, 5], [.max - 1, 5], 1), ([.min], [.min + 1], 1), ([7], [8], 1),
    ([.max], [.max], 0), ([-(1 << 53) - 1, 0], [-(1 << 53), 0], 1), ([1 << 62], [-(1 << 62)], 1),
  ]

  @Test("integers that no double tells apart are told apart", arguments: wideIntegers.indices)
  func integers(index: Int) throws {
    let (a, b, changed) = Self.wideIntegers[index]
    let folder = try TemporaryFolder()
    for (name, values) in [("a", a), ("b", b)] {
      try SafetensorsWriter.write(
        [TensorInfo(name: "x", elementType: .int64, shape: [values.count])],
        to: folder.path("\(name).safetensors")
      ) { _, sink in
        let bytes = values.withUnsafeBytes { Array($0) }
        try sink(bytes.span.bytes)
      }
    }
    let found = try CheckpointComparison(
      Checkpoint(folder.path("a.safetensors")), Checkpoint(folder.path("b.safetensors")))
    #expect(found.pairs.first?.difference?.changedCount == changed)
    #expect(found.isIdentical == (changed == 0))
  }

  @Test("under their canonical names: prefixes, gamma and beta, constants and ties make no difference")
  func canonicalNames() throws {
    let names = [
      "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias",
    ]
    let plain = names.map { ($0, [2], [Float](arrayLiteral: 1, 2)) }
    let old = [
      "bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm.gamma",
      "bert.embeddings.LayerNorm.beta",
    ]
    .map { ("module." + $0, [2], [Float](arrayLiteral: 1, 2)) }
    let constant = [("embeddings.position_ids", [1], [Float](arrayLiteral: 0))]
    #expect(try compare(plain, old + constant).isIdentical)

    let heads =
      plain.map { ("bert." + $0.0, $0.1, $0.2) } + [("cls.predictions.bias", [1], [Float](arrayLiteral: 3))]
    let tied =
      heads + [("cls.predictions.decoder.weight", [2], [1, 2]), ("cls.predictions.decoder.bias", [1], [3])]
    #expect(try compare(heads, tied).isIdentical)
    let untied = heads + [("cls.predictions.decoder.weight", [2], [1, 5])]
    #expect(try compare(heads, untied).added.map(\.name) == ["cls.predictions.decoder.weight"])
    // The encoders meet although only one of the two has a head.
    let more = try compare(plain, heads)
    #expect(more.added.map(\.name) == ["cls.predictions.bias"])
    #expect(more.removed.isEmpty && more.changed.isEmpty)
  }

  @Test("names that are no BERT's stay as they are")
  func otherNames() throws {
    let folder = try TemporaryFolder()
    try writeFloats(
      [("bert.x", [1], [1]), ("module.y.LayerNorm.gamma", [1], [1])], to: folder.path("x.safetensors"))
    let weights = try CanonicalWeights(Checkpoint(folder.path("x.safetensors")))
    #expect(weights.tensors.map(\.name) == ["bert.x", "module.y.LayerNorm.gamma"])
  }

  @Test("two spellings of one tensor with different values are an error, with the same a copy")
  func ambiguous() throws {
    let folder = try TemporaryFolder()
    let word: (String, [Int], [Float]) = ("embeddings.word_embeddings.weight", [1], [1])
    for (value, isError) in [(Float(1), false), (2, true)] {
      try writeFloats(
        [word, ("bert.embeddings.word_embeddings.weight", [1], [value])], to: folder.path("x.safetensors"))
      let checkpoint = try Checkpoint(folder.path("x.safetensors"))
      if isError {
        #expect(throws: CanonicalNamesError.self) { try CanonicalWeights(checkpoint) }
      } else {
        #expect(try CanonicalWeights(checkpoint).tensors.count == 1)
      }
    }
  }

  @Test("settings: configuration and vocabulary")
  func settings() throws {
    let folder = try TemporaryFolder()
    let other = try folder.copy("classifier")
    var config = try JSONValue(path: other + "/config.json")
    config.set("hidden_dropout_prob", 0.5)
    config.set("transformers_version", "9")
    try folder.write(config.pythonText(), to: "classifier/config.json")
    let comparison = try CheckpointComparison(Checkpoint(Fixture.path("classifier")), Checkpoint(other))
    #expect(comparison.settings.map(\.key) == ["hidden_dropout_prob"])
    #expect(comparison.changed.isEmpty && !comparison.isIdentical)
  }
}

@Suite("fingerprints")
struct FingerprintTests {
  @Test("are the SHA-256 of name, type, shape and bytes, and of these in order")
  func definition() throws {
    let folder = try TemporaryFolder()
    try writeFloats([("b", [1, 2], [1, 2]), ("a", [], [3])], to: folder.path("x.safetensors"))
    let found = try CheckpointFingerprint(CanonicalWeights(Checkpoint(folder.path("x.safetensors"))))
    // python: sha256(b"a\0F32\0\0" + struct.pack("<f", 3)), sha256(b"b\0F32\0" + b"1,2\0" + struct.pack("<2f", 1, 2)),
    // and sha256 of both digests.
    #expect(
      found.tensors.map(\.sha256) == [
        "205fddc5c6eda9d9d8725a288d0f8bce428ca5f0fde8d59e32326f8ba5c13793",
        "9ff5e7fcffa8025b0bae3589ee281c09cb616d2ed027940b32ec4471055b4aef",
      ])
    #expect(found.root == "a04e9a85a39c6871a50cb315ee3c6415ea7121b6eb7939d9f5aa58c6affb3b66")
    #expect(try CheckpointFingerprint(found.json, file: "x") == found)
  }

  @Test("tell which tensors differ")
  func differences() throws {
    func tensor(_ name: String, _ digest: String) -> CheckpointFingerprint.Tensor {
      .init(name: name, elementType: .float32, shape: [1], sha256: digest)
    }
    func manifest(_ tensors: [CheckpointFingerprint.Tensor]) throws -> CheckpointFingerprint {
      let entries = tensors.map { tensor -> JSONValue in
        ["name": .string(tensor.name), "dtype": "F32", "shape": [1], "sha256": .string(tensor.sha256)]
      }
      return try CheckpointFingerprint(["root": "r", "tensors": .array(entries)], file: "x")
    }
    let difference = try manifest([tensor("a", "1"), tensor("b", "2")]).difference(
      to: manifest([tensor("b", "3"), tensor("c", "4")]))
    #expect(difference.added == ["c"] && difference.removed == ["a"] && difference.changed == ["b"])
    #expect(throws: FingerprintError.self) { try CheckpointFingerprint(["root": "r"], file: "x") }
  }
}
