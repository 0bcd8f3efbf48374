public import ModelFiles

/// Weights in several files of torch.save, with an index that says which tensor is where:
/// `pytorch_model.bin.index.json`.
///
/// The tensors are those that the shards really hold; the index is checked against them.
public struct PyTorchShards: Sendable {
  public let indexPath: String
  /// In the order of their names.
  public let shards: [PyTorchFile]
  /// The `metadata` of the index, which holds `total_size` as a rule.
  public let metadata: JSONValue
  /// What is sound and yet unusual.
  public let findings: [Finding]
  private let located: [(info: TensorInfo, shard: Int)]
  private let names: NameTable

  /// Something unusual about an index.
  @nonexhaustive
  public enum Finding: Sendable, Hashable {
    /// A shard holds a tensor that the index does not list.
    case unlistedTensor(String, shard: String)
    /// `total_size` is not the sum of the tensors' bytes. Nothing reads it, and programs have counted it differently:
    /// tied tensors once or twice, or before a conversion.
    case wrongTotalSize(expected: Int, found: String)
  }

  /// Opens an index and all its shards.
  ///
  /// - Throws: `ShardedWeightsError`; ``PyTorchError`` or ``ZipError`` of a shard; `JSONError`; `SystemError`.
  public init(indexPath: String, access: FileAccess = .mapped) throws {
    let index = try ShardIndex(path: indexPath, fileExtension: ".bin")
    var (shards, located, findings): ([PyTorchFile], [(info: TensorInfo, shard: Int)], [Finding]) = (
      [], [], []
    )
    var names = NameTable(minimumCapacity: index.tensorCount)
    var (listedCount, allBytes, tiedBytes) = (0, 0, 0)
    for (number, name) in index.shards.enumerated() {
      let path = FileSystem.join(FileSystem.parent(of: indexPath), name)
      guard FileSystem.exists(path) else {
        throw ShardedWeightsError.missingShard(path: indexPath, shard: name)
      }
      let shard = try PyTorchFile(path: path, access: access)
      for info in shard.tensors {
        let known = names.insert(hash: NameTable.hash(info.name)) {
          located[$0].info.name.hasSameBytes(as: info.name)
        }
        if let known {
          throw ShardedWeightsError.tensorInTwoShards(
            path: indexPath, tensor: info.name, first: index.shards[located[known].shard], second: name)
        }
        located.append((info, number))
        allBytes = allBytes.addingReportingOverflow(info.byteCount).partialValue
        switch index.shard(of: info.name) {
        case number?: listedCount += 1
        case let other?:
          throw ShardedWeightsError.wrongShard(
            path: indexPath, tensor: info.name, expected: index.shards[other], found: name)
        case nil: findings.append(.unlistedTensor(info.name, shard: name))
        }
      }
      for group in shard.ties {
        let size = group.first.flatMap { shard.tensor(named: $0) }?.byteCount ?? 0
        tiedBytes += (group.count - 1) * size
      }
      shards.append(shard)
    }
    if listedCount < index.tensorCount {
      try index.throwFirstMissing { name in
        names.number(hash: NameTable.hash(name)) { located[$0].info.name.hasSameBytes(as: name) } != nil
      }
    }
    if let total = index.metadata["total_size"] {
      let size = total.doubleValue
      if size != Double(allBytes) && size != Double(allBytes - tiedBytes) {
        findings.append(.wrongTotalSize(expected: allBytes, found: total.compactText()))
      }
    }
    (self.indexPath, self.shards, metadata, self.findings) = (indexPath, shards, index.metadata, findings)
    (self.located, self.names) = (located, names)
  }
}

extension PyTorchShards: MappedWeightSource {
  /// Shard by shard, in the order of their state dicts; O(number of tensors).
  public var tensors: [TensorInfo] { located.map(\.info) }

  public func tensor(named name: String) -> TensorInfo? { number(name).map { located[$0].info } }

  /// - Throws: `ShardedWeightsError`; what the shard throws; what `body` throws.
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

  /// The path of the shard that holds a tensor, or nil.
  public func shardPath(of name: String) -> String? { number(name).map { shards[located[$0].shard].path } }

  private func shard(of name: String) throws -> PyTorchFile {
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
