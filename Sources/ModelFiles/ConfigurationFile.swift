/// A `config.json`: read losslessly, written as transformers writes it.
public struct ConfigurationFile: Sendable {
  /// The whole document; unknown keys, the order of keys and the spelling of numbers are kept.
  public var json: JSONValue
  /// Named in errors.
  public let path: String

  /// - Throws: ``ConfigurationError/notAnObject(found:file:)``.
  public init(_ json: JSONValue, path: String = "config.json") throws(ConfigurationError) {
    (self.json, self.path) = (json, path)
    _ = try ConfigurationView(json, file: path)
  }

  /// - Throws: ``JSONError`` with the path, ``ConfigurationError/notAnObject(found:file:)`` or
  ///   ``SystemError``.
  public init(path: String) throws { try self.init(JSONValue(path: path), path: path) }

  /// Typed access with errors that name the key and the file.
  package func view() throws(ConfigurationError) -> ConfigurationView {
    try ConfigurationView(json, file: path)
  }

  /// The bytes of the file as `save_pretrained` writes it: sorted, and with the types that version 5 of
  /// transformers insists on.
  public var bytes: [UInt8] { Array((Self.sorted(Self.typed(json)).pythonText() + "\n").utf8) }

  /// Writes the file, replacing one that is there.
  public func write(to path: String) throws(SystemError) { try AtomicFile.write(bytes, to: path) }

  // transformers 5 refuses a whole number for these, and a fraction or a number for those (its
  // `configuration_bert.py` declares them so); older files and other writers have them otherwise.
  private static let floatKeys = ["initializer_range", "layer_norm_eps"]
  private static let intKeys = [
    "hidden_size", "intermediate_size", "max_position_embeddings", "num_attention_heads", "num_hidden_layers",
    "pad_token_id", "type_vocab_size", "vocab_size",
  ]
  private static let boolKeys = ["add_cross_attention", "is_decoder", "tie_word_embeddings", "use_cache"]

  private static func typed(_ json: JSONValue) -> JSONValue {
    var json = json
    for key in floatKeys {
      if let value = json[key]?.doubleValue, json[key]?.intValue != nil { json.set(key, .number(value)) }
    }
    for key in intKeys {
      if json[key]?.intValue == nil, let value = json[key]?.doubleValue.flatMap({ Int(exactly: $0) }) {
        json.set(key, .number(value))
      }
    }
    for key in boolKeys {
      if let value = json[key]?.intValue { json.set(key, .bool(value != 0)) }
    }
    return json
  }

  /// Members in the order of Python's `sort_keys`; those of `id2label` are integers there and sort as such.
  private static func sorted(_ value: JSONValue, under key: String = "") -> JSONValue {
    switch value {
    case .array(let items): return .array(items.map { sorted($0) })
    case .object(let members):
      let isNumbered = key == "id2label" && members.allSatisfy { Int($0.key) != nil }
      let ordered = members.sorted { a, b in
        if isNumbered, let a = Int(a.key), let b = Int(b.key) { return a < b }
        return a.key.precedesInBytes(b.key)
      }
      return .object(ordered.map { .init($0.key, sorted($0.value, under: $0.key)) })
    default: return value
    }
  }
}
