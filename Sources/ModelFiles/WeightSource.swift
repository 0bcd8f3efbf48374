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

  /// The bytes all elements take; the last may be filled in part by the packed F4 and F6 types.
  public var byteCount: Int {
    elementCount / 8 * elementType.bitWidth + (elementCount % 8 * elementType.bitWidth + 7) / 8
  }
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

  /// Calls `body` with the little-endian bytes of some of a tensor's elements.
  ///
  /// Sources that compute their bytes (strided, transposed, quantised or converted ones) compute these only, so that
  /// a tensor of any size can be walked through in bounded memory.
  ///
  /// - Parameters:
  ///   - name: of the tensor.
  ///   - range: counts elements in row-major order; must lie within the tensor, and for the packed F4 and F6 types begin
  ///     at a multiple of eight and end at one or at the tensor's end.
  ///   - body: gets the bytes, which it must not keep.
  /// - Throws: as ``withBytes(of:_:)``.
  func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result
}

extension WeightSource {
  public func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    let bits = tensor(named: name)?.elementType.bitWidth ?? 8
    return try withBytes(of: name) { bytes in
      try body(bytes.extracting(range.lowerBound * bits / 8..<(range.upperBound * bits + 7) / 8))
    }
  }

  /// Calls `body` with all elements of a tensor, in order, some at a time.
  ///
  /// - Parameters:
  ///   - info: the tensor.
  ///   - byteCount: about how many bytes to give at a time.
  ///   - body: gets the range of elements, counted in row-major order, and their little-endian bytes. Not called for a
  ///     tensor without elements.
  /// - Throws: as ``withElements(of:in:_:)``.
  public func forEachPiece(
    of info: TensorInfo, byteCount: Int = 1 << 22, _ body: (Range<Int>, RawSpan) throws -> Void
  ) throws {
    let count = info.elementCount
    // A multiple of 64, so that packed elements fill bytes and blocks of quantised ones stay whole.
    let step = max(64, byteCount * 8 / info.elementType.bitWidth / 64 * 64)
    var start = 0
    while start < count {
      let range = start..<min(count, start + step)
      try withElements(of: info.name, in: range) { try body(range, $0) }
      start = range.upperBound
    }
  }
}

/// A source whose data lies in mapped files, so that it can be used in place.
package protocol MappedWeightSource: WeightSource {
  /// Where the tensor's bytes lie, or nil when there is no such tensor or it does not lie there ready to use.
  func mappedBytes(of name: String) -> MappedBytes?

  /// The tensor's bytes as they lie in the file, unread and unchecked; nil when there is no such tensor or they do not
  /// lie there ready to use.
  func storedBytes(of name: String) -> StoredBytes?
}

extension MappedWeightSource {
  package func storedBytes(of name: String) -> StoredBytes? { nil }
}

/// Bytes in a file that nobody has looked at yet.
package struct StoredBytes: Sendable {
  package let bytes: MappedBytes
  /// Throws unless it gets the CRC-32 of the bytes; nil when the file has none of them.
  package let check: (@Sendable (_ crc32: UInt32) throws -> Void)?

  package init(_ bytes: MappedBytes, check: (@Sendable (_ crc32: UInt32) throws -> Void)? = nil) {
    (self.bytes, self.check) = (bytes, check)
  }
}

/// A range of a file; holding it keeps the mapping alive.
package struct MappedBytes: Sendable {
  package let file: MappedFile
  package let range: Range<Int>

  package init(file: MappedFile, range: Range<Int>) { (self.file, self.range) = (file, range) }

  /// The first byte; valid for `range.count` bytes and for as long as `file` is held. Need not be aligned.
  ///
  /// - Precondition: the file is in memory, that is not opened with ``FileAccess/pread``.
  package var start: UnsafeRawPointer {
    precondition(file.access != .pread, "the file is not in memory")
    return file.base + range.lowerBound
  }
}
