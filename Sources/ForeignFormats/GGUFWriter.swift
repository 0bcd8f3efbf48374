public import ModelFiles

/// A tensor to be written to a GGUF file.
public struct GGUFTensor: Sendable, Hashable {
  public var name: String
  /// Row-major, outermost dimension first; empty for a scalar.
  public var shape: [Int]
  /// How the elements are to be stored.
  public var type: GGUFTensorType

  public init(name: String, shape: [Int], type: GGUFTensorType) {
    (self.name, self.shape, self.type) = (name, shape, type)
  }
}

/// Writes GGUF files of version 3, byte for byte as gguf-py's `GGUFWriter` does.
///
/// Names, types and shapes come first; then each tensor's elements are asked for, one tensor at a time in the order
/// they are given in, and quantised as they come, so that a file may be larger than memory. The file appears whole or
/// not at all.
public enum GGUFWriter {
  /// Writes a file.
  ///
  /// - Parameters:
  ///   - metadata: in the order of the file; readers expect `general.architecture` to be there, first.
  ///     `general.alignment`, when it is not 32, and `general.quantization_version`, when something is quantised, are
  ///     added at the end unless they are there.
  ///   - tensors: in the order of the file.
  ///   - path: the file to write.
  ///   - overwriting: whether to replace a file that is there.
  ///   - alignment: of the data of every tensor; a power of two.
  ///   - produce: hands the row-major elements of a tensor to the sink, in any number of pieces: little-endian F32 for a
  ///     quantised type, else the little-endian bytes of the type.
  /// - Throws: ``GGUFError``, `SystemError`, or what `produce` throws; then nothing has changed.
  public static func write(
    metadata: [(key: String, value: GGUFValue)], _ tensors: [GGUFTensor], to path: String,
    overwriting: Bool = false, alignment: Int = 32,
    produce: (GGUFTensor, SafetensorsWriter.Sink) throws -> Void
  ) throws {
    let layout: GGUFLayout
    do throws(GGUFError.Fault) {
      layout = try GGUFLayout(metadata: metadata, tensors, alignment: alignment)
    } catch { throw GGUFError(path: path, error) }
    guard overwriting || !FileSystem.exists(path) else { throw GGUFError(path: path, .destinationExists) }

    var file = try AtomicFile(replacing: path)
    try file.append(layout.header.span.bytes)
    for (tensor, byteCount) in zip(tensors, layout.byteCounts) {
      let code = GGUFQuantisation(tensor.type)
      let expected = code == nil ? byteCount : tensor.shape.reduce(1, *) * MemoryLayout<Float>.size
      var produced = 0
      var encoder = code.map { GGUFEncoder($0) }
      try produce(tensor) { bytes in
        produced += bytes.byteCount
        guard produced <= expected else {
          throw GGUFError(
            path: path, .wrongByteCount(tensor: tensor.name, expected: expected, found: produced))
        }
        guard encoder != nil else { return try file.append(bytes) }
        try encoder?.take(bytes) { try file.append($0) }
      }
      guard produced == expected else {
        throw GGUFError(
          path: path, .wrongByteCount(tensor: tensor.name, expected: expected, found: produced))
      }
      try encoder?.finish { try file.append($0) }
      let padding = [UInt8](repeating: 0, count: (alignment - file.byteCount % alignment) % alignment)
      try file.append(padding.span.bytes)
    }
    try file.commit()
  }
}

/// Quantises floats that come in pieces of any length.
private struct GGUFEncoder {
  private let code: GGUFQuantisation
  /// Gathers floats, so that they are aligned and make whole blocks; all of it is encoded at a time.
  private var floats = [Float](repeating: 0, count: 256 * GGUFQuantisation.elementCount)
  /// The bytes of `floats` that are filled.
  private var filled = 0
  private var encoded: [UInt8]

  init(_ code: GGUFQuantisation) {
    self.code = code
    encoded = Array(repeating: 0, count: 256 * code.byteCount)
  }

  mutating func take(_ bytes: RawSpan, _ emit: (RawSpan) throws -> Void) throws {
    var taken = 0
    let capacity = floats.count * MemoryLayout<Float>.size
    while taken < bytes.byteCount {
      let count = min(capacity - filled, bytes.byteCount - taken)
      floats.withUnsafeMutableBytes { target in
        bytes.extracting(taken..<taken + count).withUnsafeBytes { source in
          UnsafeMutableRawBufferPointer(rebasing: target[filled..<filled + count]).copyMemory(from: source)
        }
      }
      (taken, filled) = (taken + count, filled + count)
      if filled == capacity { try finish(emit) }
    }
  }

  /// Encodes what has been gathered, which must be whole blocks.
  mutating func finish(_ emit: (RawSpan) throws -> Void) throws {
    let count = filled / MemoryLayout<Float>.size
    filled = 0
    for index in 0..<count {
      floats[index] = Float(bitPattern: UInt32(littleEndian: floats[index].bitPattern))
    }
    floats.withUnsafeBufferPointer { source in
      encoded.withUnsafeMutableBytes { target in
        code.encode(UnsafeBufferPointer(rebasing: source[..<count]), into: target)
      }
    }
    try emit(encoded.span.bytes.extracting(0..<count / GGUFQuantisation.elementCount * code.byteCount))
  }
}

