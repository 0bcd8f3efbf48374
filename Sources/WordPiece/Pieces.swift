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
  private var wordCount: Int32 = 0

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

  /// Appends a piece of the current word.
  @inline(__always)
  mutating func append(_ id: Int32, _ start: Int, _ end: Int) {
    ids.append(id)
    if keepsSources {
      starts.append(Int32(truncatingIfNeeded: start))
      ends.append(Int32(truncatingIfNeeded: end))
      words.append(wordCount)
    }
  }

  /// The pieces to come belong to the next word.
  @inline(__always)
  mutating func endWord() { wordCount &+= 1 }

  /// Appends an added token that matched some bytes.
  mutating func append(
    _ id: Int32, spelled text: UnsafeBufferPointer<UInt8>, _ sources: Range<Int>
  ) {
    if keepsSources { spellings[ids.count] = String(decoding: text, as: UTF8.self) }
    append(id, sources.lowerBound, sources.upperBound)
    endWord()
  }
}
