import ModelFiles
import WordPiece

/// Texts to ids, by the way that knows all about a token and by each of the fast readers.
enum TokenReading {
  /// With and without each of what a tokenizer does to text, and with tokens that are looked for in it.
  private static let tokenizers: [WordPieceTokenizer] = {
    let root = (0..<5).reduce(#filePath) { path, _ in FileSystem.parent(of: path) }
    do {
      let bytes = try FileSystem.read(FileSystem.join(root, "Fixtures/wordpiece/vocab.txt"), limit: 1 << 20)
      let vocabulary = try Vocabulary(tokens: VocabularyFile(parsing: bytes, file: "vocab.txt").tokens)
      return try (0..<16).map { choice in
        var options = TokenizerOptions()
        options.lowercase = choice & 1 == 0
        options.stripAccents = choice & 2 == 0 ? nil : choice & 1 != 0
        options.tokenizeChineseChars = choice & 4 == 0
        options.cleanText = choice & 8 == 0
        if choice & 1 == 1 {
          // The last two overlap: one takes the white space that the other is or begins with.
          options.addedTokens = [
            AddedToken(content: "é", normalized: false, singleWord: true),
            AddedToken(content: "[x]", isSpecial: true, leftStrip: true, rightStrip: true),
            AddedToken(content: "\t", isSpecial: true, rightStrip: true),
            AddedToken(content: " B", isSpecial: true),
          ]
        }
        // With this one every text goes the exact way.
        if choice & 3 == 3 { options.addedTokens.append(AddedToken(content: "New", normalized: true)) }
        return try WordPieceTokenizer(vocabulary: vocabulary, options: options)
      }
    } catch { preconditionFailure("\(error)") }
  }()

  @Sendable static func prepare() { consume(tokenizers.count) }

  /// - Parameter bytes: the first chooses a tokenizer; lines of the others are texts.
  /// - Postcondition: the process has ended when ways disagree.
  static func check(_ bytes: [UInt8]) throws {
    guard let choice = bytes.first else { return }
    let tokenizer = tokenizers[Int(choice) % tokenizers.count]
    let texts = bytes.dropFirst().split(separator: 0x0A, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    let expected = try texts.map {
      try tokenizer.encode($0, addSpecialTokens: false, truncation: .none).inputIDs
    }
    for reader in WordPieceTokenizer.readerNames.indices {
      let found = try tokenizer.ids(of: texts, reader: reader)
      precondition(
        found == expected, "\(WordPieceTokenizer.readerNames[reader]) reads other ids")
    }
    for text in texts.prefix(1) {
      let encoding = try tokenizer.encode(text, truncation: .longestFirst(maxLength: 8))
      consume((encoding.tokens, encoding.offsets, encoding.overflowing.count))
      consume(tokenizer.decode(encoding.inputIDs))
    }
  }
}
