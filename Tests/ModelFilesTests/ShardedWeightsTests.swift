import Foundation
import ModelFiles
import Testing

@Suite("sharded weights")
struct ShardedWeightsTests {
  static let index = "model.safetensors.index.json"

  /// A copy of the folder that transformers wrote.
  func copy() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in try FileSystem.list(fixture("safetensors/sharded")) {
      try folder.write(name, FileSystem.read(fixture("safetensors/sharded/\(name)")))
    }
    return folder
  }

  @Test("reads the shards of transformers")
  func reads() throws {
    let weights = try ShardedWeights(indexPath: fixture("safetensors/sharded/\(Self.index)"))
    let names = try #require(fixtureJSON("safetensors/sharded.json")["names"]?.arrayValue)
    #expect(weights.shards.count == 3)
    #expect(weights.lint.isEmpty)
    #expect(weights.tensors.count == names.count)
    for name in names.compactMap(\.stringValue) {
      let info = try #require(weights.tensor(named: name))
      #expect(try weights.bytes(of: name).count == info.elementCount * 4)
      #expect(weights.mappedBytes(of: name)?.range.count == info.elementCount * 4)
    }
    #expect(weights.tensor(named: "pooler") == nil)
    #expect(throws: ShardedWeightsError.self) { try weights.bytes(of: "pooler") }
  }

  @Test("writes the shards of transformers byte for byte, and removes older ones")
  func writes() throws {
    let expected = try fixtureJSON("safetensors/sharded.json")
    let weights = try ShardedWeights(indexPath: fixture("safetensors/sharded/\(Self.index)"))
    let names = try #require(expected["names"]?.arrayValue).compactMap(\.stringValue)
    let infos = try names.map { try #require(weights.tensor(named: $0)) }
    let folder = try TemporaryFolder()
    for name in [
      "model.safetensors", "model-00001-of-00002.safetensors", "model-final.safetensors", "pytorch_model.bin",
    ] {
      try folder.write(name, "older")
    }
    func write(overwriting: Bool) throws -> [String] {
      try ShardedWeights.write(
        infos, to: folder.path, maximumShardByteCount: #require(expected["maximumShardByteCount"]?.intValue),
        overwriting: overwriting
      ) { info, sink in try weights.withBytes(of: info.name, sink) }
    }
    #expect(throws: SafetensorsError.self) { try write(overwriting: false) }
    let written = try write(overwriting: true)
    #expect(written.last == Self.index)
    for name in written {
      #expect(try FileSystem.read(folder(name)) == FileSystem.read(fixture("safetensors/sharded/\(name)")))
    }
    #expect(
      try FileSystem.list(folder.path)
        == (written + ["model-final.safetensors", "pytorch_model.bin"]).sorted())
  }

  @Test("splits tensors as huggingface_hub does")
  func splits() throws {
    let cases = try #require(fixtureJSON("safetensors/sharded.json")["splits"]?.arrayValue)
    #expect(cases.count == 40)
    for split in cases {
      let sizes = try #require(split["sizes"]?.arrayValue).compactMap(\.intValue)
      let infos = sizes.enumerated().map { TensorInfo(name: "\($0)", elementType: .uint8, shape: [$1]) }
      let plan = try ShardPlan(infos, maximumShardByteCount: #require(split["limit"]?.intValue))
      #expect(
        JSONValue.array(plan.shards.map { .array($0.tensors.map { .number($0.name) }) }) == split["shards"])
      #expect(JSONValue.strings(plan.shards.map(\.name)) == split["files"])
    }
  }

  @Test("one shard has no index, and failing midway changes nothing")
  func writesOne() throws {
    let folder = try copy()
    let before = try FileSystem.list(folder.path)
    let infos = ["a", "b"].map { TensorInfo(name: $0, elementType: .uint8, shape: [2]) }
    struct Failure: Error {}
    #expect(throws: Failure.self) {
      try ShardedWeights.write(infos, to: folder.path, maximumShardByteCount: 2, overwriting: true) {
        info, sink in
        if info.name == "b" { throw Failure() }
        try sink(([1, 2] as [UInt8]).span.bytes)
      }
    }
    #expect(try FileSystem.list(folder.path) == before)
    let written = try ShardedWeights.write(infos, to: folder.path, overwriting: true) { _, sink in
      try sink(([1, 2] as [UInt8]).span.bytes)
    }
    #expect(written == ["model.safetensors"])
    #expect(try FileSystem.list(folder.path) == ["config.json", "model.safetensors"])
  }

  static let unsafe = [
    "../x.safetensors", "../\u{338}x.safetensors", "/etc/x.safetensors", "C:x.safetensors",
    #"..\x.safetensors"#,
    #"\\server\x.safetensors"#,
    "a/../../x.safetensors", "", ".", "x.bin", "x.safetensors/", "a//x.safetensors", "x.safetensors\0",
    "x.SAFETENSORS",
  ]

  @Test("rejects shards outside the folder or of another kind", arguments: unsafe)
  func rejectsUnsafe(shard: String) throws {
    let folder = try TemporaryFolder()
    let index: JSONValue = ["weight_map": ["a": .string(shard)]]
    let path = try folder.write(Self.index, index.pythonText())
    #expect(throws: ShardedWeightsError.unsafeShardPath(path: path, shard: shard)) {
      try ShardedWeights(indexPath: path)
    }
  }

  @Test("rejects an index that its shards contradict")
  func rejectsContradictions() throws {
    let folder = try copy()
    let path = folder(Self.index)
    let sound = try JSONValue(path: path)
    func expect(_ error: ShardedWeightsError, _ change: (inout JSONValue) -> Void) throws {
      var index = sound
      change(&index)
      try folder.write(Self.index, index.pythonText())
      #expect(throws: error) { try ShardedWeights(indexPath: path) }
      #expect(error.description.hasPrefix(path))
    }
    func set(_ key: String, _ name: String, _ value: JSONValue) -> (inout JSONValue) -> Void {
      { index in
        var inner = index[key] ?? [:]
        inner.set(name, value)
        index.set(key, inner)
      }
    }
    let (first, second) = ("model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors")
    let name = "embeddings.LayerNorm.bias"
    try expect(
      .missingTensor(path: path, tensor: "extra", shard: first), set("weight_map", "extra", .string(first)))
    try expect(.missingShard(path: path, shard: "x.safetensors"), set("weight_map", "extra", "x.safetensors"))
    try expect(
      .wrongShard(path: path, tensor: name, expected: second, found: first),
      set("weight_map", name, .string(second)))
    try expect(
      .wrongTotalSize(path: path, expected: 21696, found: "21697"), set("metadata", "total_size", 21697))
    try expect(
      .wrongTotalSize(path: path, expected: 21696, found: #""big""#), set("metadata", "total_size", "big"))
    try expect(
      .invalidIndex(path: path, reason: "the shard of '\(name)' is the number 1"), set("weight_map", name, 1))
    try expect(.invalidIndex(path: path, reason: "'weight_map' is missing")) { $0 = [:] }

    try folder.write(second, FileSystem.read(folder(first)))
    try folder.write(Self.index, sound.pythonText())
    let error = #expect(throws: ShardedWeightsError.self) { try ShardedWeights(indexPath: path) }
    guard case .tensorInTwoShards(_, _, first, second)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("tensors that the index forgot are there, and reported")
  func findsUnlisted() throws {
    let folder = try copy()
    var index = try JSONValue(path: folder(Self.index))
    var map = try #require(index["weight_map"])
    map.remove("embeddings.LayerNorm.bias")
    index.set("weight_map", map)
    try folder.write(Self.index, index.pythonText())
    let weights = try ShardedWeights(indexPath: folder(Self.index))
    #expect(weights.tensor(named: "embeddings.LayerNorm.bias")?.shape == [16])
    #expect(
      weights.lint == [
        .unlistedTensor("embeddings.LayerNorm.bias", shard: "model-00001-of-00003.safetensors")
      ])
  }
}
