public import ModelFiles
public import WordPiece

extension WordPieceTokenizer {
  /// The tokenizer of a checkpoint.
  ///
  /// - Throws: as ``Checkpoint/tokenizer()``.
  public init(_ checkpoint: Checkpoint) throws { self = try checkpoint.tokenizer() }

  /// The tokenizer of a folder, which needs no weights.
  ///
  /// The longest input is the smaller of what the tokenizer's files and `config.json` allow.
  ///
  /// - Throws: the errors of `ModelFolder.tokenizerDescription()`, `TokenizerError` or `VocabularyError`.
  public init(_ folder: ModelFolder) throws {
    var description = try folder.tokenizerDescription()
    let positions = try folder.configuration()?["max_position_embeddings"]?.intValue
    description.modelMaxLength = [description.modelMaxLength, positions].compactMap(\.self).min()
    try self.init(description)
  }

  /// The tokenizer that `description` describes.
  ///
  /// - Throws: `TokenizerError` or `VocabularyError`.
  public init(_ description: TokenizerDescription) throws {
    var options = TokenizerOptions()
    options.lowercase = description.lowercase
    options.stripAccents = description.stripAccents
    options.tokenizeChineseChars = description.tokenizeChineseChars
    options.cleanText = description.cleanText
    let special = description.specialTokens
    options.unknownToken = special.unk ?? options.unknownToken
    options.classToken = special.cls ?? options.classToken
    options.separatorToken = special.sep ?? options.separatorToken
    options.paddingToken = special.pad ?? options.paddingToken
    options.maskToken = special.mask ?? options.maskToken
    options.continuingSubwordPrefix = description.continuingSubwordPrefix
    options.maxInputCharactersPerWord = description.maxInputCharsPerWord
    options.modelMaxLength = description.modelMaxLength
    options.addedTokens = description.addedTokens.map { token in
      WordPiece.AddedToken(
        content: token.content, id: token.id, isSpecial: token.special, normalized: token.normalized,
        singleWord: token.singleWord, leftStrip: token.lstrip, rightStrip: token.rstrip)
    }
    // An empty token stands for an id that no token has.
    let entries = description.tokens.enumerated().map { (token: $1, id: $0) }.filter { !$0.token.isEmpty }
    try self.init(vocabulary: Vocabulary(entries: entries), options: options)
  }
}

extension TokenizerDescription {
  /// What the files of an export say of a tokenizer.
  public init(_ tokenizer: WordPieceTokenizer) {
    let (options, vocabulary) = (tokenizer.options, tokenizer.vocabulary)
    self.init(tokens: (0..<vocabulary.idLimit).map { vocabulary[$0] ?? "" })
    lowercase = options.lowercase
    stripAccents = options.stripAccents
    tokenizeChineseChars = options.tokenizeChineseChars
    cleanText = options.cleanText
    continuingSubwordPrefix = options.continuingSubwordPrefix
    maxInputCharsPerWord = options.maxInputCharactersPerWord
    specialTokens.unk = options.unknownToken
    specialTokens.cls = options.classToken
    specialTokens.sep = options.separatorToken
    specialTokens.pad = options.paddingToken
    specialTokens.mask = options.maskToken
    modelMaxLength = options.modelMaxLength
    let named = Set(specialTokens.named.map(\.token))
    addedTokens = tokenizer.addedTokens.map { token in
      ModelFiles.AddedToken(
        id: token.id ?? 0, content: token.content, singleWord: token.singleWord, lstrip: token.leftStrip,
        rstrip: token.rightStrip, normalized: token.normalized, special: token.isSpecial)
    }
    specialTokens.extra = addedTokens.filter { $0.special && !named.contains($0.content) }.map(\.content)
  }
}
