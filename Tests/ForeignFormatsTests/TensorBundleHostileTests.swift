import ForeignFormats
import ModelFiles
import Testing

@Suite("TensorFlow checkpoints, hostile")
struct TensorBundleHostileTests {
  private typealias Tensor = Parts.Tensor

  private static func one(_ tensor: Tensor) -> [UInt8] { Parts.index([("x", tensor)]) }
  private static func header(_ bytes: [UInt8]) -> [UInt8] { Parts.index(header: bytes, []) }
  private static func raw(_ entry: [UInt8]) -> [UInt8] {
    Parts.table([(key: [], value: Parts.header), (key: [120], value: entry)])
  }
  private static let minusOne = UInt64.max

  /// The data file has 16 bytes.
  static let hostile: [(why: String, index: [UInt8], fault: TensorBundleError.Fault)] = [
    ("a table of something else", Parts.table([(key: [97], value: [])]), .missingHeader),
    ("an empty table", Parts.table([(key: [UInt8], value: [UInt8])]()), .missingHeader),
    ("a header of half a number", header([8, 0x80]), .malformedHeader(.malformed(offset: 0))),
    ("a group", header([8, 1, 0x23, 0x24]), .malformedHeader(.malformed(offset: 2))),
    ("field 0", header([0, 1]), .malformedHeader(.malformed(offset: 0))),
    ("a length beyond the message", header([0x1A, 9, 8, 1]), .malformedHeader(.malformed(offset: 0))),
    ("a count of shards as text", header([0x0A, 0]), .malformedHeader(.wrongWireType(field: 1))),
    ("two counts of shards", header([8, 1, 8, 2]), .malformedHeader(.repeatedField(1))),
    ("no data file", header([]), .invalidShardCount(0)),
    ("fewer than no data file", header([8] + Parts.varint(minusOne)), .invalidShardCount(-1)),
    ("2^31 data files", header([8] + Parts.varint(1 << 31)), .invalidShardCount(1 << 31)),
    (
      "2^31 - 1 data files", header([8] + Parts.varint(1 << 31 - 1)),
      .missingShard("b.data-00001-of-2147483647")
    ),
    ("another order of bytes", header([8, 1, 0x10, 2]), .unknownEndianness(2)),
    ("a format for later readers", header([8, 1, 0x1A, 4, 8, 2, 0x10, 2]), .unsupportedVersion(2)),
    ("a format that excludes our version", header([8, 1, 0x1A, 2, 0x18, 1]), .unsupportedVersion(0)),
    ("the same, packed", header([8, 1, 0x1A, 4, 0x1A, 2, 7, 1]), .unsupportedVersion(0)),
    (
      "half a packed number", header([8, 1, 0x1A, 3, 0x1A, 1, 0x80]), .malformedHeader(.malformed(offset: 0))
    ),
    (
      "a name that is not UTF-8", Parts.table([(key: [], value: Parts.header), (key: [0xFF], value: [])]),
      .invalidName("\u{FFFD}")
    ),
    (
      "a slice of no tensor", Parts.table([(key: [], value: Parts.header), (key: [0, 97], value: [])]),
      .invalidName("\0a")
    ),
    ("slices", one(Tensor(more: [0x3A, 0])), .partitioned("x")),
    ("no type", one(Tensor(type: 0)), .invalidType(tensor: "x", 0)),
    ("a negative type", one(Tensor(type: minusOne)), .invalidType(tensor: "x", -1)),
    ("a type twice", one(Tensor(more: [8, 1])), .malformedEntry(tensor: "x", .repeatedField(1))),
    ("a shape twice", one(Tensor(more: [0x12, 0])), .malformedEntry(tensor: "x", .repeatedField(2))),
    (
      "a checksum that is a varint", raw([8, 1, 0x30, 1]),
      .malformedEntry(tensor: "x", .wrongWireType(field: 6))
    ),
    (
      "a number of eleven bytes", raw([8] + Array(repeating: 0x80, count: 10) + [1]),
      .malformedEntry(tensor: "x", .malformed(offset: 0))
    ),
    ("a damaged shape", raw([8, 1, 0x12, 1, 0x12]), .malformedEntry(tensor: "x", .malformed(offset: 0))),
    ("an unknown rank", raw([8, 1, 0x12, 2, 0x18, 1]), .invalidShape(tensor: "x", shape: nil)),
    ("a negative size", one(Tensor(shape: [minusOne])), .invalidShape(tensor: "x", shape: [-1])),
    (
      "255 dimensions", one(Tensor(shape: Array(repeating: 1, count: 255))),
      .invalidShape(tensor: "x", shape: Array(repeating: 1, count: 255))
    ),
    (
      "a shape that overflows", one(Tensor(shape: [1 << 62, 1 << 62])),
      .shapeOverflow(tensor: "x", shape: [1 << 62, 1 << 62])
    ),
    (
      "the same behind a zero", one(Tensor(shape: [0, 1 << 62, 4], byteCount: 0)),
      .shapeOverflow(tensor: "x", shape: [0, 1 << 62, 4])
    ),
    (
      "the same of text", one(Tensor(type: 7, shape: [1 << 62, 4])),
      .shapeOverflow(tensor: "x", shape: [1 << 62, 4])
    ),
    (
      "fewer bytes than the shape asks for", one(Tensor(byteCount: 7)),
      .sizeMismatch(tensor: "x", expected: 8, found: 7)
    ),
    (
      "more bytes than the shape asks for", one(Tensor(byteCount: 9)),
      .sizeMismatch(tensor: "x", expected: 8, found: 9)
    ),
    ("another data file", one(Tensor(shard: 1)), .noSuchShard(tensor: "x", shard: 1, count: 1)),
    ("a negative data file", one(Tensor(shard: minusOne)), .noSuchShard(tensor: "x", shard: -1, count: 1)),
    (
      "a negative offset", one(Tensor(offset: minusOne)), .invalidRange(tensor: "x", offset: -1, byteCount: 8)
    ),
    (
      "a negative length", one(Tensor(byteCount: minusOne)),
      .invalidRange(tensor: "x", offset: 0, byteCount: -1)
    ),
    (
      "an end that overflows", one(Tensor(offset: UInt64(Int.max))),
      .invalidRange(tensor: "x", offset: .max, byteCount: 8)
    ),
    ("bytes beyond the file", one(Tensor(offset: 9)), .dataBeyondShard(tensor: "x", end: 17, available: 16)),
    (
      "text beyond the file", one(Tensor(type: 7, byteCount: 17)),
      .dataBeyondShard(tensor: "x", end: 17, available: 16)
    ),
    (
      "nothing beyond the file", one(Tensor(shape: [0], offset: 17, byteCount: 0)),
      .dataBeyondShard(tensor: "x", end: 17, available: 16)
    ),
    ("the same bytes twice", Parts.index([("x", Tensor()), ("y", Tensor())]), .overlappingTensors("x", "y")),
    (
      "bytes in common", Parts.index([("x", Tensor(offset: 7)), ("y", Tensor())]),
      .overlappingTensors("y", "x")
    ),
    (
      "bytes in common with text", Parts.index([("x", Tensor(offset: 7)), ("y", Tensor(type: 7))]),
      .overlappingTensors("y", "x")
    ),
  ]

