/// The pieces a tokenizer knows, each with its id.
///
/// Tokens are compared as UTF-8 bytes, not as Swift characters: `"é"` in one scalar and in two are different
/// tokens. A token that occurs more than once has the id of its last place, as in the reference. Building
/// from 30,522 tokens takes a few milliseconds; copies share their storage.
public struct Vocabulary: Sendable {
  /// A token as a slice of the store.
  private struct Row {
    var id: Int32
    var start: UInt32
    var end: UInt32
  }

  let store: ByteStore
  private let rows: [Row]  // ascending by id
  private let isDense: Bool  // rows[id].id == id
  private let table: ByteTable

  /// A vocabulary in which the place of a token is its id, as in `vocab.txt`.
  ///
  /// - Throws: ``VocabularyError`` when there is no token, or more than 4 GB of them.
  public init(tokens: [String]) throws(VocabularyError) {
    var builder = Builder(count: tokens.count)
    for id in tokens.indices { try builder.add(tokens[id], id) }
    try self.init(builder)
  }

  /// A vocabulary that spells out its ids, as in `tokenizer.json`; they need not be contiguous.
  ///
  /// Of two tokens with one id, and of two ids for one token, the last wins.
  ///
  /// - Throws: ``VocabularyError`` when there is no token, an id is negative or above ``maxID``, or there
  ///   are more than 4 GB of tokens.
  public init(entries: [(token: String, id: Int)]) throws(VocabularyError) {
    var builder = Builder(count: entries.count)
    for (token, id) in entries { try builder.add(token, id) }
    try self.init(builder)
  }

  /// Tokens one after the other.
  private struct Builder {
    var bytes: [UInt8] = []
    var rows: [Row] = []
    var isAscending = true

    init(count: Int) {
      bytes.reserveCapacity(count * 8)
      rows.reserveCapacity(count)
    }

    mutating func add(_ token: String, _ id: Int) throws(VocabularyError) {
      guard id >= 0, id <= Vocabulary.maxID else { throw .idOutOfRange(token: token, id: id) }
      if let last = rows.last, last.id >= id { isAscending = false }
      let start = bytes.count
      if token.utf8.withContiguousStorageIfAvailable({ bytes.append(contentsOf: $0) }) == nil {
        bytes.append(contentsOf: token.utf8)
      }
      // Whether 32 bits are enough is asked when all are there.
      rows.append(
        Row(
          id: Int32(id), start: UInt32(truncatingIfNeeded: start),
          end: UInt32(truncatingIfNeeded: bytes.count)))
    }
  }

  private init(_ builder: Builder) throws(VocabularyError) {
    var rows = builder.rows
    guard !rows.isEmpty else { throw .empty }
    guard builder.bytes.count <= Int(UInt32.max) else {
      throw .tooLarge(byteCount: builder.bytes.count, limit: Int(UInt32.max))
    }
    store = ByteStore(builder.bytes)
    table = ByteTable(rows.lazy.map { Self.entry($0) }, in: store)
    if !builder.isAscending {
      let places = rows.indices.sorted { (rows[$0].id, $0) < (rows[$1].id, $1) }
      rows = places.indices.compactMap { i in
        let isLast = i + 1 == places.count || rows[places[i + 1]].id != rows[places[i]].id
        return isLast ? rows[places[i]] : nil
      }
    }
    isDense = rows.last.map { Int($0.id) } == rows.count - 1
    self.rows = rows
  }

  /// A token without its first bytes, as a key.
  private static func entry(_ row: Row, from skipped: Int = 0) -> ByteTable.Entry {
    let start = Int(row.start) + skipped
    return ByteTable.Entry(start: start, count: Int(row.end) - start, id: row.id)
  }

  /// The highest id a token can have; leaves room for added tokens within 32 bits.
  public static let maxID = 1 << 30

  /// The number of ids that name a token.
  public var count: Int { rows.count }

  /// The number of different tokens; smaller than ``count`` when a token has several ids.
  public var distinctCount: Int { table.count }

  /// The highest id plus one: the rows an embedding matrix needs for these tokens.
  public var idLimit: Int { Int(rows.last?.id ?? -1) + 1 }

  /// The token with an id, or nil when no token has it.
  public subscript(id: Int) -> String? {
    row(of: id).map { store.string(Int($0.start)..<Int($0.end)) }
  }

  /// The id of a token, compared as UTF-8 bytes, or nil when it is not in the vocabulary.
  public func id(of token: String) -> Int? {
    table.id(of: token.utf8).map(Int.init)
  }

  private func row(of id: Int) -> Row? {
    if isDense { return rows.indices.contains(id) ? rows[id] : nil }
    var (low, high) = (0, rows.count)
    while low < high {
      let middle = (low + high) / 2
      if rows[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < rows.count && rows[low].id == id ? rows[low] : nil
  }

  /// The table of whole tokens, for the start of a word.
  var wordStarts: ByteTable { table }

  /// A table of the tokens that begin with `prefix`, by what follows it, for the rest of a word.
  func continuations(prefix: String) -> ByteTable {
    let prefix = Array(prefix.utf8)
    let continuing = rows.filter { row in
      guard row.end - row.start >= prefix.count else { return false }
      let token = store.start + Int(row.start)
      return prefix.indices.allSatisfy { token[$0] == prefix[$0] }
    }
    return ByteTable(continuing.lazy.map { Self.entry($0, from: prefix.count) }, in: store)
  }
}
