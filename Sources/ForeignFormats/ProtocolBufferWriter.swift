/// Builds one message in the wire format of Protocol Buffers, field after field.
///
/// Fields with numbers in ascending order give the bytes that the reference implementation would write.
/// (<https://protobuf.dev/programming-guides/encoding>)
struct ProtobufEmitter {
  private(set) var bytes: [UInt8] = []

  /// A field of type `int32`, `int64` or an enumeration; negative values take ten bytes.
  mutating func add(_ field: Int, _ value: Int) {
    tag(field, .varint)
    Self.append(UInt64(bitPattern: Int64(value)), to: &bytes)
  }

  /// A repeated field of integers, not packed, as `proto2` writes it.
  mutating func add(_ field: Int, _ values: [Int]) { for value in values { add(field, value) } }

  mutating func add(_ field: Int, _ value: Float) {
    tag(field, .fixed32)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func add(_ field: Int, _ text: String) {
    addPrefix(field, byteCount: text.utf8.count)
    bytes += text.utf8
  }

  /// A string, unless it is empty: a field with its default value is left out.
  mutating func addUnlessEmpty(_ field: Int, _ text: String) { if !text.isEmpty { add(field, text) } }

  /// A field of type `bytes`, or a nested message.
  mutating func add(_ field: Int, _ content: [UInt8]) {
    addPrefix(field, byteCount: content.count)
    bytes += content
  }

  /// A nested message.
  mutating func add(_ field: Int, _ content: (inout ProtobufEmitter) -> Void) {
    var message = ProtobufEmitter()
    content(&message)
    add(field, message.bytes)
  }

  /// What stands before `byteCount` bytes of a nested message, a string or bytes; they are up to the caller.
  mutating func addPrefix(_ field: Int, byteCount: Int) {
    tag(field, .lengthDelimited)
    Self.append(UInt64(byteCount), to: &bytes)
  }

  private enum WireType: UInt64 {
    case varint = 0
    case lengthDelimited = 2
    case fixed32 = 5
  }

  private mutating func tag(_ field: Int, _ type: WireType) {
    Self.append(UInt64(field) << 3 | type.rawValue, to: &bytes)
  }

  private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