  @Test("a hostile index is an error", arguments: hostile.indices)
  func hostileIndexes(index: Int) throws {
    let (why, bytes, fault) = Self.hostile[index]
    let folder = try TemporaryFolder()
    #expect(throws: TensorBundleError(path: "b", fault), "\(why)") {
      try Parts.bundle(bytes, Array(repeating: 0, count: 16), folder: folder)
    }
    #expect(!fault.description.isEmpty)
  }

  @Test("a wrong checksum of a tensor is told when its bytes are used")
  func tensorChecksum() throws {
    let folder = try TemporaryFolder()
    let data = Array(repeating: 1 as UInt8, count: 16)
    let bundle = try Parts.bundle(Self.one(Tensor(checksum: 5)), data, folder: folder)
    let right = Parts.masked(data[..<8])
    for _ in 0..<2 {
      #expect(throws: TensorBundleError(path: "b", .tensorChecksum(tensor: "x", expected: 5, found: right))) {
        try bundle.bytes(of: "x")
      }
    }
  }

  @Test("unknown fields and unknown types are no error")
  func unknown() throws {
    let folder = try TemporaryFolder()
    let header: [UInt8] = [8, 1, 0x1A, 4, 8, 9, 0x18, 9, 0x79, 1, 2, 3, 4, 5, 6, 7, 8]
    let index = Parts.index(
      header: header, [("x", Tensor(type: 99, more: [0x7D, 1, 2, 3, 4, 0x82, 1, 1, 0]))])
    let bundle = try Parts.bundle(index, Array(repeating: 0, count: 16), folder: folder)
    #expect(bundle.leftOut.map(\.reason) == ["TensorFlow's element type number 99 has no counterpart"])
  }

  @Test(
    "no mutation of an index ends the program",
    arguments: ["types", "saver/model.ckpt-1", "sharded", "leftout", "partitioned", "user-pretrained-snappy"])
  func mutations(name: String) throws {
    let original = try FileSystem.read(fixture("tensorbundle/\(name).index"))
    let data = (try? FileSystem.read(fixture("tensorbundle/\(name).data-00000-of-00001"))) ?? [1, 2, 3]
    let folder = try TemporaryFolder()
    let file = try MappedFile(path: folder.write("data", data), access: .copied)
    let shard = LazyBytes(MappedBytes(file: file, range: 0..<file.byteCount))
    let blocks = try Self.blocks(of: original)
    var generator = SeededGenerator(seed: 5)
    var opened = 0
    for round in 0..<(original.count > 4000 ? 150 : 1500) {
      var bytes = original
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        default: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
        }
      }
      // In most rounds with right checksums, so that what stands behind them is reached.
      if round % 4 != 0 {
        for block in blocks {
          let end = block.upperBound
          bytes.replaceSubrange(
            end + 1..<end + 5, with: Parts.littleEndian(Parts.masked(bytes[block.lowerBound...end])))
        }
      }
      do {
        let bundle = try TensorBundle(path: "b", index: bytes) { suffix in
          suffix.hasPrefix(".data-0000") ? shard : nil
        }
        opened += 1
        for tensor in bundle.tensors { _ = try? bundle.bytes(of: tensor.name) }
      } catch { #expect(!"\(error)".isEmpty) }
    }
    if name == "types" || name == "leftout" { #expect(opened > 50) }
  }

  /// The blocks of a table of one data block, without their trailers.
  private static func blocks(of table: [UInt8]) throws -> [Range<Int>] {
    var numbers: [Int] = []
    var (value, shift) = (0, 0)
    for byte in table.suffix(48) where numbers.count < 4 {
      value |= Int(byte & 0x7F) << shift
      shift += 7
      if byte < 0x80 {
        numbers.append(value)
        (value, shift) = (0, 0)
      }
    }
    try #require(numbers.count == 4)
    return [0..<numbers[0] - 5, numbers[0]..<numbers[0] + numbers[1], numbers[2]..<numbers[2] + numbers[3]]
  }
}
