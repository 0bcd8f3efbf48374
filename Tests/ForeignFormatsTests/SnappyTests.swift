import Foundation
import ForeignFormats
import Testing

@Suite("snappy blocks")
struct SnappyTests {
  private func decode(_ block: [UInt8]) throws(SnappyFault) -> [UInt8] {
    try block.span.bytes.withUnsafeBytes { (block) throws(SnappyFault) in try SnappyBlock.decode(block) }
  }

  private struct Pair: Decodable {
    /// A piece in hexadecimal, and how often it stands there.
    var text: Text
    var block: String

    struct Text: Decodable {
      var bytes: [UInt8]

      init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        let piece = bytesOf(hexadecimal: try values.decode(String.self))
        bytes = Array(repeatElement(piece, count: try values.decode(Int.self)).joined())
      }
    }
  }

  @Test("what snappy packed is unpacked")
  func reference() throws {
    let data = try Data(contentsOf: URL(filePath: fixture("tensorbundle/snappy.json")))
    let pairs = try JSONDecoder().decode([Pair].self, from: data)
    #expect(pairs.count >= 6)
    for pair in pairs { #expect(try decode(bytesOf(hexadecimal: pair.block)) == pair.text.bytes) }
  }

  @Test("elements of every kind")
  func elements() throws {
    // A literal; copies with offsets of 11, 16 and 32 bits.
    #expect(try decode([3, 2 << 2, 1, 2, 3]) == [1, 2, 3])
    #expect(try decode([7, 2 << 2, 1, 2, 3, 0 << 2 | 1, 2]) == [1, 2, 3, 2, 3, 2, 3])
    #expect(try decode([5, 2 << 2, 1, 2, 3, 1 << 2 | 2, 3, 0]) == [1, 2, 3, 1, 2])
    #expect(try decode([5, 2 << 2, 1, 2, 3, 1 << 2 | 3, 1, 0, 0, 0]) == [1, 2, 3, 3, 3])
    // Lengths of literals in one to four bytes.
    #expect(try decode([2, 60 << 2, 1, 8, 9]) == [8, 9])
    #expect(try decode([2, 63 << 2, 1, 0, 0, 0, 8, 9]) == [8, 9])
  }

  static let damaged: [(block: [UInt8], fault: SnappyFault)] = [
    ([], .invalidLength),
    ([0x80], .invalidLength),
    ([0x80, 0x80, 0x80, 0x80, 0x10], .invalidLength),
    ([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 1], .lengthBeyondInput(claimed: 4_294_967_295, limit: 42)),
    ([1], .lengthBeyondInput(claimed: 1, limit: 0)),
    ([3, 2 << 2, 1, 2], .truncated(offset: 1)),
    ([3, 61 << 2, 1], .truncated(offset: 1)),
    ([3, 63 << 2, 0xFF, 0xFF, 0xFF, 0xFF], .truncated(offset: 1)),
    ([4, 0, 1, 1], .truncated(offset: 3)),
    ([5, 0, 1, 1, 0], .copyBeforeStart(offset: 3, distance: 0, available: 1)),
    ([5, 0, 1, 1, 2], .copyBeforeStart(offset: 3, distance: 2, available: 1)),
    ([4, 1, 1], .copyBeforeStart(offset: 1, distance: 1, available: 0)),
    (
      [4, 0, 1, 3, 0xFF, 0xFF, 0xFF, 0xFF],
      .copyBeforeStart(offset: 3, distance: 4_294_967_295, available: 1)
    ),
    ([2, 0, 1, 1, 1], .tooLong(offset: 3, expected: 2)),
    ([1, 1 << 2, 1, 2], .tooLong(offset: 1, expected: 1)),
    ([3, 0, 1], .tooShort(expected: 3, found: 1)),
  ]

  @Test("a damaged block is an error", arguments: damaged.indices)
  func damagedBlocks(index: Int) {
    let (block, fault) = Self.damaged[index]
    #expect(throws: fault) { try decode(block) }
    #expect(!fault.description.isEmpty)
  }
}

/// The bytes that hexadecimal digits stand for.
func bytesOf(hexadecimal text: String) -> [UInt8] {
  let digits = text.utf8.map { UInt8($0 < 0x40 ? $0 - 0x30 : $0 - 0x57) }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
