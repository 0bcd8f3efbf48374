/// Pieces of one text: ids always; where they come from only when asked for.
struct Pieces {
  var ids: [Int32] = []
  /// Whether the fields below are filled, one element a piece.
  let keepsSources: Bool
  /// The first Unicode scalar of the text that a piece stands for, and the one after the last.
  var starts: [Int32] = []
  var ends: [Int32] = []
  /// The number of the word, or added token, that a piece belongs to.
  var words: [Int32] = []
  /// What added tokens matched, by place: white space and normalisation may set it apart from their content.
  var spellings: [Int: String] = [:]
  fileprivate var wordCount: Int32 = 0

  init(keepsSources: Bool) { self.keepsSources = keepsSources }

  /// Forgets the pieces of the last text.
  mutating func removeAll() {
    ids.removeAll(keepingCapacity: true)
    guard keepsSources else { return }
    starts.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    words.removeAll(keepingCapacity: true)
    spellings.removeAll(keepingCapacity: true)
    wordCount = 0
  }

  @inline(__always)
  fileprivate mutating func append(_ id: Int32, _ start: Int, _ end: Int) {
    ids.append(id)
    if keepsSources {
      starts.append(Int32(truncatingIfNeeded: start))
      ends.append(Int32(truncatingIfNeeded: end))
      words.append(wordCount)
    }
  }

  /// Appends an added token that matched some bytes.
  fileprivate mutating func append(
    _ id: Int32, spelled text: UnsafeBufferPointer<UInt8>, _ sources: Range<Int>
  ) {
    if keepsSources { spellings[ids.count] = String(decoding: text, as: UTF8.self) }
    append(id, sources.lowerBound, sources.upperBound)
    wordCount &+= 1
  }
}

/// Everything about a tokenizer that encoding a text needs; immutable.
final class WordPieceModel: Sendable {
  let vocabulary: Vocabulary
  let wordStarts: ByteTable
  let continuations: ByteTable
  let normalizer: Normalizer
  let added: AddedVocabulary
  let unknownToken: String
  let unknownID: Int32?
  let maxCharacters: Int
  /// For each byte its lower case, or one of the marks below.
  fileprivate nonisolated(unsafe) let ascii: UnsafePointer<UInt16>
  fileprivate static let space: UInt16 = 0x100
  fileprivate static let punctuation: UInt16 = 0x200
  /// Not ASCII, or a control character to drop: for the exact path.
  fileprivate static let difficult: UInt16 = 0x400

  /// - Throws: ``TokenizerError/emptyAddedToken(_:)``.
  init(_ vocabulary: Vocabulary, _ options: TokenizerOptions) throws(TokenizerError) {
    self.vocabulary = vocabulary
    wordStarts = vocabulary.wordStarts
    continuations = vocabulary.continuations(prefix: options.continuingSubwordPrefix)
    normalizer = Normalizer(options)
    added = try AddedVocabulary(options, vocabulary, normalizer)
    unknownToken = options.unknownToken
    unknownID = vocabulary.id(of: options.unknownToken).map(Int32.init)
    maxCharacters = max(options.maxInputCharactersPerWord, 0)
    let table = UnsafeMutablePointer<UInt16>.allocate(capacity: 256)
    for byte in 0..<256 {
      let traits = CharacterClasses.shared.traits(of: UInt32(byte))
      table[byte] =
        switch byte {
        case 0x80...: Self.difficult
        case _ where options.cleanText && traits.contains(.removed): Self.difficult
        case _ where traits.contains(.whitespace): Self.space
        case _ where traits.contains(.punctuation): Self.punctuation
        case 0x41...0x5A where options.lowercase: UInt16(byte + 0x20)
        default: UInt16(byte)
        }
    }
    ascii = UnsafePointer(table)
  }

  deinit { ascii.deallocate() }
}

/// Cuts words into pieces, one word at a time, with buffers that are reused.
struct WordCutter: ~Copyable {
  private let model: WordPieceModel
  /// The current word. The buffer is a little longer than its capacity.
  private(set) var word: UnsafeMutablePointer<UInt8>
  private(set) var capacity = 512
  /// The pieces of the current word, when it has several: ids, and where in the word each ends.
  private var pieceIDs: [Int32] = []
  private var pieceEnds: [Int] = []
  /// Whether the unknown token was needed and missing.
  var lacksUnknown = false

