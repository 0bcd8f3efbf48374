import ModelFiles

/// What a GGUF file says before its data, checked.
///
/// | bytes | content |
/// |---|---|
/// | 0..4 | `GGUF` |
/// | 4..8 | version, u32; 2 and 3 are alike, 3 may be big-endian throughout |
/// | 8..24 | number of tensors, number of key-value pairs, u64 each |
/// | … | pairs: key, u32 type, value; a text is a u64 length and its bytes, an array a u32 type, a u64 count, items |
/// | … | tensors: name, u32 number of dimensions, u64 dimensions innermost first, u32 type, u64 offset of the data |
/// | … | zeros up to a multiple of the alignment, then the data |
///
/// The format: ggml-org/ggml, `docs/gguf.md`; limits as in ggml-org/llama.cpp, `ggml/src/gguf.cpp`.
struct GGUFHeader: Sendable {
  private(set) var version = 0
  private(set) var isBigEndian = false
  private(set) var alignment = 32
  private(set) var metadata: [(key: String, value: GGUFValue)] = []
  /// Numbers the keys.
  private(set) var keys = NameTable()
  private(set) var entries: [GGUFFile.Entry] = []
  private(set) var findings: [GGUFFile.Finding] = []

  /// Reads the header of a file, and of its data no byte.
  ///
  /// - Throws: ``GGUFError/Fault``, `SystemError`.
  static func read(_ file: MappedFile) throws -> GGUFHeader {
    let limit = min(file.byteCount, GGUFFile.maximumHeaderByteCount)
    // What is in memory is at hand without being touched; what is read from disk is read little by little.
    var window = file.access == .pread ? min(limit, 1 << 20) : limit
    while true {
      do {
        return try file.withUnshrunkBytes(in: 0..<window) { bytes in
          try bytes.withUnsafeBytes { try GGUFHeader($0, fileByteCount: file.byteCount) }
        }
      } catch GGUFCursor.Stop.fault(let fault) {
        throw fault
      } catch GGUFCursor.Stop.needsMore {
        guard window < limit else { throw GGUFError.Fault.headerTooLong(limit: limit) }
        window = limit / 4 < window ? limit : 4 * window
      }
    }
  }

  /// - Parameter window: the first bytes of the file.
  init(_ window: UnsafeRawBufferPointer, fileByteCount: Int) throws(GGUFCursor.Stop) {
    var cursor = GGUFCursor(window, fileByteCount: fileByteCount)
    guard window.starts(with: "GGUF".utf8) else { throw .fault(.notGGUF(found: Array(window.prefix(4)))) }
    _ = try cursor.run(4)
    var version: UInt32 = try cursor.integer()
    if version & 0xFFFF == 0 {  // a small number, read the wrong way round
      version = version.byteSwapped
      (cursor.swapping, isBigEndian) = (true, true)
    }
    guard version == 3 || version == 2 && !isBigEndian else { throw .fault(.unsupportedVersion(version)) }
    self.version = Int(version)

    // A tensor takes at least 24 bytes, a pair 14.
    let tensorCount = try cursor.count(of: "tensors", byteCount: 24)
    let pairCount = try cursor.count(of: "key-value pairs", byteCount: 14)
    for _ in 0..<pairCount { try readPair(&cursor) }
    try findAlignment()
    try readTensors(tensorCount, &cursor)
  }

  // MARK: - Metadata

  private mutating func readPair(_ cursor: inout GGUFCursor) throws(GGUFCursor.Stop) {
    let offset = cursor.position
    let (text, bytes) = try cursor.text()
    guard 1...GGUFFile.maximumKeyByteCount ~= bytes.count else {
      throw .fault(.invalidKeyLength(offset: offset, byteCount: UInt64(bytes.count)))
    }
    guard let key = text else { throw .fault(.invalidText(offset: offset + 8)) }
    let isDuplicate = keys.insert(hash: NameTable.hash(key)) { [metadata] in
      metadata[$0].key.hasSameBytes(as: key)
    }
    if isDuplicate != nil { throw .fault(.duplicateKey(key)) }

    let type = try readType(of: key, &cursor)
    let value = type == .array ? try readArray(key, &cursor) : try readScalar(type, key, &cursor)
    metadata.append((key, value))
  }

  private func readType(of key: String, _ cursor: inout GGUFCursor) throws(GGUFCursor.Stop) -> GGUFValueType {
    let number: UInt32 = try cursor.integer()
    guard let type = GGUFValueType(rawValue: number) else {
      throw .fault(.unknownValueType(key: key, found: number))
    }
    return type
  }

