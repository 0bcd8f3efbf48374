import CChecksums
package import ModelFiles

/// The entries of a zip file, stored or deflated.
///
/// Stricter than what most programs that read zip files do, because two of them that read one file differently are an
/// attack: the directory and each entry's own header must agree, entries must not overlap, names must be unique, and
/// nothing may precede the first entry or follow the end record. Bytes are handed out only with the right checksum.
///
/// Source: PKWARE APPNOTE 6.3.10, as Python's `zipfile`, Info-ZIP and torch's miniz write it.
package struct ZipArchive: Sendable {
  package struct Entry: Sendable, Hashable {
    package let name: String
    package let isDeflated: Bool
    /// When unpacked.
    package let byteCount: Int
    package let packedByteCount: Int
    /// Of the unpacked bytes.
    package let crc32: UInt32
    /// Of the packed bytes, in the file.
    package let dataRange: Range<Int>
  }

  package let file: MappedFile
  /// In the order of the directory; folders, whose names end with a slash, are among them.
  package let entries: [Entry]
  private let names: NameTable

  /// Whether a file that begins so is to be read as a zip file; four bytes suffice.
  package static func isZip(_ prefix: some Sequence<UInt8>) -> Bool {
    let bytes = Array(prefix.prefix(4))
    return bytes == [0x50, 0x4B, 3, 4] || bytes == [0x50, 0x4B, 5, 6]  // the latter without any entry
  }

  /// Reads the directory and every entry's own header.
  ///
  /// - Parameter unpackedLimit: the most bytes that all deflated entries together may unpack to; by default 64 GiB.
  /// - Throws: ``ZipError``, `SystemError`.
  package init(_ file: MappedFile, unpackedLimit: Int = 1 << 36) throws {
    do {
      guard Self.isZip(try file.bytes(in: 0..<min(4, file.byteCount))) else { throw ZipError.Fault.notZip }
      let directory = try ZipDirectory(file)
      let records = try Self.records(of: directory, in: file)
      var names = NameTable(minimumCapacity: records.count)
      for record in records {
        let found = names.insert(hash: NameTable.hash(record.name)) {
          records[$0].name.hasSameBytes(as: record.name)
        }
        if found != nil { throw ZipError.Fault.duplicateName(entry: record.name) }
      }
      try Self.checkExpansion(of: records, limit: unpackedLimit)
      self.names = names
      self.file = file
      entries = try Self.entries(records, of: file, end: directory.range.lowerBound)
    } catch let fault as ZipError.Fault { throw ZipError(path: file.path, fault) }
  }

  /// The entry named `name`, compared as UTF-8 bytes, or nil.
  package subscript(name: String) -> Entry? {
    names.number(hash: NameTable.hash(name)) { entries[$0].name.hasSameBytes(as: name) }.map { entries[$0] }
  }

  /// The unpacked bytes of a small entry, checked.
  ///
  /// - Parameter limit: the most bytes to accept.
  /// - Throws: ``ZipError`` when there are more of them, or they are damaged; `SystemError`.
  package func bytes(of entry: Entry, limit: Int) throws -> [UInt8] {
    guard entry.byteCount <= limit else {
      throw ZipError(
        path: file.path, .tooLarge(entry: entry.name, byteCount: entry.byteCount, limit: limit))
    }
    if entry.isDeflated {
      var bytes: [UInt8] = []
      try ZipInflation.unpack(entry, of: file) { bytes.append(contentsOf: $0) }
      return bytes
    }
    try Self.check(entry, of: file)
    return try file.withUnshrunkBytes(in: entry.dataRange) { $0.withUnsafeBytes { Array($0) } }
  }

  /// The first unpacked bytes of an entry, for a header in it: `count` or all there are. They are not checked; whoever
  /// believes them checks the entry when its data is used.
  ///
  /// - Throws: ``ZipError``, `SystemError`.
  package func uncheckedPrefix(of entry: Entry, count: Int) throws -> [UInt8] {
    if entry.isDeflated { return try ZipInflation.prefix(of: entry, of: file, count: count) }
    let start = entry.dataRange.lowerBound
    return try file.withUnshrunkBytes(in: start..<start + min(count, entry.byteCount)) {
      $0.withUnsafeBytes { Array($0) }
    }
  }

  /// The unpacked bytes of an entry, checked when they are first used.
  ///
  /// Those of a stored entry are used where they lie in the file. Those of a deflated one are unpacked into a temporary
  /// file without a name, or into memory when they are few.
  package func lazyBytes(of entry: Entry) -> LazyBytes {
    let stored = StoredBytes(MappedBytes(file: file, range: entry.dataRange)) { [path = file.path] in
      try Self.check($0, of: entry, path: path)
    }
    return LazyBytes(byteCount: entry.byteCount, stored: entry.isDeflated ? nil : stored) { [file] in
      guard entry.isDeflated else {
        try Self.check(entry, of: file)
        return MappedBytes(file: file, range: entry.dataRange)
      }
      let unpacked = try MappedFile.temporary(
        byteCount: entry.byteCount, path: file.path, access: file.access
      ) { sink in
        try ZipInflation.unpack(entry, of: file) { try sink($0.bytes) }
      }
      return MappedBytes(file: unpacked, range: 0..<entry.byteCount)
    }
  }

  /// Compares the checksum of a stored entry.
  private static func check(_ entry: Entry, of file: MappedFile) throws {
    var (crc, start) = (UInt32(0), entry.dataRange.lowerBound)
    while start < entry.dataRange.upperBound {
      let end = min(start + 1 << 20, entry.dataRange.upperBound)
      crc = try file.withUnshrunkBytes(in: start..<end) { piece in
        piece.withUnsafeBytes { checksum_crc32(crc, $0.baseAddress, $0.count) }
      }
      start = end
    }
    try check(crc, of: entry, path: file.path)
  }

  private static func check(_ crc: UInt32, of entry: Entry, path: String) throws(ZipError) {
    guard crc == entry.crc32 else {
      throw ZipError(path: path, .wrongChecksum(entry: entry.name, expected: entry.crc32, found: crc))
    }
  }
}

