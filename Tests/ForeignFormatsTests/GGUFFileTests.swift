import ForeignFormats
import Foundation
import ModelFiles
import Testing

@Suite("GGUF files are read")
struct GGUFFileTests {
  @Test("every type of value", arguments: ["values.gguf", "big_endian.gguf"])
  func values(name: String) throws {
    let file = try GGUFFile(path: fixture("gguf/\(name)"))
    #expect(file["general.architecture"] == .string("test"))
    let expected: [String: GGUFValue] = [
      "v.u8": .uint8(255), "v.i8": .int8(-128), "v.u16": .uint16(65535), "v.i16": .int16(-32768),
      "v.u32": .uint32(.max), "v.i32": .int32(.min), "v.f32": .float32(1e-12), "v.true": .bool(true),
      "v.false": .bool(false), "v.string": .string("é 日本語 😀"), "v.u64": .uint64(.max), "v.i64": .int64(.min),
      "v.f64": .float64(0.1), "a.u8": .array(.uint8([0, 255])), "a.i8": .array(.int8([-128, 127])),
      "a.u16": .array(.uint16([0, .max])), "a.i16": .array(.int16([.min, .max])),
      "a.u32": .array(.uint32([0, .max])), "a.i32": .array(.int32([.min, .max])),
      "a.f32": .array(.float32([0.5, -0.0, .infinity])), "a.bool": .array(.bool([true, false, true])),
      "a.string": .array(
        .string([
          "", "plain", "é e\u{301}", "日本語", "😀", "a longer text that does not fit into a machine word or two",
          "nul\0inside",
        ])), "a.u64": .array(.uint64([0, .max])), "a.i64": .array(.int64([.min, .max])),
      "a.f64": .array(.float64([0.1, -1e300])),
    ]
    for (key, value) in expected { #expect(file[key] == value, "\(key)") }
    #expect(file.metadata.count == expected.count + (name == "values.gguf" ? 2 : 1))
    #expect(file["v.u3"] == nil)
    #expect(file["v.i64"]?.intValue == .min && file["v.u64"]?.intValue == nil)
    #expect(file["a.i16"]?.arrayValue?.integers == [-32768, 32767])
  }

  @Test("the frame: version, byte order, alignment")
  func frame() throws {
    let file = try GGUFFile(path: fixture("gguf/values.gguf"))
    #expect(file.version == 3 && !file.isBigEndian && file.alignment == 64)
    #expect(file.entries.allSatisfy { $0.byteRange.lowerBound % 64 == 0 })
    #expect(file.findings.isEmpty && file.leftOut.isEmpty)
    let swapped = try GGUFFile(path: fixture("gguf/big_endian.gguf"))
    #expect(swapped.version == 3 && swapped.isBigEndian && swapped.alignment == 32)
    #expect(swapped.findings.isEmpty && swapped.leftOut.isEmpty)
  }

  @Test("tensors have their outermost dimension first", arguments: [FileAccess.mapped, .copied, .pread])
  func tensors(access: FileAccess) throws {
    let file = try GGUFFile(path: fixture("gguf/values.gguf"), access: access)
    #expect(file.tensor(named: "plain.float16")?.elementType == .float16)
    #expect(file.tensor(named: "plain.bfloat16")?.elementType == .bfloat16)
    #expect(file.tensor(named: "plain.int64")?.shape == [3, 5])
    #expect(file.tensor(named: "scalar")?.shape == [])
    #expect(file.tensor(named: "empty")?.shape == [0, 7])
    #expect(file.tensor(named: "four.dimensions")?.shape == [2, 3, 4, 5])
    #expect(try file.floats(of: "four.dimensions") == (0..<120).map { Float($0) })
    #expect(try file.floats(of: "scalar") == [42.5])
    #expect(try file.bytes(of: "empty").isEmpty)
    for tensor in file.tensors { #expect(try file.bytes(of: tensor.name).count == tensor.byteCount) }
  }

  @Test("big-endian tensors are the same tensors")
  func bigEndian() throws {
    let file = try GGUFFile(path: fixture("gguf/values.gguf"))
    let swapped = try GGUFFile(path: fixture("gguf/big_endian.gguf"))
    #expect(swapped.tensors.count == 10)
    for tensor in swapped.tensors {
      #expect(file.tensor(named: tensor.name) == tensor)
      #expect(try swapped.bytes(of: tensor.name) == file.bytes(of: tensor.name), "\(tensor.name)")
    }
  }

  @Test("a tensor of a type that is not decoded is left out, and the others are read")
  func leftOut() throws {
    let file = try GGUFFile(path: fixture("gguf/left_out.gguf"))
    #expect(file.tensors.map(\.name) == ["before", "after"])
    #expect(try file.floats(of: "after") == [4, 5, 6])
    #expect(file.leftOut.map(\.name) == ["block.q4_k"])
    #expect(file.leftOut.first?.reason.hasPrefix("Q4_K is not decoded here") == true)
    #expect(file.entries.map(\.type) == [.float32, .q4K, .float32])
    #expect(file.entries[1].shape == [2, 256])
  }

  @Test("quantised tensors of big-endian files are left out")
  func bigEndianBlocks() throws {
    let folder = try TemporaryFolder()
    var bytes = GGUFBytes(tensors: [GGUFBytes.tensor("x", [32], type: 8, offset: 0)], dataByteCount: 34).bytes
    // Of the numbers of a little-endian file, swap those that are there: version, counts, and the tensor's.
    for (offset, size) in [(4, 4), (8, 8), (16, 8), (24, 8), (33, 4), (37, 8), (45, 4), (49, 8)] {
      bytes[offset..<offset + size].reverse()
    }
    let file = try GGUFFile(path: folder.write("x.gguf", bytes))
    #expect(file.isBigEndian && file.tensors.isEmpty)
    #expect(file.leftOut.map(\.name) == ["x"])
  }

  @Test("a header longer than a window is read whole, however the file is read")
  func longHeader() throws {
    let tokens = (0..<200_000).map { "token number \($0)" }
    let folder = try TemporaryFolder()
    try GGUFWriter.write(
      metadata: [("tokens", .array(.string(tokens))), ("ids", .array(.int32(Array(0..<200_000))))],
      [GGUFTensor(name: "x", shape: [3], type: .float32)], to: folder("x.gguf")
    ) { _, sink in try sink([1, 2, 3 as Float].span.bytes) }
    for access in [FileAccess.mapped, .pread] {
      let file = try GGUFFile(path: folder("x.gguf"), access: access)
      #expect(file["tokens"]?.arrayValue?.strings == tokens)
      #expect(file["ids"]?.arrayValue?.integers == Array(0..<200_000))
      #expect(try file.floats(of: "x") == [1, 2, 3])
    }
  }

  @Test("what is sound and unusual is found")
  func findings() throws {
    typealias B = GGUFBytes
    let cases: [([UInt8], [GGUFFile.Finding])] = [
      (
        B(pairs: [B.pair("k", type: 8, B.u64(2) + [0xC3, 0x28])]).bytes, [.invalidText(key: "k", count: 1)]
      ),
      (
        B(pairs: [B.pair("k", type: 9, B.u32(8) + B.u64(2) + B.u64(1) + [0xFF] + B.text("a"))]).bytes,
        [.invalidText(key: "k", count: 1)]
      ), (B(tensors: [B.tensor("", [1], offset: 0)], dataByteCount: 4).bytes, [.unusualName("", index: 0)]),
      (
        B(tensors: [B.tensor("a\0", [1], offset: 0)], dataByteCount: 4).bytes,
        [.unusualName("a\0", index: 0)]
      ),
      (
        B(tensors: [B.tensor("a", [1], offset: 0), B.tensor("b", [1], offset: 96)], dataByteCount: 100).bytes,
        [.gap(before: "b", byteCount: 92)]
      ),
      (
        B(tensors: [B.tensor("a", [1], offset: 32), B.tensor("b", [1], offset: 0)], dataByteCount: 36).bytes,
        [.dataInAnotherOrder]
      ), (B(tensors: [B.tensor("a", [1], offset: 0)], dataByteCount: 33).bytes, [.trailingBytes(29)]),
      (B(tensors: [B.tensor("a", [1], offset: 0)], dataByteCount: 32).bytes, []),
      (B(tensors: [B.tensor("a", [1], offset: 0)], dataByteCount: 4).bytes, []), (B().bytes, []),
      (B(version: 2).bytes, []), (B().bytes + [UInt8](repeating: 0, count: 64), [.trailingBytes(64)]),
    ]
    let folder = try TemporaryFolder()
    for (index, (bytes, expected)) in cases.enumerated() {
      let file = try GGUFFile(path: folder.write("\(index).gguf", bytes))
      #expect(file.findings == expected, "\(index)")
      #expect(file.findings.allSatisfy { !"\($0)".isEmpty })
    }
    #expect(try GGUFFile(path: folder("0.gguf"))["k"] == .string("\u{FFFD}("))
  }

  @Test("a name that is not there is an error that names a similar one")
  func noSuchTensor() throws {
    let file = try GGUFFile(path: fixture("gguf/values.gguf"))
    #expect(
      throws: StoredWeightsError(path: file.path, .noSuchTensor("scalars", nearest: ["scalar"]))
    ) { try file.withBytes(of: "scalars") { _ in } }
  }

  @Test("types have the names and sizes of ggml")
  func types() {
    #expect(GGUFTensorType(named: "q8_0") == .q80)
    #expect(GGUFTensorType(named: "IQ2_XXS") == .iq2XXS)
    #expect(GGUFTensorType(named: "Q9") == nil)
    #expect(Set(GGUFTensorType.allCases.map(\.name)).count == 34)
    #expect(GGUFTensorType.allCases.allSatisfy { $0.isQuantised == ($0.elementType == nil) })
    for type in GGUFTensorType.allCases {
      if let elementType = type.elementType { #expect(type.blockByteCount * 8 == elementType.bitWidth) }
    }
  }
}

extension WeightSource {
  /// The elements of an F32 tensor.
  func floats(of name: String) throws -> [Float] {
    try withBytes(of: name) { span in
      span.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
    }
  }
}

/// A GGUF file put together by hand, sound or not.
struct GGUFBytes {
  var bytes: [UInt8]

  init(
    version: UInt32 = 3, tensorCount: UInt64? = nil, pairCount: UInt64? = nil, pairs: [[UInt8]] = [],
    tensors: [[UInt8]] = [], dataByteCount: Int? = nil
  ) {
    bytes = Array("GGUF".utf8) + Self.u32(version) + Self.u64(tensorCount ?? UInt64(tensors.count))
    bytes += Self.u64(pairCount ?? UInt64(pairs.count)) + pairs.joined() + tensors.joined()
    if let dataByteCount {
      bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32 + dataByteCount)
    }
  }

  static func u32(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
  static func u64(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
  static func text(_ text: String) -> [UInt8] { u64(UInt64(text.utf8.count)) + Array(text.utf8) }

  static func pair(_ key: String, type: UInt32, _ value: [UInt8]) -> [UInt8] { text(key) + u32(type) + value }

  /// - Parameter dimensions: innermost first.
  static func tensor(
    _ name: String, _ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64
  ) -> [UInt8] {
    text(name) + u32(UInt32(dimensions.count)) + dimensions.flatMap { u64($0) } + u32(type) + u64(offset)
  }
}
