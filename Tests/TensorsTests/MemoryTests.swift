import Testing

import Tensors

@Suite("memory")
struct MemoryTests {
  @Test("blocks are zero, aligned and as large as asked", arguments: [1, 4096, 100_000, 2 << 20, 5 << 20])
  func blocks(_ byteCount: Int) throws {
    let block = try MemoryBlock(byteCount: byteCount)
    #expect(block.byteCount == byteCount)
    #expect(UInt(bitPattern: block.start) % (byteCount >= 2 << 20 ? 2 << 20 : 4096) == 0)
    let bytes = UnsafeMutableRawBufferPointer(start: block.start, count: byteCount)
    #expect(bytes.allSatisfy { $0 == 0 })
    (bytes[0], bytes[byteCount - 1]) = (9, 9)
    #expect(bytes[0] == 9 && bytes[byteCount - 1] == 9)
  }

  @Test("more memory than there is gives an error that says how much was asked for")
  func refused() {
    for byteCount in [Int.max, 1 << 60] {
      let error = #expect(throws: MemoryError.self) { try MemoryBlock(byteCount: byteCount) }
      #expect(error?.description.contains("\(byteCount) bytes") == true)
    }
  }

  @Test("views of rows and columns see the right elements")
  func views() {
    var values = (0..<24).map(Float.init)
    values.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      let matrix = Matrix(start, rows: 4, columns: 6)
      #expect(matrix.isContiguous && matrix.count == 24 && matrix.row(2)[0] == 12)
      let part = matrix.rows(1..<3).columns(2..<5)
      #expect((part.rows, part.columns, part.stride) == (2, 3, 6))
      #expect(part.start[0] == 8 && part.row(1)[2] == 16 && !part.isContiguous)
      part.fill(-1)
    }
    #expect(values.count { $0 == -1 } == 6 && values[11] == 11 && values[7] == 7 && values[16] == -1)
  }
}
