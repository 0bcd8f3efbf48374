/// What the header of a safetensors file says, checked.
struct SafetensorsHeader {
  /// In the order of the data.
  var entries: [SafetensorsFile.Entry] = []
  var metadata: [(key: String, value: String)] = []
  var lint: [SafetensorsFile.Finding] = []
  /// The numbers are indices of `entries`.
  var names: NameTable
}

/// Reads the header of a safetensors file byte by byte.
///
/// No value is built for what the grammar is known of, so that 100,000 entries take hundredths of a second.
/// Stricter than the reference (huggingface/safetensors, `tensor.rs`, `read_metadata` and `validate`):
/// duplicate names and keys at any level, entries that are arrays, and shapes whose non-zero dimensions
/// overflow are errors.
struct SafetensorsHeaderParser {
  typealias Fault = SafetensorsError.Fault
  private var json: JSONParser
  /// Where the data lies, in bytes from the start of the file.
  private let dataRange: Range<Int>
  private var header: SafetensorsHeader
  private var metadataSeen = false
  // Of the entry being read; kept so that they are allocated once.
  private var shape: [UInt64] = []
  private var offsets: [UInt64] = []
  /// The type read last and its spelling, in quotation marks: the next one is the same as a rule.
  private var lastType: (ElementType, UnsafeBufferPointer<UInt8>)?

