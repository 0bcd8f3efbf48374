/// Reads tokenizer.json with a fast path for its vocabulary, which is nearly all of it.
enum TokenizerFileParser {
  typealias Vocabulary = [(token: String, id: Int)]

  /// The document without `model.vocab`, and that as a list in the order of the file; nil when there is none.
  ///
  /// - Throws: ``JSONError`` with the path, ``VocabularyError``.
  static func parse(_ bytes: [UInt8], file: String) throws -> (document: JSONValue, Vocabulary?) {
    try bytes.withUnsafeBufferPointer { buffer in
      var json = JSONParser(buffer)
      do {
        var vocabulary: Vocabulary?
        let document = try members(&json) { json, key in
          guard key == "model", json.next == UInt8(ascii: "{") else { return try json.value(depth: 1) }
          return try members(&json) { json, key in
            guard key == "vocab", json.next == UInt8(ascii: "{") else { return try json.value(depth: 2) }
            vocabulary = try entries(&json, file: file)
            return .null
          }
        }
        try json.endOfDocument()
        return (document, vocabulary)
      } catch let failure as JSONFailure {
        var error = failure.located(in: buffer)
        error.path = file
        throw error
      }
    }
  }

  private static func members(
    _ json: inout JSONParser, _ value: (inout JSONParser, String) throws -> JSONValue
  ) throws -> JSONValue {
    json.skipSpace()
    var members: [JSONValue.Member] = []
    var keys = JSONKeys()
    guard try json.beginObject() else { return .object(members) }
    repeat {
      let (key, offset) = try json.key()
      guard keys.insert(key, isKey: { members[$0].key.hasSameBytes(as: key) }) else {
        throw json.failure(.duplicateKey(key), at: offset)
      }
      members.append(.init(key, try value(&json, key)))
    } while try json.nextMember()
    return .object(members)
  }

  private static func entries(_ json: inout JSONParser, file: String) throws -> Vocabulary {
    var vocabulary: Vocabulary = []
    vocabulary.reserveCapacity(min(1 << 16, json.bytes.count / 8))
    var table = NameTable(minimumCapacity: 1 << 15)
    guard try json.beginObject() else { return vocabulary }
    repeat {
      let (token, offset) = try json.key()
      let valueOffset = json.at
      guard let id = json.takeUnsigned(), id <= Int32.max else {
        json.at = valueOffset
        throw VocabularyError.invalidID(token: token, found: try json.nextKind(), file: file)
      }
      let isNew =
        table.insert(hash: NameTable.hash(token)) { vocabulary[$0].token.hasSameBytes(as: token) } == nil
      guard isNew else { throw json.failure(.duplicateKey(token), at: offset) }
      vocabulary.append((token, Int(id)))
    } while try json.nextMember()
    return vocabulary
  }
}
