import Fingerprints
import ForeignFormats
import Foundation
import Pretrained
import Testing

private func fingerprint(_ path: String) throws -> CheckpointFingerprint {
  try CheckpointFingerprint(CanonicalWeights(Checkpoint(path)))
}

@discardableResult
private func convert(
  _ source: String, to target: Conversion.Target = .safetensors, at path: String, overwriting: Bool = false,
  _ change: (inout ConversionOptions) throws -> Void = { _ in }
) throws -> ConversionReport {
  var options = ConversionOptions()
  try change(&options)
  return try Conversion(Checkpoint(source), to: target, at: path, options: options)
    .run(overwriting: overwriting)
}

@Suite("a conversion into what is there already")
struct ConversionPlaceTests {
  @Test("replaces shards by one file, and back, with the folders beside them")
  func overFolders() throws {
    let folder = try TemporaryFolder()
    let (model, out) = (Fixture.path("embedder"), folder.path("out"))
    let expected = try fingerprint(model)
    for limit in [2000, nil, nil, 2000] {
      try convert(model, at: out, overwriting: true) { $0.maximumShardByteCount = limit }
      #expect(try fingerprint(out) == expected)
      #expect(try folder.names("out").contains("model.safetensors") == (limit == nil))
      #expect(try folder.names("out").contains("model.safetensors.index.json") == (limit != nil))
      #expect(try folder.names("out").filter { $0.hasPrefix(".") } == [])
    }
    #expect(try folder.names("out/1_Pooling") == ["config.json"])
  }

  @Test("loses nothing when a folder is in the way")
  func inTheWay() throws {
    let folder = try TemporaryFolder()
    let (model, out) = (Fixture.path("classifier"), folder.path("out"))
    try convert(model, at: out) { $0.maximumShardByteCount = 2000 }
    try FileManager.default.removeItem(atPath: out + "/tokenizer.json")
    try folder.write("mine", to: "out/tokenizer.json/notes.txt")
    let before = try folder.names("out")
    #expect(throws: ConversionError.folderInTheWay(path: out + "/tokenizer.json")) {
      try convert(model, at: out, overwriting: true) { $0.elementType = .float16 }
    }
    #expect(try folder.names("out") == before)
    #expect(try fingerprint(out + "/model.safetensors.index.json") == fingerprint(model))
  }

  @Test("goes through a link to a folder, and not over a link to nothing")
  func links() throws {
    let folder = try TemporaryFolder()
    let model = Fixture.path("classifier")
    for (name, overwriting) in [("empty", false), ("full", true)] {
      try folder.write("mine", to: "\(name)/notes.txt")
      if !overwriting { try FileManager.default.removeItem(atPath: folder.path(name) + "/notes.txt") }
      let link = folder.path(name + "-link")
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.path(name))
      try convert(model, at: link, overwriting: overwriting)
      #expect(try fingerprint(folder.path(name)) == fingerprint(model))
    }
    let dangling = folder.path("dangling")
    try FileManager.default.createSymbolicLink(atPath: dangling, withDestinationPath: folder.path("nowhere"))
    #expect(throws: ConversionError.destinationExists(path: dangling)) { try convert(model, at: dangling) }
  }

  @Test("spares what has appeared meanwhile")
  func appeared() throws {
    let folder = try TemporaryFolder()
    let conversion = try Conversion(
      Checkpoint(Fixture.path("classifier")), to: .npz, at: folder.path("x.npz"))
    #expect(throws: ConversionError.destinationExists(path: folder.path("x.npz"))) {
      try conversion.run { _, _ in try folder.write("mine", to: "x.npz") }
    }
    #expect(try folder.names() == ["x.npz"])
    #expect(try String(contentsOfFile: folder.path("x.npz"), encoding: .utf8) == "mine")
  }

  @Test("never replaces what it reads: a bundle of TensorFlow, or a folder of links as in the hub's cache")
  func ontoItself() throws {
    let folder = try TemporaryFolder()
    let bundle = folder.path("bert_model.ckpt")
    try convert(Fixture.path("classifier"), to: .tf1, at: bundle)
    #expect(throws: ConversionError.ontoItself(path: bundle + ".index")) {
      try convert(bundle, to: .tf1, at: bundle, overwriting: true) { $0.elementType = .float16 }
    }
    let blobs = try folder.copy("classifier", as: "blobs")
    let snapshot = folder.path("snapshot")
    try FileManager.default.createDirectory(atPath: snapshot, withIntermediateDirectories: true)
    for name in try folder.names("blobs") {
      try FileManager.default.createSymbolicLink(
        atPath: snapshot + "/" + name, withDestinationPath: blobs + "/" + name)
    }
    #expect(throws: ConversionError.ontoItself(path: snapshot)) {
      try convert(snapshot, at: snapshot, overwriting: true) { $0.elementType = .float16 }
    }
  }
}

@Suite("names that share bytes, on their way")
struct ConversionTieTests {
  /// A file of these tensors, each of two bytes, and of names that only share the bytes of one.
  private func write(_ names: [String], sharing: [(key: String, value: String)], to path: String) throws {
    let infos = names.map { TensorInfo(name: $0, elementType: .uint8, shape: [2]) }
    try SafetensorsWriter.write(infos, metadata: sharing, to: path) { info, sink in
      let byte = UInt8(names.firstIndex(of: info.name) ?? 0)
      try sink([byte, byte].span.bytes)
    }
  }

