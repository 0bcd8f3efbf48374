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

  /// Opens an index and the headers of all its shards.
  ///
  /// - Throws: ``ShardedWeightsError``, ``SafetensorsError`` of a shard, ``JSONError`` or ``SystemError``.
  public init(indexPath: String, access: FileAccess = .mapped) throws {
    let index = try ShardIndex(path: indexPath)
    var shards: [SafetensorsFile] = []
    var located: [(info: TensorInfo, shard: Int)] = []
    var names = NameTable(minimumCapacity: index.tensorCount)
    var lint: [Finding] = []
    var (listedCount, listedBytes, allBytes) = (0, 0, 0)
    for (number, name) in index.shards.enumerated() {
      let path = FileSystem.join(FileSystem.parent(of: indexPath), name)
      guard FileSystem.exists(path) else {
        throw ShardedWeightsError.missingShard(path: indexPath, shard: name)
      }
      let shard = try SafetensorsFile(path: path, access: access)
      for entry in shard.entries {
        let isName = { located[$0].info.name.hasSameBytes(as: entry.name) }
        if let other = names.insert(hash: NameTable.hash(entry.name), isName: isName) {
          throw ShardedWeightsError.tensorInTwoShards(
            path: indexPath, tensor: entry.name, first: index.shards[located[other].shard], second: name)
        }
        located.append((entry.info, number))
        allBytes += entry.byteRange.count
        switch index.shard(of: entry.name) {
        case number?:
          listedCount += 1
          listedBytes += entry.byteRange.count
        case let other?:
          throw ShardedWeightsError.wrongShard(
            path: indexPath, tensor: entry.name, expected: index.shards[other], found: name)
        case nil: lint.append(.unlistedTensor(entry.name, shard: name))
        }
      }
      shards.append(shard)
    }
    if listedCount < index.tensorCount {
      try index.throwFirstMissing { name in
        names.number(hash: NameTable.hash(name)) { located[$0].info.name.hasSameBytes(as: name) } != nil
      }
    }
    if let total = index.metadata["total_size"] {
      guard let size = total.doubleValue, size == Double(listedBytes) || size == Double(allBytes) else {
        throw ShardedWeightsError.wrongTotalSize(
          path: indexPath, expected: listedBytes, found: total.compactText())
      }
    } else {
      lint.append(.missingTotalSize)
    }
    (self.indexPath, self.shards, metadata, self.lint) = (indexPath, shards, index.metadata, lint)
    (self.located, self.names) = (located, names)
  }
}

extension ShardedWeights: MappedWeightSource {
  /// Shard by shard, in the order of their data; O(number of tensors).
  public var tensors: [TensorInfo] { located.map(\.info) }

  public func tensor(named name: String) -> TensorInfo? { number(name).map { located[$0].info } }

  /// - Throws: ``ShardedWeightsError/noSuchTensor(path:name:nearest:)``, ``SafetensorsError``, or what `body`
  ///   throws.
  public func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try shard(of: name).withBytes(of: name, body)
  }

  public func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    try shard(of: name).withElements(of: name, in: range, body)
  }

  package func storedBytes(of name: String) -> StoredBytes? {
    number(name).flatMap { shards[located[$0].shard].storedBytes(of: name) }
  }

  package func mappedBytes(of name: String) -> MappedBytes? {
    number(name).flatMap { shards[located[$0].shard].mappedBytes(of: name) }
  }

  /// The name of the shard that holds a tensor, or nil.
  public func shardPath(of name: String) -> String? { number(name).map { shards[located[$0].shard].path } }

  private func shard(of name: String) throws -> SafetensorsFile {
    guard let number = number(name) else {
      throw ShardedWeightsError.noSuchTensor(
        path: indexPath, name: name, nearest: nearestNames(to: name, in: located.map(\.info.name)))
    }
    return shards[located[number].shard]
  }

  private func number(_ name: String) -> Int? {
    names.number(hash: NameTable.hash(name)) { located[$0].info.name.hasSameBytes(as: name) }
  }
}

extension ShardedWeights.Finding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unlistedTensor(let name, let shard): "the index does not list tensor '\(name)' of \(shard)"
    case .missingTotalSize: "the index has no total_size"
    }
  }
}
