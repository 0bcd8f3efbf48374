/// A `tokenizer.json` that describes a BERT tokenizer.
///
/// The format is that of the tokenizers library (huggingface/tokenizers, `tokenizer/serialization.rs`). Only
/// WordPiece models behind BERT's own normaliser and splitter are read.
public struct TokenizerFile: Sendable {
  /// The options of `BertNormalizer`.
  public struct Normalizer: Sendable, Hashable {
    public var cleanText = true
    public var handleChineseChars = true
    /// Nil means: when lowercasing.
    public var stripAccents: Bool?
    public var lowercase = true

    public init() {}
  }

  /// Tokens by id; an id that no token has is an empty string.
  public var tokens: [String]
  public var unkToken = "[UNK]"
  public var continuingSubwordPrefix = "##"
  /// Words of more characters become the unknown token.
  public var maxInputCharsPerWord = 100
  /// Nil when the file has none.
  public var normalizer: Normalizer? = Normalizer()
  /// In the order of the file.
  public var addedTokens: [AddedToken] = []
  /// The library's own truncation, nil when off; transformers overrides it in every call.
  public var truncation: JSONValue?
  /// The library's own padding, nil when off; transformers overrides it in every call.
  public var padding: JSONValue?
  /// The classification token that the template puts first, and the separator it puts last.
  public var clsToken = "[CLS]"
  public var sepToken = "[SEP]"

  /// The longest file that is accepted, in bytes.
  public static let maximumByteCount = 256 << 20

  public init(tokens: [String]) { self.tokens = tokens }

  /// Reads a file.
  ///
  /// - Throws: ``JSONError``, ``ConfigurationError``, ``VocabularyError`` or ``SystemError``, each with the
  ///   path.
  public init(path: String) throws { try self.init(CompanionFile(path: path)) }

  init(_ file: CompanionFile) throws {
    try self.init(parsing: file.read(limit: Self.maximumByteCount), file: file.path)
  }

  /// Reads the contents of a file; `file` is named in errors.
  public init(parsing bytes: [UInt8], file: String) throws {
    let (document, vocabulary) = try TokenizerFileParser.parse(bytes, file: file)
    let view = try ConfigurationView(document, file: file)
    guard let model = try view.optionalObject("model") else {
      throw ConfigurationError.missingKey("model", file: file)
    }

    // Files from before the type was written have a WordPiece model all the same, if it has a prefix.
    let isWordPiece =
      try model.optionalString("type").map { $0 == "WordPiece" }
      ?? (model.optional("continuing_subword_prefix") != nil)
    guard isWordPiece, let vocabulary else {
      throw ConfigurationError.unsupported(
        key: "model.type", supported: "a WordPiece model with a vocabulary",
        found: try model.optionalString("type").map { "'\($0)'" } ?? "absent", file: file)
    }
    tokens = try Self.tokensByID(vocabulary, file: file)
    unkToken = try model.string("unk_token", default: "[UNK]")
    continuingSubwordPrefix = try model.string("continuing_subword_prefix", default: "##")
    maxInputCharsPerWord = try model.int("max_input_chars_per_word", default: 100, in: 0 ... .max)

    normalizer = try view.optionalObject("normalizer").map { try Self.normalizer($0) }
    if let splitter = try view.optionalObject("pre_tokenizer") {
      try Self.require("pre_tokenizer", splitter, ["BertPreTokenizer"])
    }
    if let template = try view.optionalObject("post_processor") {
      try Self.require("post_processor", template, ["TemplateProcessing", "BertProcessing"])
      readTemplate(template.value)
    }
    (truncation, padding) = (view.optional("truncation"), view.optional("padding"))
    for entry in view.optional("added_tokens")?.arrayValue ?? [] {
      addedTokens.append(try AddedToken(entry, file: file))
    }
  }

  private static func normalizer(_ view: ConfigurationView) throws -> Normalizer {
    try require("normalizer", view, ["BertNormalizer"])
    var normalizer = Normalizer()
    normalizer.cleanText = try view.bool("clean_text", default: true)
    normalizer.handleChineseChars = try view.bool("handle_chinese_chars", default: true)
    normalizer.stripAccents = try view.optionalBool("strip_accents")
    normalizer.lowercase = try view.bool("lowercase", default: true)
    return normalizer
  }

  private static func require(_ key: String, _ view: ConfigurationView, _ types: [String]) throws {
    let type = try view.string("type")
    guard types.contains(type) else {
      throw ConfigurationError.unsupported(
        key: key + ".type", supported: types.map { "'\($0)'" }.joined(separator: " or "), found: "'\(type)'",
        file: view.file)
    }
  }

  /// Takes the special tokens from either form of the template.
  private mutating func readTemplate(_ template: JSONValue) {
    let pieces = (template["single"]?.arrayValue ?? []).compactMap { $0["SpecialToken"]?["id"]?.stringValue }
    if let cls = pieces.first ?? template["cls"]?[0]?.stringValue { clsToken = cls }
    if let sep = pieces.last ?? template["sep"]?[0]?.stringValue { sepToken = sep }
  }

  /// Puts tokens into the order of their ids.
  ///
  /// Ids come from outside: the room for them is bounded by the number of tokens, not by the largest id.
  private static func tokensByID(
    _ vocabulary: [(token: String, id: Int)], file: String
  ) throws(VocabularyError) -> [String] {
    let limit = 2 * vocabulary.count + 1024
    let count = (vocabulary.lazy.map(\.id).max() ?? -1) + 1
    if let far = vocabulary.first(where: { $0.id >= limit }) {
      throw .invalidID(token: far.token, found: String(far.id), file: file)
    }
    var tokens = Array(repeating: "", count: count)
    var isTaken = Array(repeating: false, count: count)
    for (token, id) in vocabulary {
      guard !isTaken[id] else {
        throw .invalidID(token: token, found: "\(id), as has '\(tokens[id])'", file: file)
      }
      (tokens[id], isTaken[id]) = (token, true)
    }
    return tokens
  }
}
