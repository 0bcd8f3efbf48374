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
        if mark >= ASCII.space { break }
        word[i &- start] = UInt8(truncatingIfNeeded: mark)
        i &+= 1
      }
      if i == stop {  // the end, or too long a word to be known
        mark = 0
        while i < end {
          mark = ascii[Int(bytes[i])]
          if mark >= ASCII.space { break }
          i &+= 1
        }
      }
      if mark == ASCII.difficult {
        while i < end, ascii[Int(bytes[i])] & (ASCII.space | ASCII.punctuation) == 0 {
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
        if mark == ASCII.punctuation {
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
