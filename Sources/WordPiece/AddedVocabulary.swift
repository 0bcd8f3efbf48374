import CWordPiece

/// Finds added tokens in UTF-8 text: of those that begin first, the longest.
struct AddedTokenFinder: Sendable {
  struct Pattern: Sendable {
    var bytes: [UInt8]
    var id: Int32
    /// The options that hold for this id.
    var token: AddedToken
  }

  /// A token in the text, with the white space it takes.
  struct Match: Equatable {
    var id: Int32
    var range: Range<Int>
  }

  private var patterns: [Pattern] = []  // longest first
  private var byFirstByte = [[Int]](repeating: [], count: 256)
  /// The only byte a token can begin with, eight times over; nil when there are several.
  private var onlyFirstByte: UInt64?

  var isEmpty: Bool { patterns.isEmpty }

  init(_ patterns: [Pattern]) {
    self.patterns = patterns.enumerated()
      .sorted { ($1.element.bytes.count, $0.offset) < ($0.element.bytes.count, $1.offset) }.map(\.element)
    for (i, pattern) in self.patterns.enumerated() { byFirstByte[Int(pattern.bytes[0])].append(i) }
    let first = Set(patterns.map { $0.bytes[0] })
    if first.count == 1, let byte = first.first { onlyFirstByte = UInt64(byte) &* 0x0101_0101_0101_0101 }
  }

  /// False only when there is surely no token in `text`.
  @inline(__always)
  func mayMatch(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard !patterns.isEmpty, let base = text.baseAddress else { return false }
    guard let onlyFirstByte else { return true }
    return wordpiece_contains(base, text.count, UInt8(truncatingIfNeeded: onlyFirstByte)) != 0
  }

  /// The tokens in `text`, in order. Without any, the cost is one pass at several bytes per nanosecond.
  func matches(in text: UnsafeBufferPointer<UInt8>) -> [Match] {
    var found: [Match] = []
    var covered = 0  // where the last match ends, with its white space
    var at = nextCandidate(in: text, from: 0)
    while at < text.count {
      guard let pattern = longest(in: text, at: at) else {
        at = nextCandidate(in: text, from: at + 1)
        continue
      }
      var (start, end) = (at, at + pattern.bytes.count)
      at = nextCandidate(in: text, from: end)
      if pattern.token.singleWord {
        if start > 0, CharacterClasses.isWordCharacter(UTF8Scalars.scalar(in: text, before: start)) {
          continue
        }
        if end < text.count, CharacterClasses.isWordCharacter(UTF8Scalars.scalar(in: text, at: end)) {
          continue
        }
      }
      if pattern.token.leftStrip {
        while start > covered, let width = whitespace(UTF8Scalars.scalar(in: text, before: start)) {
          start -= width
        }
        start = max(start, covered)
      }
      if pattern.token.rightStrip {
        while end < text.count, let width = whitespace(UTF8Scalars.scalar(in: text, at: end)) { end += width }
      }
      found.append(Match(id: pattern.id, range: min(start, end)..<end))
      covered = end
    }
    return found
  }

  /// The width of a white-space scalar, nil for others.
  private func whitespace(_ scalar: UInt32) -> Int? {
    CharacterClasses.shared.traits(of: scalar).contains(.whitespace) ? UTF8Scalars.width(of: scalar) : nil
  }

  private func longest(in text: UnsafeBufferPointer<UInt8>, at start: Int) -> Pattern? {
    for i in byFirstByte[Int(text[start])] {
      let bytes = patterns[i].bytes
      if start + bytes.count <= text.count, bytes.indices.allSatisfy({ text[start + $0] == bytes[$0] }) {
        return patterns[i]
      }
    }
    return nil
  }

  private func nextCandidate(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    guard !patterns.isEmpty, let base = text.baseAddress else { return text.count }
    var i = start
    if let onlyFirstByte {
      let raw = UnsafeRawPointer(base)
      while i + 8 <= text.count {
        let difference = raw.loadUnaligned(fromByteOffset: i, as: UInt64.self) ^ onlyFirstByte
        // A zero byte leaves its high bit set (and no byte does when there is none).
        if (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080 != 0 { break }
        i += 8
      }
    }
    while i < text.count && byFirstByte[Int(text[i])].isEmpty { i += 1 }
    return i
  }
}

/// The tokens outside the model's vocabulary or marked within it, with the reference's rules for their ids.
///
/// Of several tokens with one id the last one counts, for matching too.
struct AddedVocabulary: Sendable {
  private(set) var tokens: [Int32: AddedToken] = [:]
  private(set) var ids: [[UInt8]: Int32] = [:]
  /// How an id reads: a token that matches normalised text reads normalised.
  private(set) var spellings: [Int32: String] = [:]
  /// The contents that were ever marked special.
  private(set) var special: Set<[UInt8]> = []
  /// Matched against the text as given.
  let raw: AddedTokenFinder
  /// Matched against normalised text.
  let normalized: AddedTokenFinder

  /// - Throws: ``TokenizerError/emptyAddedToken(_:)``.
  init(
    _ options: TokenizerOptions, _ vocabulary: Vocabulary, _ normalizer: Normalizer
  ) throws(TokenizerError) {
    let listed = Set(options.addedTokens.map { Array($0.content.utf8) })
    let missing = [  // in the order in which transformers adds them, which decides their ids
      options.unknownToken, options.separatorToken, options.paddingToken, options.classToken,
      options.maskToken,
    ].filter { !listed.contains(Array($0.utf8)) }
    for var token in options.addedTokens + missing.map({ AddedToken(content: $0, isSpecial: true) })
    where !token.content.isEmpty {
      let key = Array(token.content.utf8)
      // The reference's rule for what the vocabulary lacks: after it, and after those added so far.
      let id =
        ids[key] ?? vocabulary.id(of: token.content).map(Int32.init)
        ?? max(Int32(vocabulary.distinctCount), (ids.values.max() ?? -1) + 1)
      token.id = Int(id)
      ids[key] = id
      tokens[id] = token
      if token.isSpecial { special.insert(key) }
    }
    var (raw, normalized): ([AddedTokenFinder.Pattern], [AddedTokenFinder.Pattern]) = ([], [])
    for (id, token) in tokens.sorted(by: { $0.key < $1.key }) {
      var content = token.content
      guard token.normalized else {
        raw.append(.init(bytes: Array(content.utf8), id: id, token: token))
        spellings[id] = content
        continue
      }
      var text = NormalizedText()
      content.withUTF8 { _ = normalizer.append($0, first: 0, to: &text) }
      guard !text.bytes.isEmpty else { throw .emptyAddedToken(content) }
      normalized.append(.init(bytes: text.bytes, id: id, token: token))
      spellings[id] = String(decoding: text.bytes, as: UTF8.self)
    }
    self.raw = AddedTokenFinder(raw)
    self.normalized = AddedTokenFinder(normalized)
  }
}
