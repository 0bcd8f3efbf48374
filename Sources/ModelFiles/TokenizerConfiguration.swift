/// A `tokenizer_config.json`. What is not known here is kept as it is.
public struct TokenizerConfiguration: Sendable {
  public var json: JSONValue
  /// Named in errors.
  let file: String

  /// The longest file that is accepted, in bytes; so for the other small files of a tokenizer.
  public static let maximumByteCount = 16 << 20

  /// - Throws: ``ConfigurationError`` when `json` is no object.
  public init(_ json: JSONValue, file: String = "tokenizer_config.json") throws(ConfigurationError) {
    (self.json, self.file) = (json, file)
    _ = try ConfigurationView(json, file: file)
  }

  /// - Throws: ``JSONError``, ``ConfigurationError`` or ``SystemError``.
  public init(path: String) throws { try self.init(CompanionFile(path: path)) }

  init(_ file: CompanionFile) throws {
    try self.init(JSONValue(file, limit: Self.maximumByteCount), file: file.path)
  }

  /// The bytes of the file as transformers writes it.
  public var bytes: [UInt8] { Array((json.pythonText(sortKeys: true, ensureASCII: false) + "\n").utf8) }

  public func write(to path: String) throws(SystemError) { try AtomicFile.write(bytes, to: path) }

  /// The longest input in tokens, or nil when there is none: absent, or the very large number that stands for
  /// it.
  ///
  /// - Throws: ``ConfigurationError`` when it is no positive integer.
  public func modelMaxLength() throws(ConfigurationError) -> Int? {
    let view = try view()
    // `max_len` is the name it had before.
    let key = view.optional("model_max_length") == nil ? "max_len" : "model_max_length"
    guard let value = try view.optionalDouble(key), value < 1e15 else { return nil }
    return try view.int(key, in: 1 ... .max)
  }

  func view() throws(ConfigurationError) -> ConfigurationView { try ConfigurationView(json, file: file) }

  /// What stands for no limit: Python's `int(1e30)`.
  static let noMaximum = JSONValue.number("1000000000000000019884624838656")

  /// The configuration that transformers 5 writes for a tokenizer, which 4.38 reads as well.
  ///
  /// `BertTokenizer` looks at nothing but its own options; a tokenizer with others is left to tokenizer.json.
  public init(_ description: TokenizerDescription) {
    let isBERT =
      description.cleanText && description.continuingSubwordPrefix == "##"
      && description.maxInputCharsPerWord == 100
    let tokens = description.specialTokens
    var json: JSONValue = [
      "backend": "tokenizers",
      "do_lower_case": .bool(description.lowercase),
      "model_max_length": description.modelMaxLength.map { .number($0) } ?? Self.noMaximum,
      "strip_accents": description.stripAccents.map { .bool($0) } ?? .null,
      "tokenize_chinese_chars": .bool(description.tokenizeChineseChars),
      "tokenizer_class": isBERT ? "BertTokenizer" : "PreTrainedTokenizerFast",
    ]
    for role in SpecialTokens().named { json.set(role.role, .null) }  // absent would mean the default
    for role in tokens.named { json.set(role.role, .string(role.token)) }
    if !tokens.extra.isEmpty { json.set("extra_special_tokens", .strings(tokens.extra)) }
    (self.json, file) = (json, "tokenizer_config.json")
  }
}

/// A `special_tokens_map.json`, which transformers 4 writes beside the tokenizer's configuration.
public struct SpecialTokensMap: Sendable {
  public var json: JSONValue
  let file: String

  /// - Throws: ``ConfigurationError`` when `json` is no object.
  public init(_ json: JSONValue, file: String = "special_tokens_map.json") throws(ConfigurationError) {
    (self.json, self.file) = (json, file)
    _ = try ConfigurationView(json, file: file)
  }

  /// - Throws: ``JSONError``, ``ConfigurationError`` or ``SystemError``.
  public init(path: String) throws { try self.init(CompanionFile(path: path)) }

  init(_ file: CompanionFile) throws {
    try self.init(JSONValue(file, limit: TokenizerConfiguration.maximumByteCount), file: file.path)
  }

  /// The map that transformers 4 writes for a tokenizer.
  public init(_ tokens: SpecialTokens) {
    json = .object(tokens.named.map { .init($0.role, .string($0.token)) })
    if !tokens.extra.isEmpty { json.set("additional_special_tokens", .strings(tokens.extra)) }
    file = "special_tokens_map.json"
  }

  /// The bytes of the file as transformers writes it.
  public var bytes: [UInt8] { Array((json.pythonText(sortKeys: true, ensureASCII: false) + "\n").utf8) }

  public func write(to path: String) throws(SystemError) { try AtomicFile.write(bytes, to: path) }
}
