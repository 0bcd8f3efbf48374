import CChecksums

/// The entries of a zip file, found without any care, to be put together anew.
struct ZipParts {
  struct Entry {
    var name: [UInt8]
    var method: UInt16
    var crc: UInt32
    var byteCount: UInt32
    var data: [UInt8]
  }

  var entries: [Entry] = []

  /// Nil when there are no entries, or some are not where the directory says.
  init?(_ bytes: UnsafeRawBufferPointer) {
    for record in Self.records(bytes) {
      guard let data = Self.data(of: record, in: bytes),
        let name = bytes.range(record.place + 46, record.nameLength)
      else { return nil }
      entries.append(
        Entry(
          name: Array(name), method: record.method, crc: record.crc, byteCount: record.byteCount,
          data: Array(bytes[data])))
    }
    if entries.isEmpty { return nil }
  }

  /// A zip file with one of the entries changed: its data as a rule, else its name; or without it, or with it twice.
  func changed(by mutation: inout Mutation) -> [UInt8] {
    var entries = entries
    let place = mutation.below(entries.count)
    switch mutation.below(16) {
    case 0: entries[place].name = mutation.changed(entries[place].name)
    case 1: entries.remove(at: place)
    case 2: entries.append(entries[place])
    default:
      entries[place].data = mutation.changed(entries[place].data)
      guard entries[place].method == 0 else { break }
      entries[place].crc = entries[place].data.withUnsafeBytes { checksum_crc32(0, $0.baseAddress, $0.count) }
      entries[place].byteCount = UInt32(entries[place].data.count)
    }
    return Self.file(entries)
  }

  private static func file(_ entries: [Entry]) -> [UInt8] {
    var (file, directory): ([UInt8], [UInt8]) = ([], [])
    for entry in entries {
      let offset = UInt32(file.count)
      var common: [UInt8] = []
      common.append(UInt16(0), entry.method, UInt32(0), entry.crc, UInt32(entry.data.count), entry.byteCount)
      common.append(UInt16(truncatingIfNeeded: entry.name.count), UInt16(0))
      file.append(UInt32(0x0403_4B50), UInt16(20))
      file += common + entry.name + entry.data
      directory.append(UInt32(0x0201_4B50), UInt16(20), UInt16(20))
      directory += common
      directory.append(UInt16(0), UInt16(0), UInt16(0), UInt32(0), offset)
      directory += entry.name
    }
    let start = UInt32(file.count)
    file += directory
    let number = UInt16(truncatingIfNeeded: entries.count)
    file.append(
      UInt32(0x0605_4B50), UInt16(0), UInt16(0), number, number, UInt32(directory.count), start, UInt16(0))
    return file
  }

  /// Makes the checksums of stored entries right.
  static func mendChecksums(_ bytes: UnsafeMutableRawBufferPointer) {
    let input = UnsafeRawBufferPointer(bytes)
    for record in records(input) where record.method == 0 {
      guard let data = data(of: record, in: input), let start = input.baseAddress else { continue }
      let crc = checksum_crc32(0, start + data.lowerBound, data.count)
      bytes.store(crc, at: record.place + 16)
      if !record.hasDescriptor { bytes.store(crc, at: record.offset + 14) }
      if input.uint32(data.upperBound) == 0x0807_4B50 { bytes.store(crc, at: data.upperBound + 4) }
    }
  }

  /// A record of the directory; the numbers are what it says.
  private struct Record {
    var (place, offset, nameLength): (Int, Int, Int)
    var method: UInt16
    var (crc, byteCount, packed): (UInt32, UInt32, UInt32)
    var hasDescriptor: Bool
  }

  private static func records(_ bytes: UnsafeRawBufferPointer) -> [Record] {
    // The end record, where there is no comment behind it.
    guard bytes.uint32(bytes.count - 22) == 0x0605_4B50, let start = bytes.uint32(bytes.count - 6) else {
      return []
    }
    var (records, place): ([Record], Int) = ([], Int(start))
    while bytes.uint32(place) == 0x0201_4B50, records.count < 64,
      let flags = bytes.uint16(place + 8), let method = bytes.uint16(place + 10),
      let crc = bytes.uint32(place + 16), let packed = bytes.uint32(place + 20),
      let byteCount = bytes.uint32(place + 24), let name = bytes.uint16(place + 28),
      let extra = bytes.uint16(place + 30), let comment = bytes.uint16(place + 32),
      let offset = bytes.uint32(place + 42)
    {
      records.append(
        Record(
          place: place, offset: Int(offset), nameLength: Int(name), method: method, crc: crc,
          byteCount: byteCount,
          packed: packed, hasDescriptor: flags & 8 != 0))
      place += 46 + Int(name) + Int(extra) + Int(comment)
    }
    return records
  }

  private static func data(of record: Record, in bytes: UnsafeRawBufferPointer) -> Range<Int>? {
    guard bytes.uint32(record.offset) == 0x0403_4B50, let name = bytes.uint16(record.offset + 26),
      let extra = bytes.uint16(record.offset + 28)
    else { return nil }
    let start = record.offset + 30 + Int(name) + Int(extra)
    return bytes.range(start, Int(record.packed)) == nil ? nil : start..<start + Int(record.packed)
  }
}

enum TarParts {
  /// Makes the checksums of headers right, for as long as headers follow one another.
  static func mendChecksums(_ bytes: UnsafeMutableRawBufferPointer) {
    guard bytes.count > 512, bytes[257..<262].elementsEqual("ustar".utf8) else { return }
    var place = 0
    while place + 512 <= bytes.count, bytes[place] != 0 {
      for index in 148..<156 { bytes[place + index] = 0x20 }
      let sum = bytes[place..<place + 512].reduce(0) { $0 + Int($1) }
      for index in 0..<6 { bytes[place + 148 + index] = 0x30 | UInt8(sum >> (3 * (5 - index)) & 7) }
      bytes[place + 154] = 0
      let size = bytes[place + 124..<place + 135].reduce(0) { $0 << 3 | Int($1 & 7) }
      place += 512 + (size + 511) / 512 * 512
    }
  }
}

extension UnsafeRawBufferPointer {
  func range(_ start: Int, _ count: Int) -> Slice<UnsafeRawBufferPointer>? {
    start >= 0 && count >= 0 && start <= self.count && count <= self.count - start
      ? self[start..<start + count] : nil
  }

  func uint16(_ place: Int) -> UInt16? {
    range(place, 2).map { _ in UInt16(littleEndian: loadUnaligned(fromByteOffset: place, as: UInt16.self)) }
  }

  func uint32(_ place: Int) -> UInt32? {
    range(place, 4).map { _ in UInt32(littleEndian: loadUnaligned(fromByteOffset: place, as: UInt32.self)) }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Stores a number, if there is room.
  func store(_ value: UInt32, at place: Int) {
    guard place >= 0, place + 4 <= count else { return }
    storeBytes(of: value.littleEndian, toByteOffset: place, as: UInt32.self)
  }
}

extension [UInt8] {
  /// Appends numbers as little-endian bytes.
  mutating func append<each Number: FixedWidthInteger>(_ numbers: repeat each Number) {
    for number in repeat each numbers {
      Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
  }
}
