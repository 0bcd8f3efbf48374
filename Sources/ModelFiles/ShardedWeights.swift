/// Weights in several safetensors files, with an index that says which tensor is where.
///
/// The tensors are those that the shards really hold; the index is checked against them.
public struct ShardedWeights: Sendable {
  public let indexPath: String
  /// In the order of their names.
  public let shards: [SafetensorsFile]
  /// The `metadata` of the index, which holds `total_size` as a rule.
  public let metadata: JSONValue
  /// What is sound and yet unusual.
  public let lint: [Finding]

  /// Tensors by number, with the shard each is in.
  private let located: [(info: TensorInfo, shard: Int)]
  private let names: NameTable

  /// Something unusual about an index.
  @nonexhaustive
  public enum Finding: Sendable, Hashable {
    /// A shard holds a tensor that the index does not list.
    case unlistedTensor(String, shard: String)
    /// The index has no `total_size`.
    case missingTotalSize
  }

  /// The longest index that is accepted, in bytes.
  public static let maximumIndexByteCount = 100_000_000

  /// Opens an index and the headers of all its shards.
  ///
  /// - Throws: ``ShardedWeightsError``, ``SafetensorsError`` of a shard, ``JSONError`` or ``SystemError``.
  public init(indexPath: String, access: FileAccess = .mapped) throws {
    let index = try JSONValue(path: indexPath, limit: Self.maximumIndexByteCount)
    guard let map = index["weight_map"]?.members else {
      throw ShardedWeightsError.invalidIndex(
        path: indexPath, reason: "'weight_map' is \(index["weight_map"]?.kind ?? "missing")")
    }
    metadata = index["metadata"] ?? [:]

    var listedShard = (names: [String](), table: NameTable(minimumCapacity: map.count))
    var shardNames: [String] = []
    for member in map {
      guard let shard = member.value.stringValue else {
        throw ShardedWeightsError.invalidIndex(
          path: indexPath, reason: "the shard of '\(member.key)' is \(member.value.kind)")
      }
      guard Self.isSafe(shard) else {
        throw ShardedWeightsError.unsafeShardPath(path: indexPath, shard: shard)
      }
      if !(shardNames.last ?? "").hasSameBytes(as: shard) && !shardNames.contains(where: shard.hasSameBytes) {
        shardNames.append(shard)
      }
      // The parser has refused duplicates.
      _ = listedShard.table.insert(hash: NameTable.hash(member.key)) { _ in false }
      listedShard.names.append(shard)
    }
    shardNames.sort { $0.precedesInBytes($1) }

    let folder = FileSystem.parent(of: indexPath)
    var shards: [SafetensorsFile] = []
    var located: [(info: TensorInfo, shard: Int)] = []
    var names = NameTable(minimumCapacity: map.count)
    var lint: [Finding] = []
    var (listedBytes, allBytes) = (0, 0)
    for (number, name) in shardNames.enumerated() {
      let path = FileSystem.join(folder, name)
      guard FileSystem.exists(path) else {
        throw ShardedWeightsError.missingShard(path: indexPath, shard: name)
      }
      let shard = try SafetensorsFile(path: path, access: access)
      for entry in shard.entries {
        let hash = NameTable.hash(entry.name)
        if let other = names.insert(
          hash: hash, isName: { located[$0].info.name.hasSameBytes(as: entry.name) })
        {
          throw ShardedWeightsError.tensorInTwoShards(
            path: indexPath, tensor: entry.name, first: shardNames[located[other].shard], second: name)
        }
        located.append((entry.info, number))
        allBytes += entry.byteRange.count
        let listed = listedShard.table.number(hash: hash) { map[$0].key.hasSameBytes(as: entry.name) }
        if let listed {
          guard listedShard.names[listed].hasSameBytes(as: name) else {
            throw ShardedWeightsError.wrongShard(
              path: indexPath, tensor: entry.name, expected: listedShard.names[listed], found: name)
          }
          listedBytes += entry.byteRange.count
        } else {
          lint.append(.unlistedTensor(entry.name, shard: name))
        }
      }
      shards.append(shard)
    }
    let absent = map.first { member in
      names.number(hash: NameTable.hash(member.key)) { located[$0].info.name.hasSameBytes(as: member.key) }
        == nil
    }
    if let absent {
      throw ShardedWeightsError.missingTensor(
        path: indexPath, tensor: absent.key, shard: absent.value.stringValue ?? "")
    }
    if let total = metadata["total_size"] {
      guard let size = total.doubleValue, size == Double(listedBytes) || size == Double(allBytes) else {
        throw ShardedWeightsError.wrongTotalSize(
          path: indexPath, expected: listedBytes, found: total.compactText())
      }
    } else {
      lint.append(.missingTotalSize)
    }
    (self.indexPath, self.shards, self.located, self.names, self.lint) = (
      indexPath, shards, located, names, lint
    )
  }

