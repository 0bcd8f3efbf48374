import ForeignFormats
import ModelFiles
import Testing

@Suite("GGUF's block codes have the bits of gguf-py")
struct GGUFQuantisationTests {
  static let codes: [GGUFTensorType] = [.q80, .q40, .q41, .q50, .q51]

  @Test("decoded", arguments: codes)
  func decoded(type: GGUFTensorType) throws {
    let file = try GGUFFile(path: fixture("gguf/quantised.gguf"))
    let name = "rows.\(type.name)"
    #expect(file.tensor(named: name)?.elementType == .float32)
    #expect(try file.bytes(of: name) == file.bytes(of: name + ".decoded"))
  }

  @Test("decoded in any range of elements", arguments: [FileAccess.mapped, .pread])
  func ranges(access: FileAccess) throws {
    let file = try GGUFFile(path: fixture("gguf/quantised.gguf"), access: access)
    let whole = try file.bytes(of: "rows.Q5_1.decoded")
    for range in [0..<0, 0..<1, 31..<33, 32..<64, 5..<200, 40..<40, 63..<96] {
      let part = try file.withElements(of: "rows.Q5_1", in: range) { $0.withUnsafeBytes { Array($0) } }
      #expect(part == Array(whole[4 * range.lowerBound..<4 * range.upperBound]), "\(range)")
    }
    var gathered: [UInt8] = []
    let info = try #require(file.tensor(named: "rows.Q5_1"))
    try file.forEachPiece(of: info, byteCount: 300) { _, bytes in
      gathered += bytes.withUnsafeBytes { Array($0) }
    }
    #expect(gathered == whole)
  }

  @Test("encoded, in pieces of any length", arguments: codes, [1, 7, 128, 4096, 1 << 20])
  func encoded(type: GGUFTensorType, pieceByteCount: Int) throws {
    let file = try GGUFFile(path: fixture("gguf/quantised.gguf"))
    let rows = try #require(file.tensor(named: "rows"))
    let floats = try file.bytes(of: "rows")
    let folder = try TemporaryFolder()
    let tensor = GGUFTensor(name: "rows", shape: rows.shape, type: type)
    try GGUFWriter.write(metadata: [], [tensor], to: folder("x.gguf")) { _, sink in
      var start = 0
      while start < floats.count {
        let end = min(floats.count, start + pieceByteCount)
        try sink(floats.span.bytes.extracting(start..<end))
        start = end
      }
    }
    #expect(try stored("rows", folder("x.gguf")) == stored("rows.\(type.name)", file.path))
  }

  @Test("and so have the 16-bit floats")
  func halves() throws {
    let file = try GGUFFile(path: fixture("gguf/quantised.gguf"))
    let floats = try file.floats(of: "rows")
    let words = { (name: String) in
      try file.withBytes(of: name) { span in
        span.withUnsafeBytes { bytes in
          (0..<bytes.count / 2).map { bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self) }
        }
      }
    }
    #expect(try floats.map(HalfPrecision.half) == words("rows.F16"))
    #expect(try floats.map(HalfPrecision.bfloat) == words("rows.BF16"))
  }

  @Test("every 16-bit float survives the way to 32 bits and back")
  func roundTrips() {
    for bits in UInt16.min...UInt16.max {
      let half = HalfPrecision.float(half: bits)
      #expect(half.isNaN || HalfPrecision.half(half) == bits)
      let bfloat = HalfPrecision.float(bfloat: bits)
      #expect(
        bfloat.isNaN ? HalfPrecision.bfloat(bfloat) == bits | 0x40 : HalfPrecision.bfloat(bfloat) == bits)
    }
    #expect(HalfPrecision.half(65519.996) == 0x7BFF)
    #expect(HalfPrecision.half(65520) == 0x7C00)
    #expect(HalfPrecision.half(-.infinity) == 0xFC00)
    #expect(HalfPrecision.half(0x1p-25) == 0)
    #expect(HalfPrecision.half(0x1.000002p-25) == 1)
    #expect(HalfPrecision.half(.nan) & 0x7C00 == 0x7C00 && HalfPrecision.half(.nan) & 0x3FF != 0)
    #expect(HalfPrecision.bfloat(.greatestFiniteMagnitude) == 0x7F80)
  }

  @Test("what is not finite does not end the process", arguments: codes)
  func notFinite(type: GGUFTensorType) throws {
    let folder = try TemporaryFolder()
    let rows: [[Float]] = [Float.nan, .infinity, -.infinity, -.nan].map { value in
      (0..<32).map { $0 == 9 ? value : Float($0) }
    }
    let tensor = GGUFTensor(name: "x", shape: [4, 32], type: type)
    try GGUFWriter.write(metadata: [], [tensor], to: folder("x.gguf")) { _, sink in
      for row in rows { try sink(row.span.bytes) }
    }
    #expect(try GGUFFile(path: folder("x.gguf")).floats(of: "x").count == 128)
  }

  /// The bytes of a tensor as they are in the file.
  private func stored(_ name: String, _ path: String) throws -> [UInt8] {
    let entry = try #require(try GGUFFile(path: path).entries.first { $0.name == name })
    return try MappedFile(path: path).bytes(in: entry.byteRange)
  }
}
