public import ModelFiles

/// The tensors of a checkpoint under the names that transformers uses, in the order of their data, whatever number of
/// files they lie in.
public struct CheckpointWeights: Sendable {
  /// A tensor, and where its bytes are.
  public struct Location: Sendable, Hashable {
    /// The path of the file.
    public var path: String
    /// In bytes from the start of the file.
    public var byteRange: Range<Int>
  }

  /// What the container holds and is not among the tensors, with the reason.
  public let leftOut: [Container.LeftOut]
  private let source: any WeightSource
  private let infos: [TensorInfo]
  private let safetensors: [SafetensorsFile]

  /// - Throws: `StoredWeightsError` when two tensors would have the same name.
  init(_ container: Container) throws {
    (source, leftOut) = try container.huggingFaceWeights()
    infos = source.tensors
    safetensors =
      (container.source as? ShardedWeights)?.shards ?? (container.source as? SafetensorsFile).map { [$0] }
      ?? []
  }

  /// The number of elements of all tensors together.
  public var parameterCount: Int { infos.reduce(0) { $0 + $1.elementCount } }

  /// The bytes of all tensors together, once read.
  public var byteCount: Int { infos.reduce(0) { $0 + $1.byteCount } }

  /// Where a tensor of a safetensors file lies; nil when there is none of this name, and for other formats.
  public func location(of name: String) -> Location? {
    for file in safetensors {
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

  /// Calls `body` with the bytes of a tensor, without copying them where they lie in the file ready to use.
  ///
  /// - Throws: the container's error when there is no such tensor or it is damaged; what `body` throws.
  public func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try source.withBytes(of: name, body)
  }

  public func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    try source.withElements(of: name, in: range, body)
  }

  package func storedBytes(of name: String) -> StoredBytes? {
    (source as? any MappedWeightSource)?.storedBytes(of: name)
  }

  package func mappedBytes(of name: String) -> MappedBytes? {
    (source as? any MappedWeightSource)?.mappedBytes(of: name)
  }
}
