import ModelFiles

/// What the `.index` file of a tensor bundle says.
///
/// A sorted table: the empty key holds a `BundleHeaderProto`, every other one is a name and holds a
/// `BundleEntryProto`.
///
/// Source: tensorflow/core/protobuf/tensor_bundle.proto; tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
package struct TensorBundleIndex: Sendable {
  /// A tensor and where its bytes are.
  package struct Entry: Sendable, Hashable {
    package var name: String
    /// TensorFlow's number for the element type.
    package var type: Int
    package var shape: [Int]
    /// The data file, counted from zero.
    package var shard: Int
    /// Of the first byte, in the data file.
    package var offset: Int
    package var byteCount: Int
    /// The masked CRC-32C of the bytes.
    package var checksum: UInt32
  }

  package private(set) var shardCount = 0
  /// Whether the elements are big-endian; the index itself never is.
  package private(set) var isBigEndian = false
  /// In the order of their names' bytes.
  package private(set) var entries: [Entry] = []

  /// The version of the format that TensorFlow writes, and that we are.
  static let version: Int64 = 1

  /// - Throws: what is wrong with the index.
  package init(_ file: [UInt8]) throws(TensorBundleError.Fault) {
    var hasHeader = false
    var firstSlice: [UInt8]?
    try file.span.bytes.withUnsafeBytes { (file) throws(TensorBundleError.Fault) in
      try SortedTable.forEachEntry(in: file) { (key, value) throws(TensorBundleError.Fault) in
        if !hasHeader {
          guard key.isEmpty else { throw .missingHeader }
          try readHeader(value)
          hasHeader = true
          return
        }
        // A part of a partitioned tensor; the tensor, with the list of its parts, comes later and is refused.
        if key.first == 0 {
          if firstSlice == nil { firstSlice = key }
          return
        }
        guard let name = String(validating: key, as: UTF8.self) else {
          throw .invalidName(String(decoding: key, as: UTF8.self))
        }
        entries.append(try Self.entry(name, value, shardCount: shardCount))
      }
    }
    guard hasHeader else { throw .missingHeader }
    if let firstSlice { throw .invalidName(String(decoding: firstSlice, as: UTF8.self)) }
  }

  private mutating func readHeader(_ message: UnsafeRawBufferPointer) throws(TensorBundleError.Fault) {
    var (shardCount, endianness, minimum): (Int64, Int64, Int64) = (0, 0, 0)
    var refusesUs = false
    do throws(ProtocolBufferFault) {
      var reader = ProtocolBufferReader(message)
      while let field = try reader.next() {
        switch field.number {
        case 1:
          try reader.singular(field)
          shardCount = try field.integer()
        case 2:
          try reader.singular(field)
          endianness = try field.integer()
        case 3:
          try reader.singular(field)
          (minimum, refusesUs) = try Self.version(field.bytes())
        default: break
        }
      }
    } catch { throw .malformedHeader(error) }
    guard minimum <= Self.version, !refusesUs else { throw .unsupportedVersion(minimum) }
    guard shardCount > 0, shardCount <= Int64(Int32.max) else { throw .invalidShardCount(shardCount) }
    guard endianness == 0 || endianness == 1 else { throw .unknownEndianness(endianness) }
    (self.shardCount, isBigEndian) = (Int(shardCount), endianness == 1)
  }

  /// The oldest version of a reader that a `VersionDef` allows, and whether it names ours among the bad ones.
  private static func version(
    _ message: UnsafeRawBufferPointer
  ) throws(ProtocolBufferFault) -> (minimum: Int64, refusesUs: Bool) {
    var (minimum, refusesUs): (Int64, Bool) = (0, false)
    var reader = ProtocolBufferReader(message)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (2, _):
        try reader.singular(field)
        minimum = try field.integer()
      case (3, .bytes(let packed)):
        var numbers = ByteReader(packed)
        while numbers.remaining > 0 {
          guard let number = numbers.varint() else { throw .malformed(offset: numbers.position) }
          if Int64(bitPattern: number) == Self.version { refusesUs = true }
        }
      case (3, _): if try field.integer() == Self.version { refusesUs = true }
      default: break
      }
    }
    return (minimum, refusesUs)
  }

  private static func entry(
    _ name: String, _ message: UnsafeRawBufferPointer, shardCount: Int
  ) throws(TensorBundleError.Fault) -> Entry {
    var (type, shard, offset, byteCount): (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)
    var checksum: UInt32 = 0
    var shape: (sizes: [Int64], isUnknown: Bool) = ([], false)
    var isPartitioned = false
    do throws(ProtocolBufferFault) {
      var reader = ProtocolBufferReader(message)
      while let field = try reader.next() {
        if 1...6 ~= field.number { try reader.singular(field) }
        switch field.number {
        case 1: type = try field.integer()
        case 2: shape = try Self.shape(field.bytes())
        case 3: shard = try field.integer()
        case 4: offset = try field.integer()
        case 5: byteCount = try field.integer()
        case 6: checksum = try field.fixed32()
        case 7: isPartitioned = true
        default: break
        }
      }
    } catch { throw .malformedEntry(tensor: name, error) }
    if isPartitioned { throw .partitioned(name) }
    guard type > 0, let number = Int(exactly: type) else { throw .invalidType(tensor: name, type) }
    // 254 is TensorFlow's limit.
    guard !shape.isUnknown, shape.sizes.count <= 254 else {
      throw .invalidShape(tensor: name, shape: shape.isUnknown ? nil : shape.sizes)
    }
    var sizes: [Int] = []
    for size in shape.sizes {
      guard size >= 0, let size = Int(exactly: size) else {
        throw .invalidShape(tensor: name, shape: shape.sizes)
      }
      sizes.append(size)
    }
    guard shard >= 0, shard < Int64(shardCount) else {
      throw .noSuchShard(tensor: name, shard: shard, count: shardCount)
    }
    guard let offset = Int(exactly: offset), let byteCount = Int(exactly: byteCount), offset >= 0,
      byteCount >= 0, !offset.addingReportingOverflow(byteCount).overflow
    else { throw .invalidRange(tensor: name, offset: offset, byteCount: byteCount) }
    let elementType = TensorFlowElementType.type(number)
    guard let expected = Self.byteCount(of: sizes, elementSize: (elementType?.bitWidth ?? 8) / 8) else {
      throw .shapeOverflow(tensor: name, shape: sizes)
    }
    if elementType != nil && expected != byteCount {
      throw .sizeMismatch(tensor: name, expected: expected, found: byteCount)
    }
    return Entry(
      name: name, type: number, shape: sizes, shard: Int(shard), offset: offset, byteCount: byteCount,
      checksum: checksum)
  }

  /// The sizes in a `TensorShapeProto`, and whether it says that not even their number is known.
  private static func shape(
    _ message: UnsafeRawBufferPointer
  ) throws(ProtocolBufferFault) -> (sizes: [Int64], isUnknown: Bool) {
    var sizes: [Int64] = []
    var isUnknown = false
    var reader = ProtocolBufferReader(message)
    while let field = try reader.next() {
      switch field.number {
      case 2:
        var size: Int64 = 0
        var dimension = ProtocolBufferReader(try field.bytes())
        while let field = try dimension.next() {
          guard field.number == 1 else { continue }
          try dimension.singular(field)
          size = try field.integer()
        }
        sizes.append(size)
      case 3:
        try reader.singular(field)
        isUnknown = try field.varint() != 0
      default: break
      }
    }
    return (sizes, isUnknown)
  }

  /// The bytes of a tensor, or nil when the sizes other than zero have a product beyond a machine word.
  static func byteCount(of shape: [Int], elementSize: Int) -> Int? {
    var product = elementSize
    for size in shape where size != 0 {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      product = next
    }
    return shape.contains(0) ? 0 : product
  }
}
