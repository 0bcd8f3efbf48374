import ModelFiles

/// The classes of a data set: each label's text, numbered from zero.
///
/// Labels are compared by their bytes, so that two spellings of one accented letter stay two classes, as in
/// Python.
public struct LabelEncoding: Sendable {
  /// The label of each class number.
  public let names: [String]
  private let numbers: [ExactString: Int]

  /// Numbers the distinct labels in the order of their Unicode code points, as `datasets`'
  /// `class_encode_column` does: `10` comes before `9`, and `Z` before `a`.
  public init(of labels: some Sequence<String>) {
    self.init(names: Set(labels.lazy.map(ExactString.init)).sorted().map(\.text))
  }

  /// Takes the numbers of an existing model: the class of `names[i]` is `i`. Of equal names the first counts.
  public init(names: [String]) {
    self.names = names
    numbers = Dictionary(zip(names.lazy.map(ExactString.init), 0...), uniquingKeysWith: { first, _ in first })
  }

  /// The class number of a label, or nil when it is no class.
  public func number(of label: String) -> Int? { numbers[ExactString(label)] }
}

/// A string that is equal to another, and comes before it, by UTF-8 bytes; that is the order of code points.
struct ExactString: Hashable, Comparable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (a: ExactString, b: ExactString) -> Bool { a.text.hasSameBytes(as: b.text) }

  static func < (a: ExactString, b: ExactString) -> Bool { a.text.precedesInBytes(b.text) }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
