/// Writes safetensors files, byte for byte as the reference writes them.
///
/// Names, types and shapes come first; then each tensor's bytes are asked for, one tensor at a time in the
/// order of the file, so that a file may be larger than memory. The file appears whole or not at all.
public enum SafetensorsWriter {
  /// Takes bytes of the tensor being written; may be called any number of times.
  public typealias Sink = (RawSpan) throws -> Void

  /// Writes a file.
  ///
  /// - Parameters:
  ///   - tensors: in any order.
  ///   - metadata: the strings of `__metadata__`, written sorted by key; empty writes none. transformers
  ///   before
  ///     version 5 asks for `format`.
  ///   - path: the file to write.
  ///   - overwriting: whether to replace a file that is there.
  ///   - produce: hands the little-endian, row-major bytes of a tensor to the sink.
  /// - Throws: ``SafetensorsError``, ``SystemError``, or what `produce` throws; then nothing has changed.
  public static func write(
    _ tensors: [TensorInfo], metadata: [(key: String, value: String)] = [("format", "pt")], to path: String,
    overwriting: Bool = false, produce: (TensorInfo, Sink) throws -> Void
  ) throws {
    try write(tensors, metadata: metadata, to: path, overwriting: overwriting) { layout, file in
      try fill(&file, layout, produce: produce)
    }
  }

  /// Writes a file whose data `filling` appends behind the header.
  ///
  /// - Parameter filling: appends the bytes of the layout's tensors, in its order.
  /// - Throws: as ``write(_:metadata:to:overwriting:produce:)``; what `filling` throws.
  package static func write(
    _ tensors: [TensorInfo], metadata: [(key: String, value: String)], to path: String,
    overwriting: Bool = false, filling: (SafetensorsLayout, inout AtomicFile) throws -> Void
  ) throws {
    let layout: SafetensorsLayout
    do throws(SafetensorsError.Fault) { layout = try SafetensorsLayout(tensors, metadata: metadata) } catch {
      throw SafetensorsError(path: path, error)
    }
    guard overwriting || !FileSystem.exists(path) else {
      throw SafetensorsError(path: path, .destinationExists)
    }

    var file = try AtomicFile(replacing: path, reserving: layout.fileByteCount)
    try file.append(layout.header.span.bytes)
    try filling(layout, &file)
    precondition(file.byteCount == layout.fileByteCount, "another number of bytes than the layout has")
    try file.commit()
  }

  /// Appends every tensor of a layout.
  static func fill(
    _ file: inout AtomicFile, _ layout: SafetensorsLayout, produce: (TensorInfo, Sink) throws -> Void
  ) throws {
    let path = file.path
    for (info, byteCount) in zip(layout.tensors, layout.byteCounts) {
      var produced = 0
      try produce(info) { bytes in
        produced += bytes.byteCount
        guard produced <= byteCount else {
          throw SafetensorsError(
            path: path, .wrongByteCount(tensor: info.name, expected: byteCount, found: produced))
        }
        try file.append(bytes)
      }
      guard produced == byteCount else {
        throw SafetensorsError(
          path: path, .wrongByteCount(tensor: info.name, expected: byteCount, found: produced))
      }
    }
  }

  /// Writes every tensor of a source, unchanged.
  public static func write(
    _ source: some WeightSource, metadata: [(key: String, value: String)] = [("format", "pt")],
    to path: String,
    overwriting: Bool = false
  ) throws {
    try write(source.tensors, metadata: metadata, to: path, overwriting: overwriting) { info, sink in
      try source.withBytes(of: info.name, sink)
    }
  }
}

/// The plan of a safetensors file: its header, and the order and sizes of the data.
///
/// The reference's rules (huggingface/safetensors, `tensor.rs`, `prepare`): tensors by element type, the last
/// of ``ElementType`` first, then by the bytes of their names; compact JSON with `__metadata__` first; spaces
/// up to a multiple of eight. The reference writes metadata keys in a random order, here they are sorted.
package struct SafetensorsLayout: Sendable {
  /// In the order of their data.
  package let tensors: [TensorInfo]
  /// Of each tensor.
  package let byteCounts: [Int]
  /// The length of the header and the header.
  package let header: [UInt8]

  /// The length of the whole file.
  package var fileByteCount: Int { header.count + byteCounts.reduce(0, +) }

  /// - Throws: a fault for names that appear twice or are reserved, shapes that cannot be, and a header
  ///   beyond the limit of readers.
  package init(
    _ tensors: [TensorInfo], metadata: [(key: String, value: String)],
    headerLimit: Int = SafetensorsFile.maximumHeaderByteCount
  ) throws(SafetensorsError.Fault) {
    self.tensors = tensors.sorted { a, b in
      a.elementType == b.elementType
        ? a.name.precedesInBytes(b.name) : a.elementType.order > b.elementType.order
    }
    var byteCounts: [Int] = []
    var json: [UInt8] = [UInt8(ascii: "{")]
    if !metadata.isEmpty {
      json += "\"__metadata__\":".utf8
      let members = metadata.map { JSONValue.Member($0.key, .string($0.value)) }
      let sorted = members.sorted { $0.key.precedesInBytes($1.key) }
      for (a, b) in zip(sorted, sorted.dropFirst()) where a.key.hasSameBytes(as: b.key) {
        throw .duplicateMetadataKey(a.key)
      }
      json += JSONValue.object(sorted).compactText().utf8
    }
    var names = NameTable(minimumCapacity: tensors.count)
    var end = 0
    for info in self.tensors {
      let isDuplicate = names.insert(hash: NameTable.hash(info.name)) { [tensors = self.tensors] in
        tensors[$0].name.hasSameBytes(as: info.name)
      }
      if isDuplicate != nil { throw .duplicateName(info.name) }
      let byteCount = try Self.byteCount(of: info)
      let (sum, overflow) = end.addingReportingOverflow(byteCount)
      if overflow { throw .shapeOverflow(tensor: info.name, shape: info.shape.map { UInt64($0) }) }
      if json.count > 1 { json.append(UInt8(ascii: ",")) }
      JSONTextWriter.appendQuoted(info.name, .python, to: &json)
      json += ":{\"dtype\":\"\(info.elementType.rawValue)\",\"shape\":[".utf8
      json += info.shape.map(String.init).joined(separator: ",").utf8
      json += "],\"data_offsets\":[\(end),\(sum)]}".utf8
      byteCounts.append(byteCount)
      end = sum
    }
    json.append(UInt8(ascii: "}"))
    json += repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    guard json.count <= headerLimit else {
      throw .headerTooLong(byteCount: UInt64(json.count), limit: headerLimit)
    }
    self.byteCounts = byteCounts
    header = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }

  /// The bytes a tensor takes in a file.
  package static func byteCount(of info: TensorInfo) throws(SafetensorsError.Fault) -> Int {
    if info.name.hasSameBytes(as: "__metadata__") { throw .reservedName }
    guard info.shape.allSatisfy({ $0 >= 0 }) else {
      throw .negativeDimension(tensor: info.name, shape: info.shape)
    }
    guard let bits = bitCount(of: info.shape, info.elementType) else {
      throw .shapeOverflow(tensor: info.name, shape: info.shape.map { UInt64($0) })
    }
    guard bits % 8 == 0 else { throw .partialByte(tensor: info.name, bitCount: bits) }
    return bits / 8
  }
}

extension ElementType {
  /// The place in the reference's enumeration.
  var order: Int { Self.orders[self] ?? 0 }

  private static let orders = Dictionary(uniqueKeysWithValues: zip(allCases, 0...))
}
