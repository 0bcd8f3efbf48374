/// Why an index and its shards cannot be used. `path` is that of the index.
@nonexhaustive
public enum ShardedWeightsError: Error, Hashable, Sendable {
  case invalidIndex(path: String, reason: String)
  /// The name of a shard leaves the folder, or is no file of the index's kind.
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
      "\(path): the shard '\(shard)' is no file of the index's kind in its folder; "
        + "do not trust this model"
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
