import ModelFiles

/// Writes answers that are mostly numbers, without a document in between.
struct JSONBytes {
  private(set) var bytes: [UInt8] = []

  mutating func append(literal text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }

  mutating func append(_ value: JSONValue) { bytes.append(contentsOf: value.compactText().utf8) }

  /// The shortest digits that give the float back; those of the double it equals would be twice as long.
  mutating func append(number value: Float) { bytes.append(contentsOf: value.description.utf8) }

  /// A list of numbers.
  mutating func append(numbers values: some Sequence<Float>) {
    append(list: values) { $0.append(number: $1) }
  }

  /// A list of what `body` writes for each item.
  mutating func append<Items: Sequence>(list items: Items, _ body: (inout JSONBytes, Items.Element) -> Void) {
    append(literal: "[")
    var isFirst = true
    for item in items {
      if !isFirst { append(literal: ",") }
      isFirst = false
      body(&self, item)
    }
    append(literal: "]")
  }
}
