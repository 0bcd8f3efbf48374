import ForeignFormats
import ModelFiles
import Testing

@Suite("sorted tables")
struct SortedTableTests {
  static let written = [
    "bert-chinese-official.index", "types.index", "leftout.index", "objects.index", "partitioned.index",
    "sharded.index", "saver/model.ckpt-0.index", "saver/model.ckpt-1.index",
  ]

  @Test("a table that TensorFlow wrote is written again byte for byte", arguments: written)
  func again(name: String) throws {
    let table = try FileSystem.read(fixture("tensorbundle/" + name))
    #expect(Parts.table(try Parts.entries(table)) == table)
  }

  @Test("a compressed table reads as what it was")
  func compressed() throws {
    let entries = try Parts.entries(FileSystem.read(fixture("tensorbundle/user-pretrained-snappy.index")))
    #expect(entries.count == 620)
    // Not packed, its one block takes 23 263 bytes, and there is nothing else but an empty block, one of one place, and
    // the footer.
    let table = Parts.table(entries)
    #expect(table.count == 23_263 + 5 + 8 + 5 + (3 + 1 + 4 + 8) + 5 + 48)
    #expect(try Parts.entries(table).map(\.value) == entries.map(\.value))
  }

  @Test("any number of entries, in blocks of any length", arguments: [1, 40, 200, 1000, 100_000])
  func blocks(blockByteCount: Int) throws {
    for count in [0, 1, 2, 15, 16, 17, 33, 300] {
      let entries = (0..<count).map { number -> (key: [UInt8], value: [UInt8]) in
        let digits = String(100_000 + number * 37)
        return (
          Array("layer_\(digits.prefix(4))/\(digits)".utf8), Array(repeating: 7, count: number * 13 % 60)
        )
      }
      let found = try Parts.entries(Parts.table(entries, blockByteCount: blockByteCount))
      #expect(found.map(\.key) == entries.map(\.key))
      #expect(found.map(\.value) == entries.map(\.value))
    }
  }

  @Test("keys of bytes that are hard to come between")
  func separators() throws {
    let keys: [[UInt8]] = [
      [], [0], [0, 0], [0, 0xFF], [1], [1, 0xFF], [1, 0xFF, 0xFF], [2], [0xFE], [0xFF], [0xFF, 0xFF],
      [0xFF, 0xFF, 0],
    ]
    for blockByteCount in [1, 24, 30] {
      let table = Parts.table(keys.map { (key: $0, value: [1]) }, blockByteCount: blockByteCount)
      #expect(try Parts.entries(table).map(\.key) == keys)
    }
  }

  private static let a: [UInt8] = [97]
  private static let b: [UInt8] = [98]
  private static let good = Parts.block([(0, a, [1]), (0, b, [2])])
  private static let goodTable = Parts.table([(b, good, 0)])

