import CChecksums

import ForeignFormats

/// A zip file put together field by field, so that any of them can be wrong.
struct HandMadeZip {
  struct Entry {
    var name: [UInt8]
    /// As packed.
    var data: [UInt8]
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var crc32: UInt32
    var packedByteCount: UInt32
    var byteCount: UInt32
    var extra: [UInt8] = []
    var disk: UInt16 = 0
    /// Where the directory says the entry begins; where it does, by default.
    var offset: UInt32?

    var localName: [UInt8]?
    var localMethod: UInt16?
    var localFlags: UInt16?
    var localCRC32: UInt32?
    var localPackedByteCount: UInt32?
    var localByteCount: UInt32?
    var localExtra: [UInt8] = []
    var localSignature: UInt32 = 0x0403_4B50
    /// Behind the data.
    var descriptor: [UInt8] = []

    init(_ name: String, _ data: [UInt8]) {
      self.name = Array(name.utf8)
      self.data = data
      crc32 = checksum_crc32(0, data, data.count)
      (packedByteCount, byteCount) = (UInt32(data.count), UInt32(data.count))
    }

    /// Deflated, that is in blocks that are not compressed.
    init(deflating data: [UInt8], _ name: String) {
      self.init(name, HandMadeZip.deflate(data))
      method = 8
      crc32 = checksum_crc32(0, data, data.count)
      byteCount = UInt32(data.count)
    }
  }

  var entries: [Entry]
  var before: [UInt8] = []
  var beforeDirectory: [UInt8] = []
  var afterDirectory: [UInt8] = []
  var after: [UInt8] = []
  var comment: [UInt8] = []
  var disk: UInt16 = 0
  var entryCount: UInt16?
  var directoryByteCount: UInt32?
  var directoryOffset: UInt32?
  /// Leaves the end record out.
  var isCut = false
  /// Given the place and size of the directory, what stands between it and the end record.
  var zip64: (@Sendable (_ offset: UInt64, _ size: UInt64, _ count: UInt64) -> [UInt8])?

  init(_ entries: Entry...) { self.entries = entries }

  var bytes: [UInt8] {
    var bytes = before
    var directory: [UInt8] = []
    for entry in entries {
      let offset = bytes.count - before.count
      bytes += entry.localSignature.littleEndianBytes + UInt16(20).littleEndianBytes
      bytes += (entry.localFlags ?? entry.flags).littleEndianBytes
      bytes += (entry.localMethod ?? entry.method).littleEndianBytes + [0, 0, 33, 0]
      bytes += (entry.localCRC32 ?? entry.crc32).littleEndianBytes
      bytes += (entry.localPackedByteCount ?? entry.packedByteCount).littleEndianBytes
      bytes += (entry.localByteCount ?? entry.byteCount).littleEndianBytes
      let name = entry.localName ?? entry.name
      bytes += UInt16(name.count).littleEndianBytes + UInt16(entry.localExtra.count).littleEndianBytes
      bytes += name + entry.localExtra + entry.data + entry.descriptor

      directory += UInt32(0x0201_4B50).littleEndianBytes + [20, 0, 20, 0]
      directory += entry.flags.littleEndianBytes + entry.method.littleEndianBytes + [0, 0, 33, 0]
      directory += entry.crc32.littleEndianBytes + entry.packedByteCount.littleEndianBytes
      directory += entry.byteCount.littleEndianBytes + UInt16(entry.name.count).littleEndianBytes
      directory += UInt16(entry.extra.count).littleEndianBytes + [0, 0] + entry.disk.littleEndianBytes
      directory += [0, 0, 0, 0, 0, 0] + (entry.offset ?? UInt32(offset)).littleEndianBytes
      directory += entry.name + entry.extra
    }
    bytes += beforeDirectory
    let start = bytes.count - before.count
    bytes += directory + afterDirectory
    if let zip64 { bytes += zip64(UInt64(start), UInt64(directory.count), UInt64(entries.count)) }
    if isCut { return bytes }
    let count = (entryCount ?? UInt16(entries.count)).littleEndianBytes
    bytes += UInt32(0x0605_4B50).littleEndianBytes + disk.littleEndianBytes + disk.littleEndianBytes
    bytes += count + count + (directoryByteCount ?? UInt32(directory.count)).littleEndianBytes
    bytes += (directoryOffset ?? UInt32(start)).littleEndianBytes
    return bytes + UInt16(comment.count).littleEndianBytes + comment + after
  }

  /// The records of zip64 archives, right by default.
  static func zip64Records(
    count: UInt64, size: UInt64, offset: UInt64, position: UInt64? = nil, length: UInt64 = 44,
    disks: UInt32 = 1
  ) -> [UInt8] {
    var bytes = UInt32(0x0606_4B50).littleEndianBytes + length.littleEndianBytes + [45, 0, 45, 0]
    bytes += [UInt8](repeating: 0, count: 8) + count.littleEndianBytes + count.littleEndianBytes
    bytes += size.littleEndianBytes + offset.littleEndianBytes
    bytes += UInt32(0x0706_4B50).littleEndianBytes + [0, 0, 0, 0]
    return bytes + (position ?? offset + size).littleEndianBytes + disks.littleEndianBytes
  }

  static func deflate(_ data: [UInt8]) -> [UInt8] {
    var (bytes, start): ([UInt8], Int) = ([], 0)
    repeat {
      let end = min(start + 65535, data.count)
      let count = UInt16(end - start)
      bytes += [end == data.count ? 1 : 0] + count.littleEndianBytes + (~count).littleEndianBytes
      bytes += data[start..<end]
      start = end
    } while start < data.count
    return bytes
  }
}

extension FixedWidthInteger {
  /// As files hold it.
  var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}
