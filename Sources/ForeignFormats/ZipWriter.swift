import CChecksums
package import ModelFiles

/// Writes a zip file of stored entries that can be used in place, mapped.
///
/// Bytes are passed on as they come; checksums are put in afterwards. Equal entries give equal files: every entry is of
/// midnight, 1 January 1980, the first moment a zip file knows. What needs more than 32 bits is written as zip64.
package struct ZipWriter: ~Copyable {
  /// Takes bytes of the entry being written; may be called any number of times.
  package typealias Sink = (RawSpan) throws -> Void

  private var file: AtomicFile
  private let path: String
  private let zip64Threshold: Int
  private var written: [(header: ZipLocalHeader, offset: Int)] = []
  private var names = NameTable()
  private var current: Current?

  /// The entry being written.
  private struct Current {
    var name: String
    var header: ZipLocalHeader
    var offset: Int
    var byteCount: Int
    var produced = 0
  }

  /// Starts a file that will replace `path`.
  ///
  /// - Parameter zip64Threshold: the size, offset or directory size from which on zip64 is used; for tests.
  /// - Throws: `SystemError`.
  package init(replacing path: String, zip64Threshold: Int = Int(UInt32.max)) throws(SystemError) {
    file = try AtomicFile(replacing: path)
    self.path = path
    self.zip64Threshold = zip64Threshold
  }

  /// Writes an entry.
  ///
  /// A function that was itself handed a closure cannot hand the sink on to it; it calls
  /// ``begin(name:byteCount:alignment:extraFieldID:)``, ``append(_:)`` and ``finish()`` instead.
  ///
  /// - Parameters:
  ///   - byteCount: how many bytes `produce` gives.
  ///   - alignment: what the offset of the entry's bytes in the file is a multiple of; at most 32768.
  ///   - extraFieldID: of the extra field that aligns them, filled with `Z`; by default torch's, `FB`.
  ///   - produce: hands the bytes to the sink.
  /// - Throws: ``ZipError`` when a name is there twice, does not fit, or another number of bytes comes; `SystemError`;
  ///   what `produce` throws. Then the writer is to be dropped.
  package mutating func add(
    name: String, byteCount: Int, alignment: Int = 1, extraFieldID: UInt16 = 0x4246,
    produce: (Sink) throws -> Void
  ) throws {
    try begin(name: name, byteCount: byteCount, alignment: alignment, extraFieldID: extraFieldID)
    try produce { try append($0) }
    try finish()
  }

  /// Begins an entry, whose bytes are then appended.
  ///
  /// - Parameters: as of ``add(name:byteCount:alignment:extraFieldID:produce:)``.
  /// - Throws: ``ZipError`` when a name is there twice or does not fit; `SystemError`.
  package mutating func begin(
    name: String, byteCount: Int, alignment: Int = 1, extraFieldID: UInt16 = 0x4246
  ) throws {
    precondition(current == nil, "an entry was not finished")
    precondition((1...32768).contains(alignment), "no such alignment")
    let nameBytes = Array(name.utf8)
    guard nameBytes.count <= Int(UInt16.max) else {
      throw ZipError(path: path, .nameTooLong(byteCount: nameBytes.count))
    }
    let isThere = names.insert(hash: NameTable.hash(name)) { [written] in written[$0].header.name == nameBytes
    }
    if isThere != nil { throw ZipError(path: path, .duplicateName(entry: name)) }

    var header = ZipLocalHeader(
      name: nameBytes, method: 0, crc32: 0, packedByteCount: byteCount, byteCount: byteCount,
      zip64Threshold: zip64Threshold)
    let offset = file.byteCount
    header.pad(to: alignment, from: offset, id: extraFieldID)
    current = Current(name: name, header: header, offset: offset, byteCount: byteCount)
    try file.append(header.bytes.span.bytes)
  }

  /// Appends bytes of the entry that was begun.
  ///
  /// - Throws: ``ZipError`` when they are more than announced; `SystemError`.
  package mutating func append(_ bytes: RawSpan) throws {
    guard var entry = current else { preconditionFailure("no entry was begun") }
    entry.produced += bytes.byteCount
    guard entry.produced <= entry.byteCount else {
      throw ZipError(
        path: path, .wrongByteCount(entry: entry.name, expected: entry.byteCount, found: entry.produced))
    }
    entry.header.crc32 = bytes.withUnsafeBytes {
      checksum_crc32(entry.header.crc32, $0.baseAddress, $0.count)
    }
    current = entry
    try file.append(bytes)
  }

  /// Finishes the entry that was begun.
  ///
  /// - Throws: ``ZipError`` when fewer bytes came than announced; `SystemError`.
  package mutating func finish() throws {
    guard let entry = current else { preconditionFailure("no entry was begun") }
    guard entry.produced == entry.byteCount else {
      throw ZipError(
        path: path, .wrongByteCount(entry: entry.name, expected: entry.byteCount, found: entry.produced))
    }
    try file.overwrite(
      entry.header.crc32.littleEndianBytes.span.bytes, at: entry.offset + ZipLocalHeader.checksumOffset)
    written.append((entry.header, entry.offset))
    current = nil
  }

  /// Writes the directory and puts the file in its place.
  ///
  /// - Throws: `SystemError`.
  package consuming func commit() throws {
    precondition(current == nil, "an entry was not finished")
    let start = file.byteCount
    for (header, offset) in written {
      try file.append(directoryRecord(header, offset: offset).span.bytes)
    }
    let size = file.byteCount - start
    try file.append(endRecords(start: start, size: size).span.bytes)
    try file.commit()
  }

  private func directoryRecord(_ header: ZipLocalHeader, offset: Int) -> [UInt8] {
    var extra: [UInt8] = []
    if header.isZip64 { extra += header.zip64Sizes }
    let offsetFits = offset < zip64Threshold
    if !offsetFits { extra += UInt64(offset).littleEndianBytes }
    if !extra.isEmpty {
      extra = UInt16(1).littleEndianBytes + UInt16(extra.count).littleEndianBytes + extra
    }
    let version: UInt16 = extra.isEmpty ? 20 : 45
    var bytes = UInt32(0x0201_4B50).littleEndianBytes
    bytes += (3 << 8 | version).littleEndianBytes  // made as on Unix, so that the mode below counts
    bytes += version.littleEndianBytes
    bytes += header.common
    bytes += UInt16(header.name.count).littleEndianBytes
    bytes += UInt16(extra.count).littleEndianBytes
    bytes += [0, 0, 0, 0, 0, 0]  // no comment, disk 0, bytes rather than text
    bytes += UInt32(0o100644 << 16).littleEndianBytes
    bytes += (offsetFits ? UInt32(offset) : .max).littleEndianBytes
    return bytes + header.name + extra
  }

  private func endRecords(start: Int, size: Int) -> [UInt8] {
    let count = written.count
    var bytes: [UInt8] = []
    let isZip64 = count >= Int(UInt16.max) || size >= zip64Threshold || start >= zip64Threshold
    if isZip64 {
      bytes += UInt32(0x0606_4B50).littleEndianBytes + UInt64(44).littleEndianBytes
      bytes +=
        UInt16(3 << 8 | 45).littleEndianBytes + UInt16(45).littleEndianBytes + [0, 0, 0, 0, 0, 0, 0, 0]
      bytes += UInt64(count).littleEndianBytes + UInt64(count).littleEndianBytes
      bytes += UInt64(size).littleEndianBytes + UInt64(start).littleEndianBytes
      bytes += UInt32(0x0706_4B50).littleEndianBytes + [0, 0, 0, 0]
      bytes += UInt64(start + size).littleEndianBytes + UInt32(1).littleEndianBytes
    }
    let shortCount = UInt16(clamping: count).littleEndianBytes
    bytes += UInt32(0x0605_4B50).littleEndianBytes + [0, 0, 0, 0] + shortCount + shortCount
    bytes += (size < zip64Threshold ? UInt32(size) : .max).littleEndianBytes
    bytes += (start < zip64Threshold ? UInt32(start) : .max).littleEndianBytes
    return bytes + [0, 0]
  }
}

