extension WordPieceTokenizer {
  /// Turns ids back into text, as far as normalisation has left it.
  ///
  /// Pieces are joined by spaces, continuing ones to what they continue; ids that name no token are left out.
  ///
  /// - Parameters:
  ///   - ids: of one text or pair, of any integer type.
  ///   - skipSpecialTokens: leaves out special tokens such as `[CLS]`.
  ///   - cleanUpTokenizationSpaces: also joins what tokenisation set apart, as in `don't`
  ///     (`clean_up_tokenization_spaces`, which transformers 4 has on and 5 has off).
  public func decode(
    _ ids: some Sequence<some BinaryInteger>, skipSpecialTokens: Bool = false,
    cleanUpTokenizationSpaces: Bool = false
  ) -> String {
    let prefix = Array(options.continuingSubwordPrefix.utf8)
    var text: [UInt8] = []
    var isFirst = true
    for id in ids {
      guard let id = Int(exactly: id), let token = token(of: id) else { continue }
      var bytes = Array(token.utf8)
      if skipSpecialTokens && model.added.special.contains(bytes) { continue }
      if !isFirst {
        if bytes.starts(with: prefix) {
          bytes.removeFirst(prefix.count)
        } else {
          bytes.insert(0x20, at: 0)
        }
      }
      isFirst = false
      text += Self.decoderCleanUp.reduce(bytes) { $1.applied(to: $0) }
    }
    if cleanUpTokenizationSpaces { text = Self.cleanUp.reduce(text) { $1.applied(to: $0) } }
    return String(decoding: text, as: UTF8.self)
  }

  private struct Replacement {
    let from, to: [UInt8]

    init(_ from: String, _ to: String) { (self.from, self.to) = (Array(from.utf8), Array(to.utf8)) }

    /// Every occurrence replaced, from the left, without overlap.
    func applied(to text: [UInt8]) -> [UInt8] {
      guard text.count >= from.count, text.contains(from[1]) else { return text }
      var out: [UInt8] = []
      out.reserveCapacity(text.count)
      var i = 0
      while i < text.count {
        if text[i] == from[0] && text[i...].starts(with: from) {
          out += to
          i += from.count
        } else {
          out.append(text[i])
          i += 1
        }
      }
      return out
    }
  }

  /// What transformers replaces in the whole text.
  private static let cleanUp = [
    Replacement(" .", "."), Replacement(" ?", "?"), Replacement(" !", "!"), Replacement(" ,", ","),
    Replacement(" ' ", "'"), Replacement(" n't", "n't"), Replacement(" 'm", "'m"), Replacement(" 's", "'s"),
    Replacement(" 've", "'ve"), Replacement(" 're", "'re"),
  ]

  /// What the library's decoder replaces in each piece, whatever is asked for.
  private static let decoderCleanUp = [
    Replacement(" .", "."), Replacement(" ?", "?"), Replacement(" !", "!"), Replacement(" ,", ","),
    Replacement(" ' ", "'"), Replacement(" n't", "n't"), Replacement(" 'm", "'m"),
    Replacement(" do not", " don't"), Replacement(" 's", "'s"), Replacement(" 've", "'ve"),
    Replacement(" 're", "'re"),
  ]
}
