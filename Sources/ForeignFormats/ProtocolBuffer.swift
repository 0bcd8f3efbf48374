/// Reads the fields of one Protocol Buffers message, one after another.
///
/// Knows the wire format only (protobuf.dev, "Encoding"): which field means what, and that a message lies within, is
/// the caller's, who makes a reader for each message within; so nothing here recurses. Unknown fields are the caller's
/// to pass over. Groups, which have been obsolete since 2008, are refused. The bytes must outlive the reader.
package struct ProtocolBufferReader {
  private var bytes: ByteReader
  /// The numbers below 64 that ``singular(_:)`` has seen.
  private var seen: UInt64 = 0

  package init(_ message: UnsafeRawBufferPointer) { bytes = ByteReader(message) }

  /// A field of a message: its number and its value.
  package struct Field {
    package var number: Int
    package var value: Value

    package enum Value {
      case varint(UInt64)
      case fixed64(UInt64)
      case fixed32(UInt32)
      /// A string, bytes, a message or packed numbers.
      case bytes(UnsafeRawBufferPointer)
    }

    /// - Throws: ``ProtocolBufferFault/wrongWireType(field:)``, as do the next ones.
    package func varint() throws(ProtocolBufferFault) -> UInt64 {
      guard case .varint(let value) = value else { throw .wrongWireType(field: number) }
      return value
    }

    package func fixed32() throws(ProtocolBufferFault) -> UInt32 {
      guard case .fixed32(let value) = value else { throw .wrongWireType(field: number) }
      return value
    }

    package func bytes() throws(ProtocolBufferFault) -> UnsafeRawBufferPointer {
      guard case .bytes(let value) = value else { throw .wrongWireType(field: number) }
      return value
    }

    /// An `int32` or `int64`; negative ones are written as 64 bits.
    package func integer() throws(ProtocolBufferFault) -> Int64 { Int64(bitPattern: try varint()) }
  }

  /// The next field, or nil at the end of the message.
  ///
  /// - Throws: ``ProtocolBufferFault/malformed(offset:)``.
  package mutating func next() throws(ProtocolBufferFault) -> Field? {
    guard bytes.remaining > 0 else { return nil }
    let place = bytes.position
    guard let tag = bytes.varint(), tag <= UInt64(UInt32.max), tag >> 3 > 0 else {
      throw .malformed(offset: place)
    }
    let value: Field.Value? =
      switch tag & 7 {
      case 0: bytes.varint().map { .varint($0) }
      case 1: bytes.integer().map { .fixed64($0) }
      case 2: bytes.varint().flatMap { Int(exactly: $0) }.flatMap { bytes.run($0) }.map { .bytes($0) }
      case 5: bytes.integer().map { .fixed32($0) }
      default: nil
      }
    guard let value else { throw .malformed(offset: place) }
    return Field(number: Int(tag >> 3), value: value)
  }

  /// Notes that a field that may be there once is there.
  ///
  /// Parsers take the last of several, or join them when they are messages; files that need the rule are not written.
  ///
  /// - Throws: ``ProtocolBufferFault/repeatedField(_:)`` at the second time.
  package mutating func singular(_ field: Field) throws(ProtocolBufferFault) {
    precondition(field.number < 64, "only small field numbers are noted")
    guard seen & 1 << UInt64(field.number) == 0 else { throw .repeatedField(field.number) }
    seen |= 1 << UInt64(field.number)
  }
}

/// What can be wrong with a message; offsets count its bytes.
@nonexhaustive
public enum ProtocolBufferFault: Error, Hashable, Sendable {
  /// No field can be read at this byte.
  case malformed(offset: Int)
  /// A field that may be there once is there twice.
  case repeatedField(Int)
  /// The value of a field is of another kind than the field's type asks for.
  case wrongWireType(field: Int)
}

extension ProtocolBufferFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed(let offset): "no field can be read at byte \(offset)"
    case .repeatedField(let number): "field \(number) is there twice"
    case .wrongWireType(let number): "field \(number) has a value of the wrong kind"
    }
  }
}

/// Builds a Protocol Buffers message, field by field.
///
/// Numbers that are zero are left out, as `proto3` has it for fields without presence.
package struct ProtocolBufferWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func append(_ number: Int, varint value: UInt64) {
    guard value != 0 else { return }
    bytes.appendVarint(UInt64(number) << 3)
    bytes.appendVarint(value)
  }

  package mutating func append(_ number: Int, fixed32 value: UInt32) {
    guard value != 0 else { return }
    bytes.appendVarint(UInt64(number) << 3 | 5)
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Appends a `double`, even zero, as fields with presence need it.
  package mutating func append(_ number: Int, double value: Double) {
    bytes.appendVarint(UInt64(number) << 3 | 1)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Appends a `float`, even zero, as fields with presence need it.
  package mutating func append(_ number: Int, float value: Float) {
    bytes.appendVarint(UInt64(number) << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Appends a string, bytes or a message, even an empty one.
  package mutating func append(_ number: Int, bytes value: some Collection<UInt8>) {
    bytes.appendVarint(UInt64(number) << 3 | 2)
    bytes.appendVarint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  /// Appends the message that `body` builds.
  package mutating func append(_ number: Int, message body: (inout ProtocolBufferWriter) -> Void) {
    var message = ProtocolBufferWriter()
    body(&message)
    append(number, bytes: message.bytes)
  }
}

extension [UInt8] {
  /// Appends a number in groups of seven bits, the lowest first.
  mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }
}
