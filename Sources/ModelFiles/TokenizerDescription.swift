/// Everything that decides how a BERT tokenizer turns text into ids, gathered from all the files of a folder.
///
/// The files overlap and may disagree. What counts is what `AutoTokenizer` of transformers 5.23 makes of
/// them:
///
/// * The vocabulary is that of tokenizer.json; vocab.txt is read when there is none.
/// * A `BertTokenizer`, named by tokenizer_config.json or implied by a BERT config.json, takes its options
///   from tokenizer_config.json alone, absent ones at their defaults: lower case, Chinese characters apart,
///   accents stripped when lowercasing. The normaliser of tokenizer.json is *not* looked at, nor is its word
///   length.
/// * Any other class takes tokenizer.json as it stands.
/// * special_tokens_map.json overrides the special tokens of tokenizer_config.json, and is ignored when that
///   has an `added_tokens_decoder`; so are added_tokens.json and the added tokens of tokenizer.json.
/// * An added token that the vocabulary has keeps its id there; others get the next free ones in the order of
///   the ids they are listed with, whatever those are.
public struct TokenizerDescription: Sendable {
  /// Tokens by id; an id that no token has is an empty string. Of two alike the later counts.
  public var tokens: [String]
  public var lowercase = true
  /// Nil means: when lowercasing.
  public var stripAccents: Bool?
  public var tokenizeChineseChars = true
  public var cleanText = true
  public var continuingSubwordPrefix = "##"
  /// Words of more characters become the unknown token.
  public var maxInputCharsPerWord = 100
  public var specialTokens = SpecialTokens()
  /// Sorted by id. Holds every special token, whether or not it is in the vocabulary too.
  public var addedTokens: [AddedToken] = []
  /// The longest input in tokens; nil when the files name none.
  public var modelMaxLength: Int?
  /// What the files say and what is not followed, for people.
  public var findings: [String] = []

  /// BERT's defaults over a vocabulary that holds the special tokens.
  public init(tokens: [String]) {
    self.tokens = tokens
    var vocabulary = AddedVocabulary(tokens)
    for role in specialTokens.named { vocabulary.add(AddedToken(id: 0, content: role.token)) }
    addedTokens = vocabulary.sorted
  }

  /// Gathers the description from the files of a folder.
  ///
  /// - Parameter files: the paths of those that are there.
  /// - Throws: ``ModelFolderError/noVocabulary(folder:found:)`` and the errors of the files.
  init(_ files: ModelFolder.TokenizerFiles, modelConfiguration: JSONValue?) throws {
    let configuration = try files.configuration.map { try TokenizerConfiguration($0) }
    let options = try configuration?.view()
    let map = try files.specialTokensMap.map { try SpecialTokensMap($0) }
    let file = try files.tokenizer.map { try TokenizerFile($0) }

    let className =
      try options?.optionalString("tokenizer_class") ?? modelConfiguration?["tokenizer_class"]?.stringValue
    // Without a class and a config.json to imply one, transformers takes tokenizer.json as it stands.
    let isBERT = className.map(Self.isBERT) ?? (file == nil || modelConfiguration?["model_type"] != nil)

    if let file {
      tokens = file.tokens
      if files.vocabulary != nil { findings.append("vocab.txt was not read: tokenizer.json is there too") }
    } else if let source = files.vocabulary {
      guard isBERT else {
        throw ConfigurationError.unsupported(
          key: "tokenizer_class", supported: "'BertTokenizer'", found: "'\(className ?? "")'",
          file: (files.configuration ?? source).path)
      }
      let vocabulary = try VocabularyFile(source)
      tokens = vocabulary.tokens
      findings += vocabulary.lint.map(\.description)
    } else {
      throw ModelFolderError.noVocabulary(folder: files.folder, found: files.found)
    }

    let fileNormalizer = file?.normalizer
    if isBERT {
      lowercase = try options?.optionalBool("do_lower_case") ?? true
      stripAccents = try options?.optionalBool("strip_accents")
      tokenizeChineseChars = try options?.optionalBool("tokenize_chinese_chars") ?? true
      noteDifferences(from: fileNormalizer)
    } else if let file {
      guard let normalizer = fileNormalizer else {
        throw ConfigurationError.unsupported(
          key: "normalizer", supported: "'BertNormalizer'", found: "null", file: files.tokenizer?.path ?? "")
      }
      (lowercase, stripAccents) = (normalizer.lowercase, normalizer.stripAccents)
      (tokenizeChineseChars, cleanText) = (normalizer.handleChineseChars, normalizer.cleanText)
      (continuingSubwordPrefix, maxInputCharsPerWord) = (
        file.continuingSubwordPrefix, file.maxInputCharsPerWord
      )
      specialTokens.unk = file.unkToken
      (specialTokens.cls, specialTokens.sep) = (file.clsToken, file.sepToken)
      for role in [\SpecialTokens.pad, \.mask] {  // transformers has none here; a model can hardly do without
        if let token = specialTokens[keyPath: role], !tokens.contains(where: { $0.hasSameBytes(as: token) }) {
          specialTokens[keyPath: role] = nil
        }
      }
    }
    modelMaxLength = try configuration?.modelMaxLength()

    var gathered = AddedTokenGathering()
    if let options { try gathered.read(options, &specialTokens) }
    if !gathered.hasDecoder {
      if let map { try gathered.read(map, &specialTokens) }
      if let source = files.addedTokens { try gathered.readAddedTokens(source) }
      for token in file?.addedTokens ?? [] { gathered.list(token) }
    }
    addedTokens = gathered.added(
      to: AddedVocabulary(tokens, isBERT ? [] : file?.addedTokens ?? []), &specialTokens)
  }

  private static func isBERT(_ className: String) -> Bool {
    let name = className.hasSuffix("Fast") ? className.dropLast(4) : className[...]
    return ["BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer"].contains(name)
  }

  private mutating func noteDifferences(from normalizer: TokenizerFile.Normalizer?) {
    guard let normalizer else { return }
    if normalizer.lowercase != lowercase {
      findings.append(
        "tokenizer.json lowercases: \(normalizer.lowercase); tokenizer_config.json decides: \(lowercase)")
    }
    if normalizer.stripAccents != stripAccents {
      findings.append("strip_accents of tokenizer.json was not followed: tokenizer_config.json decides")
    }
    if normalizer.handleChineseChars != tokenizeChineseChars {
      findings.append(
        "handle_chinese_chars of tokenizer.json was not followed: tokenizer_config.json decides")
    }
  }
}
