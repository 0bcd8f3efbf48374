/// Cuts words into pieces, one word at a time, with buffers that are reused.
struct WordCutter: ~Copyable {
  private let model: WordPieceModel
  /// The current word. The buffer is a little longer than its capacity.
  private(set) var word: UnsafeMutablePointer<UInt8>
  private(set) var capacity = 512
  /// How much of a word is there that `put` puts together.
  private var length = 0
  /// A word with more bytes has too many scalars.
  private let byteLimit: Int
  /// The pieces of the current word, when it has several: ids, and where in the word each ends.
  private var pieceIDs: [Int32] = []
  private var pieceEnds: [Int] = []
  /// Whether the unknown token was needed and missing.
  var lacksUnknown = false

  init(_ model: WordPieceModel) {
    self.model = model
    let (limit, isHuge) = model.maxCharacters.multipliedReportingOverflow(by: 4)
    byteLimit = isHuge ? .max : limit
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
        pieces.endWord()
        return
      }
      if cut(count) {
        var start = place
        for i in pieceIDs.indices {
          let end = place &+ pieceEnds[i]
          pieces.append(pieceIDs[i], start, end)
          start = end
        }
        pieces.endWord()
        return
      }
    }
    if model.unknownID == nil { lacksUnknown = true }
    pieces.append(model.unknownID ?? 0, place, place &+ count)
    pieces.endWord()
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

  // MARK: Ids alone

  /// Appends the ids of the word in the buffer, as `append(_:characters:at:to:)` does.
  @inline(__always)
  mutating func append(_ count: Int, characters: Int, to ids: inout IDBuffer) {
    if characters <= model.maxCharacters {
      let whole = model.wordStarts.id(of: word, count)
      if whole != ByteTable.absent { return ids.append(whole) }
      let before = ids.count
      if cut(count, to: &ids) { return }
      ids.count = before
    }
    if model.unknownID == nil { lacksUnknown = true }
    ids.append(model.unknownID ?? 0)
  }

  /// Appends the pieces of the word in the buffer; false, and some of them, when a part of it is no known piece.
  private func cut(_ count: Int, to ids: inout IDBuffer) -> Bool {
    guard let first = model.wordStarts.longestPrefix(of: word, count) else { return false }
    ids.append(first.id)
    var from = first.count
    while from < count {
      guard let next = model.continuations.longestPrefix(of: word + from, count &- from) else { return false }
      from &+= next.count
      ids.append(next.id)
    }
    return true
  }

  /// Adds a byte to the word that is put together.
  @inline(__always)
  mutating func put(_ byte: UInt8) {
    if length &+ Self.most > capacity { makeRoom() }
    word[length] = byte
    length &+= 1
  }

  /// Adds at most 32 bytes to the word that is put together.
  @inline(__always)
  mutating func put(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    if length &+ Self.most > capacity { makeRoom() }
    let end = word + length
    end[0] = bytes[0]
    if count > 1 { end[1] = bytes[1] }
    if count > 2 { end[2] = bytes[2] }
    if count > 3 { for i in 3..<count { end[i] = bytes[i] } }
    length &+= count
  }

  /// The most that is put at a time.
  private static let most = 32

  /// Grows the buffer; of a word that is too long already, forgets what is beyond that.
  private mutating func makeRoom() {
    if byteLimit < length - Self.most {
      length = byteLimit + 1
      return
    }
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * capacity + Bytes.slack)
    larger.initialize(repeating: 0, count: 2 * capacity + Bytes.slack)
    larger.update(from: word, count: length)
    word.deallocate()
    (word, capacity) = (larger, 2 * capacity)
  }

  /// Appends the ids of the word that was put together, if there is one.
  @inline(__always)
  mutating func finish(to ids: inout IDBuffer) {
    guard length > 0 else { return }
    let count = length
    length = 0
    var characters = count
    if count > model.maxCharacters && count <= byteLimit {
      characters = 0
      for i in 0..<count where word[i] & 0xC0 != 0x80 { characters &+= 1 }
    }
    append(count, characters: characters, to: &ids)
  }

  /// Forgets what was put together.
  mutating func discard() { length = 0 }
}
