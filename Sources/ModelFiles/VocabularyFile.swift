/// A `vocab.txt`: one token a line, whose id is the number of the line, counted from zero.
public struct VocabularyFile: Sendable {
  /// Tokens by id. A token on two lines is kept on both; the reference knows it by the last id alone.
  public var tokens: [String]
  /// What a reader accepts and a careful writer avoids, in the order of the lines.
  public var lint: [Finding] = []

  /// Something unusual about the file. Lines are counted from 1.
  @nonexhaustive
  public enum Finding: Sendable, Hashable {
    /// Lines end in CR LF.
    case carriageReturns(line: Int)
    /// The last line has no end.
    case missingFinalNewline
    /// The token is on an earlier line too; the id of the last line counts.
    case duplicate(token: String, line: Int, earlierLine: Int)
    case emptyLine(line: Int)
    /// White space at the end of the line was cut off, as the reference does.
    case trailingSpace(token: String, line: Int)
    /// The file begins with a byte order mark, which becomes part of the first token.
    case byteOrderMark
  }

  /// The longest file that is accepted, in bytes.
  public static let maximumByteCount = 64 << 20

  public init(tokens: [String]) { self.tokens = tokens }

  /// Reads a file as the reference does (tokenizers, `WordPiece::read_file`): lines end in LF, white space at
  /// their end is cut off.
  ///
  /// - Throws: ``VocabularyError/notUTF8(line:file:)``, ``SystemError``.
  public init(path: String) throws { try self.init(CompanionFile(path: path)) }

  init(_ file: CompanionFile) throws {
    try self.init(parsing: file.read(limit: Self.maximumByteCount), file: file.path)
  }

  /// Reads the contents of a file; `file` is named in errors.
  public init(parsing bytes: [UInt8], file: String) throws(VocabularyError) {
    tokens = []
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { lint.append(.byteOrderMark) }
    if let line = bytes.withUnsafeBufferPointer(Self.firstInvalidLine) {
      throw .notUTF8(line: line, file: file)
    }
    bytes.withUnsafeBufferPointer { readLines($0) }
  }