/// The plan of a GGUF file: all that comes before the data, and the sizes of the data.
package struct GGUFLayout: Sendable {
  /// Padded to the alignment.
  package let header: [UInt8]
  /// Of each tensor, without padding.
  package let byteCounts: [Int]

  /// - Throws: a fault for keys and names that appear twice or have no possible length, shapes that cannot be, and types
  ///   that are not encoded here.
  package init(
    metadata: [(key: String, value: GGUFValue)], _ tensors: [GGUFTensor], alignment: Int
  ) throws(GGUFError.Fault) {
    guard GGUFFile.isAlignment(alignment) else { throw .invalidAlignment(found: "\(alignment)") }
    let metadata = try Self.completed(metadata, tensors, alignment: alignment)
    var bytes = Array("GGUF".utf8)
    bytes.append(UInt32(3))
    bytes.append(UInt64(tensors.count))
    bytes.append(UInt64(metadata.count))

    var keys = NameTable(minimumCapacity: metadata.count)
    for (key, value) in metadata {
      guard 1...GGUFFile.maximumKeyByteCount ~= key.utf8.count else {
        throw .invalidKeyLength(offset: bytes.count, byteCount: UInt64(key.utf8.count))
      }
      let isDuplicate = keys.insert(hash: NameTable.hash(key)) { metadata[$0].key.hasSameBytes(as: key) }
      if isDuplicate != nil { throw .duplicateKey(key) }
      bytes.append(key)
      bytes.append(value)
    }

    var (names, byteCounts, offset) = (NameTable(minimumCapacity: tensors.count), [Int](), 0)
    for tensor in tensors {
      let name = tensor.name
      guard name.utf8.count <= GGUFFile.maximumNameByteCount else {
        throw .nameTooLong(
          offset: bytes.count, byteCount: UInt64(name.utf8.count), limit: GGUFFile.maximumNameByteCount)
      }
      let isDuplicate = names.insert(hash: NameTable.hash(name)) { tensors[$0].name.hasSameBytes(as: name) }
      if isDuplicate != nil { throw .duplicateName(name) }
      guard tensor.shape.count <= 4 else {
        throw .tooManyDimensions(tensor: name, found: UInt64(tensor.shape.count))
      }
      guard tensor.type.elementType != nil || GGUFQuantisation(tensor.type) != nil else {
        throw .unwritableType(tensor: name, type: tensor.type)
      }
      let byteCount = try tensor.type.byteCount(tensor: name, shape: tensor.shape)
      bytes.append(name)
      bytes.append(UInt32(tensor.shape.count))
      for dimension in tensor.shape.reversed() { bytes.append(UInt64(dimension)) }
      bytes.append(tensor.type.rawValue)
      bytes.append(UInt64(offset))
      byteCounts.append(byteCount)
      let (end, overflow) = offset.addingReportingOverflow(byteCount)
      let (padded, beyond) = end.addingReportingOverflow((alignment - byteCount % alignment) % alignment)
      if overflow || beyond { throw .shapeOverflow(tensor: name, shape: tensor.shape) }
      offset = padded
    }
    bytes += repeatElement(0, count: (alignment - bytes.count % alignment) % alignment)
    (header, self.byteCounts) = (bytes, byteCounts)
  }

  /// The metadata with what the data makes necessary.
  private static func completed(
    _ metadata: [(key: String, value: GGUFValue)], _ tensors: [GGUFTensor], alignment: Int
  ) throws(GGUFError.Fault) -> [(key: String, value: GGUFValue)] {
    var metadata = metadata
    if let found = metadata.first(where: { $0.key == "general.alignment" })?.value {
      guard found == .uint32(UInt32(alignment)) else {
        throw .contradictoryAlignment(expected: alignment, found: found.kind)
      }
    } else if alignment != 32 {
      metadata.append(("general.alignment", .uint32(UInt32(alignment))))
    }
    let key = "general.quantization_version"
    if tensors.contains(where: \.type.isQuantised), !metadata.contains(where: { $0.key == key }) {
      metadata.append((key, .uint32(2)))
    }
    return metadata
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  fileprivate mutating func append(_ text: String) {
    append(UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }

  fileprivate mutating func append(_ value: GGUFValue) {
    switch value {
    case .uint8(let value): append(.uint8, value)
    case .int8(let value): append(.int8, value)
    case .uint16(let value): append(.uint16, value)
    case .int16(let value): append(.int16, value)
    case .uint32(let value): append(.uint32, value)
    case .int32(let value): append(.int32, value)
    case .float32(let value): append(.float32, value.bitPattern)
    case .bool(let value): append(.bool, UInt8(value ? 1 : 0))
    case .string(let value):
      append(GGUFValueType.string.rawValue)
      append(value)
    case .array(let items):
      append(GGUFValueType.array.rawValue)
      append(items)
    case .uint64(let value): append(.uint64, value)
    case .int64(let value): append(.int64, value)
    case .float64(let value): append(.float64, value.bitPattern)
    }
  }

  private mutating func append(_ type: GGUFValueType, _ number: some FixedWidthInteger) {
    append(type.rawValue)
    append(number)
  }

  private mutating func append(_ items: GGUFArray) {
    func append(_ type: GGUFValueType, _ numbers: [some FixedWidthInteger]) {
      self.append(type.rawValue)
      self.append(UInt64(numbers.count))
      for number in numbers { self.append(number) }
    }
    switch items {
    case .uint8(let items): append(.uint8, items)
    case .int8(let items): append(.int8, items)
    case .uint16(let items): append(.uint16, items)
    case .int16(let items): append(.int16, items)
    case .uint32(let items): append(.uint32, items)
    case .int32(let items): append(.int32, items)
    case .float32(let items): append(.float32, items.map(\.bitPattern))
    case .bool(let items): append(.bool, items.map { UInt8($0 ? 1 : 0) })
    case .uint64(let items): append(.uint64, items)
    case .int64(let items): append(.int64, items)
    case .float64(let items): append(.float64, items.map(\.bitPattern))
    case .string(let items):
      self.append(GGUFValueType.string.rawValue)
      self.append(UInt64(items.count))
      for item in items { self.append(item) }
    }
  }
}
