import ForeignFormats
import ModelFiles
import Testing

@Suite("writing files for torch.load")
struct PyTorchWriterTests {
  private static let torchTypes = ElementType.allCases.filter { $0.bitWidth >= 8 }

  /// One tensor of every type, and shapes of all sorts.
  private static let tensors =
    torchTypes.map { TensorInfo(name: $0.rawValue, elementType: $0, shape: [3, 2]) } + [
      TensorInfo(name: "scalar", elementType: .int64, shape: []),
      TensorInfo(name: "empty", elementType: .float32, shape: [0, 4]),
      TensorInfo(name: "größe", elementType: .float32, shape: [1, 2, 1, 3]),
      TensorInfo(name: "wide", elementType: .uint8, shape: [70_000]),
    ]

  private static func bytes(of info: TensorInfo) -> [UInt8] {
    (0..<info.byteCount).map { UInt8(truncatingIfNeeded: $0 * 31 + info.name.utf8.count) & 1 }
  }

  @Test("what is written is read again, in order and aligned")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = folder("pytorch_model.bin")
    let tensors = Self.tensors + [TensorInfo(name: "tied", elementType: .float32, shape: [6])]
    var asked: [String] = []
    try PyTorchWriter.write(tensors, ties: ["tied": "größe"], to: path) { info, sink in
      asked.append(info.name)
      let bytes = Self.bytes(of: info)
      let (first, rest) = (Array(bytes.prefix(5)), Array(bytes.dropFirst(5)))
      try sink(first.span.bytes)
      try sink(rest.span.bytes)
    }
    #expect(asked == Self.tensors.map(\.name))
    let file = try PyTorchFile(path: path)
    #expect(file.tensors == tensors)
    #expect(file.findings.isEmpty && file.leftOut.isEmpty && file.container == .zip)
    for info in Self.tensors { #expect(try file.bytes(of: info.name) == Self.bytes(of: info)) }
    #expect(try file.bytes(of: "tied") == file.bytes(of: "größe"))
    for info in tensors {
      #expect(try #require(file.mappedBytes(of: info.name)).range.lowerBound % 64 == 0, "\(info.name)")
    }
    let zip = try ZipArchive(MappedFile(path: path))
    #expect(zip.entries.first?.name == "pytorch_model/data.pkl")
    #expect(zip["pytorch_model/.format_version"] == nil)
  }

  @Test("tensors of the same shape that share a storage are ties, written once")
  func ties() throws {
    let folder = try TemporaryFolder()
    let (path, info) = (folder("a b.bin"), TensorInfo(name: "x", elementType: .float32, shape: [2]))
    var tied = info
    tied.name = "a"
    var count = 0
    // The one that shares may stand before the one that holds.
    try PyTorchWriter.write([tied, info], ties: ["a": "x"], to: path) { info, sink in
      #expect(info.name == "x")
      count += 1
      let ones = Array(repeating: UInt8(1), count: 8)
      try sink(ones.span.bytes)
    }
    #expect(count == 1)
    #expect(try PyTorchFile(path: path).ties == [["a", "x"]])
    #expect(
      try ZipArchive(MappedFile(path: path)).entries.map(\.name) == [
        "archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/version",
      ])
    #expect(throws: PyTorchError(path: path, .destinationExists)) {
      try PyTorchWriter.write([info], to: path) { _, _ in }
    }
  }

  static let refused: [(tensors: [TensorInfo], ties: [String: String], fault: PyTorchError.Fault)] = {
    func info(_ name: String, _ type: ElementType = .float32, _ shape: [Int] = [2]) -> TensorInfo {
      TensorInfo(name: name, elementType: type, shape: shape)
    }
    return [
      ([info("w", .float4, [2])], [:], .unsupportedElementType(name: "w", type: "F4")),
      ([info("w", .float6E2M3, [4])], [:], .unsupportedElementType(name: "w", type: "F6_E2M3")),
      ([info("w", .float32, [-1])], [:], .negativeDimension(name: "w", shape: [-1])),
      ([info("w", .float32, [.max, 0, 9])], [:], .shapeOverflow(name: "w", shape: [.max, 0, 9])),
      ([info("w"), info("w")], [:], .duplicateName("w")),
      ([info("w")], ["w": "v"], .invalidTie(name: "w", holder: "v")),
      ([info("w")], ["v": "w"], .invalidTie(name: "v", holder: "w")),
      ([info("w")], ["w": "w"], .invalidTie(name: "w", holder: "w")),
      ([info("w"), info("v", .int32)], ["w": "v"], .invalidTie(name: "w", holder: "v")),
      ([info("w"), info("v", .float32, [3])], ["w": "v"], .invalidTie(name: "w", holder: "v")),
      ([info("w")], [:], .wrongByteCount(name: "w", expected: 8, found: 9)),
    ]
  }()

  @Test("what cannot be written is refused, and nothing is left behind", arguments: refused.indices)
  func refusals(index: Int) throws {
    let (tensors, ties, fault) = Self.refused[index]
    let folder = try TemporaryFolder()
    let path = folder("x.bin")
    #expect(throws: PyTorchError(path: path, fault)) {
      let zeros = [UInt8](repeating: 0, count: 9)
      try PyTorchWriter.write(tensors, ties: ties, to: path) { _, sink in try sink(zeros.span.bytes) }
    }
    #expect(try FileSystem.list(folder.path).isEmpty)
  }

  @Test("a file read and written again is the same tensors")
  func copying() throws {
    let folder = try TemporaryFolder()
    for name in ["new.bin", "dtypes.bin", "legacy.bin", "big.bin"] {
      let source = try PyTorchFile(path: fixture("pytorch/" + name))
      try PyTorchWriter.write(source, to: folder(name))
      let copy = try PyTorchFile(path: folder(name))
      #expect(copy.tensors == source.tensors)
      for info in source.tensors { #expect(try copy.bytes(of: info.name) == source.bytes(of: info.name)) }
    }
  }
}