  private mutating func readScalar(
    _ type: GGUFValueType, _ key: String, _ cursor: inout GGUFCursor
  ) throws(GGUFCursor.Stop) -> GGUFValue {
    switch type {
    case .uint8: return .uint8(try cursor.integer())
    case .int8: return .int8(try cursor.integer())
    case .uint16: return .uint16(try cursor.integer())
    case .int16: return .int16(try cursor.integer())
    case .uint32: return .uint32(try cursor.integer())
    case .int32: return .int32(try cursor.integer())
    case .float32: return .float32(Float(bitPattern: try cursor.integer()))
    case .bool: return .bool(try Self.bool(cursor.integer(), key))
    case .uint64: return .uint64(try cursor.integer())
    case .int64: return .int64(try cursor.integer())
    case .float64: return .float64(Double(bitPattern: try cursor.integer()))
    case .array: throw .fault(.nestedArray(key: key))
    case .string:
      let (text, bytes) = try cursor.text()
      if text == nil { findings.append(.invalidText(key: key, count: 1)) }
      return .string(text ?? String(decoding: bytes, as: UTF8.self))
    }
  }

  private mutating func readArray(
    _ key: String, _ cursor: inout GGUFCursor
  ) throws(GGUFCursor.Stop) -> GGUFValue {
    let type = try readType(of: key, &cursor)
    if type == .array { throw .fault(.nestedArray(key: key)) }
    let count = try cursor.count(of: "items of '\(key)'", byteCount: type.byteCount)
    switch type {
    case .uint8: return .array(.uint8(try cursor.integers(count)))
    case .int8: return .array(.int8(try cursor.integers(count)))
    case .uint16: return .array(.uint16(try cursor.integers(count)))
    case .int16: return .array(.int16(try cursor.integers(count)))
    case .uint32: return .array(.uint32(try cursor.integers(count)))
    case .int32: return .array(.int32(try cursor.integers(count)))
    case .float32:
      return .array(.float32(try cursor.integers(count, UInt32.self).map { Float(bitPattern: $0) }))
    case .uint64: return .array(.uint64(try cursor.integers(count)))
    case .int64: return .array(.int64(try cursor.integers(count)))
    case .float64:
      return .array(.float64(try cursor.integers(count, UInt64.self).map { Double(bitPattern: $0) }))
    case .bool:
      var items: [Bool] = []
      for byte in try cursor.run(UInt64(count)) { items.append(try Self.bool(byte, key)) }
      return .array(.bool(items))
    case .string: return .array(.string(try readStrings(count, key, &cursor)))
    case .array: throw .fault(.nestedArray(key: key))
    }
  }

  private mutating func readStrings(
    _ count: Int, _ key: String, _ cursor: inout GGUFCursor
  ) throws(GGUFCursor.Stop) -> [String] {
    var items: [String] = []
    items.reserveCapacity(min(count, 1 << 18))
    var invalidCount = 0
    for _ in 0..<count {
      let (text, bytes) = try cursor.text()
      if text == nil { invalidCount += 1 }
      items.append(text ?? String(decoding: bytes, as: UTF8.self))
    }
    if invalidCount > 0 { findings.append(.invalidText(key: key, count: invalidCount)) }
    return items
  }

  private static func bool(_ byte: UInt8, _ key: String) throws(GGUFCursor.Stop) -> Bool {
    guard byte <= 1 else { throw .fault(.invalidBool(key: key, found: byte)) }
    return byte == 1
  }

  /// The value of a key, compared as UTF-8 bytes, or nil.
  subscript(key: String) -> GGUFValue? {
    keys.number(hash: NameTable.hash(key)) { metadata[$0].key.hasSameBytes(as: key) }.map {
      metadata[$0].value
    }
  }

  private mutating func findAlignment() throws(GGUFCursor.Stop) {
    guard let value = self["general.alignment"] else { return }
    guard case .uint32(let found) = value, GGUFFile.isAlignment(Int(found)) else {
      throw .fault(.invalidAlignment(found: value.kind))
    }
    alignment = Int(found)
  }

  // MARK: - Tensors

