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

  // MARK: Hostile files

  typealias Fault = PyTorchError.Fault

  static let badTensors: [(name: String, tensor: [UInt8], fault: Fault)] = [
    (
      "a view beyond the storage", PickleBytes.tensor(offset: 1),
      .tensorOutOfBounds(name: "w", offset: 1, shape: [2, 3], strides: [3, 1], available: 6)
    ),
    (
      "a negative offset", PickleBytes.tensor(offset: -1),
      .tensorOutOfBounds(name: "w", offset: -1, shape: [2, 3], strides: [3, 1], available: 6)
    ),
    (
      "a negative stride", PickleBytes.tensor(strides: [3, -1]),
      .tensorOutOfBounds(name: "w", offset: 0, shape: [2, 3], strides: [3, -1], available: 6)
    ),
    (
      "a negative dimension", PickleBytes.tensor(shape: [-2, 3]),
      .tensorOutOfBounds(name: "w", offset: 0, shape: [-2, 3], strides: [3, 1], available: 6)
    ),
    (
      "a stride without measure", PickleBytes.tensor(strides: [.max, 1]),
      .tensorOutOfBounds(name: "w", offset: 0, shape: [2, 3], strides: [.max, 1], available: 6)
    ),
    (
      "more strides than dimensions", PickleBytes.tensor(shape: [6]),
      .rankMismatch(name: "w", shape: [6], strides: [3, 1])
    ),
    (
      "a trillion elements out of six", PickleBytes.tensor(shape: [1_000_000, 1_000_000], strides: [0, 0]),
      .tensorTooLarge(name: "w", shape: [1_000_000, 1_000_000], limit: 1 << 20)
    ),
    (
      "more elements than can be counted", PickleBytes.tensor(shape: [.max, .max], strides: [0, 0]),
      .tensorTooLarge(name: "w", shape: [.max, .max], limit: 1 << 20)
    ),
    (
      "the same beside a zero", PickleBytes.tensor(shape: [0, .max, .max], strides: [0, 0, 0]),
      .tensorTooLarge(name: "w", shape: [0, .max, .max], limit: 1 << 20)
    ),
    (
      "a record shorter than the storage", PickleBytes.tensor(PickleBytes.storage(count: 7)),
      .storageSizeMismatch(key: "0", expected: 28, found: 24)
    ),
    (
      "a record longer than the storage", PickleBytes.tensor(PickleBytes.storage(count: 5)),
      .storageSizeMismatch(key: "0", expected: 20, found: 24)
    ),
    (
      "a storage that is not there", PickleBytes.tensor(PickleBytes.storage(key: "9")),
      .missingStorage(key: "9")
    ),
    (
      "a key that leads elsewhere", PickleBytes.tensor(PickleBytes.storage(key: "../version")),
      .invalidPersistentID(found: "the key '../version'")
    ),
    (
      "the key ..", PickleBytes.tensor(PickleBytes.storage(key: "..")),
      .invalidPersistentID(found: "the key '..'")
    ),
    (
      "something else than a storage", PickleBytes.tensor(PickleBytes.storage(kind: "module")),
      .invalidPersistentID(found: "a tuple that begins with 'module'")
    ),
    (
      "text as identifier", PickleBytes.tensor(PickleBytes.text("0") + [0x51]),
      .invalidPersistentID(found: "something that is no tuple")
    ),
    (
      "a tuple of one", PickleBytes.tensor(PickleBytes.tuple([PickleBytes.text("storage")]) + [0x51]),
      .invalidPersistentID(found: "a tuple of 1")
    ),
    (
      "a class that is no storage", PickleBytes.tensor(PickleBytes.storage("float32")),
      .invalidPersistentID(found: "the class torch.float32")
    ),
    (
      "a negative count", PickleBytes.tensor(PickleBytes.storage(count: -1)),
      .invalidPersistentID(found: "the count -1")
    ),
    (
      "a count whose bytes cannot be counted", PickleBytes.tensor(PickleBytes.storage(count: .max)),
      .invalidPersistentID(found: "the count \(Int.max)")
    ),
    (
      "a storage that is None", PickleBytes.tensor([0x4E]),
      .invalidTensor(name: "w", reason: "its storage is None")
    ),
    (
      "one storage at two sizes",
      PickleBytes.tuple([PickleBytes.tensor(), PickleBytes.tensor(PickleBytes.storage(count: 5))]),
      .storageSizeMismatch(key: "0", expected: 24, found: 20)
    ),
  ]

  @Test(
    "tensors that reach beyond their storage, and storages that are not what they say",
    arguments: badTensors.indices)
  func tensorFaults(index: Int) throws {
    let (name, tensor, fault) = Self.badTensors[index]
    let folder = try TemporaryFolder()
    let path = try folder.archive(PickleBytes.checkpoint(tensor))
    #expect(throws: PyTorchError(path: path, fault), "\(name)") { try PyTorchFile(path: path) }
  }

  @Test("a small expansion, and one of many elements of a large storage, are sound")
  func expansion() throws {
    let folder = try TemporaryFolder()
    let path = try folder.archive(
      PickleBytes.checkpoint(PickleBytes.tensor(shape: [1024, 1024], strides: [0, 0])))
    #expect(try PyTorchFile(path: path).withElements(of: "w", in: 5..<7) { $0.byteCount } == 8)
  }

  @Test("a key that is there twice, on its own or joined, is refused")
  func duplicates() throws {
    let folder = try TemporaryFolder()
    let tensor = PickleBytes.tensor()
    let twice = try folder.archive(PickleBytes.whole(PickleBytes.dictionary([("w", tensor), ("w", tensor)])))
    #expect(throws: PyTorchError(path: twice, .duplicateKey("w"))) { try PyTorchFile(path: twice) }
    let hidden = try folder.archive(
      PickleBytes.whole(PickleBytes.dictionary([("w", tensor), ("w", [0x4E])])))
    #expect(throws: PyTorchError(path: hidden, .duplicateKey("w"))) { try PyTorchFile(path: hidden) }
    let joined = try folder.archive(
      PickleBytes.whole(
        PickleBytes.dictionary([("a.w", tensor), ("a", PickleBytes.dictionary([("w", tensor)]))])))
    #expect(throws: PyTorchError(path: joined, .duplicateKey("a.w"))) { try PyTorchFile(path: joined) }
  }

  @Test("one storage under two types is told, and read as each tensor says")
  func reinterpreted() throws {
    let folder = try TemporaryFolder()
    let path = try folder.archive(
      PickleBytes.whole(
        PickleBytes.dictionary([
          ("a", PickleBytes.tensor()), ("b", PickleBytes.tensor(PickleBytes.storage("IntStorage"))),
        ])))
    let file = try PyTorchFile(path: path)
    #expect(
      file.findings == [
        .storageReinterpreted(key: "0", first: "torch.FloatStorage", second: "torch.IntStorage")
      ]
        || file.findings == [
          .storageReinterpreted(key: "0", first: "torch.IntStorage", second: "torch.FloatStorage")
        ])
    #expect(file.tensors.map(\.elementType) == [.float32, .int32])
    #expect(file.ties.isEmpty)
  }

  static let badArchives:
    [(name: String, folder: String, records: [(name: String, bytes: [UInt8])], fault: Fault)] = [
      ("no version", "x/", [], .missingRecord("version")),
      ("version 99", "x/", [("x/version", Array("99\n".utf8))], .unsupportedVersion("99")),
      ("a version in words", "x/", [("x/version", Array("three".utf8))], .unsupportedVersion("three")),
      (
        "another byte order", "x/", [("x/version", [0x33]), ("x/byteorder", Array("middle".utf8))],
        .unknownByteOrder("middle")
      ),
      ("two folders", "x/", [("x/version", [0x33]), ("y/z", [])], .wrongFolder(entry: "y/z")),
      ("no folder", "", [("version", [0x33])], .wrongFolder(entry: "data.pkl")),
      ("a nested folder", "x/y/", [("x/version", [0x33])], .missingRecord("data.pkl")),
      ("a program", "x/", [("x/version", [0x33]), ("x/constants.pkl", [])], .torchScript),
      ("a program's code", "x/", [("x/version", [0x33]), ("x/code/a.py", [])], .torchScript),
    ]

  @Test("archives that torch would not have laid out so", arguments: badArchives.indices)
  func archiveFaults(index: Int) throws {
    let (name, inner, records, fault) = Self.badArchives[index]
    let folder = try TemporaryFolder()
    let path = try folder.archive(
      PickleBytes.checkpoint(PickleBytes.tensor()), records: records, folder: inner)
    #expect(throws: PyTorchError(path: path, fault), "\(name)") { try PyTorchFile(path: path) }
  }

  @Test("a damaged tensor is an error when it is read, a damaged pickle when the file is opened")
  func checksums() throws {
    let folder = try TemporaryFolder()
    var bytes = try FileSystem.read(Self.path("new.bin"))
    let original = bytes
    let zip = try ZipArchive(MappedFile(path: Self.path("new.bin")))
    let data = try #require(zip["new/data/0"]?.dataRange)
    bytes[data.lowerBound] ^= 1
    let damaged = try PyTorchFile(path: folder.write("tensor.bin", bytes))
    #expect(throws: ZipError.self) { try damaged.bytes(of: "w") }
    #expect(try damaged.bytes(of: "scalar").count == 8)
    bytes = original
    let pickle = try #require(zip["new/data.pkl"]?.dataRange)
    bytes[pickle.upperBound - 2] ^= 1
    let path = try folder.write("pickle.bin", bytes)
    #expect(throws: ZipError.self) { try PyTorchFile(path: path) }
    // The local header's name, and the flag that says encrypted, in the directory.
    for (pattern, offset, name) in [("new/data/0", 0, "local"), ("new/data/1", 4, "again")] {
      bytes = original
      let place = try #require(bytes.firstRange(of: Array(pattern.utf8)))
      bytes[place.lowerBound + offset] ^= 1
      let path = try folder.write(name, bytes)
      #expect(throws: ZipError.self) { try PyTorchFile(path: path) }
    }
    bytes = original
    let central = try #require(bytes.firstRange(of: [0x50, 0x4B, 1, 2]))
    bytes[central.lowerBound + 8] |= 1
    let encrypted = try folder.write("encrypted", bytes)
    #expect(throws: ZipError.self) { try PyTorchFile(path: encrypted) }
  }

  @Test(
    "other files are told apart",
    arguments: [
      ("<!DOCTYPE html>", "an HTML or XML page"),
      ("version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, not the file it points to"),
      ("7z\u{BC}\u{AF}\u{27}\u{1C}", "a 7z archive"), ("GGUF\u{3}", "a GGUF file"), ("", "an empty file"),
      ("\u{8}\0\0\0\0\0\0\0{}      ", "a safetensors file"),
      ("\u{80}\u{2}N.", "a pickle that torch.save did not write"),
      // The magic number, computed by a call.
      ("\u{80}\u{2}cbuiltins\neval\nX\u{2}\0\0\0" + "42\u{85}R.", "a pickle that torch.save did not write"),
      ("{}", "JSON"), ("hello", "something unknown"),
    ])
  func kinds(text: String, found: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.bin", text.unicodeScalars.map { UInt8($0.value) })
    #expect(throws: PyTorchError(path: path, .notPyTorch(found: found))) { try PyTorchFile(path: path) }
  }

  @Test("streams are refused with the part that is wrong")
  func streams() throws {
    let folder = try TemporaryFolder()
    let original = try FileSystem.read(Self.path("legacy_views.bin"))
    func fault(_ edit: (inout [UInt8]) -> Void) throws -> Fault? {
      var bytes = original
      edit(&bytes)
      let path = try folder.write("x.bin", bytes)
      do {
        _ = try PyTorchFile(path: path)
        return nil
      } catch let error as PyTorchError { return error.fault }
    }
    #expect(try fault { _ in } == nil)
    #expect(try fault { $0[18] ^= 1 } == .malformedStream(part: "protocol", found: "1000"))
    #expect(try fault { $0.removeLast() } == .endsWithin("storage '94316303543648'"))
    #expect(try fault { $0.removeLast(45) } == .endsWithin("storage '94316303543648'"))
    #expect(
      try fault { $0[$0.count - 48] = 9 }
        == .storageSizeMismatch(key: "94316303543648", expected: 40, found: 36))
    let view = try #require(original.firstRange(of: [0x4B, 2, 0x4B, 6]))
    #expect(
      try fault { $0[view.lowerBound + 3] = 9 }
        == .viewOutOfBounds(key: "94316303543648", view: "94316303543700"))
    let framed: [UInt8] = [0x80, 4, 0x95, 13, 0, 0, 0, 0, 0, 0, 0] + original.dropFirst(2)
    let path = try folder.write("framed.bin", framed)
    #expect(
      throws: PyTorchError(
        path: path, .pickle(record: "magic number at byte 0", PickleError(at: 2, .unsupportedOpcode("FRAME")))
      )
    ) { try PyTorchFile(path: path) }
    let longer = try folder.write("longer.bin", original + [1, 2, 3])
    #expect(try PyTorchFile(path: longer).findings == [.bytesAfterEnd(count: 3)])
  }

  @Test("a tar file cut off or with a damaged header is refused")
  func tar() throws {
    let folder = try TemporaryFolder()
    let original = try FileSystem.read(Self.path("tar.bin"))
    var bytes = original
    bytes[3] ^= 1
    let damaged = try folder.write("damaged.bin", bytes)
    #expect(throws: PyTorchError(path: damaged, .malformedTar(offset: 0))) { try PyTorchFile(path: damaged) }
    for count in [600, 1024, 2000, 4000] {
      let short = try folder.write("short.bin", Array(original.prefix(count)))
      #expect(throws: PyTorchError.self) { try PyTorchFile(path: short) }
    }
  }

  @Test(
    "mutations of real files are errors or readable, never traps",
    arguments: [
      "new.bin", "deflated.bin", "legacy.bin", "legacy_views.bin", "tar.bin", "odd.bin", "python2.bin",
    ])
  func mutations(name: String) throws {
    let folder = try TemporaryFolder()
    let original = try FileSystem.read(Self.path(name))
    var generator = SplitMix(state: UInt64(name.utf8.count) * 977 + UInt64(name.utf8.first ?? 0))
    for _ in 0..<500 {
      var bytes = original
      for _ in 0...generator.next(3) {
        let place = generator.next(bytes.count)
        switch generator.next(4) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes[place] ^= 1 << generator.next(8)
        case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF, 0x28, 0x2E, 0x52, 0x75][generator.next(9)]
        default: bytes.swapAt(place, generator.next(bytes.count))
        }
      }
      if generator.next(8) == 0 { bytes.removeLast(generator.next(bytes.count)) }
      // Not by way of a temporary file: making each durable would take most of the time.
      try Data(bytes).write(to: URL(filePath: folder("x.bin")))
      try touch(folder("x.bin"))
    }
  }

  @Test(
    "mutations of a pickle within a sound archive are errors or readable, never traps",
    arguments: [
      "new.bin", "odd.bin", "wrapped.bin",
    ])
  func pickleMutations(name: String) throws {
    let folder = try TemporaryFolder()
    let zip = try ZipArchive(MappedFile(path: Self.path(name)))
    let stem = String(name.dropLast(4))
    var storages: [String: [UInt8]] = [:]
    for entry in zip.entries where entry.name.hasPrefix("\(stem)/data/") {
      storages[String(entry.name.dropFirst(stem.count + 6))] = try zip.bytes(of: entry, limit: 1 << 20)
    }
    let pickle = try zip.bytes(of: #require(zip["\(stem)/data.pkl"]), limit: 1 << 20)
    var generator = SplitMix(state: 7)
    for _ in 0..<300 {
      var bytes = pickle
      for _ in 0...generator.next(4) {
        let place = generator.next(bytes.count)
        bytes[place] =
          generator.next(2) == 0
          ? UInt8(truncatingIfNeeded: generator.next()) : pickle[generator.next(pickle.count)]
      }
      let path = try folder.archive(bytes, storages: storages)
      try touch(path)
      try FileSystem.remove(path)
    }
  }

  private func touch(_ path: String) throws {
    _ = try? PickleGlobals.list(path: path)
    guard let file = try? PyTorchFile(path: path, access: .copied) else { return }
    for info in file.tensors { _ = try? file.withBytes(of: info.name) { $0.byteCount } }
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

/// The generator SplitMix64, for tests that repeat.
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func next(_ bound: Int) -> Int { bound > 0 ? Int(next() % UInt64(bound)) : 0 }
}
