import Testing
import WordPiece

@Suite("the tokenizer's promises")
struct TokenizerTests {
  static func small(
    _ extra: [String] = [], options: TokenizerOptions = TokenizerOptions()
  ) throws -> WordPieceTokenizer {
    let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##b", "##a"] + extra
    return try WordPieceTokenizer(vocabulary: Vocabulary(tokens: tokens), options: options)
  }

  @Test("a text longer than the model takes is an error that says how long and how long is allowed")
  func tooLong() throws {
    var options = TokenizerOptions()
    options.modelMaxLength = 6
    let tokenizer = try Self.small(options: options)
    #expect(try tokenizer.encode("a b a b", truncation: .none).count == 6)
    let error = #expect(throws: TokenizerError.self) { try tokenizer.encode("a b a b a", truncation: .none) }
    #expect(error == .tooLong(length: 7, limit: 6))
    #expect(error?.description.contains("has 7 tokens, the model takes 6") == true)
    #expect(throws: TokenizerError.tooLong(length: 8, limit: 6)) {
      try tokenizer.encodeBatch(["a", "a b a"], pairs: ["a", "a b"], truncation: .none, padding: .longest)
    }
    #expect(try tokenizer.encode("a b a b a", truncation: .longestFirst(maxLength: 6)).count == 6)
  }

  @Test(
    "what cannot be done is refused with its own error",
    arguments: [
      (Truncation.longestFirst(maxLength: 1), TokenizerError.noRoomForText(maxLength: 1, specialTokens: 2)),
      (.longestFirst(maxLength: -1), .negativeLength(-1)),
      (.longestFirst(maxLength: 9, stride: -2), .negativeLength(-2)),
      (.longestFirst(maxLength: 5, stride: 3), .strideTooLong(stride: 3, room: 3)),
      (.longestFirst(maxLength: .max, stride: .max), .strideTooLong(stride: .max, room: .max - 2)),
      (.onlySecond(maxLength: 4), .noSecondText),
    ])
  func refusals(truncation: Truncation, error: TokenizerError) throws {
    let tokenizer = try Self.small()
    #expect(throws: error) { try tokenizer.encode("a b a b", truncation: truncation) }
    #expect(throws: error) { try tokenizer.encodeBatch(["a b a b"], truncation: truncation, padding: .none) }
  }

  @Test("second texts must pair up, and rows must come out equal")
  func batchRefusals() throws {
    let tokenizer = try Self.small()
    #expect(throws: TokenizerError.pairCountMismatch(texts: 2, pairs: 1)) {
      try tokenizer.encodeBatch(["a", "b"], pairs: ["a"], truncation: .none, padding: .longest)
    }
    #expect(throws: TokenizerError.unevenRows(shortest: 3, longest: 4)) {
      try tokenizer.encodeBatch(["a", "a b"], truncation: .none, padding: .none)
    }
    #expect(throws: TokenizerError.rowTooLong(length: 4, paddedLength: 3)) {
      try tokenizer.encodeBatch(["a", "a b"], truncation: .none, padding: .maxLength(3))
    }
    #expect(throws: TokenizerError.negativeLength(-3)) {
      try tokenizer.encodeBatch([], truncation: .none, padding: .maxLength(-3))
    }
    let empty = try tokenizer.encodeBatch([], truncation: .none, padding: .longest)
    #expect(empty.rows == 0 && empty.length == 0 && empty.inputIDs.isEmpty)
  }

  @Test("an added token of which normalisation leaves nothing is refused")
  func emptyAddedToken() {
    var options = TokenizerOptions()
    options.addedTokens = [AddedToken(content: "\u{200D}")]
    #expect(throws: TokenizerError.emptyAddedToken("\u{200D}")) { try Self.small(options: options) }
    options.addedTokens = [AddedToken(content: "\u{200D}", normalized: false), AddedToken(content: "")]
    #expect(throws: Never.self) { try Self.small(options: options) }
  }

  @Test("tokens are compared as bytes, and the last of equal ones has the id")
  func vocabularyKeys() throws {
    let vocabulary = try Vocabulary(tokens: ["\u{E9}", "e\u{301}", "x", "", "x"])
    #expect(vocabulary.id(of: "\u{E9}") == 0 && vocabulary.id(of: "e\u{301}") == 1)
    #expect(vocabulary.id(of: "x") == 4 && vocabulary[2] == "x" && vocabulary.id(of: "") == 3)
    #expect(vocabulary.id(of: "y") == nil && vocabulary[5] == nil && vocabulary[-1] == nil)
    #expect(vocabulary.count == 5 && vocabulary.distinctCount == 4 && vocabulary.idLimit == 5)
  }

  @Test("ids may have gaps, come in any order and be given twice")
  func sparseVocabulary() throws {
    let vocabulary = try Vocabulary(entries: [("b", 1_000_000_000), ("a", 7), ("c", 3), ("d", 7)])
    #expect(
      vocabulary[7] == "d" && vocabulary[3] == "c" && vocabulary[1_000_000_000] == "b" && vocabulary[4] == nil
    )
    #expect(vocabulary.id(of: "b") == 1_000_000_000 && vocabulary.idLimit == 1_000_000_001)
    #expect(throws: VocabularyError.empty) { try Vocabulary(tokens: []) }
    #expect(throws: VocabularyError.idOutOfRange(token: "a", id: -1)) { try Vocabulary(entries: [("a", -1)]) }
    #expect(throws: VocabularyError.idOutOfRange(token: "a", id: 1 << 31)) {
      try Vocabulary(entries: [("a", 1 << 31)])
    }
  }

  @Test(
    "the length of a known word has the limit that was asked for", arguments: [0, 1, 3, 700, 5000, Int.max])
  func wordLimit(limit: Int) throws {
    var options = TokenizerOptions()
    options.maxInputCharactersPerWord = limit
    let tokenizer = try Self.small(options: options)
    for length in [1, 3, 4, 100, 101, 600, 701, 6000] {
      for text in [String(repeating: "a", count: length), String(repeating: "\u{E1}", count: length)] {
        let found = try tokenizer.encode(text, addSpecialTokens: false, truncation: .none)
        #expect(found.count == (length <= limit ? length : 1))
        #expect(found.inputIDs.first == (length <= limit ? 5 : 1))
        #expect(found.offsets.last?.upperBound == length)
      }
    }
  }

  @Test("the way through the normaliser gives what the ASCII way gives")
  func bothWays() throws {
    let plain = try #require(Corpus.tokenizers["uncased"])
    var options = plain.options
    options.addedTokens = [AddedToken(content: "\u{1F9FF}never")]  // normalised tokens need the exact way
    let exact = try WordPieceTokenizer(vocabulary: plain.vocabulary, options: options)
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
        UInt8.random(in: 0...127, using: &generator)
      }
      let text = String(decoding: bytes, as: UTF8.self)
      let (a, b) = (try plain.encode(text, truncation: .none), try exact.encode(text, truncation: .none))
      #expect(a.inputIDs == b.inputIDs && a.offsets == b.offsets && a.wordIDs == b.wordIDs, "\(bytes)")
    }
  }

  @Test("another prefix marks continuing pieces, and decoding removes it")
  func otherPrefix() throws {
    var options = TokenizerOptions()
    options.continuingSubwordPrefix = "@@"
    let tokenizer = try Self.small(["@@b", "@@c"], options: options)
    let found = try tokenizer.encode("abc b", addSpecialTokens: false, truncation: .none)
    #expect(found.tokens == ["a", "@@b", "@@c", "b"])
    #expect(tokenizer.decode(found.inputIDs) == "abc b")
  }

  @Test("added tokens are listed with the ids they really have")
  func addedTokens() throws {
    var options = TokenizerOptions()
    options.addedTokens = [AddedToken(content: "new", id: 400), AddedToken(content: "b", id: 1)]
    options.maskToken = "<mask>"
    let tokenizer = try Self.small(options: options)
    #expect(
      tokenizer.addedTokens.map(\.content) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "b", "new", "<mask>"])
    #expect(tokenizer.addedTokens.map(\.id) == [0, 1, 2, 3, 6, 9, 10])
    #expect(tokenizer.maskID == 10 && tokenizer.idLimit == 11 && tokenizer.token(of: 9) == "new")
  }

  @Test("two very long texts are cut at once; their windows are only made when asked for")
  func longPair() throws {
    let tokenizer = try Self.small()
    let text = String(repeating: "a b ", count: 5_000)  // all windows: 250,000 encodings
    let found = try tokenizer.encode(text, pair: text, truncation: .longestFirst(maxLength: 43))
    #expect(found.count == 43 && found.sequenceIDs.filter { $0 == 1 }.count == 20)
  }

  @Test("one tokenizer serves several tasks at once")
  func concurrency() async throws {
    let tokenizer = try #require(Corpus.tokenizers["uncased"])
    let text = "Caf\u{E9} unaffable [MASK] \u{4E2D}\u{6587} don't"
    let expected = try tokenizer.encode(text, truncation: .none).inputIDs
    let all = try await withThrowingTaskGroup(of: [Int32].self) { group in
      for _ in 0..<8 {
        group.addTask {
          try (0..<20).flatMap { _ in try tokenizer.encode(text, truncation: .none).inputIDs }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(all.count == 160 * expected.count)
    #expect(
      stride(from: 0, to: all.count, by: expected.count).allSatisfy { all[$0...].starts(with: expected) })
  }

  @Test("a description of every error says what to do")
  func descriptions() {
    let errors: [any Error & CustomStringConvertible] = [
      TokenizerError.tooLong(length: 9, limit: 8), TokenizerError.textTooLarge(byteCount: 9, limit: 8),
      TokenizerError.noRoomForText(maxLength: 1, specialTokens: 2),
      TokenizerError.strideTooLong(stride: 4, room: 3),
      TokenizerError.tooShortToTruncate(length: 1, surplus: 2),
      TokenizerError.noSecondText, TokenizerError.unknownTokenMissing("[UNK]"),
      TokenizerError.emptyAddedToken("x"), TokenizerError.unevenRows(shortest: 1, longest: 2),
      TokenizerError.rowTooLong(length: 9, paddedLength: 8),
      TokenizerError.truncationNotMultiple(maxLength: 10, multiple: 8), TokenizerError.negativeLength(-1),
      TokenizerError.pairCountMismatch(texts: 1, pairs: 2), VocabularyError.empty,
      VocabularyError.idOutOfRange(token: "x", id: -1), VocabularyError.tooLarge(byteCount: 9, limit: 8),
    ]
    for error in errors {
      let text = "\(error)"
      #expect(text.first?.isLowercase == true || text.first?.isNumber == true, "\(text)")
      #expect(!text.hasSuffix(".") && (text.contains(";") || text.hasSuffix("?")), "\(text)")
    }
  }
}
