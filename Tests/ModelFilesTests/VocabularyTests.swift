import ModelFiles
import Testing

@Suite("vocab.txt")
struct VocabularyTests {
  static let accepted: [(text: String, tokens: [String], lint: [VocabularyFile.Finding])] = [
    ("", [], []),
    ("a\nb\n", ["a", "b"], []),
    ("a\nb", ["a", "b"], [.missingFinalNewline]),
    ("a\r\nb\r\n", ["a", "b"], [.carriageReturns(line: 1)]),
    ("a\n\nb\n", ["a", "", "b"], [.emptyLine(line: 2)]),
    (
      "a \nb\u{3000}\n c\n", ["a", "b", " c"],
      [.trailingSpace(token: "a", line: 1), .trailingSpace(token: "b", line: 2)]
    ),
    (
      "a\nb\na\na\n", ["a", "b", "a", "a"],
      [.duplicate(token: "a", line: 3, earlierLine: 1), .duplicate(token: "a", line: 4, earlierLine: 3)]
    ),
    ("\u{FEFF}a\n", ["\u{FEFF}a"], [.byteOrderMark]),
    ("a\u{85}b\u{B}c\u{2028}d\n", ["a\u{85}b\u{B}c\u{2028}d"], []),
    ("\u{E9}\ne\u{301}\n", ["\u{E9}", "e\u{301}"], []),
  ]

  @Test(
    "lines are read as the reference reads them, and what is unusual is reported", arguments: accepted.indices
  )
  func reads(index: Int) throws {
    let (text, tokens, lint) = Self.accepted[index]
    let file = try VocabularyFile(parsing: Array(text.utf8), file: "vocab.txt")
    #expect(file.tokens.map { Array($0.utf8) } == tokens.map { Array($0.utf8) })
    #expect(file.lint == lint)
  }

  @Test("a line that is not UTF-8 is named")
  func rejectsInvalidUTF8() {
    #expect(throws: VocabularyError.notUTF8(line: 3, file: "v")) {
      try VocabularyFile(parsing: Array("a\nb\n".utf8) + [0xFF, 0x0A], file: "v")
    }
  }

  @Test("files are written with a newline behind each token, and read back")
  func writes() throws {
    let folder = try TemporaryFolder()
    let tokens = ["[PAD]", "é", "##s", "\u{7F}", " lead", "a\u{2028}b"]
    try VocabularyFile(tokens: tokens).write(to: folder("vocab.txt"))
    #expect(try FileSystem.read(folder("vocab.txt")) == Array((tokens.joined(separator: "\n") + "\n").utf8))
    #expect(try VocabularyFile(path: folder("vocab.txt")).tokens == tokens)
  }

  @Test("tokens that would not read back are refused", arguments: ["a\nb", "a ", "a\r", "a\r\n", "\u{3000}"])
  func refusesUnwritable(token: String) throws {
    let folder = try TemporaryFolder()
    #expect(throws: VocabularyError.unwritable(token: token, id: 1)) {
      try VocabularyFile(tokens: ["x", token]).write(to: folder("vocab.txt"))
    }
    #expect(try FileSystem.list(folder.path).isEmpty)
  }

  @Test("the size and the special tokens are checked")
  func checks() throws {
    let file = VocabularyFile(tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"])
    try file.check(vocabularySize: 5, required: ["[UNK]", "[CLS]", "[SEP]"], file: "v")
    try file.check(vocabularySize: 8, required: [], file: "v")  // rows may be padded
    #expect(throws: VocabularyError.tooManyTokens(expected: 4, found: 5, file: "v")) {
      try file.check(vocabularySize: 4, required: [], file: "v")
    }
    #expect(throws: VocabularyError.missingToken("[MASK]", file: "v")) {
      try file.check(vocabularySize: nil, required: ["[UNK]", "[MASK]"], file: "v")
    }
  }
}
