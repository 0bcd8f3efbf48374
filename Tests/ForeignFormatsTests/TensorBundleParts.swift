import CChecksums
import ForeignFormats
import ModelFiles

/// Parts of tables and bundles, right or wrong.
enum Parts {
  /// An entry of a block: how much of the key before it shares, the rest, the value.
  typealias Entry = (shared: UInt64, suffix: [UInt8], value: [UInt8])

  static func varint(_ number: UInt64) -> [UInt8] {
    number < 0x80 ? [UInt8(number)] : [UInt8(number & 0x7F) | 0x80] + varint(number >> 7)
  }

  static func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  static func block(_ entries: [Entry], restarts: [UInt32] = [0]) -> [UInt8] {
    var bytes: [UInt8] = []
    for entry in entries {
      bytes += varint(entry.shared) + varint(UInt64(entry.suffix.count)) + varint(UInt64(entry.value.count))
      bytes += entry.suffix + entry.value
    }
    for restart in restarts { bytes += littleEndian(restart) }
    return bytes + littleEndian(UInt32(restarts.count))
  }

  static func masked(_ bytes: some Collection<UInt8>) -> UInt32 {
    Array(bytes).withUnsafeBytes { SortedTable.mask(checksum_crc32c(0, $0.baseAddress, $0.count)) }
  }

  static func withTrailer(_ block: [UInt8], compression: UInt8 = 0) -> [UInt8] {
    block + [compression] + littleEndian(masked(block + [compression]))
  }

  static func footer(
    metaindex: (offset: UInt64, count: UInt64), index: (offset: UInt64, count: UInt64)
  ) -> [UInt8] {
    let handles = [metaindex.offset, metaindex.count, index.offset, index.count].flatMap { varint($0) }
    return handles + Array(repeating: 0, count: 40 - handles.count)
      + littleEndian(0xDB47_7524_8B80_FB57 as UInt64)
  }

  /// A table of blocks as they are, each with the key that the index gives it.
  static func table(_ blocks: [(separator: [UInt8], block: [UInt8], compression: UInt8)]) -> [UInt8] {
    var file: [UInt8] = []
    var index: [Entry] = []
    for (separator, block, compression) in blocks {
      index.append((0, separator, varint(UInt64(file.count)) + varint(UInt64(block.count))))
      file += withTrailer(block, compression: compression)
    }
    return finished(file, index: index)
  }

  /// A file of data blocks, with all that comes after them.
  static func finished(_ data: [UInt8], index: [Entry]) -> [UInt8] {
    var places: [UInt32] = []
    var end = 0
    for entry in index {
      places.append(UInt32(end))
      end += block([entry], restarts: []).count - 4
    }
    let (metaindex, index) = (block([]), block(index, restarts: places.isEmpty ? [0] : places))
    let start = UInt64(data.count)
    return data + withTrailer(metaindex) + withTrailer(index)
      + footer(
        metaindex: (start, UInt64(metaindex.count)),
        index: (start + UInt64(metaindex.count) + 5, UInt64(index.count)))
  }

  /// A table of these keys and values, as TensorFlow writes it.
  static func table(_ entries: [(key: [UInt8], value: [UInt8])], blockByteCount: Int = 262_144) -> [UInt8] {
    var writer = SortedTableWriter(blockByteCount: blockByteCount)
    for (key, value) in entries { writer.append(key, value) }
    return writer.finish()
  }

  /// The keys and values of a table.
  static func entries(
    _ table: [UInt8]
  ) throws(TensorBundleError.Fault) -> [(key: [UInt8], value: [UInt8])] {
    var found: [(key: [UInt8], value: [UInt8])] = []
    try table.span.bytes.withUnsafeBytes { (table) throws(TensorBundleError.Fault) in
      try SortedTable.forEachEntry(in: table) { key, value in found.append((key, Array(value))) }
    }
    return found
  }

  /// One data file, little-endian, version 1.
  static let header: [UInt8] = [8, 1, 0x1A, 2, 8, 1]

  /// The message of a tensor.
  struct Tensor {
    var type: UInt64 = 1
    var shape: [UInt64] = [2]
    var shard: UInt64 = 0
    var offset: UInt64 = 0
    var byteCount: UInt64 = 8
    var checksum: UInt32 = 0
    /// More fields, as bytes.
    var more: [UInt8] = []

    var message: [UInt8] {
      var writer = ProtocolBufferWriter()
      writer.append(1, varint: type)
      writer.append(2) { shape in
        for size in self.shape { shape.append(2) { $0.append(1, varint: size) } }
      }
      writer.append(3, varint: shard)
      writer.append(4, varint: offset)
      writer.append(5, varint: byteCount)
      writer.append(6, fixed32: checksum)
      return writer.bytes + more
    }
  }

  /// The index of these tensors.
  static func index(header: [UInt8] = header, _ tensors: [(String, Tensor)]) -> [UInt8] {
    table([(key: [], value: header)] + tensors.map { (key: Array($0.0.utf8), value: $0.1.message) })
  }

  /// Opens a bundle whose data files are these bytes.
  static func bundle(_ index: [UInt8], _ shards: [UInt8]..., folder: TemporaryFolder) throws -> TensorBundle {
    try TensorBundle(path: "b", index: index) { suffix in
      let number = Int(suffix.dropFirst(6).prefix(5)) ?? 0
      guard shards.indices.contains(number) else { return nil }
      let file = try MappedFile(path: folder.write(suffix, shards[number]), access: .copied)
      return LazyBytes(MappedBytes(file: file, range: 0..<file.byteCount))
    }
  }
}
