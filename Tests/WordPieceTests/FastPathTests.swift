import CWordPiece
import Testing
import WordPiece

/// Batches and single texts are encoded by different code: what one remembers, the other works out.
@Suite("ids alone, the fast way")
struct FastPathTests {
  /// A repeatable source of random numbers (SplitMix64).
  struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
      return z ^ z >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    mutating func scalar(below bound: UInt32) -> Unicode.Scalar {
      Unicode.Scalar(UInt32.random(in: 0..<bound, using: &self)) ?? "\u{FFFD}"
    }
  }

  static let pieces = [
    "the", "Playing", "unaffable", "tokenization", "don't", "na\u{EF}ve", "stra\u{DF}e", "\u{130}stanbul",
    "5.1",
    "\u{41F}\u{440}\u{438}\u{432}\u{435}\u{442}", "\u{65E5}\u{672C}\u{8A9E}", "\u{D55C}\u{AD6D}\u{C5B4}",
    "\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947}", "\u{9CB}", "\u{304C}\u{3071}", "\u{645}\u{64E}\u{631}",
    "\u{1F642}",
    "e\u{301}\u{316}", "\u{302E}\u{302D}", "\u{1D160}", "\u{3000}", "\u{A0}", "\u{200D}", "\0", "\u{B}",
    "\u{7F}", "\u{85}",
    "[MASK]", "[", "##ing", " ", " ", "\n", "\t", "-", "...", "\u{3002}", "[CLS]x", "MyTok", "New York",
  ]

  /// A text of many kinds, some with words longer than a reader's window or than the tokenizer takes.
  static func text(_ numbers: inout Numbers) -> String {
    var text = ""
    for _ in 0..<numbers.below(24) {
      switch numbers.below(10) {
      case 0: text.unicodeScalars.append(numbers.scalar(below: 0x80))
      case 1: text.unicodeScalars.append(numbers.scalar(below: 0x3100))
      case 2: text.unicodeScalars.append(numbers.scalar(below: 0x11_0000))
      case 3: text += String(repeating: pieces[numbers.below(pieces.count)], count: numbers.below(40))
      case 4: text += String(repeating: "a", count: numbers.below(140))
      case 5: text += " "
      case 6: text += Corpus.tokens[numbers.below(Corpus.tokens.count)]
      default: text += pieces[numbers.below(pieces.count)]
      }
    }
    return text
  }

  static let readers = WordPieceTokenizer.readerNames.indices

  @Test(
    "every reader gives the ids of the exact way, for texts met before and not",
    arguments: ReferenceTests.names, readers)
  func sameIDs(name: String, reader: Int) throws {
    let tokenizer = try #require(Corpus.tokenizers[name])
    var numbers = Numbers(state: 7)
    var texts = (0..<700).map { _ in Self.text(&numbers) }
    texts += texts.prefix(100).reversed()
    let found = try tokenizer.ids(of: texts, reader: reader)
    for (text, ids) in zip(texts, found) {
      let exact = try tokenizer.encode(text, addSpecialTokens: false, truncation: .none).inputIDs
      #expect(ids == exact, "\(text.debugDescription)")
    }
  }

  @Test("added tokens that overlap give the ids of the exact way", arguments: readers)
  func overlappingTokens(reader: Int) throws {
    var options = TokenizerOptions()
    options.lowercase = false
    options.addedTokens = [
      AddedToken(content: "\n", isSpecial: true, rightStrip: true),
      AddedToken(content: "A", isSpecial: true, rightStrip: true), AddedToken(content: " B", isSpecial: true),
      AddedToken(content: "\u{E9}", normalized: false, singleWord: true, leftStrip: true),
    ]
    let tokenizer = try TokenizerTests.small(options: options)
    var texts = [
      "\n\n", "a\n\nb", "\n \n\n a", "A B", "a A  B b", "A \nB", "A\n B\n\n B", "A \n", " B B", "\n B a",
    ]
    var numbers = Numbers(state: 5)
    let parts = ["A", "B", " ", "\n", "\t", "a", "b", "\u{E9}", "\u{A0}", ".", "[MASK]"]
    for _ in 0..<2_000 {
      texts.append((0..<numbers.below(12)).map { _ in parts[numbers.below(parts.count)] }.joined())
    }
    for (text, ids) in zip(texts, try tokenizer.ids(of: texts, reader: reader)) {
      let exact = try tokenizer.encode(text, addSpecialTokens: false, truncation: .none)
      #expect(ids == exact.inputIDs, "\(text.debugDescription)")
    }
    #expect(try tokenizer.ids(of: ["\n\n", "A B"], reader: reader) == [[9, 9], [10, 11]])
  }

  @Test("words may end anywhere in a window of 64 bytes, and text right after them", arguments: readers)
  func windows(reader: Int) throws {
    let tokenizer = try #require(Corpus.tokenizers["uncased"])
    var texts: [String] = []
    for before in 0..<70 {
      for length in [1, 2, 31, 32, 33, 62, 63, 64, 65, 99, 100, 101] {
        let word = String(repeating: "b", count: length)
        for after in ["", " ", ".", " a", ", the"] {
          texts.append(String(repeating: " ", count: before) + word + after)
          texts.append(String(repeating: "x", count: before) + "-" + word + after)
        }
      }
    }
    let found = try tokenizer.ids(of: texts, reader: reader)
    for (text, ids) in zip(texts, found) {
      let exact = try tokenizer.encode(text, addSpecialTokens: false, truncation: .none).inputIDs
      #expect(ids == exact, "\(text.debugDescription)")
    }
  }

  @Test("more words than are remembered change nothing", arguments: readers)
  func forgetting(reader: Int) throws {
    let tokenizer = try TokenizerTests.small()
    var numbers = Numbers(state: 3)
    let words = (0..<90_000).map { _ in
      String(
        decoding: (0..<1 + numbers.below(20)).map { _ in numbers.below(2) == 0 ? 0x61 : 0x62 as UInt8 },
        as: UTF8.self)
    }
    let texts = stride(from: 0, to: words.count, by: 300).map { words[$0..<$0 + 300].joined(separator: " ") }
    for (text, ids) in zip(texts, try tokenizer.ids(of: texts, reader: reader)) {
      let exact = try tokenizer.encode(text, addSpecialTokens: false, truncation: .none).inputIDs
      #expect(ids == exact)
    }
  }

  /// The runs of a text as they are defined: where each begins and ends.
  static func runs(_ bytes: [UInt8]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var start: Int?
    for (i, byte) in bytes.enumerated() {
      let isSpace = [0x20, 0x09, 0x0A, 0x0D].contains(byte)
      let isWord =
        byte >= 0x80 || byte < 0x20 || byte == 0x7F || Unicode.Scalar(byte).properties.isAlphabetic
        || (0x30...0x39).contains(byte)
      if isWord && !isSpace {
        start = start ?? i
        continue
      }
      if let begun = start { found.append(begun..<i) }
      start = nil
      if !isSpace { found.append(i..<i + 1) }
    }
    if let start { found.append(start..<bytes.count) }
    return found
  }

  @Test(
    "a reader stops at each run that it does not know, and goes on from wherever it is told",
    arguments: readers)
  func unknownRuns(reader: Int) throws {
    var count = 0
    let read = try #require(wordpiece_readers(&count))[reader].read
    let runs = UnsafeMutableRawPointer.allocate(
      byteCount: 2 * wordpiece_run_size, alignment: wordpiece_run_size)
    runs.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * wordpiece_run_size)
    defer { runs.deallocate() }
    var memory = wordpiece_memory(runs: OpaquePointer(runs), shift: 63, fold: 0x20)
    var ids = [Int32](repeating: 0, count: 4 + Int(wordpiece_id_slack))
    var numbers = Numbers(state: 11)
    for _ in 0..<2_000 {
      let bytes = (0..<numbers.below(200)).map { _ -> UInt8 in
        numbers.below(9) == 0 ? UInt8(numbers.below(256)) : UInt8(0x61 + numbers.below(26))
      }
      var expected = Self.runs(bytes)[...]
      bytes.withUnsafeBufferPointer { text in
        ids.withUnsafeMutableBufferPointer { ids in
          var reading = wordpiece_reading()
          reading.text = text.baseAddress
          reading.count = text.count
          reading.ids = ids.baseAddress
          reading.room = 4
          while read?(&memory, &reading) == wordpiece_unknown {
            let run = expected.popFirst()
            #expect(reading.place == run?.lowerBound)
            let isLong = (run?.count ?? 0) > 63
            #expect(reading.end == (isLong ? run?.lowerBound : run?.upperBound) || run?.count == 64)
            guard let run else { break }
            reading.place = run.upperBound
          }
          #expect(reading.place == text.count && reading.filled == 0)
        }
      }
      #expect(expected.isEmpty)
    }
  }

  @Test("rows are padded on either side to any length", arguments: [Side.left, .right])
  func padding(side: Side) throws {
    let tokenizer = try TokenizerTests.small()
    var numbers = Numbers(state: 5)
    for _ in 0..<200 {
      let counts = (0..<numbers.below(6)).map { _ in numbers.below(60) }
      let texts = counts.map { String(repeating: "a ", count: $0) }
      let length = (counts.max() ?? 0) + 2 + numbers.below(3) * numbers.below(40)
      let batch = try tokenizer.encodeBatch(
        texts, truncation: .none, padding: Padding(.fixed(length), side: side))
      var (ids, attention): ([Int32], [Int32]) = ([], [])
      for count in counts {
        let row = [2] + [Int32](repeating: 5, count: count) + [3]
        let blank = [Int32](repeating: 0, count: length - row.count)
        let ones = [Int32](repeating: 1, count: row.count)
        ids += side == .left ? blank + row : row + blank
        attention += side == .left ? blank + ones : ones + blank
      }
      #expect(batch.inputIDs == ids && batch.attentionMask == attention)
      #expect(batch.tokenTypeIDs == [Int32](repeating: 0, count: ids.count))
    }
  }

  @Test("several tasks may encode batches with one tokenizer at once")
  func concurrency() async throws {
    let tokenizer = try #require(Corpus.tokenizers["uncased"])
    var numbers = Numbers(state: 9)
    let texts = (0..<300).map { _ in Self.text(&numbers) }
    let expected = try tokenizer.encodeBatch(texts, truncation: .none, padding: .longest)
    let all = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<24 {
        group.addTask { try tokenizer.encodeBatch(texts, truncation: .none, padding: .longest) == expected }
      }
      return try await group.reduce(true) { $0 && $1 }
    }
    #expect(all)
  }
}
