import ForeignFormats
import Foundation
import ModelFiles
import Testing

@Suite("GGUF files that lie are refused")
struct GGUFHostileTests {
  private typealias B = GGUFBytes

  /// Each attack with the one fault it must give.
  static let attacks: [(what: String, bytes: [UInt8], fault: GGUFError.Fault)] = {
    let far: UInt64 = 1 << 40
    return [
      ("nothing", [], .notGGUF(found: [])),
      ("three bytes", Array("GGU".utf8), .notGGUF(found: [0x47, 0x47, 0x55])),
      ("a safetensors file", B.u64(2) + Array("{}".utf8), .notGGUF(found: [2, 0, 0, 0])),
      ("no version", Array("GGUF".utf8), .truncated(offset: 4, needed: 4, available: 0)),
      ("version 1", Array("GGUF".utf8) + B.u32(1) + B.u32(0) + B.u32(0), .unsupportedVersion(1)),
      ("version 4", B(version: 4).bytes, .unsupportedVersion(4)),
      ("version 0", B(version: 0).bytes, .unsupportedVersion(0)),
      ("big-endian version 2", B(version: 0x0200_0000).bytes, .unsupportedVersion(2)),
      ("no counts", Array("GGUF".utf8) + B.u32(3), .truncated(offset: 8, needed: 8, available: 0)),
      (
        "2^40 tensors", B(tensorCount: far).bytes,
        .impossibleCount(of: "tensors", count: far, offset: 8, available: 8)
      ),
      (
        "all tensors there can be", B(tensorCount: .max).bytes,
        .impossibleCount(of: "tensors", count: .max, offset: 8, available: 8)
      ),
      (
        "2^64 - 1 pairs", B(pairCount: .max).bytes,
        .impossibleCount(of: "key-value pairs", count: .max, offset: 16, available: 0)
      ),
      (
        "a key of 2^64 - 1 bytes", B(pairCount: 1).bytes + B.u64(.max) + [UInt8](repeating: 65, count: 20),
        .truncated(offset: 32, needed: .max, available: 20)
      ),
      (
        "an empty key", B(pairs: [B.pair("", type: 4, B.u32(1))], dataByteCount: 0).bytes,
        .invalidKeyLength(offset: 24, byteCount: 0)
      ),
      (
        "a key of 65536 bytes",
        B(pairs: [B.pair(String(repeating: "k", count: 65536), type: 4, B.u32(1))]).bytes,
        .invalidKeyLength(offset: 24, byteCount: 65536)
      ),
      (
        "a key that is not UTF-8", B(pairs: [B.u64(2) + [0xC3, 0x28] + B.u32(4) + B.u32(1)]).bytes,
        .invalidText(offset: 32)
      ),
      (
        "a key twice", B(pairs: [B.pair("k", type: 4, B.u32(1)), B.pair("k", type: 8, B.text("x"))]).bytes,
        .duplicateKey("k")
      ),
      (
        "a value of type 13", B(pairs: [B.pair("k", type: 13, B.u32(1))]).bytes,
        .unknownValueType(key: "k", found: 13)
      ),
      ("a truth value of 2", B(pairs: [B.pair("k", type: 7, [2])]).bytes, .invalidBool(key: "k", found: 2)),
      (
        "a truth value of 255 in an array",
        B(pairs: [B.pair("k", type: 9, B.u32(7) + B.u64(2) + [1, 255])]).bytes,
        .invalidBool(key: "k", found: 255)
      ),
      (
        "a string longer than the file", B(pairs: [B.pair("k", type: 8, B.u64(far) + [65])]).bytes,
        .truncated(offset: 45, needed: far, available: 1)
      ),
      (
        "an array of arrays",
        B(pairs: [B.pair("k", type: 9, B.u32(9) + B.u64(1) + B.u32(9) + B.u64(1) + B.u32(4) + B.u64(0))])
          .bytes,
        .nestedArray(key: "k")
      ),
      (
        "an array of 2^61 u64, which times eight is nothing",
        B(pairs: [B.pair("k", type: 9, B.u32(10) + B.u64(1 << 61) + B.u64(0))]).bytes,
        .impossibleCount(of: "items of 'k'", count: 1 << 61, offset: 41, available: 8)
      ),
      (
        "an array of 2^63 bytes", B(pairs: [B.pair("k", type: 9, B.u32(0) + B.u64(1 << 63) + [0])]).bytes,
        .impossibleCount(of: "items of 'k'", count: 1 << 63, offset: 41, available: 1)
      ),
      (
        "2^40 strings", B(pairs: [B.pair("k", type: 9, B.u32(8) + B.u64(far) + B.text("x"))]).bytes,
        .impossibleCount(of: "items of 'k'", count: far, offset: 41, available: 9)
      ),
      (
        "a string of an array beyond the file",
        B(pairs: [B.pair("k", type: 9, B.u32(8) + B.u64(1) + B.u64(9) + [1])]).bytes,
        .truncated(offset: 57, needed: 9, available: 1)
      ),
      (
        "an alignment of 0", B(pairs: [B.pair("general.alignment", type: 4, B.u32(0))]).bytes,
        .invalidAlignment(found: "the u32 0")
      ),
      (
        "an alignment of 24", B(pairs: [B.pair("general.alignment", type: 4, B.u32(24))]).bytes,
        .invalidAlignment(found: "the u32 24")
      ),
      (
        "an alignment of 2^31", B(pairs: [B.pair("general.alignment", type: 4, B.u32(1 << 31))]).bytes,
        .invalidAlignment(found: "the u32 2147483648")
      ),
      (
        "an alignment of another type", B(pairs: [B.pair("general.alignment", type: 10, B.u64(32))]).bytes,
        .invalidAlignment(found: "the u64 32")
      ),
      (
        "a name of 64 bytes",
        B(tensors: [B.tensor(String(repeating: "n", count: 64), [1], offset: 0)], dataByteCount: 4).bytes,
        .nameTooLong(offset: 24, byteCount: 64, limit: 63)
      ),
      (
        "a name that is not UTF-8",
        B(tensors: [B.u64(1) + [0x80] + B.u32(0) + B.u32(0) + B.u64(0)], dataByteCount: 4).bytes,
        .invalidText(offset: 32)
      ),
      (
        "a name twice",
        B(tensors: [B.tensor("a", [1], offset: 0), B.tensor("a", [1], offset: 32)], dataByteCount: 64).bytes,
        .duplicateName("a")
      ),
      (
        "a name twice, once left out",
        B(
          tensors: [B.tensor("a", [256], type: 12, offset: 0), B.tensor("a", [1], offset: 160)],
          dataByteCount: 192
        ).bytes, .duplicateName("a")
      ),
      (
        "five dimensions", B(tensors: [B.tensor("a", [1, 1, 1, 1, 1], offset: 0)], dataByteCount: 4).bytes,
        .tooManyDimensions(tensor: "a", found: 5)
      ),
      (
        "2^32 - 1 dimensions", B(tensors: [B.text("a") + B.u32(.max) + B.u64(1) + B.u64(1)]).bytes,
        .tooManyDimensions(tensor: "a", found: UInt64(UInt32.max))
      ),
      (
        "a dimension of 2^63", B(tensors: [B.tensor("a", [1 << 63], offset: 0)], dataByteCount: 4).bytes,
        .dimensionTooLarge(tensor: "a", found: 1 << 63)
      ),
      (
        "2^32 times 2^32 elements",
        B(tensors: [B.tensor("a", [1 << 32, 1 << 32], offset: 0)], dataByteCount: 4).bytes,
        .shapeOverflow(tensor: "a", shape: [1 << 32, 1 << 32])
      ),
      (
        "2^62 elements of four bytes",
        B(tensors: [B.tensor("a", [1 << 62], offset: 0)], dataByteCount: 4).bytes,
        .shapeOverflow(tensor: "a", shape: [1 << 62])
      ),
      (
        "2^62 times 4 times 0 elements",
        B(tensors: [B.tensor("a", [0, 4, 1 << 62], offset: 0)], dataByteCount: 4).bytes,
        .shapeOverflow(tensor: "a", shape: [1 << 62, 4, 0])
      ),
      (
        "a type that ggml dropped",
        B(tensors: [B.tensor("a", [32], type: 4, offset: 0)], dataByteCount: 64).bytes,
        .unknownTensorType(tensor: "a", found: 4)
      ),
      (
        "type 2^32 - 1", B(tensors: [B.tensor("a", [32], type: .max, offset: 0)], dataByteCount: 64).bytes,
        .unknownTensorType(tensor: "a", found: .max)
      ),
      (
        "rows of 33 elements in blocks of 32",
        B(tensors: [B.tensor("a", [33, 32], type: 8, offset: 0)], dataByteCount: 2000).bytes,
        .partialBlock(tensor: "a", rowLength: 33, type: .q80)
      ),
      (
        "a scalar in blocks", B(tensors: [B.tensor("a", [], type: 2, offset: 0)], dataByteCount: 64).bytes,
        .partialBlock(tensor: "a", rowLength: 1, type: .q40)
      ),
      (
        "an offset of 16", B(tensors: [B.tensor("a", [1], offset: 16)], dataByteCount: 64).bytes,
        .misalignedTensor("a", offset: 16, alignment: 32)
      ),
      (
        "data beyond the file", B(tensors: [B.tensor("a", [9], offset: 0)], dataByteCount: 35).bytes,
        .dataBeyondFile(tensor: "a", end: 100, fileByteCount: 99)
      ),
      (
        "an offset beyond the file", B(tensors: [B.tensor("a", [1], offset: far)], dataByteCount: 35).bytes,
        .dataBeyondFile(tensor: "a", end: far + 68, fileByteCount: 99)
      ),
      (
        "an offset at the end of all numbers",
        B(tensors: [B.tensor("a", [1], offset: .max - 31)], dataByteCount: 35).bytes,
        .dataBeyondFile(tensor: "a", end: .max, fileByteCount: 99)
      ),
      (
        "no data at all", B(tensors: [B.tensor("a", [1], offset: 0)]).bytes,
        .dataBeyondFile(tensor: "a", end: 68, fileByteCount: 57)
      ),
      (
        "an undecoded tensor beyond the file",
        B(tensors: [B.tensor("a", [256], type: 12, offset: 0)], dataByteCount: 143).bytes,
        .dataBeyondFile(tensor: "a", end: 208, fileByteCount: 207)
      ),
      (
        "two tensors in one place",
        B(tensors: [B.tensor("a", [1], offset: 0), B.tensor("b", [1], offset: 0)], dataByteCount: 64).bytes,
        .overlappingTensors("a", "b")
      ),
      (
        "one tensor within another",
        B(tensors: [B.tensor("a", [8], offset: 32), B.tensor("b", [64], offset: 0)], dataByteCount: 256)
          .bytes,
        .overlappingTensors("b", "a")
      ),
    ]
  }()

