import ForeignFormats
import ModelFiles
import Testing

@Suite("GGUF files are written")
struct GGUFWriterTests {
  @Test("byte for byte as gguf-py writes them", arguments: ["values", "quantised", "bert"])
  func identical(name: String) throws {
    let file = try GGUFFile(path: fixture("gguf/\(name).gguf"))
    let folder = try TemporaryFolder()
    let tensors = file.entries.map { GGUFTensor(name: $0.name, shape: $0.shape, type: $0.type) }
    try GGUFWriter.write(
      metadata: file.metadata, tensors, to: folder("x.gguf"), alignment: file.alignment
    ) { tensor, sink in
      try file.withBytes(of: tensor.type.isQuantised ? "rows" : tensor.name, sink)
    }
    #expect(try FileSystem.read(folder("x.gguf")) == FileSystem.read(file.path))
  }

  @Test("with the keys that the data makes necessary")
  func addedKeys() throws {
    let folder = try TemporaryFolder()
    let tensors = [
      GGUFTensor(name: "x", shape: [32], type: .q40), GGUFTensor(name: "y", shape: [], type: .int8),
    ]
    try GGUFWriter.write(
      metadata: [("general.architecture", "x")], tensors, to: folder("x.gguf"), alignment: 4096
    ) { tensor, sink in
      let bytes = tensor.name == "x" ? [UInt8](repeating: 0, count: 128) : [7]
      try sink(bytes.span.bytes)
    }
    let file = try GGUFFile(path: folder("x.gguf"))
    #expect(
      file.metadata.map(\.key) == [
        "general.architecture", "general.alignment", "general.quantization_version",
      ])
    #expect(file["general.alignment"] == .uint32(4096) && file["general.quantization_version"] == .uint32(2))
    #expect(file.entries.map(\.byteRange) == [4096..<4114, 8192..<8193])
    #expect(file.findings.isEmpty)
    #expect(try file.bytes(of: "y") == [7])
  }

  @Test("with nothing in them")
  func empty() throws {
    let folder = try TemporaryFolder()
    try GGUFWriter.write(metadata: [("a", .array(.string([])))], [], to: folder("x.gguf")) { _, _ in }
    let file = try GGUFFile(path: folder("x.gguf"))
    #expect(file["a"] == .array(.string([])) && file.entries.isEmpty && file.findings.isEmpty)
    #expect(FileSystem.byteCount(of: folder("x.gguf"))?.isMultiple(of: 32) == true)
  }

  static let refused:
    [(
      metadata: [(key: String, value: GGUFValue)], tensors: [GGUFTensor], alignment: Int,
      fault: GGUFError.Fault
    )] = [
      ([("k", true), ("k", "x")], [], 32, .duplicateKey("k")),
      ([("", true)], [], 32, .invalidKeyLength(offset: 24, byteCount: 0)),
      ([], [], 0, .invalidAlignment(found: "0")), ([], [], 48, .invalidAlignment(found: "48")),
      (
        [("general.alignment", .uint32(64))], [], 32,
        .contradictoryAlignment(expected: 32, found: "the u32 64")
      ),
      (
        [], [GGUFTensor(name: "x", shape: [2, 33], type: .q80)], 32,
        .partialBlock(tensor: "x", rowLength: 33, type: .q80)
      ),
      ([], [GGUFTensor(name: "x", shape: [256], type: .q4K)], 32, .unwritableType(tensor: "x", type: .q4K)),
      (
        [], [GGUFTensor(name: "x", shape: [1, 1, 1, 1, 1], type: .float32)], 32,
        .tooManyDimensions(tensor: "x", found: 5)
      ),
      (
        [], [GGUFTensor(name: "x", shape: [-1], type: .float32)], 32,
        .negativeDimension(tensor: "x", shape: [-1])
      ),
      (
        [], [GGUFTensor(name: "x", shape: [.max, 2], type: .int8)], 32,
        .shapeOverflow(tensor: "x", shape: [.max, 2])
      ),
      (
        [], [GGUFTensor(name: "x", shape: [1], type: .int8), GGUFTensor(name: "x", shape: [2], type: .int8)],
        32,
        .duplicateName("x")
      ),
      (
        [], [GGUFTensor(name: String(repeating: "n", count: 64), shape: [1], type: .int8)], 32,
        .nameTooLong(offset: 24, byteCount: 64, limit: 63)
      ),
      (
        [], [GGUFTensor(name: "short", shape: [2], type: .float32)], 32,
        .wrongByteCount(tensor: "short", expected: 8, found: 4)
      ),
      (
        [], [GGUFTensor(name: "long", shape: [], type: .int16)], 32,
        .wrongByteCount(tensor: "long", expected: 2, found: 4)
      ),
      (
        [], [GGUFTensor(name: "blocks", shape: [32], type: .q50)], 32,
        .wrongByteCount(tensor: "blocks", expected: 128, found: 4)
      ),
    ]

  @Test("or refused, and then nothing is there", arguments: refused.indices)
  func refusals(index: Int) throws {
    let (metadata, tensors, alignment, fault) = Self.refused[index]
    let folder = try TemporaryFolder()
    let path = folder("x.gguf")
    #expect(throws: GGUFError(path: path, fault)) {
      try GGUFWriter.write(metadata: metadata, tensors, to: path, alignment: alignment) { _, sink in
        try sink([1 as Float].span.bytes)
      }
    }
    #expect(try FileSystem.list(folder.path).isEmpty)
    #expect("\(fault)".first?.isUppercase == false)
  }

  @Test("over another file only when asked to")
  func overwriting() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.gguf", [1])
    #expect(throws: GGUFError(path: path, .destinationExists)) {
      try GGUFWriter.write(metadata: [], [], to: path) { _, _ in }
    }
    try GGUFWriter.write(metadata: [], [], to: path, overwriting: true) { _, _ in }
    #expect(try GGUFFile(path: path).metadata.isEmpty)
  }
}
