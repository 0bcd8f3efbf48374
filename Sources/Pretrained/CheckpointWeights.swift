public import ModelFiles

/// The tensors of a checkpoint in the order of their data, whatever number of files they lie in.
public struct CheckpointWeights: Sendable {
  /// A tensor, and where its bytes are.
  public struct Location: Sendable, Hashable {
    /// The path of the file.
    public var path: String
    /// In bytes from the start of the file.
    public var byteRange: Range<Int>
  }

  /// The files the tensors lie in, in the order of their names.
  public let files: [SafetensorsFile]
  private let source: any MappedWeightSource
  private let infos: [TensorInfo]

  /// - Throws: the errors of ``Checkpoint/init(_:)-(String)``.
  init(_ folder: ModelFolder) throws {
    let source = try folder.weights()
    files = (source as? ShardedWeights)?.shards ?? (source as? SafetensorsFile).map { [$0] } ?? []
    self.source = source
    infos = source.tensors
  }

  /// The number of elements of all tensors together.
  public var parameterCount: Int { infos.reduce(0) { $0 + $1.elementCount } }

  /// The bytes of all tensors together.
  public var byteCount: Int { files.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.byteRange.count } } }

  /// What is sound and yet unusual about the files, for people.
  public var findings: [String] {
    let index = (source as? ShardedWeights)?.lint.map { finding in
      switch finding {
      case .unlistedTensor(let name, let shard): "the index does not list tensor '\(name)' of \(shard)"
      case .missingTotalSize: "the index has no total_size"
      }
    }
    return (index ?? []) + files.flatMap { $0.lint.map(\.description) }
  }

  /// Where a tensor lies, or nil when there is none of this name.
  public func location(of name: String) -> Location? {
    for file in files {
      if let entry = file[name] { return Location(path: file.path, byteRange: entry.byteRange) }
    }
    return nil
  }
}

extension CheckpointWeights: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { infos.count }
  public subscript(position: Int) -> TensorInfo { infos[position] }
}

extension CheckpointWeights: MappedWeightSource {
  public var tensors: [TensorInfo] { infos }

  public func tensor(named name: String) -> TensorInfo? { source.tensor(named: name) }

  /// Calls `body` with the bytes of a tensor, without copying them.
  ///
  /// - Throws: `SafetensorsError` or `ShardedWeightsError` when there is no such tensor; what `body` throws.
  public func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try source.withBytes(of: name, body)
  }

  public func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    try source.withElements(of: name, in: range, body)
  }

  package func mappedBytes(of name: String) -> MappedBytes? { source.mappedBytes(of: name) }
}
