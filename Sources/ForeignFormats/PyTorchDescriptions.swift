extension PyTorchFile.Container: CustomStringConvertible {
  public var description: String {
    switch self {
    case .zip: "zip archive"
    case .legacyStream: "legacy stream, torch 0.1.10 to 1.5"
    case .tar: "tar archive, before torch 0.1.10"
    }
  }
}

extension PyTorchFile.Finding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .deflatedEntries(let count):
      "\(count) entries are compressed; torch.load(mmap=True) would read them as wrong numbers"
    case .bigEndian: "the elements are big-endian"
    case .storageReinterpreted(let key, let first, let second):
      "storage '\(key)' is used as \(first) and as \(second)"
    case .unusedStorages(let count): "\(count) storages belong to no tensor"
    case .bytesAfterEnd(let count): "\(count) bytes follow the last storage"
    }
  }
}

extension PyTorchShards.Finding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unlistedTensor(let name, let shard): "the index does not list tensor '\(name)' of \(shard)"
    case .wrongTotalSize(let expected, let found):
      "the index says total_size \(found), the tensors take \(expected) bytes"
    }
  }
}
