import ForeignFormats
import Foundation
import ModelFiles
import Testing

@Suite("files of torch.save")
struct PyTorchFileTests {
  private static func path(_ name: String) -> String { fixture("pytorch/" + name) }

  // MARK: What torch wrote

  static let files = [
    "new.bin", "dtypes.bin", "module.bin", "old.bin", "deflated.bin", "big.bin", "legacy.bin",
    "legacy_dtypes.bin",
    "legacy_views.bin", "python2.bin", "wrapped.bin", "optimizer.pt", "lone.pt", "training.bin", "tar.bin",
  ]

  @Test("every tensor is what torch reads, in every container and by every way of reading", arguments: files)
  func tensors(name: String) throws {
    let expected = try SafetensorsFile(path: Self.path("expected.safetensors"))
    let json = try JSONValue(path: Self.path("expected.json"))
    for access in [FileAccess.mapped, .copied, .pread] {
      let file = try PyTorchFile(path: Self.path(name), access: access)
      #expect(file.tensors.map(\.name) == json[name]?["names"]?.arrayValue?.compactMap(\.stringValue))
      for info in file.tensors {
        let reference = try #require(expected.tensor(named: "\(name):\(info.name)"))
        #expect(info.elementType == reference.elementType && info.shape == reference.shape, "\(info)")
        #expect(try file.bytes(of: info.name) == expected.bytes(of: reference.name), "\(name): \(info.name)")
      }
      let ties = json[name]?["ties"]?.arrayValue?.map { $0.arrayValue?.compactMap(\.stringValue) ?? [] }
      #expect(file.ties == ties)
      #expect(file.leftOut.isEmpty == !["training.bin", "wrapped.bin"].contains(name))
    }
  }

