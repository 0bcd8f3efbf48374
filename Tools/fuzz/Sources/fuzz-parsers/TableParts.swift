import CChecksums
import ForeignFormats

/// The entries of a sorted table, to be put together anew.
struct TableParts {
  private var entries: [(key: [UInt8], value: [UInt8])] = []

  /// Nil when the table is damaged. The input has been parsed before, and is no danger any more.
  init?(_ bytes: UnsafeRawBufferPointer) {
    var entries = entries
    do throws(TensorBundleError.Fault) {
      try SortedTable.forEachEntry(in: bytes) { key, value throws(TensorBundleError.Fault) in
        entries.append((key, Array(value)))
      }
    } catch { return nil }
    if entries.isEmpty { return nil }
    self.entries = entries
  }

  /// A table with one of the entries changed: its value as a rule, else its key; or without it.
  ///
  /// - Parameter ofTensors: makes the checksums of tensors right.
  func changed(by mutation: inout Mutation, ofTensors: Bool) -> [UInt8] {
    var entries = entries
    // The first is the header of a bundle, on which all others depend.
    let place = mutation.below(4) == 0 ? 0 : mutation.below(entries.count)
    switch mutation.below(8) {
    case 0: entries[place].key = mutation.changed(entries[place].key)
    case 1: entries.remove(at: place)
    default: entries[place].value = mutation.changed(entries[place].value)
    }
    entries.sort { $0.key.lexicographicallyPrecedes($1.key) }
    var writer = SortedTableWriter(blockByteCount: 1 << (4 + mutation.below(12)))
    var last: [UInt8]?
    for (key, value) in entries where key != last {
      writer.append(key, ofTensors && !key.isEmpty ? Self.mended(value) : value)
      last = key
    }
    return writer.finish()
  }

  /// A `BundleEntryProto` with the checksum of its tensor, whose elements are zeros.
  private static func mended(_ entry: [UInt8]) -> [UInt8] {
    var (byteCount, checksum): (Int?, Int?)
    var place = 0
    while place < entry.count, let tag = varint(entry, &place) {
      switch tag & 7 {
      case 0:
        let value = varint(entry, &place)
        if tag >> 3 == 5 { byteCount = value.flatMap { Int(exactly: $0) } }
      case 2: place += varint(entry, &place).flatMap { Int(exactly: $0 & 0xFFFF_FFFF) } ?? entry.count
      case 5:
        if tag >> 3 == 6 { checksum = place }
        place += 4
      default: return entry
      }
    }
    guard let byteCount, byteCount <= TensorBundleData.byteCount, let checksum, checksum + 4 <= entry.count
    else {
      return entry
    }
    var entry = entry
    let zeros = [UInt8](repeating: 0, count: byteCount)
    let crc = SortedTable.mask(zeros.withUnsafeBytes { checksum_crc32c(0, $0.baseAddress, $0.count) })
    entry.withUnsafeMutableBytes { $0.store(crc, at: checksum) }
    return entry
  }

  private static func varint(_ bytes: [UInt8], _ place: inout Int) -> UInt64? {
    var (value, shift): (UInt64, UInt64) = (0, 0)
    while place < bytes.count, shift < 64 {
      let byte = bytes[place]
      value |= UInt64(byte & 0x7F) << shift
      place += 1
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  /// Makes the checksums right of all blocks that can be found: they follow one another from the start, and the last
  /// two are named at the end.
  static func mendChecksums(_ bytes: UnsafeMutableRawBufferPointer) {
    guard bytes.count >= 48 else { return }
    let footer = Array(bytes.suffix(48))
    var place = 0
    guard let metaOffset = varint(footer, &place), let metaCount = varint(footer, &place),
      let indexOffset = varint(footer, &place), let indexCount = varint(footer, &place)
    else { return }
    mend(metaOffset, metaCount, bytes)
    mend(indexOffset, indexCount, bytes)
    // Small tables have one data block.
    if metaOffset > 5 { mend(0, metaOffset - 5, bytes) }
  }

  private static func mend(_ offset: UInt64, _ count: UInt64, _ bytes: UnsafeMutableRawBufferPointer) {
    guard let offset = Int(exactly: offset), let count = Int(exactly: count), offset < bytes.count,
      count < bytes.count - offset, let start = bytes.baseAddress
    else { return }
    bytes.store(SortedTable.mask(checksum_crc32c(0, start + offset, count + 1)), at: offset + count + 1)
  }
}
