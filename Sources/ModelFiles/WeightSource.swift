/// What is known of a tensor without reading its data.
public struct TensorInfo: Sendable, Hashable {
  public var name: String
  public var elementType: ElementType
  /// Row-major, outermost dimension first; empty for a scalar.
  public var shape: [Int]

  public init(name: String, elementType: ElementType, shape: [Int]) {
    (self.name, self.elementType, self.shape) = (name, elementType, shape)
  }

  /// The number of elements; 1 for a scalar.
  public var elementCount: Int { shape.reduce(1, *) }
}

/// Named tensors whose data is read when it is asked for.
///
/// Every container is turned into this, so that nothing above asks which file a tensor came from.
public protocol WeightSource: Sendable {
  /// Every tensor, in the order of the container's data.
  var tensors: [TensorInfo] { get }

  /// The tensor named `name`, compared as UTF-8 bytes, or nil.
  func tensor(named name: String) -> TensorInfo?

  /// Calls `body` with the little-endian, row-major bytes of a tensor.
  ///
  /// - Throws: the container's error when no tensor has this name or its data cannot be read; what `body` throws.
  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result
}

/// A source whose data lies in mapped files, so that it can be used in place.
package protocol MappedWeightSource: WeightSource {
  /// Where the tensor's bytes lie, or nil when there is no such tensor.
  func mappedBytes(of name: String) -> MappedBytes?
}

/// A range of a mapped file; holding it keeps the mapping alive.
package struct MappedBytes: Sendable {
  package let file: MappedFile
  package let range: Range<Int>

  package init(file: MappedFile, range: Range<Int>) { (self.file, self.range) = (file, range) }

  /// The first byte; valid for `range.count` bytes and for as long as `file` is held. Need not be aligned.
  package var start: UnsafeRawPointer { file.base + range.lowerBound }
}
