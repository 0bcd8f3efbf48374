/// Why a vocabulary could not be built.
@nonexhaustive
public enum VocabularyError: Error, Equatable, Sendable {
  /// There is no token at all.
  case empty
  /// An id is negative or above ``Vocabulary/maxID``.
  case idOutOfRange(token: String, id: Int)
  /// The tokens take more bytes than can be addressed.
  case tooLarge(byteCount: Int, limit: Int)
}

extension VocabularyError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .empty: "the vocabulary holds no token; is vocab.txt complete?"
    case .idOutOfRange(let token, let id):
      "token '\(token)' has id \(id), ids go from 0 to \(Vocabulary.maxID); correct the vocabulary file"
    case .tooLarge(let count, let limit):
      "the vocabulary takes \(count) bytes, at most \(limit) can be read; is this a vocabulary file?"
    }
  }
}

/// Why a tokenizer could not be built, or a text not be encoded.
@nonexhaustive
public enum TokenizerError: Error, Equatable, Sendable {
  /// The encoding is longer than the model takes, and no truncation was asked for.
  case tooLong(length: Int, limit: Int)
  /// A single text takes more bytes than its pieces can be counted in.
  case textTooLarge(byteCount: Int, limit: Int)
  /// The permitted length does not even hold the special tokens.
  case noRoomForText(maxLength: Int, specialTokens: Int)
  /// Windows that overlap by `stride` tokens would never advance: each holds only `room` of them.
  case strideTooLong(stride: Int, room: Int)
  /// The text that alone may be shortened is not long enough: `surplus` of its `length` tokens would have to
  /// go.
  case tooShortToTruncate(length: Int, surplus: Int)
  /// Only the second text may be shortened, and there is none.
  case noSecondText
  /// A word needs the unknown token, and the vocabulary does not have it.
  case unknownTokenMissing(String)
  /// An added token is to match normalised text, and normalisation leaves nothing of it.
  case emptyAddedToken(String)
  /// The rows of a batch differ in length, and there is no padding.
  case unevenRows(shortest: Int, longest: Int)
  /// A row of a batch is longer than padding is to make it.
  case rowTooLong(length: Int, paddedLength: Int)
  /// Truncation stops at a length that padding then exceeds.
  case truncationNotMultiple(maxLength: Int, multiple: Int)
  /// A length, a stride or a multiple is negative.
  case negativeLength(Int)
  /// Texts and second texts do not pair up.
  case pairCountMismatch(texts: Int, pairs: Int)
}

extension TokenizerError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooLong(let length, let limit):
      "the text has \(length) tokens, the model takes \(limit); pass a truncation such as "
        + ".longestFirst(maxLength: \(limit)), or split the text"
    case .textTooLarge(let count, let limit):
      "the text has \(count) bytes, one text can have \(limit); split it"
    case .noRoomForText(let maxLength, let special):
      "a length of \(maxLength) does not hold the \(special) special tokens; allow at least \(special)"
    case .strideTooLong(let stride, let room):
      "windows of \(room) tokens cannot overlap by \(stride); choose a smaller stride or a longer window"
    case .tooShortToTruncate(let length, let surplus):
      "\(surplus) tokens are too many and the text to shorten has \(length); "
        + "allow a greater length, or truncate with longestFirst"
    case .noSecondText: "only the second text may be shortened and there is none; truncate with onlyFirst"
    case .unknownTokenMissing(let token):
      "a word is not in the vocabulary, and neither is the unknown token '\(token)'; "
        + "name the right one in the options"
    case .emptyAddedToken(let content):
      "normalisation leaves nothing of the added token '\(content)'; mark it as not normalised"
    case .unevenRows(let shortest, let longest):
      "the rows have between \(shortest) and \(longest) tokens; pad with .longest, or to \(longest)"
    case .rowTooLong(let length, let padded):
      "a row has \(length) tokens, padding makes rows of \(padded); truncate to that, or pad to \(length)"
    case .truncationNotMultiple(let maxLength, let multiple):
      "truncation stops at \(maxLength), padding rounds up to multiples of \(multiple); choose a multiple"
    case .negativeLength(let value): "a length of \(value) is not possible; pass 0 or more"
    case .pairCountMismatch(let texts, let pairs):
      "there are \(texts) texts and \(pairs) second texts; pass as many of both"
    }
  }
}
