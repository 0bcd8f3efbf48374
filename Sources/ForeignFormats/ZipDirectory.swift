import ModelFiles

/// Where the directory of a zip file is, as its end records say.
///
/// Source: PKWARE APPNOTE 6.3.10, sections 4.3.14 to 4.3.16.
struct ZipDirectory: Sendable {
  let entryCount: Int
  /// Of the directory, in the file.
  let range: Range<Int>

  /// Finds the end record, and checks that it and the directory are the end of the file.
  ///
  /// - Throws: ``ZipError/Fault``, `SystemError`.
  init(_ file: MappedFile) throws {
    let end = try Self.endRecord(of: file)
    var entryCount = UInt64(end.entryCount)
    var (size, offset, directoryEnd) = (UInt64(end.size), UInt64(end.offset), end.position)

    if let zip64 = try Zip64EndRecord(before: end.position, in: file) {
      try Self.check("an entry count of", end.entryCount, .max, zip64.entryCount)
      try Self.check("a directory size of", end.size, .max, zip64.size)
      try Self.check("a directory offset of", end.offset, .max, zip64.offset)
      (entryCount, size, offset, directoryEnd) = (zip64.entryCount, zip64.size, zip64.offset, zip64.position)
    } else if end.disk != 0 {
      throw ZipError.Fault.multipleDisks
    }
    // So that nothing lies between the directory and its end record, nor before the first entry: an archive with
    // something in front of it has offsets that are too small.
    let (sum, overflow) = offset.addingReportingOverflow(size)
    guard !overflow, sum == UInt64(directoryEnd) else {
      throw ZipError.Fault.wrongDirectory(
        field: "that the directory ends at byte", expected: UInt64(directoryEnd), found: overflow ? .max : sum
      )
    }
    range = Int(offset)..<directoryEnd
    guard entryCount <= UInt64(range.count / ZipRecord.fixedByteCount) else {
      throw ZipError.Fault.wrongDirectory(
        field: "an entry count of", expected: UInt64(range.count / ZipRecord.fixedByteCount),
        found: entryCount)
    }
    self.entryCount = Int(entryCount)
  }

  /// A field of the end record holds the value of the zip64 one, or says by all ones that it is to be found there.
  private static func check<Field: FixedWidthInteger & UnsignedInteger>(
    _ name: String, _ field: Field, _ saturated: Field, _ value: UInt64
  ) throws(ZipError.Fault) {
    guard field == saturated || UInt64(field) == value else {
      throw .wrongDirectory(field: name, expected: value, found: UInt64(field))
    }
  }

  private struct EndRecord {
    var position: Int
    /// 0, or all ones when the zip64 record has it.
    var disk: UInt16
    var entryCount: UInt16
    var size: UInt32
    var offset: UInt32
  }

  private static func endRecord(of file: MappedFile) throws -> EndRecord {
    let fixed = 22
    guard file.byteCount >= fixed else { throw ZipError.Fault.noEndRecord }
    let start = max(0, file.byteCount - fixed - Int(UInt16.max))
    return try file.withUnshrunkBytes(in: start..<file.byteCount) { span in
      try span.withUnsafeBytes { bytes in
        var found: Int?
        var followed: Int?
        for place in (0...bytes.count - fixed).reversed()
        where bytes[place] == 0x50 && ByteReader.uint32(bytes, at: place) == 0x0605_4B50 {
          let comment = Int(ByteReader.uint16(bytes, at: place + 20) ?? 0)
          let excess = bytes.count - place - fixed - comment
          if excess == 0 {
            if found != nil { throw ZipError.Fault.twoEndRecords }
            found = place
          } else if excess > 0 && followed == nil {
            followed = excess
          }
        }
        guard let found else {
          if let followed { throw ZipError.Fault.bytesAfterEnd(count: followed) }
          throw ZipError.Fault.noEndRecord
        }
        var reader = ByteReader(bytes, at: found + 4)
        guard let disk: UInt16 = reader.integer(), let directoryDisk: UInt16 = reader.integer(),
          let countHere: UInt16 = reader.integer(), let entryCount: UInt16 = reader.integer(),
          let size: UInt32 = reader.integer(), let offset: UInt32 = reader.integer()
        else { throw ZipError.Fault.malformed(.endRecord, offset: start + found) }
        guard disk == directoryDisk, disk == 0 || disk == .max, countHere == entryCount else {
          throw ZipError.Fault.multipleDisks
        }
        return EndRecord(
          position: start + found, disk: disk, entryCount: entryCount, size: size, offset: offset)
      }
    }
  }
}

/// The end record of archives beyond 4 GiB or 65534 entries; torch writes it always.
private struct Zip64EndRecord {
  var position: Int
  var entryCount: UInt64
  var size: UInt64
  var offset: UInt64