  /// The number of the first line that is not UTF-8, counted from 1.
  private static func firstInvalidLine(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    // A line break is no part of another character, so the lines are valid when the whole is, which is looked at faster.
    guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }.map { $0 + 1 }
  }

  private mutating func readLines(_ bytes: UnsafeBufferPointer<UInt8>) {
    // Tokens are seven or eight bytes long in most languages.
    var table = NameTable(minimumCapacity: bytes.count / 8)
    var last: [Int32] = []  // the id of each token in the table
    tokens.reserveCapacity(bytes.count / 7)
    last.reserveCapacity(bytes.count / 7)
    var start = 0
    while start < bytes.count {
      var end = start
      while end < bytes.count && bytes[end] != UInt8(ascii: "\n") { end += 1 }
      if end == bytes.count { lint.append(.missingFinalNewline) }
      let line = UnsafeBufferPointer(rebasing: bytes[start..<end])
      start = end + 1
      let id = tokens.count
      let token = trimmed(String(decoding: line, as: UTF8.self), line: id + 1)
      let hash = token.utf8.count == line.count ? NameTable.hash(line) : NameTable.hash(token)
      if let known = table.insert(hash: hash, isName: { tokens[Int(last[$0])].hasSameBytes(as: token) }) {
        if !token.isEmpty {
          lint.append(.duplicate(token: token, line: id + 1, earlierLine: Int(last[known]) + 1))
        }
        last[known] = Int32(id)
      } else {
        last.append(Int32(id))
      }
      tokens.append(token)
    }
  }

  /// The bytes of the file as transformers writes it: each token with LF behind it.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tokens.reduce(0) { $0 + $1.utf8.count + 1 })
    for token in tokens {
      bytes += token.utf8
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }

  /// Writes the file, replacing one that is there.
  ///
  /// - Throws: ``VocabularyError/unwritable(token:id:)`` for a token that would not read back as itself;
  ///   ``SystemError``.
  public func write(to path: String) throws {
    for (id, token) in tokens.enumerated()
    where token.utf8.contains(0x0A) || Self.withoutTrailingSpace(token) != nil {
      throw VocabularyError.unwritable(token: token, id: id)
    }
    try AtomicFile.write(bytes, to: path)
  }

  /// Checks what a BERT model asks of its vocabulary.
  ///
  /// - Parameters:
  ///   - vocabularySize: `vocab_size` of `config.json`; a model may have more rows than there are tokens.
  ///   - required: the tokens that must be there.
  ///   - file: named in errors.
  public func check(vocabularySize: Int?, required: [String], file: String) throws(VocabularyError) {
    if let vocabularySize, tokens.count > vocabularySize {
      throw .tooManyTokens(expected: vocabularySize, found: tokens.count, file: file)
    }
    for token in required where !tokens.contains(where: { $0.hasSameBytes(as: token) }) {
      throw .missingToken(token, file: file)
    }
  }

  private mutating func trimmed(_ line: String, line number: Int) -> String {
    guard !line.isEmpty else {
      lint.append(.emptyLine(line: number))
      return line
    }
    guard let token = Self.withoutTrailingSpace(line) else { return line }
    if line.utf8.count == token.utf8.count + 1 && line.utf8.last == UInt8(ascii: "\r") {
      if !lint.contains(where: { if case .carriageReturns = $0 { true } else { false } }) {
        lint.append(.carriageReturns(line: number))
      }
    } else {
      lint.append(.trailingSpace(token: token, line: number))
    }
    return token
  }

  /// The text without the white space at its end, or nil when there is none.
  private static func withoutTrailingSpace(_ text: String) -> String? {
    // The properties of a scalar are slow to look up, and nearly every line ends in a letter.
    if let last = text.utf8.last, (0x21..<0x7F).contains(last) { return nil }
    guard text.unicodeScalars.last?.properties.isWhitespace == true else { return nil }
    var scalars = text.unicodeScalars[...]
    while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
    return String(scalars)
  }
}

/// Why a vocabulary cannot be used.
@nonexhaustive
public enum VocabularyError: Error, Hashable, Sendable {
  case notUTF8(line: Int, file: String)
  /// There are more tokens than the model has rows.
  case tooManyTokens(expected: Int, found: Int, file: String)
  case missingToken(String, file: String)
  /// The token holds a line break or ends in white space, which `vocab.txt` cannot hold.
  case unwritable(token: String, id: Int)
  /// An id is negative, too large for so few tokens, or given twice.
  case invalidID(token: String, found: String, file: String)
}

extension VocabularyError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notUTF8(let line, let file): "\(file): line \(line) is not UTF-8; save the file as UTF-8"
    case .tooManyTokens(let expected, let found, let file):
      "\(file): \(found) tokens, the model has rows for \(expected); is this another model's vocabulary?"
    case .missingToken(let token, let file):
      "\(file): '\(token)' is missing; is this another model's vocabulary?"
    case .unwritable(let token, let id):
      "token \(id), \(JSONValue.string(token).compactText()), cannot stand on a line of vocab.txt; "
        + "write tokenizer.json alone"
    case .invalidID(let token, let found, let file):
      "\(file): token '\(token)' has the id \(found); "
        + "ids must be distinct and count from 0 without large gaps"
    }
  }
}

extension VocabularyFile.Finding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .carriageReturns(let line): "vocab.txt: line \(line) ends in CR LF"
    case .missingFinalNewline: "vocab.txt: the last line has no end"
    case .duplicate(let token, let line, let earlier):
      "vocab.txt: line \(line) repeats '\(token)' of line \(earlier); its id is that of the later line"
    case .emptyLine(let line): "vocab.txt: line \(line) is empty"
    case .trailingSpace(let token, let line): "vocab.txt: line \(line), '\(token)', ends in white space"
    case .byteOrderMark: "vocab.txt: begins with a byte order mark, which is part of the first token"
    }
  }
}