// MARK: - Opening

extension ZipArchive {
  private static func records(of directory: ZipDirectory, in file: MappedFile) throws -> [ZipRecord] {
    try file.withUnshrunkBytes(in: directory.range) { span in
      try span.withUnsafeBytes { bytes in
        var reader = ByteReader(bytes)
        var records: [ZipRecord] = []
        records.reserveCapacity(directory.entryCount)
        for _ in 0..<directory.entryCount {
          records.append(try ZipRecord(&reader, start: directory.range.lowerBound))
        }
        guard reader.remaining == 0 else {
          throw ZipError.Fault.wrongDirectory(
            field: "a directory size of", expected: UInt64(reader.position), found: UInt64(bytes.count))
        }
        return records
      }
    }
  }

  private static func checkExpansion(of records: [ZipRecord], limit: Int) throws(ZipError.Fault) {
    var total: UInt64 = 0
    for record in records {
      // Bits 0, 6 and 13 say encrypted, strongly encrypted, and that the headers are masked.
      guard record.flags & (1 << 0 | 1 << 6 | 1 << 13) == 0 else { throw .encrypted(entry: record.name) }
      switch record.method {
      case 0:
        guard record.packedByteCount == record.byteCount else {
          throw .storedSizesDiffer(
            entry: record.name, packed: record.packedByteCount, unpacked: record.byteCount)
        }
      case 8:
        // Deflate gives at most 258 bytes for two bits.
        let (most, overflow) = record.packedByteCount.multipliedReportingOverflow(by: 1032)
        if !overflow && record.byteCount > most {
          throw .expansionLimit(entry: record.name, byteCount: record.byteCount, limit: Int(clamping: most))
        }
        let (sum, overflows) = total.addingReportingOverflow(record.byteCount)
        guard !overflows, sum <= UInt64(max(0, limit)) else {
          throw .expansionLimit(entry: record.name, byteCount: record.byteCount, limit: limit)
        }
        total = sum
      default: throw .unsupportedMethod(entry: record.name, method: record.method)
      }
    }
  }

  /// - Parameter end: of the entries, where the directory starts.
  private static func entries(_ records: [ZipRecord], of file: MappedFile, end: Int) throws -> [Entry] {
    let order = records.indices.sorted { records[$0].offset < records[$1].offset }
    // Something before the first entry, such as a program that unpacks the rest.
    guard order.first.map({ records[$0].offset == 0 }) ?? (end == 0) else { throw ZipError.Fault.notZip }
    if let last = order.last, records[last].offset >= UInt64(end) {
      throw ZipError.Fault.beyondFile(entry: records[last].name)
    }
    var entries: [Entry?] = Array(repeating: nil, count: records.count)
    for (place, index) in order.enumerated() {
      let record = records[index]
      let next = place + 1 < order.count ? records[order[place + 1]].offset : UInt64(end)
      guard record.offset < UInt64(end) else { throw ZipError.Fault.beyondFile(entry: record.name) }
      guard next > record.offset, next <= UInt64(end) else {
        throw ZipError.Fault.overlap(entry: record.name)
      }
      entries[index] = try entry(record, of: file, room: Int(record.offset)..<Int(next))
    }
    return entries.compactMap { $0 }
  }

