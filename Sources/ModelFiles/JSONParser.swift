/// Why a JSON document could not be read, and where.
public struct JSONError: Error, Hashable, Sendable {
  /// What is wrong at the place.
  @nonexhaustive
  public enum Fault: Hashable, Sendable {
    case unexpectedEnd
    /// `expected` names what the grammar allows here.
    case unexpectedByte(UInt8, expected: String)
    /// Two members of one object have the same key.
    case duplicateKey(String)
    /// A `\u` escape that is half of a surrogate pair.
    case loneSurrogate
    case invalidUTF8
    /// A control character inside a string that is not escaped.
    case controlCharacter(UInt8)
    case invalidEscape
    case invalidNumber
    case tooDeep(limit: Int)
    case textAfterDocument
  }

  public var fault: Fault
  /// Bytes from the start of the document.
  public var offset: Int
  /// Counted from 1.
  public var line: Int
  /// In bytes, counted from 1.
  public var column: Int
  /// The file, when the document came from one.
  public var path: String?
}

extension JSONError: CustomStringConvertible {
  public var description: String {
    "\(path.map { $0 + ": " } ?? "")line \(line), column \(column): \(fault)"
  }
}

extension JSONError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unexpectedEnd: "the document stops early; is the file complete?"
    case .unexpectedByte(let byte, let expected):
      "found \(byteName(byte)) where \(expected) should be; correct the file or fetch it again"
    case .duplicateKey(let key): "the key \"\(key)\" appears twice in one object; remove one"
    case .loneSurrogate: "half of a surrogate pair is no character; write the whole pair"
    case .invalidUTF8: "the bytes are not UTF-8; save the file as UTF-8"
    case .controlCharacter(let byte): "found \(byteName(byte)) inside a string; write it as an escape"
    case .invalidEscape:
      "unknown escape; allowed are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four digits"
    case .invalidNumber: "not a JSON number; correct its spelling"
    case .tooDeep(let limit): "nested deeper than \(limit) levels; no model file needs that"
    case .textAfterDocument: "there is text after the document; remove it"
    }
  }
}

/// A byte as a reader knows it: `'x'`, or its value.
func byteName(_ byte: UInt8) -> String {
  (0x21..<0x7F).contains(byte) ? "'\(Unicode.Scalar(byte))'" : "byte 0x" + String(byte, radix: 16)
}

extension JSONValue {
  /// The deepest nesting that is read.
  public static let depthLimit = 128

  /// Reads one document.
  ///
  /// Stricter than Python's `json`: duplicate keys, lone surrogates and nesting beyond ``depthLimit`` are
  /// errors.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8; around the document there may be white space only.
  ///   - acceptsNonFinite: reads `NaN`, `Infinity` and `-Infinity`, which Python writes and JSON forbids.
  public init(parsing bytes: [UInt8], acceptsNonFinite: Bool = false) throws(JSONError) {
    let result = bytes.withUnsafeBufferPointer { buffer -> Result<JSONValue, JSONError> in
      var parser = JSONParser(buffer, acceptsNonFinite: acceptsNonFinite)
      do throws(JSONFailure) { return .success(try parser.document()) } catch {
        return .failure(error.located(in: buffer))
      }
    }
    self = try result.get()
  }

  /// Reads one document.
  public init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }

  /// Reads the document in a file.
  ///
  /// - Parameters:
  ///   - path: of the file; errors name it.
  ///   - limit: the most bytes to accept.
  ///   - acceptsNonFinite: reads `NaN`, `Infinity` and `-Infinity`, which Python writes and JSON forbids.
  /// - Throws: ``JSONError`` with the path, or ``SystemError``.
  public init(path: String, limit: Int = 256 << 20, acceptsNonFinite: Bool = false) throws {
    try self.init(CompanionFile(path: path), limit: limit, acceptsNonFinite: acceptsNonFinite)
  }
}

/// A fault and its offset; lines are counted only when somebody is told.
struct JSONFailure: Error {
  var fault: JSONError.Fault
  var offset: Int

  func located(in bytes: UnsafeBufferPointer<UInt8>) -> JSONError {
    let before = bytes.prefix(offset)
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return JSONError(
      fault: fault, offset: offset, line: before.count { $0 == 0x0A } + 1, column: offset - lineStart + 1)
  }
}

