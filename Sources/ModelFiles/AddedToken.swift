/// A token that is found in the text itself, before normalisation and splitting.
///
/// Field names are those of the tokenizers library.
public struct AddedToken: Sendable, Hashable {
  public var id: Int
  public var content: String
  /// Only matches when no word character stands beside it.
  public var singleWord: Bool
  /// Takes the white space before it along.
  public var lstrip: Bool
  /// Takes the white space behind it along.
  public var rstrip: Bool
  /// Is looked for in the normalised text, and not in the text as it is.
  public var normalized: Bool
  /// Left out when special tokens are skipped in decoding.
  public var special: Bool

  /// A token as the tokenizers library makes it from a string: normalised unless special.
  public init(
    id: Int, content: String, singleWord: Bool = false, lstrip: Bool = false, rstrip: Bool = false,
    normalized: Bool? = nil, special: Bool = true
  ) {
    (self.id, self.content, self.singleWord) = (id, content, singleWord)
    (self.lstrip, self.rstrip, self.special) = (lstrip, rstrip, special)
    self.normalized = normalized ?? !special
  }

  /// Reads `{"content": …, "lstrip": …}`, as it stands in tokenizer.json and in the configuration files.
  ///
  /// - Parameter id: taken when the object has none.
  init(_ value: JSONValue, id: Int? = nil, special: Bool = false, file: String) throws(ConfigurationError) {
    let view = try ConfigurationView(value, file: file)
    let special = try view.bool("special", default: special)
    self.init(
      id: try view.int("id", default: id, in: 0...Int(Int32.max)), content: try view.string("content"),
      singleWord: try view.bool("single_word", default: false),
      lstrip: try view.bool("lstrip", default: false),
      rstrip: try view.bool("rstrip", default: false), normalized: try view.optionalBool("normalized"),
      special: special)
  }

  /// The entry of tokenizer.json.
  var json: JSONValue {
    [
      "id": .number(id), "content": .string(content), "single_word": .bool(singleWord),
      "lstrip": .bool(lstrip),
      "rstrip": .bool(rstrip), "normalized": .bool(normalized), "special": .bool(special),
    ]
  }

  /// Whether everything but the id is the default for a special token, so that a string says it all.
  var isPlainSpecial: Bool { self == AddedToken(id: id, content: content) }
}