  /// Reads and checks a header.
  ///
  /// - Parameters:
  ///   - bytes: the header, without the eight bytes of its length.
  ///   - dataRange: what follows it, in bytes from the start of the file.
  static func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, dataRange: Range<Int>
  ) throws(Fault) -> SafetensorsHeader {
    var parser = SafetensorsHeaderParser(bytes, dataRange: dataRange)
    do { try parser.document() } catch let failure as JSONFailure {
      if case .tooDeep(let limit) = failure.fault {
        throw .headerTooDeep(offset: failure.offset, limit: limit)
      }
      throw .malformedHeader(offset: failure.offset, failure.fault)
    } catch let fault as Fault { throw fault } catch {
      preconditionFailure("the parser throws nothing else")
    }
    try parser.checkCoverage()
    return parser.header
  }

  private init(_ bytes: UnsafeBufferPointer<UInt8>, dataRange: Range<Int>) {
    json = JSONParser(bytes)
    self.dataRange = dataRange
    let estimate = bytes.count / 100  // what an entry takes as a rule
    header = SafetensorsHeader(names: NameTable(minimumCapacity: estimate))
    header.entries.reserveCapacity(estimate)
  }

  private mutating func document() throws {
    if let first = json.bytes.first, first != UInt8(ascii: "{") { header.lint.append(.leadingSpace) }
    if try json.beginObject() {
      repeat {
        let (name, _) = try json.key()
        if name.hasSameBytes(as: "__metadata__") {
          if metadataSeen { throw Fault.duplicateName(name) }
          metadataSeen = true
          try metadata()
        } else {
          guard Self.insert(name, into: &header.names, header.entries) else {
            throw Fault.duplicateName(name)
          }
          try entry(name)
        }
      } while try json.nextMember()
    }
    let end = json.at
    try json.endOfDocument()
    if json.bytes[end...].contains(where: { $0 != 0x20 }) { header.lint.append(.paddingNotSpaces) }
  }

  /// Whether a name is new. Apart, so that no copy of `entries` is held when they grow.
  private static func insert(_ name: String, into names: inout NameTable, _ entries: [SafetensorsFile.Entry])
    -> Bool
  {
    names.insert(hash: NameTable.hash(name)) { entries[$0].name.hasSameBytes(as: name) } == nil
  }

  private mutating func metadata() throws {
    guard json.next != UInt8(ascii: "n") else {
      guard try json.value(depth: 0).isNull else { return }
      header.lint.append(.nullMetadata)
      return
    }
    guard json.next == UInt8(ascii: "{") else {
      throw Fault.invalidMetadata(key: nil, found: try json.nextKind())
    }
    var keys = JSONKeys()
    var metadata: [(key: String, value: String)] = []
    guard try json.beginObject() else { return }
    repeat {
      let (key, _) = try json.key()
      guard keys.insert(key, isKey: { metadata[$0].key.hasSameBytes(as: key) }) else {
        throw Fault.duplicateMetadataKey(key)
      }
      guard json.next == UInt8(ascii: "\"") else {
        throw Fault.invalidMetadata(key: key, found: try json.nextKind())
      }
      metadata.append((key, try json.string()))
    } while try json.nextMember()
    header.metadata = metadata
  }

  // MARK: Entries

  private enum Field {
    case dtype, shape, dataOffsets
    case unknown(String)
  }

  /// Takes the name of a field and the colon.
  private mutating func field() throws -> Field {
    json.skipSpace()
    let field: Field
    if json.take(bytes: "\"dtype\"") {
      field = .dtype
    } else if json.take(bytes: "\"shape\"") {
      field = .shape
    } else if json.take(bytes: "\"data_offsets\"") {
      field = .dataOffsets
    } else {  // unknown, or spelled with escapes
      switch try json.key().key {
      case "dtype": return .dtype
      case "shape": return .shape
      case "data_offsets": return .dataOffsets
      case let name: return .unknown(name)
      }
    }
    guard json.take(UInt8(ascii: ":")) else { throw json.unexpected("':'") }
    json.skipSpace()
    return field
  }

  private mutating func entry(_ name: String) throws {
    guard json.next == UInt8(ascii: "{") else {
      throw Fault.invalidEntry(tensor: name, found: try json.nextKind())
    }
    var type: ElementType?
    var (hasShape, hasOffsets) = (false, false)
    if try json.beginObject() {
      repeat {
        switch try field() {
        case .dtype:
          if type != nil { throw Fault.duplicateField(tensor: name, field: "dtype") }
          type = try elementType(name)
        case .shape:
          if hasShape { throw Fault.duplicateField(tensor: name, field: "shape") }
          hasShape = true
          if let found = try json.takeUnsigned(into: &shape) {
            throw Fault.invalidNumber(tensor: name, field: "shape", found: found)
          }
        case .dataOffsets:
          if hasOffsets { throw Fault.duplicateField(tensor: name, field: "data_offsets") }
          hasOffsets = true
          if let found = try json.takeUnsigned(into: &offsets) {
            throw Fault.invalidNumber(tensor: name, field: "data_offsets", found: found)
          }
        case .unknown(let field):
          try json.skipValue()
          header.lint.append(.unknownField(tensor: name, field: field))
        }
      } while try json.nextMember()
    }
    guard let type else { throw Fault.missingField(tensor: name, field: "dtype") }
    guard hasShape else { throw Fault.missingField(tensor: name, field: "shape") }
    guard hasOffsets else { throw Fault.missingField(tensor: name, field: "data_offsets") }
    header.entries.append(try checked(name, type))
  }

  private mutating func elementType(_ name: String) throws -> ElementType {
    guard json.next == UInt8(ascii: "\"") else {
      throw Fault.unknownElementType(tensor: name, found: try json.nextKind())
    }
    let start = json.at
    if let (type, spelling) = lastType, json.take(bytes: spelling) { return type }
    let code = try json.string()
    guard let type = ElementType(rawValue: code) else {
      throw Fault.unknownElementType(tensor: name, found: "'\(code)'")
    }
    lastType = (type, UnsafeBufferPointer(rebasing: json.bytes[start..<json.at]))
    return type
  }

  /// The entry that `shape` and `offsets` describe.
  private func checked(_ name: String, _ type: ElementType) throws(Fault) -> SafetensorsFile.Entry {
    guard offsets.count == 2 else { throw .wrongOffsetCount(tensor: name, found: offsets.count) }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end else { throw .reversedOffsets(tensor: name, begin: begin, end: end) }

    guard let dimensions = dimensions(), let bits = bitCount(of: dimensions, type) else {
      throw .shapeOverflow(tensor: name, shape: shape)
    }
    guard bits % 8 == 0 else { throw .partialByte(tensor: name, bitCount: bits) }
    guard end - begin == UInt64(bits / 8) else {
      throw .sizeMismatch(tensor: name, expected: bits / 8, found: end - begin)
    }
    guard let last = Int(exactly: end), last <= Int.max - dataRange.lowerBound else {
      throw .dataNotContiguous(tensor: name, expected: 0, found: begin)
    }
    return SafetensorsFile.Entry(
      info: TensorInfo(name: name, elementType: type, shape: dimensions),
      byteRange: dataRange.lowerBound + Int(begin)..<dataRange.lowerBound + last)
  }

  /// `shape` as an array that entries with equal shapes share; nil when a dimension is too large.
  private func dimensions() -> [Int]? {
    if let last = header.entries.last?.info.shape, last.elementsEqual(shape, by: { UInt64($0) == $1 }) {
      return last
    }
    return shape.allSatisfy { $0 <= UInt64(Int.max) } ? shape.map { Int($0) } : nil
  }

  /// Puts the entries into the order of their data, and checks that they cover it without gap or overlap.
  private mutating func checkCoverage() throws(Fault) {
    func precedes(_ a: SafetensorsFile.Entry, _ b: SafetensorsFile.Entry) -> Bool {
      (a.byteRange.lowerBound, a.byteRange.upperBound) < (b.byteRange.lowerBound, b.byteRange.upperBound)
    }
    let start = dataRange.lowerBound
    let isSorted = zip(header.entries, header.entries.dropFirst()).allSatisfy { !precedes($1, $0) }
    if !isSorted {
      header.entries.sort(by: precedes)
      header.names = NameTable(minimumCapacity: header.entries.count)
      for entry in header.entries { _ = header.names.insert(hash: NameTable.hash(entry.name)) { _ in false } }
    }
    var expected = start
    for entry in header.entries {
      guard entry.byteRange.lowerBound == expected else {
        throw .dataNotContiguous(
          tensor: entry.name, expected: expected - start, found: UInt64(entry.byteRange.lowerBound - start))
      }
      expected = entry.byteRange.upperBound
    }
    guard expected == dataRange.upperBound else {
      throw .wrongFileLength(expected: expected, found: dataRange.upperBound)
    }
  }
}