/// Reads JSON from bytes that the caller keeps alive.
///
/// Recursion is bounded by ``JSONValue/depthLimit``. The parts are usable alone: the tokenizer reader walks a
/// vocabulary with them without building a value for each token.
struct JSONParser {
  let bytes: UnsafeBufferPointer<UInt8>
  let acceptsNonFinite: Bool
  var at = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>, acceptsNonFinite: Bool = false) {
    (self.bytes, self.acceptsNonFinite) = (bytes, acceptsNonFinite)
  }

  mutating func document() throws(JSONFailure) -> JSONValue {
    let value = try value(depth: 0)
    try endOfDocument()
    return value
  }

  mutating func endOfDocument() throws(JSONFailure) {
    skipSpace()
    if at < bytes.count { throw failure(.textAfterDocument) }
  }

  func failure(_ fault: JSONError.Fault, at offset: Int? = nil) -> JSONFailure {
    JSONFailure(fault: fault, offset: offset ?? at)
  }

  func unexpected(_ expected: String) -> JSONFailure {
    failure(at < bytes.count ? .unexpectedByte(bytes[at], expected: expected) : .unexpectedEnd)
  }

  mutating func skipSpace() {
    while at < bytes.count {
      switch bytes[at] {
      case 0x20, 0x09, 0x0A, 0x0D: at += 1
      default: return
      }
    }
  }

  /// Skips white space, then takes `byte` if it is next.
  mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard at < bytes.count, bytes[at] == byte else { return false }
    at += 1
    return true
  }

  mutating func value(depth: Int) throws(JSONFailure) -> JSONValue {
    skipSpace()
    guard at < bytes.count else { throw failure(.unexpectedEnd) }
    switch bytes[at] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N") where acceptsNonFinite: return try word("NaN", .number("NaN"))
    case UInt8(ascii: "I") where acceptsNonFinite: return try word("Infinity", .number("Infinity"))
    case UInt8(ascii: "-")
    where acceptsNonFinite && at + 1 < bytes.count && bytes[at + 1] == UInt8(ascii: "I"):
      return try word("-Infinity", .number("-Infinity"))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    default: throw unexpected("a value")
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONFailure) -> JSONValue {
    for index in 0..<text.utf8CodeUnitCount {
      guard at + index < bytes.count, bytes[at + index] == text.utf8Start[index] else {
        throw unexpected("a value")
      }
    }
    at += text.utf8CodeUnitCount
    return value
  }

  /// A number's spelling, checked against the grammar.
  mutating func number() throws(JSONFailure) -> String {
    let start = at
    if bytes[at] == UInt8(ascii: "-") { at += 1 }
    let wholeStart = at
    var wellFormed = digits() > 0
    if at - wholeStart > 1 && bytes[wholeStart] == UInt8(ascii: "0") { wellFormed = false }
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      at += 1
      wellFormed = digits() > 0 && wellFormed
    }
    if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
      at += 1
      if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
      wellFormed = digits() > 0 && wellFormed
    }
    guard wellFormed else { throw failure(.invalidNumber, at: start) }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  /// Skips decimal digits and returns how many there were.
  private mutating func digits() -> Int {
    let first = at
    while at < bytes.count, (0x30...0x39).contains(bytes[at]) { at += 1 }
    return at - first
  }

  private mutating func array(depth: Int) throws(JSONFailure) -> JSONValue {
    guard depth < JSONValue.depthLimit else { throw failure(.tooDeep(limit: JSONValue.depthLimit)) }
    at += 1
    var items: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return .array(items) }
    repeat { items.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
    return .array(items)
  }

  private mutating func object(depth: Int) throws(JSONFailure) -> JSONValue {
    guard depth < JSONValue.depthLimit else { throw failure(.tooDeep(limit: JSONValue.depthLimit)) }
    var members: [JSONValue.Member] = []
    var keys = JSONKeys()
    guard try beginObject() else { return .object(members) }
    repeat {
      let (key, offset) = try self.key()
      guard keys.insert(key, isKey: { members[$0].key.hasSameBytes(as: key) }) else {
        throw failure(.duplicateKey(key), at: offset)
      }
      members.append(.init(key, try value(depth: depth + 1)))
    } while try nextMember()
    return .object(members)
  }

  // An object is walked by these three: `if try beginObject() { repeat { key, value } while try nextMember()
  // }`.

  /// Takes the `{`; false when the object is empty, in which case the `}` is taken too.
  mutating func beginObject() throws(JSONFailure) -> Bool {
    guard take(UInt8(ascii: "{")) else { throw unexpected("an object") }
    return !take(UInt8(ascii: "}"))
  }

  /// Takes `"key":`. The offset is that of the key's quotation mark.
  mutating func key() throws(JSONFailure) -> (key: String, offset: Int) {
    skipSpace()
    let offset = at
    let key = try string()
    guard take(UInt8(ascii: ":")) else { throw unexpected("':'") }
    skipSpace()
    return (key, offset)
  }

  /// Takes a `,` (true: another member follows) or the `}` (false).
  mutating func nextMember() throws(JSONFailure) -> Bool {
    if take(UInt8(ascii: ",")) { return true }
    guard take(UInt8(ascii: "}")) else { throw unexpected("',' or '}'") }
    return false
  }

  /// Reads past one value, whatever it is, without building it and without recursion.
  mutating func skipValue() throws(JSONFailure) {
    var closers: [UInt8] = []  // of the brackets that are open
    while true {
      skipSpace()
      guard at < bytes.count else { throw failure(.unexpectedEnd) }
      let byte = bytes[at]
      if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
        guard closers.count < JSONValue.depthLimit else {
          throw failure(.tooDeep(limit: JSONValue.depthLimit))
        }
        let closer = byte + 2  // `}` and `]` stand two after their openers in ASCII
        at += 1
        if !take(closer) {
          closers.append(closer)
          if closer == UInt8(ascii: "}") { _ = try key() }
          continue
        }
      } else {
        _ = try value(depth: 0)  // a string, number or word
      }
      // A value has ended; so may have those around it.
      while let closer = closers.last {
        if take(UInt8(ascii: ",")) {
          if closer == UInt8(ascii: "}") { _ = try key() }
          break
        }
        guard take(closer) else { throw unexpected("',' or '\(Unicode.Scalar(closer))'") }
        closers.removeLast()
      }
      if closers.isEmpty { return }
    }
  }
}

/// The keys an object has shown so far: compared one by one while they are few, hashed when they are many.
struct JSONKeys {
  private var count = 0
  private var table: NameTable?
  private var early: [String] = []

  /// Whether `key` is new; `isKey` tells whether the key with this number, counted from 0, is the same.
  mutating func insert(_ key: String, isKey: (Int) -> Bool) -> Bool {
    if count < 16 {
      for number in 0..<count where isKey(number) { return false }
      early.append(key)
    } else {
      var table = self.table ?? NameTable(minimumCapacity: 64)
      self.table = nil  // so that it is changed in place
      defer { self.table = table }
      for key in early { _ = table.insert(hash: NameTable.hash(key)) { _ in false } }
      early.removeAll()
      if table.insert(hash: NameTable.hash(key), isName: isKey) != nil { return false }
    }
    count += 1
    return true
  }
}
