import CWordPiece

extension WordPieceTokenizer {
  /// Encodes texts, or pairs, into one row each. Windows of what truncation cuts off are not made.
  ///
  /// - Parameters:
  ///   - texts: the only text of each row, or the first of its pair.
  ///   - pairs: as many second texts as there are texts, or nil.
  ///   - addSpecialTokens: whether to put `[CLS]` first and `[SEP]` after each text.
  ///   - truncation: of each row that is longer than wanted, special tokens included.
  ///   - padding: how the rows become equally long; with `.none` they must be so already.
  /// - Throws: ``TokenizerError`` as ``encode(_:pair:addSpecialTokens:truncation:)``; also when padding does
  ///   not make the rows equally long, or rounds up past what truncation allows.
  public func encodeBatch(
    _ texts: [String], pairs: [String]? = nil, addSpecialTokens: Bool = true, truncation: Truncation,
    padding: Padding
  ) throws(TokenizerError) -> EncodedBatch {
    guard pairs == nil || pairs?.count == texts.count else {
      throw .pairCountMismatch(texts: texts.count, pairs: pairs?.count ?? 0)
    }
    let plan = try plan(truncation, hasSecond: pairs != nil, addSpecialTokens)
    let special = addSpecialTokens ? specialTokenCount(pair: pairs != nil) : 0
    if let room = plan.room, let multiple = padding.multiple, multiple > 0, padding.length != .none {
      guard (room + special) % multiple == 0 else {
        throw .truncationNotMultiple(maxLength: room + special, multiple: multiple)
      }
    }

    return try model.idEncoders.withEncoder(of: model) { encoder throws(TokenizerError) in
      let (classID, separatorID) = (Int32(classID), Int32(separatorID))
      let limit = plan.readLimit(hasSecond: pairs != nil)
      for row in texts.indices {
        let start = encoder.ids.count
        if addSpecialTokens { encoder.ids.append(classID) }
        let first = try append(texts[row], to: &encoder, limit)
        var second: Range<Int>?
        if let pairs { second = try append(pairs[row], to: &encoder, .max) }
        let kept = try plan.kept(first.count, second?.count)
        // What stays of the second text is moved to behind what stays of the first and a separator.
        var moved: [Int32] = []
        if let second { moved = encoder.ids.copy(plan.window(second.count, kept: kept.second), of: second) }
        encoder.ids.keep(plan.window(first.count, kept: kept.first), of: first)
        if addSpecialTokens { encoder.ids.append(separatorID) }
        encoder.bounds.starts.append(start)
        if second != nil {
          encoder.bounds.seconds.append(encoder.ids.count)
          for id in moved { encoder.ids.append(id) }
          if addSpecialTokens { encoder.ids.append(separatorID) }
        }
      }
      encoder.bounds.starts.append(encoder.ids.count)
      return try EncodedBatch(encoder.ids, encoder.bounds, padding, paddingID: Int32(paddingID))
    }
  }

  /// The readers of text that this processor runs, the fastest last. All give the same ids.
  package static var readerNames: [String] { IDEncoder.readers.map { String(cString: $0.name) } }

  /// The ids of texts, without special tokens, as one reader gives them: for tests.
  ///
  /// - Parameter reader: its place in ``readerNames``.
  /// - Throws: ``TokenizerError`` as ``encodeBatch(_:pairs:addSpecialTokens:truncation:padding:)``.
  package func ids(of texts: [String], reader: Int) throws(TokenizerError) -> [[Int32]] {
    var encoder = IDEncoder(model, reader: reader)
    var rows: [[Int32]] = []
    for text in texts {
      let range = try append(text, to: &encoder, .max)
      rows.append(encoder.ids.copy(0..<range.count, of: range))
    }
    return rows
  }

  /// Appends the ids of a text and says where they are.
  private func append(
    _ text: String, to encoder: inout IDEncoder, _ limit: Int
  ) throws(TokenizerError) -> Range<Int> {
    let start = encoder.ids.count
    let count = text.utf8.count
    guard count <= Int(Int32.max) else { throw .textTooLarge(byteCount: count, limit: Int(Int32.max)) }
    var isKnown = text.utf8.withContiguousStorageIfAvailable { encoder.encode($0, limit: limit) }
    if isKnown == nil {
      var copy = text
      isKnown = copy.withUTF8 { encoder.encode($0, limit: limit) }
    }
    guard isKnown == true else { throw .unknownTokenMissing(options.unknownToken) }
    return start..<encoder.ids.count
  }
}

extension IDBuffer {
  /// Drops what comes after `range`, and of `range` all but a window, which is counted within it.
  mutating func keep(_ window: Range<Int>, of range: Range<Int>) {
    count = range.lowerBound + window.count
    if window.lowerBound > 0 {
      start.advanced(by: range.lowerBound)
        .update(from: start.advanced(by: range.lowerBound + window.lowerBound), count: window.count)
    }
  }

  /// The ids of a window, which is counted within `range`.
  func copy(_ window: Range<Int>, of range: Range<Int>) -> [Int32] {
    let from = start + range.lowerBound + window.lowerBound
    return Array(UnsafeBufferPointer(start: from, count: window.count))
  }
}

extension EncodedBatch {
  /// Puts rows of ids into a batch.
  ///
  /// - Throws: ``TokenizerError`` as `Padding.rowLength`.
  fileprivate init(
    _ ids: borrowing IDBuffer, _ bounds: RowBounds, _ padding: Padding, paddingID: Int32
  ) throws(TokenizerError) {
    let rows = bounds.starts.count - 1
    var (shortest, longest) = (Int.max, 0)
    for row in 0..<rows {
      let count = bounds.starts[row + 1] - bounds.starts[row]
      (shortest, longest) = (min(shortest, count), max(longest, count))
    }
    let length = try padding.rowLength(shortest: rows == 0 ? 0 : shortest, longest: longest)
    self.rows = rows
    self.length = length
    var attention: [Int32] = []
    inputIDs = [Int32](unsafeUninitializedCapacity: rows * length) { padded, count in
      attention = [Int32](unsafeUninitializedCapacity: rows * length) { attention, count in
        if let padded = padded.baseAddress, let attention = attention.baseAddress {
          wordpiece_pad(
            ids.start, bounds.starts, rows, length, paddingID, padding.side == .left ? 1 : 0, padded,
            attention)
        }
        count = rows * length
      }
      count = rows * length
    }
    attentionMask = attention
    tokenTypeIDs = [Int32](repeating: 0, count: rows * length)
    guard !bounds.seconds.isEmpty else { return }
    tokenTypeIDs.withUnsafeMutableBufferPointer { to in
      for row in 0..<rows {
        let used = bounds.starts[row + 1] - bounds.starts[row]
        let end = (row + 1) * length - (padding.side == .left ? 0 : length - used)
        let second = bounds.starts[row + 1] - bounds.seconds[row]
        for i in end - second..<end { to[i] = 1 }
      }
    }
  }
}
