import ModelFiles

/// Just enough YAML for the front matter of a model card, written so that PyYAML reads every value as meant.
package struct YAMLText {
  private(set) var text = ""

  mutating func line(_ line: String) { text += line + "\n" }

  /// `key: value`, the value a string; `key` holds the indentation and a list's `- `.
  mutating func field(_ key: String, _ value: String) { line("\(key): \(Self.string(value))") }

  /// A key with a list of strings.
  mutating func list(_ key: String, _ values: [String]) {
    line("\(key):")
    for value in values { line("- \(Self.string(value))") }
  }

  /// A number; PyYAML takes `1e-05` for a string and `1.0e-05` for a number.
  package static func number(_ value: Double) -> String {
    let text = JSONValue.number(value).compactText()
    guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
    return text[..<exponent] + ".0" + text[exponent...]
  }

  /// A string: as it is when nothing in it could be taken for something else, else in quotation marks.
  package static func string(_ value: String) -> String {
    let reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    let inner = "-_./+() "
    let isPlain =
      value.first.map { $0.isASCII && $0.isLetter } == true && value.last != " "
      && value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || inner.contains($0)) }
      && !reserved.contains(value.lowercased())
    return isPlain ? value : quoted(value)
  }

  private static func quoted(_ value: String) -> String {
    var text = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case " "..."~": text.unicodeScalars.append(scalar)
      case _ where isPrintable(scalar): text.unicodeScalars.append(scalar)
      default: text += escape(scalar)
      }
    }
    return text + "\""
  }

  /// What YAML 1.1 lets stand for itself beyond ASCII, line breaks excepted.
  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x2028, 0x2029, 0xFEFF: false
    case 0xA0...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
    default: false
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    let (letter, width) = scalar.value <= 0xFF ? ("x", 2) : scalar.value <= 0xFFFF ? ("u", 4) : ("U", 8)
    return "\\\(letter)" + String(repeating: "0", count: width - digits.count) + digits
  }
}
