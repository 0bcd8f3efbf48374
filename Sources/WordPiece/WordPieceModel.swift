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
  /// For each byte its lower case, or one of the marks of ``ASCII``.
  nonisolated(unsafe) let ascii: UnsafePointer<UInt16>
  let idEncoders = IDEncoderPool()

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
    for byte in UInt8.min ... .max { table[Int(byte)] = ASCII.mark(of: byte, lowercase: options.lowercase) }
    ascii = UnsafePointer(table)
  }

  deinit { ascii.deallocate() }
}

/// What a byte is to the fast paths, whatever the options.
enum ASCII {
  static let space: UInt16 = 0x100
  static let punctuation: UInt16 = 0x200
  /// Not ASCII, or a control character: for the exact path.
  static let difficult: UInt16 = 0x400

  /// A letter or digit as it reads in a word, or one of the marks above.
  static func mark(of byte: UInt8, lowercase: Bool) -> UInt16 {
    switch byte {
    case 0x41...0x5A: UInt16(lowercase ? byte + 0x20 : byte)
    case 0x30...0x39, 0x61...0x7A: UInt16(byte)
    case 0x09, 0x0A, 0x0D, 0x20: space
    case 0x21...0x7E: punctuation
    default: difficult
    }
  }
}
