/// Turns text into BERT's input and back: added tokens, normalisation, words, WordPiece, special tokens.
///
/// Ids, tokens, offsets, masks and windows are those of `tokenizers` 0.23.3 (`AutoTokenizer` of transformers
/// 5) for every input. Two of its silences are errors here: a maximum length that the special tokens alone
/// exceed (the reference then cuts nothing), and, without truncation, more tokens than the model takes.
///
/// A tokenizer is immutable and may be used from several threads at once.
public struct WordPieceTokenizer: Sendable {
  let model: WordPieceModel
  /// What the tokenizer was built with.
  public let options: TokenizerOptions
  /// The ids of the special tokens. A token that the vocabulary lacks has an id after it.
  public let classID, separatorID, paddingID, maskID: Int
  /// The id of the unknown token, or nil when the vocabulary lacks it: then unknown words are an error.
  public let unknownID: Int?

  /// - Throws: ``TokenizerError/emptyAddedToken(_:)``.
  public init(vocabulary: Vocabulary, options: TokenizerOptions = TokenizerOptions()) throws(TokenizerError) {
    let model = try WordPieceModel(vocabulary, options)
    let id = { (token: String) in Int(model.added.ids[Array(token.utf8)] ?? 0) }  // empty content has no id
    self.model = model
    self.options = options
    classID = id(options.classToken)
    separatorID = id(options.separatorToken)
    paddingID = id(options.paddingToken)
    maskID = id(options.maskToken)
    unknownID = model.unknownID.map(Int.init)
  }

  /// The pieces and their ids, without added tokens.
  public var vocabulary: Vocabulary { model.vocabulary }

  /// All added tokens with the ids they have, ascending by id.
  public var addedTokens: [AddedToken] {
    model.added.tokens.values.sorted { ($0.id ?? 0) < ($1.id ?? 0) }
  }

  /// The highest id plus one: the rows that an embedding matrix needs.
  public var idLimit: Int {
    max(vocabulary.idLimit, (model.added.tokens.keys.max().map(Int.init) ?? -1) + 1)
  }

  /// The id of a token, added ones first; compared as UTF-8 bytes.
  public func id(of token: String) -> Int? {
    model.added.ids[Array(token.utf8)].map(Int.init) ?? vocabulary.id(of: token)
  }

  /// The token with an id, added ones first. Added tokens that match normalised text read normalised.
  ///
  /// Of several ids of one vocabulary token only the one that encoding gives has it, as in the reference.
  public func token(of id: Int) -> String? {
    if let added = Int32(exactly: id).flatMap({ model.added.spellings[$0] }) { return added }
    guard let token = vocabulary[id], vocabulary.id(of: token) == id else { return nil }
    return token
  }

  /// How many special tokens surround a text, or a pair.
  public func specialTokenCount(pair: Bool) -> Int { pair ? 3 : 2 }

  /// Encodes a text, or a pair, with everything there is to know of its tokens.
  ///
  /// - Parameters:
  ///   - text: the only text, or the first of a pair.
  ///   - pair: the second text; an empty one is a text too, nil is none.
  ///   - addSpecialTokens: whether to put `[CLS]` first and `[SEP]` after each text.
  ///   - truncation: of what is longer than wanted, special tokens included.
  /// - Throws: ``TokenizerError`` when the text is longer than the truncation or, without one, the model
  ///   allows, and when it needs an unknown token that the vocabulary lacks.
  public func encode(
    _ text: String, pair: String? = nil, addSpecialTokens: Bool = true, truncation: Truncation
  ) throws(TokenizerError) -> Encoding {
    let plan = try plan(truncation, hasSecond: pair != nil, addSpecialTokens)
    var encoder = PieceEncoder(model)
    let first = try pieces(of: text, &encoder)
    var second: Pieces?
    if let pair { second = try pieces(of: pair, &encoder) }
    let kept = try plan.kept(first.ids.count, second?.ids.count)
    let firstWindows = try plan.windows(first.ids.count, kept: kept.first)
    var secondWindows = [0..<0]
    if let second { secondWindows = try plan.windows(second.ids.count, kept: kept.second) }

    let assemble = { @Sendable [second] (a: Range<Int>, b: Range<Int>) in
      var encoding = Encoding(model: model)
      if addSpecialTokens { encoding.append(special: Int32(classID), type: 0) }
      encoding.append(first, a, sequence: 0)
      if addSpecialTokens { encoding.append(special: Int32(separatorID), type: 0) }
      if let second {
        encoding.append(second, b, sequence: 1)
        if addSpecialTokens { encoding.append(special: Int32(separatorID), type: 1) }
      }
      return encoding
    }
    var encoding = assemble(firstWindows[0], secondWindows[0])
    if firstWindows.count + secondWindows.count > 2 {
      encoding.makeOverflowing = { [secondWindows] in
        firstWindows.dropFirst().flatMap { a in secondWindows.map { assemble(a, $0) } }
          + secondWindows.dropFirst().map { assemble(firstWindows[0], $0) }
      }
    }
    return encoding
  }

  func plan(
    _ truncation: Truncation, hasSecond: Bool, _ addSpecialTokens: Bool
  ) throws(TokenizerError) -> TruncationPlan {
    try TruncationPlan(
      truncation, limit: options.modelMaxLength,
      specialTokens: addSpecialTokens ? specialTokenCount(pair: hasSecond) : 0)
  }

  private func pieces(of text: String, _ encoder: inout PieceEncoder) throws(TokenizerError) -> Pieces {
    var pieces = Pieces(keepsSources: true)
    var text = text
    guard text.utf8.count <= Int(Int32.max) else {
      throw .textTooLarge(byteCount: text.utf8.count, limit: Int(Int32.max))
    }
    guard text.withUTF8({ encoder.encode($0, into: &pieces, limit: .max) }) else {
      throw .unknownTokenMissing(options.unknownToken)
    }
    return pieces
  }
}