  init(_ model: WordPieceModel) {
    self.model = model
    word = .allocate(capacity: capacity + Bytes.slack)
    word.initialize(repeating: 0, count: capacity + Bytes.slack)
  }

  deinit { word.deallocate() }

  /// Makes room for a word of so many bytes; what is in the buffer is lost.
  mutating func reserve(_ count: Int) {
    guard count > capacity else { return }
    word.deallocate()
    capacity = max(count, 2 * capacity)
    word = .allocate(capacity: capacity + Bytes.slack)
    word.initialize(repeating: 0, count: capacity + Bytes.slack)
  }

  /// Appends the pieces of the word in the buffer: greedily the longest, or the unknown token for all of it.
  ///
  /// - Parameters:
  ///   - count: its bytes; they are in the buffer if it has at most `maxCharacters` scalars.
  ///   - place: what its first byte counts as; a piece's sources are bytes, from there.
  @inline(__always)
  mutating func append(_ count: Int, characters: Int, at place: Int, to pieces: inout Pieces) {
    if characters <= model.maxCharacters {
      let whole = model.wordStarts.id(of: word, count)
      if whole != ByteTable.absent {
        pieces.append(whole, place, place &+ count)
        pieces.wordCount &+= 1
        return
      }
      if cut(count) {
        var start = place
        for i in pieceIDs.indices {
          let end = place &+ pieceEnds[i]
          pieces.append(pieceIDs[i], start, end)
          start = end
        }
        pieces.wordCount &+= 1
        return
      }
    }
    if model.unknownID == nil { lacksUnknown = true }
    pieces.append(model.unknownID ?? 0, place, place &+ count)
    pieces.wordCount &+= 1
  }

  /// Cuts the word in the buffer into `pieceIDs`; false when a part of it is no known piece.
  private mutating func cut(_ count: Int) -> Bool {
    pieceIDs.removeAll(keepingCapacity: true)
    pieceEnds.removeAll(keepingCapacity: true)
    guard let first = model.wordStarts.longestPrefix(of: word, count) else { return false }
    pieceIDs.append(first.id)
    pieceEnds.append(first.count)
    var from = first.count
    while from < count {
      guard let next = model.continuations.longestPrefix(of: word + from, count - from) else { return false }
      from += next.count
      pieceIDs.append(next.id)
      pieceEnds.append(from)
    }
    return true
  }
}

/// Turns texts into pieces, one after the other, with buffers that are reused.
///
/// ASCII runs go through a table; a run with any other byte goes through the exact normaliser.
/// Both give the same result where both apply.
struct PieceEncoder: ~Copyable {
  private let model: WordPieceModel
  private var normalized = NormalizedText()
  private var cutter: WordCutter

  init(_ model: WordPieceModel) {
    self.model = model
    cutter = WordCutter(model)
  }

  /// Appends the pieces of `text`, without the special tokens around it.
  ///
  /// - Parameter limit: may stop once there are so many pieces in all.
  /// - Returns: false when a word needs the unknown token and the vocabulary lacks it.
  mutating func encode(_ text: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces, limit: Int) -> Bool {
    cutter.lacksUnknown = false
    let matches = model.added.raw.matches(in: text)
    var position = ScalarPosition(text: text)
    var covered = 0
    for match in matches where pieces.ids.count < limit {
      if covered < match.range.lowerBound {
        encodeBetween(text, covered..<match.range.lowerBound, &position, &pieces, limit)
      }
      if !match.range.isEmpty {
        var sources = 0..<0
        if pieces.keepsSources {
          sources = position.scalar(at: match.range.lowerBound)..<position.scalar(at: match.range.upperBound)
        }
        pieces.append(match.id, spelled: text.extracting(match.range), sources)
      }
      covered = match.range.upperBound
    }
    if covered < text.count { encodeBetween(text, covered..<text.count, &position, &pieces, limit) }
    return !cutter.lacksUnknown
  }

