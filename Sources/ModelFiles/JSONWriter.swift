extension JSONValue {
  /// The document as Python's `json.dumps` writes it, byte for byte.
  ///
  /// `transformers` saves `config.json` with `sort_keys` and the tokenizer's files without ASCII escapes.
  ///
  /// - Parameters:
  ///   - indent: spaces a level, or nil for one line with `", "` and `": "`.
  ///   - sortKeys: sorts members by the scalars of their keys.
  ///   - ensureASCII: writes everything beyond ASCII as `\u` escapes.
  public func pythonText(indent: Int? = 2, sortKeys: Bool = false, ensureASCII: Bool = true) -> String {
    var writer = JSONTextWriter(
      indent: indent, itemSeparator: indent == nil ? ", " : ",", keySeparator: ": ", sortKeys: sortKeys,
      escape: ensureASCII ? .beyondASCII : .python)
    writer.write(self, depth: 0)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The document on one line, without spaces and with no more escapes than JSON demands.
  public func compactText() -> String {
    var writer = JSONTextWriter(
      indent: nil, itemSeparator: ",", keySeparator: ":", sortKeys: false, escape: .python)
    writer.write(self, depth: 0)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

/// Which characters of a string are written as escapes, beside `"`, `\` and the control characters below
/// space.
enum JSONEscape {
  /// No others. What `json.dumps(ensure_ascii=False)` and Rust's `serde_json` write.
  case python
  /// Everything but printable ASCII, as UTF-16 units.
  case beyondASCII
}

struct JSONTextWriter {
  let indent: Int?
  let itemSeparator: String
  let keySeparator: String
  let sortKeys: Bool
  let escape: JSONEscape
  var bytes: [UInt8] = []

  mutating func write(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .number(let text): bytes += text.utf8
    case .string(let text): Self.appendQuoted(text, escape, to: &bytes)
    case .array(let items) where items.isEmpty: bytes += "[]".utf8
    case .object(let members) where members.isEmpty: bytes += "{}".utf8
    case .array(let items):
      bytes.append(UInt8(ascii: "["))
      for (index, item) in items.enumerated() {
        startItem(index, depth: depth + 1)
        write(item, depth: depth + 1)
      }
      end("]", depth: depth)
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      let ordered = sortKeys ? members.sorted { $0.key.precedesInBytes($1.key) } : members
      for (index, member) in ordered.enumerated() {
        startItem(index, depth: depth + 1)
        Self.appendQuoted(member.key, escape, to: &bytes)
        bytes += keySeparator.utf8
        write(member.value, depth: depth + 1)
      }
      end("}", depth: depth)
    }
  }

  private mutating func startItem(_ index: Int, depth: Int) {
    if index > 0 { bytes += itemSeparator.utf8 }
    startLine(depth: depth)
  }

  private mutating func end(_ bracket: Unicode.Scalar, depth: Int) {
    startLine(depth: depth)
    bytes.append(UInt8(ascii: bracket))
  }

  private mutating func startLine(depth: Int) {
    guard let indent else { return }
    bytes.append(UInt8(ascii: "\n"))
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * depth))
  }

  /// Appends `text` in quotation marks.
  static func appendQuoted(_ text: String, _ escape: JSONEscape, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    switch escape {
    case .python:
      for byte in text.utf8 {
        if byte < 0x20 || byte == 0x22 || byte == 0x5C {
          appendEscape(UInt16(byte), to: &bytes)
        } else {
          bytes.append(byte)
        }
      }
    case .beyondASCII:
      for unit in text.utf16 {
        if (0x20..<0x7F).contains(unit) && unit != 0x22 && unit != 0x5C {
          bytes.append(UInt8(unit))
        } else {
          appendEscape(unit, to: &bytes)
        }
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func appendEscape(_ unit: UInt16, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\\"))
    switch unit {
    case 0x22, 0x5C: bytes.append(UInt8(unit))
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    default:
      bytes.append(UInt8(ascii: "u"))
      for shift in [12, 8, 4, 0] {
        let digit = UInt8(truncatingIfNeeded: unit >> shift) & 0xF
        bytes.append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
      }
    }
  }
}

/// `repr(value)` of Python: the shortest digits that read back as `value`, positional from 1e-4 up to 1e16.
func pythonFloatText(_ value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
  let text = value.description
  // Swift writes the same digits, and an exponent from 2^53 on where Python waits for 1e16.
  guard value.magnitude >= 0x1p53, value.magnitude < 1e16 else { return text }
  return "\(Int(value)).0"
}

extension JSONValue {
  /// The same with null for `NaN` and infinities, which JSON does not know.
  package var finite: JSONValue {
    switch self {
    case .number(let text): ["NaN", "Infinity", "-Infinity"].contains(text) ? .null : self
    case .array(let items): .array(items.map(\.finite))
    case .object(let members): .object(members.map { Member($0.key, $0.value.finite) })
    default: self
    }
  }
}
