import ForeignFormats
import ModelFiles
import Testing

@Suite("TensorFlow checkpoints, written")
struct TensorBundleWriterTests {
  private struct Stop: Error {}

  private static let pair = [
    TensorInfo(name: "b", elementType: .uint8, shape: [3]),
    TensorInfo(name: "a", elementType: .int16, shape: []),
  ]

  private func produce(_ info: TensorInfo, _ sink: SafetensorsWriter.Sink) throws {
    for byte in 0..<info.byteCount { try sink([UInt8(byte)].span.bytes) }
  }

  @Test(
    "a checkpoint comes out byte for byte as TensorFlow wrote it", arguments: ["types", "saver/model.ckpt-1"])
  func again(name: String) throws {
    let bundle = try TensorBundle(path: fixture("tensorbundle/" + name))
    let folder = try TemporaryFolder()
    try TensorBundleWriter.write(bundle.tensors.reversed(), to: folder("again")) { info, sink in
      try bundle.withBytes(of: info.name, sink)
    }
    for suffix in [".index", ".data-00000-of-00001"] {
      #expect(
        try FileSystem.read(folder("again" + suffix))
          == FileSystem.read(fixture("tensorbundle/" + name + suffix)))
    }
    #expect(try FileSystem.list(folder.path) == ["again.data-00000-of-00001", "again.index"])
  }

  @Test("bytes may come in any pieces, and are read again")
  func pieces() throws {
    let folder = try TemporaryFolder()
    try TensorBundleWriter.write(Self.pair, to: folder("m"), produce: produce)
    let bundle = try TensorBundle(path: folder.path)
    #expect(bundle.tensors == Self.pair.reversed())
    #expect(try bundle.bytes(of: "b") == [0, 1, 2])
    #expect(try bundle.bytes(of: "a") == [0, 1])
  }

  @Test("no tensor, and thousands of them in several blocks")
  func numbers() throws {
    let folder = try TemporaryFolder()
    try TensorBundleWriter.write([], to: folder("none"), produce: produce)
    #expect(try TensorBundle(path: folder("none")).tensors.isEmpty)
    let many = (10_000..<16_000).map { number in
      TensorInfo(
        name: "encoder/\(String(repeating: "\(number)/", count: 8))", elementType: .uint8, shape: [number % 3]
      )
    }
    try TensorBundleWriter.write(many, to: folder("many"), produce: produce)
    #expect(FileSystem.byteCount(of: folder("many.index")) ?? 0 > 300_000)
    let bundle = try TensorBundle(path: folder("many"))
    #expect(bundle.tensors.count == 6000)
    for (number, bytes) in [(14_001, []), (14_002, [0]), (14_003, [0, 1])] as [(Int, [UInt8])] {
      #expect(try bundle.bytes(of: many[number - 10_000].name) == bytes)
    }
  }

  @Test(
    "the newest checkpoint is named in a way that TensorFlow and we understand",
    arguments: ["m.ckpt", "é \"\\'"])
  func latest(name: String) throws {
    let folder = try TemporaryFolder()
    try TensorBundleWriter.write(Self.pair, to: folder("old"), produce: produce)
    try TensorBundleWriter.write(Self.pair, to: folder(name), namingAsLatest: true, produce: produce)
    #expect(try TensorBundle(path: folder.path).path == folder(name))
    if name == "m.ckpt" {
      let text = String(decoding: try FileSystem.read(folder("checkpoint")), as: UTF8.self)
      #expect(text == "model_checkpoint_path: \"m.ckpt\"\nall_model_checkpoint_paths: \"m.ckpt\"\n")
    }
    #expect(throws: TensorBundleError(path: folder("new"), .destinationExists("checkpoint"))) {
      try TensorBundleWriter.write(Self.pair, to: folder("new"), namingAsLatest: true, produce: produce)
    }
  }

  @Test("nothing is overwritten unless that was asked for")
  func overwriting() throws {
    let folder = try TemporaryFolder()
    try folder.write("m.index", [1])
    #expect(throws: TensorBundleError(path: folder("m"), .destinationExists("m.index"))) {
      try TensorBundleWriter.write(Self.pair, to: folder("m"), produce: produce)
    }
    #expect(try FileSystem.list(folder.path) == ["m.index"])
    try TensorBundleWriter.write(Self.pair, to: folder("m"), overwriting: true, produce: produce)
    #expect(throws: TensorBundleError(path: folder("m"), .destinationExists("m.data-00000-of-00001"))) {
      try TensorBundleWriter.write(Self.pair, to: folder("m"), produce: produce)
    }
    #expect(try TensorBundle(path: folder("m")).tensors.count == 2)
  }

  static let refused: [(tensors: [TensorInfo], fault: TensorBundleError.Fault)] = [
    ([pair[0], pair[0]], .duplicateName("b")),
    ([TensorInfo(name: "", elementType: .int8, shape: [])], .invalidName("")),
    ([TensorInfo(name: "\0x", elementType: .int8, shape: [])], .invalidName("\0x")),
    ([TensorInfo(name: "x", elementType: .float4, shape: [2])], .unsupportedType(tensor: "x", "F4")),
    ([TensorInfo(name: "x", elementType: .float6E2M3, shape: [4])], .unsupportedType(tensor: "x", "F6_E2M3")),
    ([TensorInfo(name: "x", elementType: .float6E3M2, shape: [4])], .unsupportedType(tensor: "x", "F6_E3M2")),
    ([TensorInfo(name: "x", elementType: .float8E8M0, shape: [4])], .unsupportedType(tensor: "x", "F8_E8M0")),
    ([TensorInfo(name: "x", elementType: .int8, shape: [-1])], .invalidShape(tensor: "x", shape: [-1])),
    ([TensorInfo(name: "x", elementType: .int16, shape: [.max])], .shapeOverflow(tensor: "x", shape: [.max])),
    (
      [
        TensorInfo(name: "x", elementType: .int8, shape: [.max]),
        TensorInfo(name: "y", elementType: .int8, shape: [1]),
      ],
      .shapeOverflow(tensor: "y", shape: [1])
    ),
  ]

  @Test("what TensorFlow could not restore is not written", arguments: refused.indices)
  func refusals(index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(throws: TensorBundleError(path: folder("m"), Self.refused[index].fault)) {
      try TensorBundleWriter.write(Self.refused[index].tensors, to: folder("m"), produce: produce)
    }
    #expect(try FileSystem.list(folder.path).isEmpty)
  }

  @Test("too few or too many bytes, or an error on the way, leave nothing", arguments: [2, 4, nil])
  func wrongByteCounts(count: Int?) throws {
    let folder = try TemporaryFolder()
    func write() throws {
      try TensorBundleWriter.write(Self.pair, to: folder("m")) { info, sink in
        guard let count else { throw Stop() }
        try sink([UInt8](repeating: 0, count: info.name == "b" ? count : info.byteCount).span.bytes)
      }
    }
    if let count {
      let fault = TensorBundleError.Fault.wrongByteCount(tensor: "b", expected: 3, found: count)
      #expect(throws: TensorBundleError(path: folder("m"), fault)) { try write() }
    } else {
      #expect(throws: Stop.self) { try write() }
    }
    #expect(try FileSystem.list(folder.path).isEmpty)
  }
}