  /// - Parameter room: from the entry's own header to what follows the entry.
  private static func entry(_ record: ZipRecord, of file: MappedFile, room: Range<Int>) throws -> Entry {
    let header = try localHeader(of: record, in: file, room: room)
    let (dataStart, room) = (room.lowerBound + header, room.upperBound)
    guard record.packedByteCount <= UInt64(room - dataStart), let byteCount = Int(exactly: record.byteCount)
    else { throw ZipError.Fault.overlap(entry: record.name) }
    let data = dataStart..<dataStart + Int(record.packedByteCount)
    if record.hasDescriptor { try checkDescriptor(of: record, in: file, data.upperBound..<room) }
    return Entry(
      name: record.name, isDeflated: record.method == 8, byteCount: byteCount, packedByteCount: data.count,
      crc32: record.crc32, dataRange: data)
  }

  /// Compares an entry's own header (APPNOTE, section 4.3.7) with the directory, and returns its length.
  private static func localHeader(
    of record: ZipRecord, in file: MappedFile, room: Range<Int>
  ) throws -> Int {
    let (fixed, offset) = (30, room.lowerBound)
    let malformed = ZipError.Fault.malformed(.localHeader, offset: offset)
    func lengths(_ bytes: UnsafeRawBufferPointer) -> Int? {
      guard ByteReader.uint32(bytes, at: 0) == 0x0403_4B50, let name = ByteReader.uint16(bytes, at: 26),
        let extra = ByteReader.uint16(bytes, at: 28)
      else { return nil }
      return fixed + Int(name) + Int(extra)
    }
    guard room.count >= fixed,
      let length = try file.withUnshrunkBytes(in: offset..<offset + fixed, { $0.withUnsafeBytes(lengths) })
    else { throw malformed }
    guard length <= room.count else { throw ZipError.Fault.overlap(entry: record.name) }

    return try file.withUnshrunkBytes(in: offset..<offset + length) { span in
      try span.withUnsafeBytes { bytes in
        var reader = ByteReader(bytes, at: 6)
        guard let flags: UInt16 = reader.integer(), let method: UInt16 = reader.integer(),
          reader.run(4) != nil,
          let crc: UInt32 = reader.integer(), let packed: UInt32 = reader.integer(),
          let unpacked: UInt32 = reader.integer(), let nameLength: UInt16 = reader.integer(),
          reader.run(2) != nil, let name = reader.run(Int(nameLength)),
          let extra = reader.run(reader.remaining)
        else { throw malformed }
        var zip64 = try ZipExtraField.zip64(in: extra, offset: offset)
        let byteCount = try zip64.value(unpacked)
        let packedByteCount = try zip64.value(packed)

        func require(_ isEqual: Bool, _ field: String) throws(ZipError.Fault) {
          if !isEqual { throw .headersDisagree(entry: record.name, field: field) }
        }
        try require(name.elementsEqual(record.name.utf8), "name")
        // Bits 1 and 2 tell how hard the compressor tried; bit 11 how the name is encoded, which is UTF-8 anyway.
        try require((flags ^ record.flags) & ~(1 << 1 | 1 << 2 | 1 << 11) == 0, "flags")
        try require(method == record.method, "method")
        // What was not known yet when the header was written is zero.
        let isLater = record.hasDescriptor
        try require(crc == record.crc32 || isLater && crc == 0, "checksum")
        try require(packedByteCount == record.packedByteCount || isLater && packedByteCount == 0, "size")
        try require(byteCount == record.byteCount || isLater && byteCount == 0, "size")
        return length
      }
    }
  }

  /// Compares the descriptor behind an entry's data (APPNOTE, section 4.3.9) with the directory, if there is one: with
  /// or without a signature, in 32 or 64 bits.
  private static func checkDescriptor(of record: ZipRecord, in file: MappedFile, _ room: Range<Int>) throws {
    guard !room.isEmpty else { return }
    let crc = record.crc32.littleEndianBytes
    var sizes = [record.packedByteCount.littleEndianBytes + record.byteCount.littleEndianBytes]
    if let packed = UInt32(exactly: record.packedByteCount), let unpacked = UInt32(exactly: record.byteCount)
    {
      sizes.append(packed.littleEndianBytes + unpacked.littleEndianBytes)
    }
    let found = try file.bytes(in: room.lowerBound..<min(room.upperBound, room.lowerBound + 24))
    let isRight = sizes.contains {
      found.starts(with: [0x50, 0x4B, 7, 8] + crc + $0) || found.starts(with: crc + $0)
    }
    if !isRight { throw ZipError.Fault.headersDisagree(entry: record.name, field: "descriptor") }
  }
}

extension FixedWidthInteger {
  /// The bytes in which little-endian formats write it.
  var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}
