import ModelFiles

/// Reads one JSON object a line.
///
/// Members keep the characters they were written with: a number `2.50` is the text `2.50`. As a label it is
/// what Python's `str` makes of it, so that `1` is `1` and `2.50` is `2.5`, as `class_encode_column` has it.
struct JSONLinesReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position: Int
  /// The line of the object that `next` found, counted from 1.
  private(set) var line = 0

  /// - Parameters:
  ///   - bytes: must stay valid while the reader is used.
  ///   - start: where to begin, after a byte order mark.
  init(_ bytes: UnsafeBufferPointer<UInt8>, start: Int) {
    self.bytes = bytes
    position = start
  }

  /// The next object, or nil at the end of the file. Blank lines are skipped.
  mutating func next() throws(DataFault) -> [JSONValue.Member]? {
    while position < bytes.count {
      let rest = bytes[position...]
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      let content = bytes[position..<end]
      let start = position
      position = end + 1
      line += 1
      if content.allSatisfy(" \t\r".utf8.contains) { continue }
      return try object(UnsafeBufferPointer(rebasing: content), at: start)
    }
    return nil
  }

  private func object(
    _ content: UnsafeBufferPointer<UInt8>, at start: Int
  ) throws(DataFault) -> [JSONValue.Member] {
    let value: JSONValue
    do throws(JSONError) { value = try JSONValue(parsing: Array(content)) } catch {
      if error.fault == .invalidUTF8 { throw .notUTF8(in: content, at: start, line: line) }
      let opens = content.first { $0 != UInt8(ascii: " ") }
      let isDocument = line == 1 && error.fault == .unexpectedEnd
      if isDocument, opens == UInt8(ascii: "[") || opens == UInt8(ascii: "{") {
        throw DataFault(.notJSONLines)
      }
      throw DataFault(line: line, .invalidJSON(error.fault, column: error.column))
    }
    if line == 1, case .array(let items) = value, case .object? = items.first {
      throw DataFault(.notJSONLines)
    }
    guard let members = value.members else { throw DataFault(line: line, .notAnObject(found: value.kind)) }
    return members
  }
}

extension JSONValue {
  /// The member's own characters; empty for null, nil for an array or an object.
  var ownCharacters: String? {
    switch self {
    case .null: ""
    case .bool(let value): value ? "true" : "false"
    case .number(let text), .string(let text): text
    case .array, .object: nil
    }
  }

  /// What Python's `str` makes of the value once `json` has read it; empty for null, nil for an array or an
  /// object.
  var pythonText: String? {
    switch self {
    case .bool(let value): value ? "True" : "False"
    case .number(let text):
      if text.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) {
        text == "-0" ? "0" : text
      } else {
        switch JSONValue.number(doubleValue ?? .nan) {
        case .number("Infinity"): "inf"
        case .number("-Infinity"): "-inf"
        case .number(let python): python
        default: text
        }
      }
    default: ownCharacters
    }
  }
}