/// The number of bits a tensor takes, or nil when they, or the elements without dimensions of zero, do not
/// fit.
package func bitCount(of shape: [Int], _ type: ElementType) -> Int? {
  var bits = type.bitWidth
  var isEmpty = false
  for size in shape {
    if size == 0 {
      isEmpty = true
      continue
    }
    let (product, overflow) = bits.multipliedReportingOverflow(by: size)
    if overflow { return nil }
    bits = product
  }
  return isEmpty ? 0 : bits
}

extension JSONParser {
  /// The next byte, or 0 at the end.
  var next: UInt8 { at < bytes.count ? bytes[at] : 0 }

  /// Takes `expected` if these bytes are next.
  mutating func take(bytes expected: UnsafeBufferPointer<UInt8>) -> Bool {
    guard bytes.count - at >= expected.count else { return false }
    for index in 0..<expected.count where bytes[at + index] != expected[index] { return false }
    at += expected.count
    return true
  }

  mutating func take(bytes expected: StaticString) -> Bool {
    take(bytes: UnsafeBufferPointer(start: expected.utf8Start, count: expected.utf8CodeUnitCount))
  }

  /// Takes an unsigned integer below 2^64 with nothing after it that belongs to a number; nil takes nothing.
  mutating func takeUnsigned() -> UInt64? {
    let start = at
    var number: UInt64 = 0
    while at < bytes.count, case let digit = bytes[at] &- 0x30, digit < 10 {
      let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
      if overflow || carry || (number == 0 && at > start) {  // too large, or a leading zero
        at = start
        return nil
      }
      number = sum
      at += 1
    }
    let after = at < bytes.count ? bytes[at] : 0
    if at == start || after == UInt8(ascii: ".") || after | 0x20 == UInt8(ascii: "e") {
      at = start
      return nil
    }
    return number
  }

  /// Takes an array of unsigned integers; returns what stands in the place of one, or of the array.
  mutating func takeUnsigned(into numbers: inout [UInt64]) throws(JSONFailure) -> String? {
    numbers.removeAll(keepingCapacity: true)
    guard take(UInt8(ascii: "[")) else { return try nextKind() }
    if take(UInt8(ascii: "]")) { return nil }
    repeat {
      skipSpace()
      guard let number = takeUnsigned() else { return try nextKind() }
      numbers.append(number)
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
    return nil
  }

  /// Names the value that follows, for a message; a malformed or very deep one is an error of its own.
  mutating func nextKind() throws(JSONFailure) -> String {
    switch next {
    case UInt8(ascii: "{"): return "an object"
    case UInt8(ascii: "["): return "an array"
    default:
      let value = try value(depth: 0)
      if case .string(let text) = value { return "the string '\(text)'" }
      return value.kind
    }
  }
}
