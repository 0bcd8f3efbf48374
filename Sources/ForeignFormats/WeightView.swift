package import ModelFiles

/// Tensors of another source under other names, some of them transposed, some left out.
package struct WeightView: MappedWeightSource {
  /// One tensor of the view.
  package struct Item: Sendable {
    /// The name it has in the view.
    package var name: String
    /// The tensor as the source has it.
    package var original: TensorInfo
    /// Whether rows and columns are exchanged; for matrices.
    package var isTransposed: Bool

    package init(name: String, original: TensorInfo, isTransposed: Bool = false) {
      (self.name, self.original) = (name, original)
      self.isTransposed = isTransposed && original.shape.count == 2
    }

    package var info: TensorInfo {
      TensorInfo(
        name: name, elementType: original.elementType,
        shape: isTransposed ? original.shape.reversed() : original.shape)
    }
  }

  package let source: any WeightSource
  package let items: [Item]
  private let names: NameTable

  /// - Throws: ``StoredWeightsError/Fault/duplicateName(_:index:)`` when two tensors would have the same name.
  package init(_ source: any WeightSource, path: String, _ items: [Item]) throws(StoredWeightsError) {
    var names = NameTable(minimumCapacity: items.count)
    for (index, item) in items.enumerated() {
      let isName = { items[$0].name.hasSameBytes(as: item.name) }
      if names.insert(hash: NameTable.hash(item.name), isName: isName) != nil {
        throw StoredWeightsError(path: path, .duplicateName(item.name, index: index))
      }
    }
    (self.source, self.items, self.names) = (source, items, names)
  }

  /// The tensor that has this name in the view, or nil.
  package subscript(name: String) -> Item? {
    names.number(hash: NameTable.hash(name)) { items[$0].name.hasSameBytes(as: name) }.map { items[$0] }
  }

  package var tensors: [TensorInfo] { items.map(\.info) }

  package func tensor(named name: String) -> TensorInfo? { self[name]?.info }

  package func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    // A name that is not there is the source's to complain of.
    guard let item = self[name] else { return try source.withBytes(of: name, body) }
    guard item.isTransposed else { return try source.withBytes(of: item.original.name, body) }
    return try withElements(of: name, in: 0..<item.original.elementCount, body)
  }

  package func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    guard let item = self[name] else { return try source.withElements(of: name, in: range, body) }
    guard item.isTransposed else {
      return try source.withElements(of: item.original.name, in: range, body)
    }
    let (shape, size) = (item.info.shape, item.original.elementType.bitWidth / 8)
    let copy = StridedCopy(shape: shape, strides: [1, shape[0]], elementSize: size, swapping: false)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count * size, alignment: 64)
    defer { buffer.deallocate() }
    if let target = buffer.baseAddress, !range.isEmpty {
      try source.withBytes(of: item.original.name) { bytes in
        bytes.withUnsafeBytes { bytes in
          if let start = bytes.baseAddress { copy.copy(range, from: start, to: target) }
        }
      }
    }
    return try body(UnsafeRawBufferPointer(buffer).bytes)
  }

  package func mappedBytes(of name: String) -> MappedBytes? {
    guard let item = self[name], !item.isTransposed else { return nil }
    return (source as? any MappedWeightSource)?.mappedBytes(of: item.original.name)
  }

  package func storedBytes(of name: String) -> StoredBytes? {
    guard let item = self[name], !item.isTransposed else { return nil }
    return (source as? any MappedWeightSource)?.storedBytes(of: item.original.name)
  }
}