  /// Nil when no locator of such a record precedes the end record.
  init?(before end: Int, in file: MappedFile) throws {
    let (locatorByteCount, fixed) = (20, 56)
    guard end >= locatorByteCount else { return nil }
    let locator = end - locatorByteCount
    let found: (disk: UInt32, position: UInt64, disks: UInt32)? =
      try file.withUnshrunkBytes(in: locator..<end) { span in
        span.withUnsafeBytes { bytes in
          var reader = ByteReader(bytes)
          guard reader.integer(UInt32.self) == 0x0706_4B50, let disk: UInt32 = reader.integer(),
            let position: UInt64 = reader.integer(), let disks: UInt32 = reader.integer()
          else { return nil }
          return (disk, position, disks)
        }
      }
    guard let found else { return nil }
    guard found.disk == 0, found.disks <= 1 else { throw ZipError.Fault.multipleDisks }
    guard locator >= fixed, found.position <= UInt64(locator - fixed) else {
      throw ZipError.Fault.malformed(.zip64EndRecord, offset: locator)
    }
    let position = Int(found.position)
    self = try file.withUnshrunkBytes(in: position..<position + fixed) { span in
      try span.withUnsafeBytes { bytes in
        var reader = ByteReader(bytes)
        guard reader.integer(UInt32.self) == 0x0606_4B50, let length: UInt64 = reader.integer(),
          // The length counts from behind itself, and may hold an extensible part.
          length >= UInt64(fixed - 12), length == UInt64(locator - position - 12),
          reader.run(4) != nil, let disk: UInt32 = reader.integer(),
          let directoryDisk: UInt32 = reader.integer(),
          let countHere: UInt64 = reader.integer(), let entryCount: UInt64 = reader.integer(),
          let size: UInt64 = reader.integer(), let offset: UInt64 = reader.integer()
        else { throw ZipError.Fault.malformed(.zip64EndRecord, offset: position) }
        guard disk == 0, directoryDisk == 0, countHere == entryCount else {
          throw ZipError.Fault.multipleDisks
        }
        return Zip64EndRecord(position: position, entryCount: entryCount, size: size, offset: offset)
      }
    }
  }

  private init(position: Int, entryCount: UInt64, size: UInt64, offset: UInt64) {
    (self.position, self.entryCount, self.size, self.offset) = (position, entryCount, size, offset)
  }
}

/// What the directory says of an entry (APPNOTE, section 4.3.12).
struct ZipRecord {
  /// Without name, extra field and comment.
  static let fixedByteCount = 46

  var name: String
  var flags: UInt16
  var method: UInt16
  var crc32: UInt32
  var packedByteCount: UInt64
  var byteCount: UInt64
  /// Of the entry's own header, in the file.
  var offset: UInt64

  /// Whether sizes and checksum also, or only, stand behind the data.
  var hasDescriptor: Bool { flags & 1 << 3 != 0 }

  /// - Parameter start: of the directory, for errors.
  init(_ reader: inout ByteReader, start: Int) throws(ZipError.Fault) {
    let place = start + reader.position
    let malformed = ZipError.Fault.malformed(.directory, offset: place)
    guard reader.integer(UInt32.self) == 0x0201_4B50, reader.run(4) != nil,
      let flags: UInt16 = reader.integer(),
      let method: UInt16 = reader.integer(), reader.run(4) != nil, let crc32: UInt32 = reader.integer(),
      let packed: UInt32 = reader.integer(), let unpacked: UInt32 = reader.integer(),
      let nameLength: UInt16 = reader.integer(), let extraLength: UInt16 = reader.integer(),
      let commentLength: UInt16 = reader.integer(), let disk: UInt16 = reader.integer(), reader.run(6) != nil,
      let offset: UInt32 = reader.integer()
    else { throw malformed }
    guard reader.remaining >= Int(nameLength) else { throw malformed }
    guard nameLength > 0, let name = reader.text(Int(nameLength)), !name.utf8.contains(0) else {
      throw .invalidName(offset: place)
    }
    guard let extra = reader.run(Int(extraLength)), reader.run(Int(commentLength)) != nil else {
      throw malformed
    }
    var zip64 = try ZipExtraField.zip64(in: extra, offset: place)
    byteCount = try zip64.value(unpacked)
    packedByteCount = try zip64.value(packed)
    self.offset = try zip64.value(offset)
    guard try zip64.disk(disk) == 0 else { throw .multipleDisks }
    (self.name, self.flags, self.method, self.crc32) = (name, flags, method, crc32)
  }
}

/// The extra field that holds what does not fit 32 bits (APPNOTE, section 4.5.3).
struct ZipExtraField {
  private var values: ByteReader?
  private let offset: Int

  /// - Parameter offset: of the record, for errors.
  static func zip64(in extra: UnsafeRawBufferPointer, offset: Int) throws(ZipError.Fault) -> Self {
    var reader = ByteReader(extra)
    var values: ByteReader?
    // Fewer than four bytes are padding, which some writers align with.
    while reader.remaining >= 4 {
      guard let id: UInt16 = reader.integer(), let length: UInt16 = reader.integer(),
        let field = reader.run(Int(length)), id != 1 || values == nil
      else { throw .malformed(.extraField, offset: offset) }
      if id == 1 { values = ByteReader(field) }
    }
    return Self(values: values, offset: offset)
  }

  /// The value of a field: itself, or when it is all ones, the next one here if there is this extra field.
  mutating func value(_ field: UInt32) throws(ZipError.Fault) -> UInt64 {
    guard field == .max, values != nil else { return UInt64(field) }
    guard let value = values?.integer(UInt64.self) else { throw .malformed(.extraField, offset: offset) }
    return value
  }

  mutating func disk(_ field: UInt16) throws(ZipError.Fault) -> UInt32 {
    guard field == .max, values != nil else { return UInt32(field) }
    guard let value = values?.integer(UInt32.self) else { throw .malformed(.extraField, offset: offset) }
    return value
  }
}

extension ByteReader {
  static func uint16(_ bytes: UnsafeRawBufferPointer, at place: Int) -> UInt16? {
    var reader = ByteReader(bytes, at: place)
    return reader.integer()
  }

  static func uint32(_ bytes: UnsafeRawBufferPointer, at place: Int) -> UInt32? {
    var reader = ByteReader(bytes, at: place)
    return reader.integer()
  }
}