  private mutating func readTensors(_ count: Int, _ cursor: inout GGUFCursor) throws(GGUFCursor.Stop) {
    var (names, offsets) = (NameTable(minimumCapacity: min(count, 1 << 12)), [UInt64]())
    for index in 0..<count {
      let (entry, offset) = try readTensor(&cursor)
      let isDuplicate = names.insert(hash: NameTable.hash(entry.name)) { [entries] in
        entries[$0].name.hasSameBytes(as: entry.name)
      }
      if isDuplicate != nil { throw .fault(.duplicateName(entry.name)) }
      if entry.name.utf8.isEmpty || entry.name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
        findings.append(.unusualName(entry.name, index: index))
      }
      entries.append(entry)
      offsets.append(offset)
    }
    let fileByteCount = cursor.position + cursor.available
    do throws(GGUFError.Fault) {
      try place(offsets, headerByteCount: cursor.position, fileByteCount: fileByteCount)
    } catch { throw .fault(error) }
  }

  /// A tensor and the offset of its data in the data section.
  private func readTensor(
    _ cursor: inout GGUFCursor
  ) throws(GGUFCursor.Stop) -> (entry: GGUFFile.Entry, offset: UInt64) {
    let start = cursor.position
    let (text, bytes) = try cursor.text()
    guard bytes.count <= GGUFFile.maximumNameByteCount else {
      throw .fault(
        .nameTooLong(offset: start, byteCount: UInt64(bytes.count), limit: GGUFFile.maximumNameByteCount))
    }
    guard let name = text else { throw .fault(.invalidText(offset: start + 8)) }
    let rank: UInt32 = try cursor.integer()
    guard rank <= 4 else { throw .fault(.tooManyDimensions(tensor: name, found: UInt64(rank))) }
    var shape: [Int] = []
    for _ in 0..<rank {
      let dimension: UInt64 = try cursor.integer()
      guard let size = Int(exactly: dimension) else {
        throw .fault(.dimensionTooLarge(tensor: name, found: dimension))
      }
      shape.insert(size, at: 0)
    }
    let number: UInt32 = try cursor.integer()
    guard let type = GGUFTensorType(rawValue: number) else {
      throw .fault(.unknownTensorType(tensor: name, found: number))
    }
    let byteCount: Int
    do throws(GGUFError.Fault) { byteCount = try type.byteCount(tensor: name, shape: shape) } catch {
      throw .fault(error)
    }
    let offset: UInt64 = try cursor.integer()
    return (GGUFFile.Entry(name: name, type: type, shape: shape, byteRange: 0..<byteCount), offset)
  }

  /// Moves the byte ranges to where the data lies, and checks that they lie in the file and apart from each other.
  private mutating func place(
    _ offsets: [UInt64], headerByteCount: Int, fileByteCount: Int
  ) throws(GGUFError.Fault) {
    guard !entries.isEmpty else {
      // An alignment's worth of padding may follow and nothing else.
      let extra = fileByteCount - headerByteCount
      if extra >= alignment { findings.append(.trailingBytes(extra)) }
      return
    }
    let dataStart = (headerByteCount + alignment - 1) / alignment * alignment
    for (index, offset) in offsets.enumerated() {
      let (name, byteCount) = (entries[index].name, entries[index].byteRange.count)
      guard offset % UInt64(alignment) == 0 else {
        throw .misalignedTensor(name, offset: offset, alignment: alignment)
      }
      let (start, overflow) = offset.addingReportingOverflow(UInt64(dataStart))
      let (end, beyond) = start.addingReportingOverflow(UInt64(byteCount))
      guard !overflow, !beyond, end <= UInt64(fileByteCount) else {
        throw .dataBeyondFile(
          tensor: name, end: overflow || beyond ? .max : end, fileByteCount: fileByteCount)
      }
      entries[index].byteRange = Int(start)..<Int(end)
    }
    // Empty tensors first where several begin at one place.
    let order = entries.indices.sorted { a, b in
      let (a, b) = (entries[a].byteRange, entries[b].byteRange)
      return (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound)
    }
    var (end, last) = (dataStart, "")
    for index in order {
      let entry = entries[index]
      guard entry.byteRange.lowerBound >= end || entry.byteRange.isEmpty else {
        throw .overlappingTensors(last, entry.name)
      }
      let gap = entry.byteRange.lowerBound - end
      if gap >= alignment { findings.append(.gap(before: entry.name, byteCount: gap)) }
      if entry.byteRange.upperBound > end { (end, last) = (entry.byteRange.upperBound, entry.name) }
    }
    if zip(order, order.dropFirst()).contains(where: { $0 > $1 }) { findings.append(.dataInAnotherOrder) }
    // The data of the last tensor may be padded too; ggml's own writer does so, others do not.
    let trailing = fileByteCount - end
    if fileByteCount > (end + alignment - 1) / alignment * alignment {
      findings.append(.trailingBytes(trailing))
    }
  }
}
