import CWordPiece

/// Turns texts into ids and nothing else, one after the other: the fast twin of ``PieceEncoder``.
///
/// Text falls into runs at ASCII white space and around ASCII punctuation, since neither combines with what
/// is beside it. The ids of short runs are remembered; those of others, and of runs not met before, are
/// worked out scalar by scalar, or by the exact normaliser where a scalar's neighbours matter.
struct IDEncoder: ~Copyable {
  private let model: WordPieceModel
  private let reader: wordpiece_reader
  private var memory: RunMemory
  private var forms = ScalarForms()
  private var cutter: WordCutter
  private var normalized = NormalizedText()
  /// For tokenizers with added tokens that match normalised text.
  private var exact: PieceEncoder
  private var pieces = Pieces(keepsSources: false)
  /// The ids of all texts so far.
  var ids = IDBuffer()
  /// Where the rows that are made of them begin and end.
  var bounds = RowBounds()

  /// - Parameter reader: the number of one of the C readers; nil: the fastest.
  init(_ model: WordPieceModel, reader: Int? = nil) {
    self.model = model
    let readers = Self.readers
    self.reader = readers[min(reader ?? .max, readers.count - 1)]
    memory = RunMemory(lowercase: model.normalizer.lowercases)
    cutter = WordCutter(model)
    exact = PieceEncoder(model)
  }

  /// The C readers that this processor runs, the fastest last.
  static var readers: UnsafeBufferPointer<wordpiece_reader> {
    var count = 0
    let readers = wordpiece_readers(&count)
    return UnsafeBufferPointer(start: readers, count: count)
  }

  /// Forgets the ids, but not what was learned of words.
  mutating func removeAll() {
    ids.removeAll()
    bounds.removeAll()
  }

  /// Appends the ids of `text`, without the special tokens around it.
  ///
  /// - Parameter limit: may stop once the text has so many.
  /// - Returns: false when a word needs the unknown token and the vocabulary lacks it.
  mutating func encode(_ text: UnsafeBufferPointer<UInt8>, limit: Int) -> Bool {
    guard let bytes = text.baseAddress else { return true }
    let room = ids.count.addingReportingOverflow(limit)
    let last = room.overflow ? .max : room.partialValue
    cutter.lacksUnknown = false
    guard model.added.normalized.isEmpty else { return encodeExactly(text, limit) }
    guard model.added.raw.mayMatch(text) else {
      encodeRuns(bytes, 0..<text.count, last)
      return !cutter.lacksUnknown
    }
    var covered = 0
    for match in model.added.raw.matches(in: text) where ids.count < last {
      // Matches may overlap: white space that one has taken can be the next one's own.
      if covered < match.range.lowerBound { encodeRuns(bytes, covered..<match.range.lowerBound, last) }
      if !match.range.isEmpty { ids.append(match.id) }
      covered = match.range.upperBound
    }
    encodeRuns(bytes, covered..<text.count, last)
    return !cutter.lacksUnknown
  }

  private mutating func encodeExactly(_ text: UnsafeBufferPointer<UInt8>, _ limit: Int) -> Bool {
    pieces.removeAll()
    let isKnown = exact.encode(text, into: &pieces, limit: limit)
    for id in pieces.ids { ids.append(id) }
    return isKnown
  }

  /// Encodes a part of the text that holds no added token.
  private mutating func encodeRuns(_ bytes: UnsafePointer<UInt8>, _ range: Range<Int>, _ last: Int) {
    var reading = wordpiece_reading()
    reading.text = bytes
    reading.count = range.upperBound
    reading.place = range.lowerBound
    ids.reserve(range.count / 4)
    while true {
      reading.ids = ids.start
      reading.filled = ids.count
      reading.room = min(last, ids.capacity)
      let state = memory.read(&reading, with: reader)
      ids.count = reading.filled
      if state == wordpiece_unknown {
        let (start, first) = (reading.place, ids.count)
        reading.place = encodeRun(bytes, start, range.upperBound)
        if !cutter.lacksUnknown {
          memory.insert(bytes + start, reading.place &- start, ids: ids.start + first, ids.count &- first)
        }
      } else if state == wordpiece_full, ids.count < last {
        ids.reserve(range.upperBound - reading.place)
      } else {
        return
      }
    }
  }

  /// Encodes the run that begins at `start`.
  ///
  /// - Returns: where it ends.
  private mutating func encodeRun(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    let ascii = model.ascii
    let first = ids.count
    if ascii[Int(bytes[start])] == ASCII.punctuation {
      cutter.word[0] = bytes[start]
      cutter.append(1, characters: 1, to: &ids)
      return start &+ 1
    }
    var i = start
    while i < end {
      let byte = bytes[i]
      let mark = ascii[Int(byte)]
      if mark < ASCII.space {
        cutter.put(UInt8(truncatingIfNeeded: mark))
        i &+= 1
        continue
      }
      if mark != ASCII.difficult { break }
      let scalar = UTF8Scalars.scalar(at: bytes + i)
      let width = UTF8Scalars.width(of: scalar)
      var form = forms.form(of: scalar)
      if form.kind == ScalarForms.Form.Kind.unseen {
        form = learn(scalar, UnsafeBufferPointer(start: bytes + i, count: width))
      }
      switch form.kind {
      case ScalarForms.Form.Kind.same: cutter.put(bytes + i, width)
      case ScalarForms.Form.Kind.spelled: cutter.put(forms.spellings + form.start, form.count)
      case ScalarForms.Form.Kind.dropped: break
      case ScalarForms.Form.Kind.space: cutter.finish(to: &ids)
      case ScalarForms.Form.Kind.alone:
        cutter.finish(to: &ids)
        ids.append(form.id)
      default:
        cutter.discard()
        ids.count = first
        while i < end, ascii[Int(bytes[i])] & (ASCII.space | ASCII.punctuation) == 0 { i &+= 1 }
        normalized.removeAll()
        model.normalizer.append(
          UnsafeBufferPointer(start: bytes + start, count: i - start), first: 0, to: &normalized)
        encodeNormalized()
        return i
      }
      i &+= width
    }
    cutter.finish(to: &ids)
    return i
  }

  private mutating func learn(_ scalar: UInt32, _ source: UnsafeBufferPointer<UInt8>) -> ScalarForms.Form {
    let model = model
    return forms.learn(scalar, source, model.normalizer) { word in
      var cutter = WordCutter(model)
      var ids = IDBuffer(capacity: 8)
      for (i, byte) in word.enumerated() { cutter.word[i] = byte }
      cutter.append(word.count, characters: 1, to: &ids)
      return ids.count == 1 && !cutter.lacksUnknown ? ids.start[0] : nil
    }
  }

  /// Cuts the normalised text into words and these into pieces.
  private mutating func encodeNormalized() {
    var i = 0
    while i < normalized.bytes.count {
      let kind = normalized.kinds[i]
      if kind != .word { cutter.finish(to: &ids) }
      repeat {
        if kind != .space { cutter.put(normalized.bytes[i]) }
        i += 1
      } while i < normalized.bytes.count && normalized.kinds[i] == .continuation
      if kind != .word { cutter.finish(to: &ids) }
    }
    cutter.finish(to: &ids)
  }
}
