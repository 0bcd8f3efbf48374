/// The pieces a tokenizer knows, each with its id.
///
/// Tokens are compared as UTF-8 bytes, not as Swift characters: `"é"` in one scalar and in two are different
/// tokens. A token that occurs more than once has the id of its last place, as in the reference. Building
/// from 30,522 tokens takes a few milliseconds; copies share their storage.
public struct Vocabulary: Sendable {
  /// A token as a slice of the store.
  private struct Row {
    var id: Int
    var start: Int
    var end: Int
  }

  let store: ByteStore
  private let rows: [Row]  // ascending by id
  private let isDense: Bool  // rows[id].id == id
  private let table: ByteTable

  /// A vocabulary in which the place of a token is its id, as in `vocab.txt`.
  ///
  /// - Throws: ``VocabularyError`` when there is no token, or more than 4 GB of them.
  public init(tokens: [String]) throws(VocabularyError) {
    try self.init(rows: tokens.lazy.enumerated().map { (token: $1, id: $0) }, count: tokens.count)
  }

  /// A vocabulary that spells out its ids, as in `tokenizer.json`; they need not be contiguous.
  ///
  /// Of two tokens with one id, and of two ids for one token, the last wins.
  ///
  /// - Throws: ``VocabularyError`` when there is no token, an id is negative or above ``maxID``, or there
  ///   are more than 4 GB of tokens.
  public init(entries: [(token: String, id: Int)]) throws(VocabularyError) {
    try self.init(rows: entries, count: entries.count)
  }

  private init(rows source: some Sequence<(token: String, id: Int)>, count: Int) throws(VocabularyError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * 8)
    var rows: [Row] = []
    rows.reserveCapacity(count)
    var entries: [ByteTable.Entry] = []
    entries.reserveCapacity(count)
    var isAscending = true
    for (token, id) in source {
      guard id >= 0, id <= Self.maxID else { throw .idOutOfRange(token: token, id: id) }
      isAscending = isAscending && id > (rows.last?.id ?? -1)
      let start = bytes.count
      bytes.append(contentsOf: token.utf8)
      rows.append(Row(id: id, start: start, end: bytes.count))
      entries.append(ByteTable.Entry(start: start, count: bytes.count - start, id: Int32(id)))
    }
    guard !rows.isEmpty else { throw .empty }
    guard bytes.count <= Int(UInt32.max) else {
      throw .tooLarge(byteCount: bytes.count, limit: Int(UInt32.max))
    }
    if !isAscending {
      let places = rows.indices.sorted { (rows[$0].id, $0) < (rows[$1].id, $1) }
      rows = places.indices.compactMap { i in
        let isLast = i + 1 == places.count || rows[places[i + 1]].id != rows[places[i]].id
        return isLast ? rows[places[i]] : nil
      }
    }
    store = ByteStore(bytes)
    isDense = rows.last?.id == rows.count - 1
    table = ByteTable(entries, in: store)
    self.rows = rows
  }

  /// The highest id a token can have; leaves room for added tokens within 32 bits.
  public static let maxID = 1 << 30

  /// The number of ids that name a token.
  public var count: Int { rows.count }

  /// The number of different tokens; smaller than ``count`` when a token has several ids.
  public var distinctCount: Int { table.count }

  /// The highest id plus one: the rows an embedding matrix needs for these tokens.
  public var idLimit: Int { (rows.last?.id ?? -1) + 1 }

  /// The token with an id, or nil when no token has it.
  public subscript(id: Int) -> String? {
    row(of: id).map { store.string($0.start..<$0.end) }
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
    let entries = rows.compactMap { row -> ByteTable.Entry? in
      guard row.end - row.start >= prefix.count,
        prefix.indices.allSatisfy({ store.start[row.start + $0] == prefix[$0] })
      else { return nil }
      let start = row.start + prefix.count
      return ByteTable.Entry(start: start, count: row.end - start, id: Int32(row.id))
    }
    return ByteTable(entries, in: store)
  }
}
