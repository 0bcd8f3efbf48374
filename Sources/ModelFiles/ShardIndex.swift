/// A `model.safetensors.index.json` or `pytorch_model.bin.index.json`: which tensor is in which shard.
package struct ShardIndex {
  package let path: String
  /// The `metadata` object, empty when there is none.
  package let metadata: JSONValue
  /// The names of the shards, sorted by their bytes.
  package let shards: [String]
  private let members: [JSONValue.Member]
  /// Of each member, an index of `shards`.
  private let shardNumbers: [Int]
  private let names: NameTable

  /// The longest index that is accepted, in bytes.
  static let maximumByteCount = 100_000_000

  /// Reads an index; looks at none of the shards.
  ///
  /// - Parameter fileExtension: what the name of every shard ends with.
  /// - Throws: ``ShardedWeightsError/invalidIndex(path:reason:)``,
  ///   ``ShardedWeightsError/unsafeShardPath(path:shard:)``, ``JSONError`` or ``SystemError``.
  package init(path: String, fileExtension: String = ".safetensors") throws {
    let index = try JSONValue(path: path, limit: Self.maximumByteCount)
    guard let members = index["weight_map"]?.members else {
      throw ShardedWeightsError.invalidIndex(
        path: path, reason: "'weight_map' is \(index["weight_map"]?.kind ?? "missing")")
    }
    var names = NameTable(minimumCapacity: members.count)
    var found: [String] = []
    var foundTable = NameTable()
    var numbers: [Int] = []
    for member in members {
      guard let shard = member.value.stringValue else {
        throw ShardedWeightsError.invalidIndex(
          path: path, reason: "the shard of '\(member.key)' is \(member.value.kind)")
      }
      guard Self.isSafe(shard, fileExtension) else {
        throw ShardedWeightsError.unsafeShardPath(path: path, shard: shard)
      }
      let known = foundTable.insert(hash: NameTable.hash(shard)) { found[$0].hasSameBytes(as: shard) }
      if known == nil { found.append(shard) }
      numbers.append(known ?? found.count - 1)
      // The parser has refused duplicates.
      _ = names.insert(hash: NameTable.hash(member.key)) { _ in false }
    }
    let order = found.indices.sorted { found[$0].precedesInBytes(found[$1]) }
    var rank = Array(repeating: 0, count: found.count)
    for (place, number) in order.enumerated() { rank[number] = place }
    shards = order.map { found[$0] }
    shardNumbers = numbers.map { rank[$0] }
    (self.path, self.members, self.names) = (path, members, names)
    metadata = index["metadata"] ?? [:]
  }

  package var tensorCount: Int { members.count }

  /// The shard that the index names for a tensor, as an index of `shards`; nil when it does not list it.
  package func shard(of tensor: String) -> Int? {
    names.number(hash: NameTable.hash(tensor)) { members[$0].key.hasSameBytes(as: tensor) }
      .map { shardNumbers[$0] }
  }

  /// Throws for the first tensor that is listed and not there.
  package func throwFirstMissing(isThere: (String) -> Bool) throws(ShardedWeightsError) {
    for (member, shard) in zip(members, shardNumbers) where !isThere(member.key) {
      throw .missingTensor(path: path, tensor: member.key, shard: shards[shard])
    }
  }

  /// Whether a shard's name stays in the folder of the index on every system, and has the right extension.
  ///
  /// As huggingface_hub checks it: parsed as a Windows path, so that drives and backslashes count too.
  private static func isSafe(_ shard: String, _ fileExtension: String) -> Bool {
    // Bytes, not characters: a slash with a combining mark behind it is another character, and still a slash.
    let parts = shard.utf8.split(omittingEmptySubsequences: false) {
      $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\")
    }
    let isPlain = parts.allSatisfy { part in
      !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
        && !part.contains { $0 == UInt8(ascii: ":") || $0 == 0 }
    }
    return isPlain && shard.hasSuffix(fileExtension)
  }
}