  static let hostile: [(why: String, table: [UInt8], fault: TensorBundleError.Fault)] = [
    ("no byte", [], .notAnIndex(byteCount: 0)),
    ("shorter than the footer", Array(goodTable.suffix(47)), .notAnIndex(byteCount: 47)),
    ("another magic number", goodTable.dropLast() + [0], .notAnIndex(byteCount: goodTable.count)),
    (
      "a place that is no number",
      goodTable.dropLast(48) + Array(repeating: 0xFF, count: 40) + goodTable.suffix(8),
      .notAnIndex(byteCount: goodTable.count)
    ),
    (
      "a block beyond the file", Parts.footer(metaindex: (0, 8), index: (0, 8)),
      .blockBeyondFile(offset: 0, byteCount: 8, available: 0)
    ),
    (
      "a block whose end overflows", Parts.footer(metaindex: (1, UInt64(Int.max)), index: (0, 8)),
      .blockBeyondFile(offset: 1, byteCount: .max, available: 0)
    ),
    (
      "a place that overflows", Parts.footer(metaindex: (UInt64(Int.max), UInt64(Int.max)), index: (0, 8)),
      .blockBeyondFile(offset: .max, byteCount: .max, available: 0)
    ),
    ("an unknown compression", Parts.table([(b, good, 2)]), .unknownCompression(offset: 0, 2)),
    (
      "snappy that copies from before the start", Parts.table([(b, [4, 1, 1], 1)]),
      .damagedCompression(offset: 0, .copyBeforeStart(offset: 1, distance: 1, available: 0))
    ),
    (
      "a shared part longer than the key before",
      Parts.table([(b, Parts.block([(0, a, []), (2, b, [])]), 0)]),
      .malformedBlock(offset: 0)
    ),
    (
      "a shared part of the first key", Parts.table([(b, Parts.block([(1, a, [])]), 0)]),
      .malformedBlock(offset: 0)
    ),
    (
      "a number of more than ten bytes",
      Parts.table([(b, Array(repeating: 0x80, count: 11) + [0] + Parts.block([]), 0)]),
      .malformedBlock(offset: 0)
    ),
    (
      "a value beyond the block", Parts.table([(b, [0, 1, 9, 97] + Parts.block([]), 0)]),
      .malformedBlock(offset: 0)
    ),
    (
      "a key of 2^63 bytes", Parts.table([(b, [0] + Parts.varint(1 << 63) + [0] + Parts.block([]), 0)]),
      .malformedBlock(offset: 0)
    ),
    ("no room for the places", Parts.table([(b, [1, 0, 0], 0)]), .malformedBlock(offset: 0)),
    ("no place", Parts.table([(b, [0, 1, 0, 97, 0, 0, 0, 0], 0)]), .malformedBlock(offset: 0)),
    (
      "more places than fit", Parts.table([(b, [0, 0, 0, 0] + [0xFF, 0xFF, 0xFF, 0xFF], 0)]),
      .malformedBlock(offset: 0)
    ),
    (
      "a place within an entry",
      Parts.table([(b, Parts.block([(0, a, []), (0, b, [])], restarts: [0, 2]), 0)]),
      .malformedBlock(offset: 0)
    ),
    (
      "a place twice", Parts.table([(b, Parts.block([(0, a, []), (0, b, [])], restarts: [0, 0]), 0)]),
      .malformedBlock(offset: 0)
    ),
    (
      "a place of a key that shares",
      Parts.table([(b, Parts.block([(0, a, []), (1, b, [])], restarts: [0, 4]), 0)]),
      .malformedBlock(offset: 0)
    ),
    (
      "a first place other than 0", Parts.table([(b, Parts.block([(0, a, [])], restarts: [4]), 0)]),
      .malformedBlock(offset: 0)
    ),
    ("a block without entries", Parts.table([(b, Parts.block([]), 0)]), .malformedBlock(offset: 0)),
    (
      "a key twice", Parts.table([(b, Parts.block([(0, a, []), (0, a, [])]), 0)]), .keysOutOfOrder(offset: 0)
    ),
    (
      "keys that descend", Parts.table([(b, Parts.block([(0, b, []), (0, a, [])]), 0)]),
      .keysOutOfOrder(offset: 0)
    ),
    ("a key beyond that of its block", Parts.table([(a, good, 0)]), .keysOutOfOrder(offset: 0)),
    (
      "a key that the block before could hold", Parts.table([(b, good, 0), ([99], good, 0)]),
      .keysOutOfOrder(offset: good.count + 5)
    ),
    (
      "a block named twice",
      Parts.finished(
        Parts.withTrailer(good), index: [(0, b, [0, UInt8(good.count)]), (0, [99], [0, UInt8(good.count)])]),
      .overlappingBlocks(offset: 0, previousEnd: good.count + 5)
    ),
    (
      "a place with more behind it",
      Parts.finished(Parts.withTrailer(good), index: [(0, b, [0, UInt8(good.count), 0])]),
      .malformedBlock(offset: good.count + 5 + 8 + 5)
    ),
    (
      "keys that share a long beginning again and again",
      Parts.table([
        (
          [0xFF],
          Parts.block(
            [(0, Array(repeating: 1, count: 9000), [])]
              + (0..<9000).map { (number: Int) in (9000, [UInt8(number >> 8), UInt8(number & 0xFF)], []) }), 0
        )
      ]), .expansionLimit(byteCount: 1 << 20 + 64 * 63_099)
    ),
  ]

  @Test("a hostile table is an error", arguments: hostile.indices)
  func hostileTables(index: Int) {
    let (why, table, fault) = Self.hostile[index]
    #expect(throws: fault, "\(why)") { try Parts.entries(table) }
    #expect(!fault.description.isEmpty)
  }

  @Test("a block with a bit turned over is an error, wherever the bit is")
  func checksums() throws {
    let count = Self.goodTable.count - 48
    for bit in 0..<8 * count {
      var table = Self.goodTable
      table[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: TensorBundleError.Fault.self) { try Parts.entries(table) }
    }
  }
}
