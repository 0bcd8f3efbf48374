import Foundation
import ModelFiles
import Testing

@Suite("safetensors writer")
struct SafetensorsWriterTests {
  @Test("files of the reference are written again byte for byte", arguments: ["dtypes", "metadata", "empty"])
  func matchesReference(name: String) throws {
    let path = fixture("safetensors/\(name).safetensors")
    let file = try SafetensorsFile(path: path)
    #expect(!file.lint.contains { if case .unknownField = $0 { true } else { false } })
    let folder = try TemporaryFolder()
    // Not in the order of the file, so that the writer must find it.
    let shuffled = file.tensors.sorted {
      ($0.shape.count, $0.name.utf8.count) < ($1.shape.count, $1.name.utf8.count)
    }
    try SafetensorsWriter.write(shuffled, metadata: file.metadata, to: folder("x.safetensors")) {
      info, sink in
      try file.withBytes(of: info.name) { bytes in
        for index in 0..<bytes.byteCount { try sink(bytes.extracting(index..<index + 1)) }
      }
    }
    #expect(try FileSystem.read(folder("x.safetensors")) == FileSystem.read(path))
  }

  @Test("every element type passes through, the packed ones too")
  func passesTypesThrough() throws {
    let folder = try TemporaryFolder()
    let infos = ElementType.allCases.map { TensorInfo(name: $0.rawValue, elementType: $0, shape: [4, 2]) }
    try SafetensorsWriter.write(infos, to: folder("x.safetensors")) { info, sink in
      try sink([UInt8](repeating: 7, count: info.elementType.bitWidth).span.bytes)
    }
    let file = try SafetensorsFile(path: folder("x.safetensors"))
    #expect(file.tensors.map(\.elementType) == ElementType.allCases.reversed())
    for info in infos { #expect(try file.bytes(of: info.name).count == info.elementType.bitWidth) }
    try SafetensorsWriter.write(file, to: folder("y.safetensors"))
    #expect(try FileSystem.read(folder("x.safetensors")) == FileSystem.read(folder("y.safetensors")))
  }

  @Test("the data starts at a multiple of eight bytes and the metadata is sorted")
  func aligns() throws {
    let folder = try TemporaryFolder()
    let metadata = [(key: "b", value: "2"), (key: "a", value: "1"), (key: "Z", value: "\"\u{1F}")]
    for length in 1..<20 {
      let name = String(repeating: "n", count: length)
      let info = TensorInfo(name: name, elementType: .uint8, shape: [1])
      try SafetensorsWriter.write([info], metadata: metadata, to: folder(name)) { _, sink in
        try sink(([9] as [UInt8]).span.bytes)
      }
      let file = try SafetensorsFile(path: folder(name))
      #expect(file.entries.first?.byteRange.lowerBound.isMultiple(of: 8) == true)
      #expect(file.metadata.map(\.key) == ["Z", "a", "b"])
    }
  }

  static let refused: [(tensors: [TensorInfo], fault: SafetensorsError.Fault)] = [
    ([.init(name: "__metadata__", elementType: .uint8, shape: [])], .reservedName),
    (
      [.init(name: "a", elementType: .uint8, shape: []), .init(name: "a", elementType: .int8, shape: [])],
      .duplicateName("a")
    ),
    (
      [.init(name: "a", elementType: .uint8, shape: [2, -1])],
      .negativeDimension(tensor: "a", shape: [2, -1])
    ),
    (
      [.init(name: "a", elementType: .uint8, shape: [.max, 2])],
      .shapeOverflow(tensor: "a", shape: [UInt64(Int.max), 2])
    ),
    ([.init(name: "a", elementType: .float4, shape: [3])], .partialByte(tensor: "a", bitCount: 12)),
  ]

  @Test("refuses what readers would refuse, and writes nothing", arguments: refused.indices)
  func refuses(index: Int) throws {
    let (tensors, fault) = Self.refused[index]
    let folder = try TemporaryFolder()
    #expect(throws: SafetensorsError(path: folder("x"), fault)) {
      try SafetensorsWriter.write(tensors, to: folder("x")) { _, _ in }
    }
    #expect(try FileSystem.list(folder.path).isEmpty)
  }

  @Test("too few or too many bytes are an error, and the file that was there stays", arguments: [0, 3, 5, 8])
  func checksByteCount(count: Int) throws {
    let folder = try TemporaryFolder()
    try folder.write("x", "before")
    let info = TensorInfo(name: "a", elementType: .float32, shape: [1])
    #expect(
      throws: SafetensorsError(path: folder("x"), .wrongByteCount(tensor: "a", expected: 4, found: count))
    ) {
      try SafetensorsWriter.write([info], to: folder("x"), overwriting: true) { _, sink in
        try sink([UInt8](repeating: 0, count: count).span.bytes)
      }
    }
    #expect(try FileSystem.read(folder("x")) == Array("before".utf8))
    #expect(try FileSystem.list(folder.path) == ["x"])
  }

  @Test("a header beyond the readers' limit is refused")
  func limitsHeader() throws {
    let info = TensorInfo(name: "a", elementType: .uint8, shape: [])
    let byteCount = try SafetensorsLayout([info], metadata: []).header.count - 8
    #expect(SafetensorsFile.maximumHeaderByteCount == 100_000_000)
    #expect(try SafetensorsLayout([info], metadata: [], headerLimit: byteCount).byteCounts == [1])
    #expect(throws: SafetensorsError.Fault.headerTooLong(byteCount: UInt64(byteCount), limit: byteCount - 1))
    {
      try SafetensorsLayout([info], metadata: [], headerLimit: byteCount - 1)
    }
  }

  @Test("nothing is overwritten unless asked; the mapped file that is replaced stays readable")
  func overwrites() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x", FileSystem.read(fixture("safetensors/metadata.safetensors")))
    let old = try SafetensorsFile(path: path)
    #expect(throws: SafetensorsError(path: path, .destinationExists)) {
      try SafetensorsWriter.write(old, to: path)
    }
    try SafetensorsWriter.write(old, metadata: [], to: path, overwriting: true)
    #expect(try SafetensorsFile(path: path).metadata.isEmpty)
    #expect(try old.bytes(of: "x") == Array("abc".utf8))
  }

  @Test("MLX's files are read: null metadata, an unpadded header")
  func readsMLX() throws {
    let file = try SafetensorsFile(path: fixture("safetensors/mlx.safetensors"))
    #expect(file.tensors.map(\.name) == ["w", "b"])
    let b = try file.withBytes(of: "b") { bytes in
      [0, 4].map { bytes.unsafeLoadUnaligned(fromByteOffset: $0, as: Float.self) }
    }
    #expect(b == [5, 6])
    #expect(file.lint.contains(.nullMetadata))
    #expect(file.lint.contains { if case .misalignedData = $0 { true } else { false } })
  }
}