  @Test("a name that is said to share the bytes of its other spelling is written")
  func spellings() throws {
    let folder = try TemporaryFolder()
    let (weight, gamma) = ("bert.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.gamma")
    let path = folder.path("x.safetensors")
    try write([weight, "bert.embeddings.word_embeddings.weight"], sharing: [(gamma, weight)], to: path)
    for target in [Conversion.Target.safetensors, .pytorch, .npz] {
      let out = folder.path("x-\(target.rawValue)")
      try convert(path, to: target, at: out)
      #expect(try CanonicalWeights(Checkpoint(out)).tensors.count == 2, "\(target)")
      #expect(try fingerprint(out) == fingerprint(path))
    }
  }

  @Test("groups that meet in a name are one")
  func groups() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("x.safetensors")
    try write(["a", "z"], sharing: [("b", "a"), ("c", "a")], to: path)
    let expected = try fingerprint(path)
    #expect(expected.tensors.map(\.name) == ["a", "b", "c", "z"])
    try convert(path, to: .pytorch, at: folder.path("x.bin"))
    try convert(folder.path("x.bin"), at: folder.path("y.safetensors"))
    #expect(try fingerprint(folder.path("y.safetensors")) == expected)
    #expect(try SafetensorsFile(path: folder.path("y.safetensors")).tensors.count == 2)
    // Without the one that the file has, the first of the others takes its place.
    try convert(path, at: folder.path("z.safetensors")) { $0.excluding = ["a"] }
    let left = try SafetensorsFile(path: folder.path("z.safetensors"))
    #expect(left.tensors.map(\.name).sorted() == ["b", "z"])
    #expect(left.metadata.contains { $0.key == "c" && $0.value == "b" })
  }

  @Test("a tensor does not become one that it is not by taking its name")
  func renamed() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("x.safetensors")
    let (words, decoder) = ("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight")
    try write([words, "cls.predictions.bias", "other"], sharing: [(decoder, words)], to: path)
    #expect(try ConversionPlan(path).ties.map(\.name) == [decoder])
    #expect(throws: ConversionError.collision(name: decoder, first: "other", second: decoder)) {
      try convert(path, at: folder.path("y.safetensors")) { try $0.renaming.add("other=\(decoder)") }
    }
  }

  @Test("a tied name that the patterns leave out is not written")
  func patterns() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("x.safetensors")
    let (words, decoder) = ("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight")
    try write([words, "cls.predictions.bias"], sharing: [(decoder, words)], to: path)
    try convert(path, to: .pytorch, at: folder.path("all.bin"))
    #expect(try PyTorchFile(path: folder.path("all.bin")).tensor(named: decoder) != nil)
    try convert(path, to: .pytorch, at: folder.path("x.bin")) { $0.excluding = ["*.decoder.*"] }
    #expect(try PyTorchFile(path: folder.path("x.bin")).tensor(named: decoder) == nil)
    try convert(path, to: .pytorch, at: folder.path("y.bin")) { $0.only = ["bert.*"] }
    #expect(try PyTorchFile(path: folder.path("y.bin")).tensors.map(\.name) == [words])
  }

  @Test("names kept as they are keep what safetensors says of them")
  func keptNames() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("x.safetensors")
    try write(["wte.weight"], sharing: [("lm_head.weight", "wte.weight")], to: path)
    try convert(path, at: folder.path("y.safetensors")) { $0.keepsNames = true }
    let metadata = try SafetensorsFile(path: folder.path("y.safetensors")).metadata
    #expect(metadata.contains { $0.key == "lm_head.weight" && $0.value == "wte.weight" })
  }
}

extension ConversionPlan {
  /// That of a checkpoint which is converted without options.
  fileprivate init(_ path: String) throws {
    self = try Conversion(Checkpoint(path), to: .npz, at: path + ".npz").plan
  }
}

@Suite("a conversion to GGUF of what has no size")
struct ConversionSizeTests {
  @Test(
    "is refused, however many rows of nothing there are",
    arguments: ["classifier.weight", "embeddings.word_embeddings.weight"])
  func rowsOfNothing(name: String) throws {
    let folder = try TemporaryFolder()
    try folder.write(
      String(decoding: Fixture.bytes("classifier/config.json"), as: UTF8.self), to: "x/config.json")
    let names = ["classifier.weight", "embeddings.word_embeddings.weight"]
    let infos = names.map {
      TensorInfo(name: $0, elementType: .float32, shape: $0 == name ? [1 << 40, 0] : [1, 1])
    }
    try SafetensorsWriter.write(infos, to: folder.path("x/model.safetensors")) { info, sink in
      if info.byteCount > 0 { try sink([UInt8](repeating: 0, count: 4).span.bytes) }
    }
    #expect(throws: GGUFModelError.self) {
      try convert(folder.path("x"), to: .gguf, at: folder.path("x.gguf"))
    }
  }
}
