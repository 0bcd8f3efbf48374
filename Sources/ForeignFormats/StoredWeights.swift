public import ModelFiles

/// The tensors of a container, wherever and however their elements lie in it.
///
/// This is the one `WeightSource` behind every format of this module: a reader finds out where the tensors are, and
/// leaves to this type how they are read.
public struct StoredWeights: Sendable {
  package let path: String
  /// In the order of the container.
  package let stored: [StoredTensor]
  private let names: NameTable

  /// - Throws: ``StoredWeightsError`` when two tensors have the same name.
  package init(path: String, _ stored: [StoredTensor]) throws(StoredWeightsError) {
    var names = NameTable(minimumCapacity: stored.count)
    for (index, tensor) in stored.enumerated() {
      let name = tensor.info.name
      if names.insert(hash: NameTable.hash(name), isName: { stored[$0].info.name.hasSameBytes(as: name) })
        != nil
      {
        throw StoredWeightsError(path: path, .duplicateName(name, index: index))
      }
    }
    (self.path, self.stored, self.names) = (path, stored, names)
  }

  /// The tensor named `name`, compared as UTF-8 bytes, or nil.
  package subscript(name: String) -> StoredTensor? {
    names.number(hash: NameTable.hash(name)) { stored[$0].info.name.hasSameBytes(as: name) }.map {
      stored[$0]
    }
  }

  private func required(_ name: String) throws -> StoredTensor {
    if let tensor = self[name] { return tensor }
    throw StoredWeightsError(
      path: path, .noSuchTensor(name, nearest: nearestNames(to: name, in: stored.map(\.info.name))))
  }
}

extension StoredWeights: MappedWeightSource {
  /// In the order of the container; O(number of tensors).
  public var tensors: [TensorInfo] { stored.map(\.info) }

  public func tensor(named name: String) -> TensorInfo? { self[name]?.info }

  /// Calls `body` with the little-endian, row-major bytes of a tensor.
  ///
  /// - Throws: ``StoredWeightsError`` when there is no such tensor; the container's error when its data is damaged;
  ///   `SystemError`; what `body` throws.
  public func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    let tensor = try required(name)
    return try tensor.withElements(in: 0..<tensor.info.elementCount, body)
  }

  public func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    try required(name).withElements(in: range, body)
  }

  package func mappedBytes(of name: String) -> MappedBytes? {
    guard let tensor = self[name], case .contiguous(let offset) = tensor.layout,
      let bytes = try? tensor.storage.bytes(), bytes.file.access != .pread
    else { return nil }
    let start = bytes.range.lowerBound + offset
    return MappedBytes(file: bytes.file, range: start..<start + tensor.info.byteCount)
  }

  package func storedBytes(of name: String) -> StoredBytes? {
    guard let tensor = self[name], case .contiguous(let offset) = tensor.layout,
      let stored = tensor.storage.stored
    else { return nil }
    let start = stored.bytes.range.lowerBound + offset
    let range = start..<start + tensor.info.byteCount
    // A checksum is one of the whole storage.
    guard stored.check == nil || range == stored.bytes.range else { return nil }
    return StoredBytes(MappedBytes(file: stored.bytes.file, range: range), check: stored.check)
  }
}

extension StoredTensor {
  /// Calls `body` with the little-endian bytes of the elements in `range`, counted in row-major order.
  func withElements<Result>(in range: Range<Int>, _ body: (RawSpan) throws -> Result) throws -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= info.elementCount, "no such elements")
    let bits = info.elementType.bitWidth
    switch layout {
    case .contiguous(let offset):
      return try storage.withBytes(
        in: offset + range.lowerBound * bits / 8..<offset + (range.upperBound * bits + 7) / 8, body)
    case .strided(let offset, let strides, let swapping):
      let copy = StridedCopy(
        shape: info.shape, strides: strides, elementSize: bits / 8, swapping: swapping,
        isPaired: info.elementType == .complex64)
      return try Self.withBuffer(byteCount: range.count * bits / 8) { buffer in
        if let span = copy.span(of: range), let target = buffer.baseAddress {
          try storage.withBytes(in: offset + span.lowerBound..<offset + span.upperBound) { source in
            source.withUnsafeBytes { source in
              guard let start = source.baseAddress else { return }
              copy.copy(range, from: start - span.lowerBound, to: target)
            }
          }
        }
        return try body(UnsafeRawBufferPointer(buffer).bytes)
      }
    case .blocks(let offset, let code):
      let blocks =
        range.lowerBound / code.elementCount..<(range.upperBound + code.elementCount - 1) / code.elementCount
      let size = MemoryLayout<Float>.stride
      return try Self.withBuffer(byteCount: blocks.count * code.elementCount * size) { buffer in
        try storage.withBytes(
          in: offset + blocks.lowerBound * code.byteCount..<offset + blocks.upperBound * code.byteCount
        ) { source in
          source.withUnsafeBytes { code.decode($0, buffer.assumingMemoryBound(to: Float.self)) }
        }
        let first = (range.lowerBound - blocks.lowerBound * code.elementCount) * size
        return try body(UnsafeRawBufferPointer(rebasing: buffer[first..<first + range.count * size]).bytes)
      }
    }
  }

  private static func withBuffer<Result>(
    byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) throws -> Result {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    defer { buffer.deallocate() }
    return try body(buffer)
  }
}

/// A file of a foreign format: a `WeightSource` by way of what it stores.
package protocol StoredWeightSource: MappedWeightSource {
  var weights: StoredWeights { get }
}

extension StoredWeightSource {
  public var tensors: [TensorInfo] { weights.tensors }

  public func tensor(named name: String) -> TensorInfo? { weights.tensor(named: name) }

  public func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try weights.withBytes(of: name, body)
  }

  public func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    try weights.withElements(of: name, in: range, body)
  }

  package func mappedBytes(of name: String) -> MappedBytes? { weights.mappedBytes(of: name) }

  package func storedBytes(of name: String) -> StoredBytes? { weights.storedBytes(of: name) }
}

/// What can be wrong with the tensors of any container.
public struct StoredWeightsError: Error, Hashable, Sendable {
  public var path: String
  public var fault: Fault

  public init(path: String, _ fault: Fault) { (self.path, self.fault) = (path, fault) }

  @nonexhaustive
  public enum Fault: Error, Hashable, Sendable {
    /// Two tensors have this name; `index` is the place of the second in the container.
    case duplicateName(String, index: Int)
    /// No tensor has this name; `nearest` are similar names that exist.
    case noSuchTensor(String, nearest: [String])
  }
}

extension StoredWeightsError: CustomStringConvertible {
  public var description: String {
    switch fault {
    case .duplicateName(let name, _):
      "\(path): two tensors are named '\(name)', so which one is meant cannot be told; write the file again"
    case .noSuchTensor(let name, let nearest):
      "\(path): \(SafetensorsError.Fault.noSuchTensor(name, nearest: nearest))"
    }
  }
}
