import CChecksums
import Foundation
import ForeignFormats
import ModelFiles
import Testing

@Suite("TensorFlow checkpoints, read")
struct TensorBundleTests {
  static let accesses: [FileAccess] = [.mapped, .copied, .pread]

  /// What TensorFlow reads: bundle, name, element type, shape, bytes.
  static func expected() throws -> [String: [String: (type: String, shape: [Int], bytes: [UInt8])]] {
    let data = try Data(contentsOf: URL(filePath: fixture("tensorbundle/expected.json")))
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: [String: [Any]]])
    return try object.mapValues {
      try $0.mapValues { entry in
        (
          try #require(entry[0] as? String), try #require(entry[1] as? [Int]),
          bytesOf(hexadecimal: try #require(entry[2] as? String))
        )
      }
    }
  }

  @Test("every tensor is the one TensorFlow reads", arguments: accesses)
  func sameAsTensorFlow(access: FileAccess) throws {
    let bundles = try Self.expected()
    #expect(bundles.count == 5)
    for (name, tensors) in bundles {
      let bundle = try TensorBundle(path: fixture("tensorbundle/" + name), access: access)
      #expect(Set(bundle.tensors.map(\.name)) == Set(tensors.keys))
      for (tensor, expected) in tensors {
        let info = try #require(bundle.tensor(named: tensor))
        #expect(info.elementType.rawValue == expected.type)
        #expect(info.shape == expected.shape)
        #expect(try bundle.bytes(of: tensor) == expected.bytes, "\(name) \(tensor)")
      }
      #expect(bundle.unclaimed.isEmpty)
    }
  }

  @Test("all sixteen types are there, a scalar, empty tensors and names that differ by an accent")
  func types() throws {
    let bundle = try TensorBundle(path: fixture("tensorbundle/types"))
    #expect(Set(bundle.tensors.map(\.elementType)).count == 16)
    #expect(bundle.tensor(named: "scalar")?.shape == [])
    #expect(bundle.tensor(named: "empty")?.shape == [0, 3])
    #expect(bundle.tensor(named: "é/ü")?.shape == [2])
    #expect(bundle.leftOut.isEmpty)
    #expect(bundle.shardCount == 1)
    #expect(!bundle.isObjectBased)
    #expect(bundle.mappedBytes(of: "type/float32") != nil)
  }

  @Test("types without a counterpart are named, not passed over")
  func leftOut() throws {
    let bundle = try TensorBundle(path: fixture("tensorbundle/leftout"))
    #expect(bundle.tensors.map(\.name) == ["float", "zuletzt"])
    #expect(bundle.leftOut.map(\.name) == ["complex128", "qint8", "string"])
    #expect(bundle.leftOut[2].reason == "TensorFlow's element type string has no counterpart")
  }

  @Test("tensors come in the order of their bytes, data file after data file")
  func shards() throws {
    let bundle = try TensorBundle(path: fixture("tensorbundle/sharded"))
    #expect(bundle.shardCount == 2)
    #expect(bundle.tensors.map(\.name) == ["first/a", "first/b", "second/a", "a"])
  }

  @Test("a checkpoint of TensorFlow 2 is known by its graph of objects")
  func objects() throws {
    let bundle = try TensorBundle(path: fixture("tensorbundle/objects.index"))
    #expect(bundle.isObjectBased)
    #expect(bundle.leftOut.map(\.name) == ["_CHECKPOINTABLE_OBJECT_GRAPH"])
    #expect(bundle.tensor(named: "step/.ATTRIBUTES/VARIABLE_VALUE")?.elementType == .int64)
  }

  @Test("a partitioned variable is refused by its name")
  func partitioned() {
    let path = fixture("tensorbundle/partitioned")
    #expect(throws: TensorBundleError(path: path, .partitioned("word"))) { try TensorBundle(path: path) }
  }

  // Which checkpoint is meant

  static let files = [
    "", ".index", ".meta", ".data-00000-of-00001", ".data-00000-of-00002", ".data-100000-of-100001",
  ]

  @Test("any file of a checkpoint stands for it", arguments: files)
  func anyFile(suffix: String) throws {
    let bundle = try TensorBundle(path: fixture("tensorbundle/types") + suffix)
    #expect(bundle.path == fixture("tensorbundle/types"))
  }

  static let names: [(name: String, prefix: String?)] = [
    ("a.index", "a"), ("a.ckpt-12.meta", "a.ckpt-12"), (".index", nil), ("a.data-00000-of-00001", "a"),
    ("a", nil),
    (".data-00000-of-00001", nil), ("a.data-0000-of-00001", nil), ("a.data-00000-of-", nil),
    ("a-of-00001", nil),
    ("a.data-00000", nil), ("", nil), ("é.data-00001-of-00002", "é"), ("00000", nil), ("-of-00001", nil),
    ("a.index.index", "a.index"),
  ]

  @Test("names of files are taken apart", arguments: names.indices)
  func fileNames(index: Int) {
    #expect(TensorBundle.prefix(ofFile: Self.names[index].name) == Self.names[index].prefix)
  }

  @Test("a folder's file names the newest checkpoint, wherever the folder has moved")
  func folder() throws {
    let bundle = try TensorBundle(path: fixture("tensorbundle/saver"))
    #expect(FileSystem.name(of: bundle.path) == "model.ckpt-1")
    #expect(try bundle.bytes(of: "global_step") == [1, 0, 0, 0, 0, 0, 0, 0])
  }

  static let states: [(text: String, name: String?)] = [
    (#"model_checkpoint_path: "model.ckpt-1""#, "model.ckpt-1"),
    ("\n  model_checkpoint_path: '/a/b/c'\r\nall_model_checkpoint_paths: \"x\"\n", "c"),
    (#"model_checkpoint_path: "\303\251\"\\'\n""#, "é\"\\'\n"), (#"model_checkpoint_path: "..""#, nil),
    (#"model_checkpoint_path: "../../etc/passwd""#, "passwd"), (#"model_checkpoint_path: "a/""#, nil),
    (#"model_checkpoint_path: """#, nil), (#"model_checkpoint_path: "a"#, nil),
    (#"model_checkpoint_path: a"#, nil),
    (#"model_checkpoint_path: "\377""#, nil), (#"model_checkpoint_path: "\3"#, nil),
    ("model_checkpoint_path:", nil),
    (#"model_checkpoint_path: "a\000b""#, nil), (#"model_checkpoint_path: "\"#, nil), ("", nil),
    (#"all_model_checkpoint_paths: "a""#, nil), (#"model_checkpoint_path: ".""#, nil),
    (#"model_checkpoint_path: "\q""#, nil), (#"model_checkpoint_path: "\399""#, nil),
  ]

  @Test("the file 'checkpoint' cannot lead out of its folder", arguments: states.indices)
  func state(index: Int) throws {
    let (text, name) = Self.states[index]
    let folder = try TemporaryFolder()
    try folder.write("checkpoint", Array(text.utf8))
    let fault: TensorBundleError =
      if let name {
        TensorBundleError(path: folder(name), .missingIndex(name + ".index"))
      } else { TensorBundleError(path: folder.path, .malformedCheckpointFile) }
    #expect(throws: fault) { try TensorBundle(path: folder.path) }
  }

  @Test("a folder without that file must have one checkpoint")
  func foldersWithoutState() throws {
    let folder = try TemporaryFolder()
    #expect(throws: TensorBundleError(path: folder.path, .emptyFolder)) {
      try TensorBundle(path: folder.path)
    }
    let files = [".index", ".data-00000-of-00001"]
    for file in files {
      try folder.write("one" + file, FileSystem.read(fixture("tensorbundle/saver/model.ckpt-0" + file)))
    }
    #expect(try TensorBundle(path: folder.path).path == folder("one"))
    try folder.write("two.index", [])
    #expect(throws: TensorBundleError(path: folder.path, .severalBundles(["one", "two"]))) {
      try TensorBundle(path: folder.path)
    }
  }

  @Test("what is missing is named")
  func missing() throws {
    let nowhere = fixture("tensorbundle/nowhere")
    #expect(throws: TensorBundleError(path: nowhere, .missingIndex("nowhere.index"))) {
      try TensorBundle(path: nowhere)
    }
    let alone = fixture("tensorbundle/user-pretrained-snappy")
    let name = "user-pretrained-snappy.data-00000-of-00001"
    #expect(throws: TensorBundleError(path: alone, .missingShard(name))) { try TensorBundle(path: alone) }
  }

  // Real indexes

  @Test("the index of Google's Chinese BERT")
  func official() throws {
    let index = try TensorBundleIndex(FileSystem.read(fixture("tensorbundle/bert-chinese-official.index")))
    #expect(index.shardCount == 1)
    #expect(index.entries.count == 206)
    #expect(index.entries.reduce(0) { $0 + $1.byteCount } == 4 * 102_882_442)
    let words = try #require(index.entries.first { $0.name == "bert/embeddings/word_embeddings" })
    #expect(words.shape == [21128, 768])
    #expect(index.entries.allSatisfy { $0.type == 1 })
  }

  @Test("a compressed index of somebody's training")
  func compressed() throws {
    let index = try TensorBundleIndex(FileSystem.read(fixture("tensorbundle/user-pretrained-snappy.index")))
    #expect(index.entries.count == 619)
    #expect(index.entries.filter { $0.name.contains("/adam_") }.count == 412)
    let step = try #require(index.entries.first { $0.name == "global_step" })
    #expect(step.type == 9)
    #expect(step.checksum == Parts.masked(Parts.littleEndian(182_000 as Int64)))
  }

  // Data

  @Test("a damaged byte makes its tensor an error, and no other", arguments: accesses)
  func damagedData(access: FileAccess) throws {
    let folder = try TemporaryFolder()
    var data = try FileSystem.read(fixture("tensorbundle/types.data-00000-of-00001"))
    try folder.write("b.index", FileSystem.read(fixture("tensorbundle/types.index")))
    let whole = try TensorBundle(path: fixture("tensorbundle/types"))
    let place = try #require(whole.mappedBytes(of: "type/float32")).range.lowerBound
    data[place] ^= 1
    try folder.write("b.data-00000-of-00001", data)
    let bundle = try TensorBundle(path: folder("b"), access: access)
    for tensor in bundle.tensors {
      if tensor.name == "type/float32" {
        #expect(throws: TensorBundleError.self) { try bundle.bytes(of: tensor.name) }
        #expect(bundle.mappedBytes(of: tensor.name) == nil)
      } else {
        #expect(try bundle.bytes(of: tensor.name) == whole.bytes(of: tensor.name))
      }
    }
  }

  @Test("a data file that became shorter is an error", arguments: [FileAccess.mapped, .pread])
  func shortened(access: FileAccess) throws {
    let folder = try TemporaryFolder()
    for suffix in [".index", ".data-00000-of-00001"] {
      try folder.write("b" + suffix, FileSystem.read(fixture("tensorbundle/types" + suffix)))
    }
    let bundle = try TensorBundle(path: folder("b"), access: access)
    try folder.truncate("b.data-00000-of-00001", to: 3)
    #expect(throws: SystemError.self) { try bundle.bytes(of: "type/float32") }
  }

  @Test("big-endian elements are swapped, checked as they stand in the file")
  func bigEndian() throws {
    let folder = try TemporaryFolder()
    let data: [UInt8] = [0, 1, 0, 2, 0, 3, 0, 4, 9, 8]
    let header: [UInt8] = [8, 1, 0x10, 1, 0x1A, 2, 8, 1]
    let numbers = Parts.Tensor(type: 5, shape: [2, 2], byteCount: 8, checksum: Parts.masked(data[..<8]))
    let bytes = Parts.Tensor(type: 4, offset: 8, byteCount: 2, checksum: Parts.masked(data[8...]))
    let empty = Parts.Tensor(type: 2, shape: [2, 0, 3], byteCount: 0, checksum: Parts.masked([]))
    let complex = Parts.Tensor(type: 8, shape: [1], byteCount: 8)
    let bundle = try Parts.bundle(
      Parts.index(header: header, [("b", bytes), ("e", empty), ("n", numbers)]), data, folder: folder)
    #expect(try bundle.bytes(of: "n") == [1, 0, 2, 0, 3, 0, 4, 0])
    #expect(try bundle.bytes(of: "b") == [9, 8])
    #expect(try bundle.bytes(of: "e") == [])
    let other = try Parts.bundle(Parts.index(header: header, [("c", complex)]), data, folder: folder)
    #expect(other.tensors.isEmpty)
    #expect(other.leftOut.map(\.name) == ["c"])
  }

  @Test("bytes that belong to no tensor are told")
  func unclaimed() throws {
    let folder = try TemporaryFolder()
    let header: [UInt8] = [8, 2, 0x1A, 2, 8, 1]
    let tensors = [
      ("a", Parts.Tensor(offset: 4)), ("b", Parts.Tensor(offset: 12)),
      ("e", Parts.Tensor(shape: [0], offset: 7, byteCount: 0)), ("f", Parts.Tensor(offset: 24)),
    ]
    let bundle = try Parts.bundle(
      Parts.index(header: header, tensors), Array(repeating: 0, count: 33), [1, 2], folder: folder)
    #expect(bundle.unclaimed.map(\.shard) == [0, 0, 0, 1])
    #expect(bundle.unclaimed.map(\.range) == [0..<4, 20..<24, 32..<33, 0..<2])
  }
}