  @Test("with an error that says where", arguments: attacks.indices)
  func attack(index: Int) throws {
    let (what, bytes, fault) = Self.attacks[index]
    let folder = try TemporaryFolder()
    let path = try folder.write("x.gguf", bytes)
    for access in [FileAccess.mapped, .pread] {
      #expect(throws: GGUFError(path: path, fault), "\(what)") { try GGUFFile(path: path, access: access) }
    }
    let text = "\(fault)"
    #expect(text.first?.isUppercase == false || text.hasPrefix("GGUF"), "\(text)")
  }

  @Test("a header without end is refused before it is read")
  func endlessHeader() throws {
    let folder = try TemporaryFolder()
    let count = UInt64(1 << 28)
    let header = GGUFBytes(pairs: [GGUFBytes.pair("k", type: 9, GGUFBytes.u32(0) + GGUFBytes.u64(count))])
      .bytes
    let path = try folder.write("x.gguf", header)
    // The rest is a hole: nothing is stored, and everything is zero.
    try folder.truncate("x.gguf", to: UInt64(header.count) + count + 64)
    #expect(throws: GGUFError(path: path, .headerTooLong(limit: GGUFFile.maximumHeaderByteCount))) {
      try GGUFFile(path: path)
    }
  }

  @Test("wherever the file stops")
  func truncations() throws {
    let folder = try TemporaryFolder()
    let bytes = try FileSystem.read(fixture("gguf/values.gguf"))
    let end = try #require(
      try GGUFFile(path: fixture("gguf/values.gguf")).entries.map(\.byteRange.upperBound).max())
    for count in stride(from: 0, to: end, by: 3) {
      try Data(bytes[..<count]).write(to: URL(filePath: folder("x.gguf")))
      #expect(throws: GGUFError.self, "\(count)") { try GGUFFile(path: folder("x.gguf")) }
    }
  }

  @Test(
    "or read, when any bytes are changed, and never end the process",
    arguments: ["values", "left_out", "bert"])
  func mutations(name: String) throws {
    let folder = try TemporaryFolder()
    let path = folder("x.gguf")
    let original = try FileSystem.read(fixture("gguf/\(name).gguf"))
    let headerEnd = try #require(
      try GGUFFile(path: fixture("gguf/\(name).gguf")).entries.map(\.byteRange.lowerBound).min())
    var generator = SeededGenerator(seed: 7)
    var (opened, refused) = (0, 0)
    for _ in 0..<2000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 4..<headerEnd, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2:
          bytes[place..<min(place + 8, headerEnd)] = ArraySlice(
            repeating: 0xFF, count: min(8, headerEnd - place))
        default: bytes.removeSubrange(place..<min(place + 4, bytes.count))
        }
      }
      try Data(bytes).write(to: URL(filePath: path))
      do {
        let file = try GGUFFile(path: path)
        for tensor in file.tensors { #expect(try file.bytes(of: tensor.name).count == tensor.byteCount) }
        opened += 1
      } catch is GGUFError {
        refused += 1
      }
    }
    #expect(opened > 100 && refused > 100)
  }
}