/// The header before an entry's bytes.
struct ZipLocalHeader {
  let name: [UInt8]
  let method: UInt16
  var crc32: UInt32
  let packedByteCount: Int
  let byteCount: Int
  let isZip64: Bool
  private var padding: [UInt8] = []

  /// Where the checksum stands.
  static let checksumOffset = 14

  init(
    name: [UInt8], method: UInt16, crc32: UInt32, packedByteCount: Int, byteCount: Int,
    zip64Threshold: Int = Int(UInt32.max)
  ) {
    (self.name, self.method, self.crc32) = (name, method, crc32)
    (self.packedByteCount, self.byteCount) = (packedByteCount, byteCount)
    isZip64 = max(packedByteCount, byteCount) >= zip64Threshold
  }

  /// Makes the header so long that an entry at `offset` has its bytes at a multiple of `alignment`.
  mutating func pad(to alignment: Int, from offset: Int, id: UInt16) {
    let end = offset + bytes.count
    guard end % alignment != 0 else { return }
    let count = alignment - (end + 4) % alignment
    padding =
      id.littleEndianBytes + UInt16(count % alignment).littleEndianBytes
      + Array(repeating: UInt8(ascii: "Z"), count: count % alignment)
  }

  /// What the header has in common with the record of the directory: from the flags to the sizes.
  var common: [UInt8] {
    // Bit 11 says that the name is UTF-8, where that makes a difference.
    let flags: UInt16 = name.allSatisfy { $0 < 0x80 } ? 0 : 1 << 11
    var bytes = flags.littleEndianBytes + method.littleEndianBytes
    bytes += UInt16(0).littleEndianBytes + UInt16(1 << 5 | 1).littleEndianBytes
    bytes += crc32.littleEndianBytes
    bytes += (isZip64 ? UInt32.max : UInt32(packedByteCount)).littleEndianBytes
    bytes += (isZip64 ? UInt32.max : UInt32(byteCount)).littleEndianBytes
    return bytes
  }

  /// In the order of the zip64 extra field.
  var zip64Sizes: [UInt8] {
    UInt64(byteCount).littleEndianBytes + UInt64(packedByteCount).littleEndianBytes
  }

  var bytes: [UInt8] {
    let sizes =
      isZip64 ? UInt16(1).littleEndianBytes + UInt16(16).littleEndianBytes + zip64Sizes : []
    var bytes = UInt32(0x0403_4B50).littleEndianBytes
    bytes += UInt16(isZip64 ? 45 : 20).littleEndianBytes
    bytes += common
    bytes += UInt16(name.count).littleEndianBytes
    bytes += UInt16(sizes.count + padding.count).littleEndianBytes
    return bytes + name + sizes + padding
  }
}
