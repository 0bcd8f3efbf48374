/// How a tokenizer treats text. The defaults are those of `bert-base-uncased`.
public struct TokenizerOptions: Sendable, Equatable {
  /// Whether letters become lower-case (`do_lower_case`).
  public var lowercase = true
  /// Whether accents go (`strip_accents`); nil: when `lowercase` is on.
  public var stripAccents: Bool?
  /// Whether every ideograph is a word of its own (`tokenize_chinese_chars`).
  public var tokenizeChineseChars = true
  /// Whether control characters go and every kind of white space becomes a space (`clean_text`).
  public var cleanText = true
  /// What stands for a word that cannot be cut into known pieces.
  public var unknownToken = "[UNK]"
  /// What every sequence begins with.
  public var classToken = "[CLS]"
  /// What ends each text of a sequence.
  public var separatorToken = "[SEP]"
  /// What fills rows of a batch up.
  public var paddingToken = "[PAD]"
  /// What stands for a word to be guessed.
  public var maskToken = "[MASK]"
  /// What marks, in the vocabulary, a piece that does not begin a word.
  public var continuingSubwordPrefix = "##"
  /// Words with more Unicode scalars than this, after normalisation, are unknown.
  public var maxInputCharactersPerWord = 100
  /// Tokens to find in the text as they stand, in the order of `tokenizer.json`.
  ///
  /// The five special tokens above need not be listed: those that are missing are added as plain special
  /// tokens.
  public var addedTokens: [AddedToken] = []
  /// The most tokens the model takes (`model_max_length`), special ones included; nil: any number.
  public var modelMaxLength: Int?

  public init() {}
}

/// A token that is looked for in the text before it is cut into words, like `[MASK]`.
public struct AddedToken: Sendable, Equatable {
  /// What is looked for.
  public var content: String
  /// The id that a file gives the token; nil: none.
  ///
  /// Ids are assigned as the reference does, which does not read this one: the vocabulary's, or the next
  /// free one after it. ``WordPieceTokenizer/addedTokens`` has the result.
  public var id: Int?
  /// Whether decoding may leave the token out.
  public var isSpecial: Bool
  /// Whether it matches normalised text (so `mytoken` in place of `MyToken`) rather than the text as given.
  public var normalized: Bool
  /// Whether it must not touch a letter, digit, mark or connector (`\w`) on either side.
  public var singleWord: Bool
  /// Whether it takes the white space before it.
  public var leftStrip: Bool
  /// Whether it takes the white space after it.
  public var rightStrip: Bool

  /// - Parameters:
  ///   - content: the characters to look for, such as `[MASK]`.
  ///   - id: what a file states; encoding does not read it. nil: nothing is stated.
  ///   - isSpecial: whether decoding may leave the token out.
  ///   - normalized: nil: true unless the token is special.
  ///   - singleWord: refuses matches that are part of a word.
  ///   - leftStrip: also takes the white space before a match.
  ///   - rightStrip: also takes the white space after a match.
  public init(
    content: String, id: Int? = nil, isSpecial: Bool = false, normalized: Bool? = nil,
    singleWord: Bool = false,
    leftStrip: Bool = false, rightStrip: Bool = false
  ) {
    self.content = content
    self.id = id
    self.isSpecial = isSpecial
    self.normalized = normalized ?? !isSpecial
    self.singleWord = singleWord
    self.leftStrip = leftStrip
    self.rightStrip = rightStrip
  }
}
