import Pretrained

extension JSONValue {
  /// A float with the digits of the double it equals, as Python prints them.
  static func number(_ value: Float) -> JSONValue { .number(Double(value)) }

  static func numbers(_ values: some Sequence<Float>) -> JSONValue { .array(values.map { .number($0) }) }

  static func integers(_ values: some Sequence<some BinaryInteger>) -> JSONValue {
    .array(values.map { .number(Int($0)) })
  }

  /// One line, as `json.dumps(…, ensure_ascii=False)` writes it, with null for `NaN` and infinities.
  var line: String { finite.pythonText(indent: nil, ensureASCII: false) }
}