  /// Encodes a part of the text that holds no raw added token.
  private mutating func encodeBetween(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ position: inout ScalarPosition,
    _ pieces: inout Pieces, _ limit: Int
  ) {
    guard !model.added.normalized.isEmpty else {
      return encodeWords(text, range, &position, &pieces, limit)
    }
    normalized.removeAll()
    let first = pieces.keepsSources ? position.scalar(at: range.lowerBound) : 0
    model.normalizer.append(text.extracting(range), first: first, to: &normalized)
    let matches = normalized.bytes.withUnsafeBufferPointer { model.added.normalized.matches(in: $0) }
    var covered = 0
    for match in matches {
      if covered < match.range.lowerBound { encodeNormalized(covered..<match.range.lowerBound, &pieces) }
      if let last = match.range.last {
        let sources = Int(normalized.starts[match.range.lowerBound])..<Int(normalized.ends[last])
        normalized.bytes.withUnsafeBufferPointer {
          pieces.append(match.id, spelled: $0.extracting(match.range), sources)
        }
      }
      covered = match.range.upperBound
    }
    if covered < normalized.bytes.count { encodeNormalized(covered..<normalized.bytes.count, &pieces) }
  }

  /// Cuts text as given into words and these into pieces.
  private mutating func encodeWords(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ position: inout ScalarPosition,
    _ pieces: inout Pieces, _ limit: Int
  ) {
    guard let bytes = text.baseAddress else { return }
    let ascii = model.ascii
    let end = range.upperBound
    var i = range.lowerBound
    // Within ASCII, scalar number = byte number + shift.
    var shift = pieces.keepsSources ? position.scalar(at: i) - i : 0
    cutter.reserve(min(model.maxCharacters, range.count) + 1)
    while i < end && pieces.ids.count < limit {
      let word = cutter.word
      let start = i
      let stop = min(end, i &+ cutter.capacity)
      var mark: UInt16 = 0
      while i < stop {
        mark = ascii[Int(bytes[i])]
        if mark >= WordPieceModel.space { break }
        word[i &- start] = UInt8(truncatingIfNeeded: mark)
        i &+= 1
      }
      if i == stop {  // the end, or too long a word to be known
        mark = 0
        while i < end {
          mark = ascii[Int(bytes[i])]
          if mark >= WordPieceModel.space { break }
          i &+= 1
        }
      }
      if mark == WordPieceModel.difficult {
        while i < end, ascii[Int(bytes[i])] & (WordPieceModel.space | WordPieceModel.punctuation) == 0 {
          i &+= 1
        }
        normalized.removeAll()
        let scalars = model.normalizer.append(
          text.extracting(start..<i), first: start + shift, to: &normalized)
        encodeNormalized(0..<normalized.bytes.count, &pieces)
        shift += scalars - (i - start)
        continue
      }
      if i > start { cutter.append(i &- start, characters: i &- start, at: start &+ shift, to: &pieces) }
      if i < end {
        if mark == WordPieceModel.punctuation {
          word[0] = bytes[i]
          cutter.append(1, characters: 1, at: i &+ shift, to: &pieces)
        }
        i &+= 1
      }
    }
  }

  /// Cuts normalised text into words and these into pieces.
  private mutating func encodeNormalized(_ range: Range<Int>, _ pieces: inout Pieces) {
    var i = range.lowerBound
    while i < range.upperBound {
      let start = i
      let kind = normalized.kinds[i]
      var characters = 0
      repeat {
        if normalized.kinds[i] != .continuation { characters += 1 }
        i += 1
      } while i < range.upperBound
        && (normalized.kinds[i] == .continuation || kind == .word && normalized.kinds[i] == .word)
      guard kind != .space else { continue }
      if characters <= model.maxCharacters {
        cutter.reserve(i - start)
        let word = cutter.word
        for j in start..<i { word[j - start] = normalized.bytes[j] }
      }
      let first = pieces.ids.count
      cutter.append(i - start, characters: characters, at: start, to: &pieces)
      if pieces.keepsSources {
        for piece in first..<pieces.ids.count {
          pieces.starts[piece] = normalized.starts[Int(pieces.starts[piece])]
          pieces.ends[piece] = normalized.ends[Int(pieces.ends[piece]) - 1]
        }
      }
    }
  }
}

/// Counts Unicode scalars up to bytes of a text, from the last place asked for.
private struct ScalarPosition {
  let text: UnsafeBufferPointer<UInt8>
  private var byte = 0
  private var number = 0

  init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

  mutating func scalar(at place: Int) -> Int {
    if place < byte { (byte, number) = (0, 0) }
    while byte < place {
      if text[byte] & 0xC0 != 0x80 { number += 1 }
      byte += 1
    }
    return number
  }
}