  @Test("containers, wrappers, values and findings are told")
  func facts() throws {
    #expect(try PyTorchFile(path: Self.path("new.bin")).container == .zip)
    #expect(try PyTorchFile(path: Self.path("legacy.bin")).container == .legacyStream)
    #expect(try PyTorchFile(path: Self.path("tar.bin")).container == .tar)
    #expect(try PyTorchFile(path: Self.path("new.bin")).findings == [])
    #expect(try PyTorchFile(path: Self.path("big.bin")).findings == [.bigEndian])
    guard case .deflatedEntries? = try PyTorchFile(path: Self.path("deflated.bin")).findings.first else {
      Issue.record("no finding")
      return
    }
    let wrapped = try PyTorchFile(path: Self.path("wrapped.bin"))
    #expect(wrapped.wrapper == "state_dict")
    #expect(wrapped.leftOut.map(\.name) == ["best"])
    #expect(
      wrapped.values.map { "\($0.name) = \($0.text)" }
        == ["epoch = 3", "args.lr = 0.1", "args.name = 'run'", "args.layers = [1, 2, 3]", "args.flag = None"])
    #expect(wrapped.globals.contains("torch._utils._rebuild_tensor_v2"))
    let training = try PyTorchFile(path: Self.path("training.bin"))
    #expect(training.wrapper == "model")
    #expect(training.leftOut.map(\.name).contains("optimizer.state.0.exp_avg"))
    #expect(try PyTorchFile(path: Self.path("optimizer.pt")).wrapper == "")
  }

  @Test("one dictionary within another that holds all tensors is what the names begin in")
  func wrappers() throws {
    let folder = try TemporaryFolder()
    let tensor = PickleBytes.tensor()
    func names(_ body: [UInt8]) throws -> (String, [String]) {
      let file = try PyTorchFile(path: folder.archive(PickleBytes.whole(body)))
      return (file.wrapper, file.tensors.map(\.name))
    }
    let inner = PickleBytes.dictionary([("a.w", tensor)])
    #expect(try names(inner) == ("", ["a.w"]))
    #expect(
      try names(PickleBytes.dictionary([("any", PickleBytes.dictionary([("way", inner)]))])) == (
        "any.way", ["a.w"]
      ))
    #expect(try names(PickleBytes.dictionary([("x", inner), ("y", inner)])) == ("", ["x.a.w", "y.a.w"]))
    #expect(try names(PickleBytes.dictionary([("x", inner), ("model", inner)])) == ("model", ["a.w"]))
    #expect(
      try names(PickleBytes.dictionary([("w", tensor), ("model", inner)])) == ("", ["w", "model.a.w"]))
    #expect(try names(PickleBytes.tuple([tensor, inner])) == ("", ["0", "1.a.w"]))
    #expect(try names(tensor) == ("", ["tensor"]))
    #expect(try names([0x7D]) == ("", []))
  }

  @Test("tensors that are no plain elements are named, with the reason")
  func leftOut() throws {
    let file = try PyTorchFile(path: Self.path("odd.bin"))
    #expect(file.tensors.map(\.name) == ["plain", "list.0", "list.1.deep"])
    let reasons = Dictionary(uniqueKeysWithValues: file.leftOut.map { ($0.name, $0.reason) })
    #expect(
      reasons == [
        "complex128": "elements of type complex128", "sparse": "a sparse tensor",
        "quantised": "a quantised tensor",
        "meta": "a tensor of the device 'meta', which has no data",
        "conjugated": "a tensor that torch conjugates or negates when it reads it",
        "('a', 1)": "its key is a tuple, which is no name",
      ])
  }

  // MARK: Shards

  @Test("shards are one source, and an index that does not fit them is an error")
  func shards() throws {
    let index = Self.path("sharded/pytorch_model.bin.index.json")
    let weights = try PyTorchShards(indexPath: index)
    #expect(weights.tensors.map(\.name) == ["a.w", "a.b", "b.w"])
    #expect(weights.findings.isEmpty && weights.shards.count == 2)
    #expect(try weights.bytes(of: "a.b") == [0, 0, 0x80, 0x3F])
    #expect(weights.shardPath(of: "b.w") == Self.path("sharded/b.bin"))

    let folder = try TemporaryFolder()
    for name in ["a.bin", "b.bin"] { try folder.write(name, FileSystem.read(Self.path("sharded/" + name))) }
    try folder.write("c.bin", FileSystem.read(Self.path("sharded/a.bin")))
    func open(_ map: String, total: Int = 36) throws -> PyTorchShards {
      let text = #"{"metadata": {"total_size": \#(total)}, "weight_map": {\#(map)}}"#
      return try PyTorchShards(indexPath: folder.write("i.json", Array(text.utf8)))
    }
    let path = folder("i.json")
    let sound = #""a.w": "a.bin", "a.b": "a.bin", "b.w": "b.bin""#
    #expect(try open(sound, total: 5).findings == [.wrongTotalSize(expected: 36, found: "5")])
    #expect(try open(#""a.w": "a.bin""#, total: 20).findings == [.unlistedTensor("a.b", shard: "a.bin")])
    for shard in ["../a.bin", "/a.bin", "C:a.bin", "a.safetensors", "a"] {
      #expect(throws: ShardedWeightsError.unsafeShardPath(path: path, shard: shard)) {
        try open("\"a.w\": \"\(shard)\"")
      }
    }
    #expect(throws: ShardedWeightsError.missingShard(path: path, shard: "d.bin")) {
      try open(#""a.w": "d.bin""#)
    }
    #expect(throws: ShardedWeightsError.missingTensor(path: path, tensor: "z", shard: "a.bin")) {
      try open(sound + #", "z": "a.bin""#)
    }
    #expect(
      throws: ShardedWeightsError.wrongShard(path: path, tensor: "b.w", expected: "a.bin", found: "b.bin")
    ) {
      try open(#""a.w": "a.bin", "a.b": "a.bin", "b.w": "a.bin", "q": "b.bin""#)
    }
    #expect(
      throws: ShardedWeightsError.tensorInTwoShards(
        path: path, tensor: "a.w", first: "a.bin", second: "c.bin")
    ) {
      try open(#""a.w": "a.bin", "a.b": "a.bin", "q": "c.bin""#)
    }
  }

  @Test("messages say what was expected, what was found and what to do")
  func messages() {
    #expect(
      PyTorchError(
        path: "m.bin", .pickle(record: "data.pkl", PickleError(at: 7, .forbiddenGlobal("os.system")))
      ).description
        == "m.bin: data.pkl, at byte 7: 'os.system' is not a name that weights need, and nothing is ever called to find "
        + "out; list the file's globals and do not load it unless you trust who made it")
    #expect(
      PyTorchError(path: "m.bin", .storageSizeMismatch(key: "3", expected: 8, found: 4)).description
        == "m.bin: the storage '3' should take 8 bytes and takes 4; fetch the file again")
  }
}