  /// Whether a shard's name stays in the folder of the index on every system, and is a safetensors file.
  ///
  /// As huggingface_hub checks it: parsed as a Windows path, so that drives and backslashes count too.
  static func isSafe(_ shard: String) -> Bool {
    let parts = shard.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }
    let isPlain = parts.allSatisfy { part in
      !part.isEmpty && part != "." && part != ".." && !part.contains(":")
        && !part.unicodeScalars.contains("\0")
    }
    return isPlain && shard.hasSuffix(".safetensors")
  }
}

extension ShardedWeights: MappedWeightSource {
  /// Shard by shard, in the order of their data; O(number of tensors).
  public var tensors: [TensorInfo] { located.map(\.info) }

  public func tensor(named name: String) -> TensorInfo? { number(name).map { located[$0].info } }

  /// - Throws: ``ShardedWeightsError/noSuchTensor(path:name:nearest:)``, ``SafetensorsError``, or what `body` throws.
  public func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    guard let number = number(name) else {
      throw ShardedWeightsError.noSuchTensor(
        path: indexPath, name: name, nearest: nearestNames(to: name, in: located.map(\.info.name)))
    }
    return try shards[located[number].shard].withBytes(of: name, body)
  }

  package func mappedBytes(of name: String) -> MappedBytes? {
    number(name).flatMap { shards[located[$0].shard].mappedBytes(of: name) }
  }

  /// The name of the shard that holds a tensor, or nil.
  public func shardPath(of name: String) -> String? { number(name).map { shards[located[$0].shard].path } }

  private func number(_ name: String) -> Int? {
    names.number(hash: NameTable.hash(name)) { located[$0].info.name.hasSameBytes(as: name) }
  }
}

/// Why an index and its shards cannot be used. `path` is that of the index.
@nonexhaustive
public enum ShardedWeightsError: Error, Hashable, Sendable {
  case invalidIndex(path: String, reason: String)
  /// The name of a shard leaves the folder, or is no safetensors file.
  case unsafeShardPath(path: String, shard: String)
  case missingShard(path: String, shard: String)
  /// The index lists a tensor that no shard holds.
  case missingTensor(path: String, tensor: String, shard: String)
  /// The tensor is in another shard than the index says.
  case wrongShard(path: String, tensor: String, expected: String, found: String)
  case tensorInTwoShards(path: String, tensor: String, first: String, second: String)
  /// `total_size` is not the sum of the tensors' bytes.
  case wrongTotalSize(path: String, expected: Int, found: String)
  case noSuchTensor(path: String, name: String, nearest: [String])
}

extension ShardedWeightsError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidIndex(let path, let reason): "\(path): \(reason); is this the index of a sharded model?"
    case .unsafeShardPath(let path, let shard):
      "\(path): the shard '\(shard)' is no .safetensors file in the folder of the index; do not trust this model"
    case .missingShard(let path, let shard):
      "\(path): the shard '\(shard)' is missing; the download is not complete, fetch it"
    case .missingTensor(let path, let tensor, let shard):
      "\(path): the shard '\(shard)' does not hold the tensor '\(tensor)'; fetch index and shards together"
    case .wrongShard(let path, let tensor, let expected, let found):
      "\(path): the tensor '\(tensor)' should be in '\(expected)' and is in '\(found)'; "
        + "fetch index and shards together"
    case .tensorInTwoShards(let path, let tensor, let first, let second):
      "\(path): the tensor '\(tensor)' is in '\(first)' and in '\(second)'; fetch index and shards together"
    case .wrongTotalSize(let path, let expected, let found):
      "\(path): 'total_size' is \(found), the tensors take \(expected) bytes; fetch index and shards together"
    case .noSuchTensor(let path, let name, let nearest):
      "\(path): \(SafetensorsError.Fault.noSuchTensor(name, nearest: nearest))"
    }
  }
}
