/// A value of a GGUF file's metadata, of one of the format's types.
///
/// The format: ggml-org/ggml, `docs/gguf.md`.
@nonexhaustive
public enum GGUFValue: Sendable, Hashable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case float32(Float)
  case bool(Bool)
  /// Bytes of a file that are not UTF-8 appear as U+FFFD; ``GGUFFile/findings`` names the key then.
  case string(String)
  case array(GGUFArray)
  case uint64(UInt64)
  case int64(Int64)
  case float64(Double)
}

/// The items of an array in a GGUF file's metadata, all of one type; arrays of arrays are refused.
@nonexhaustive
public enum GGUFArray: Sendable, Hashable {
  case uint8([UInt8])
  case int8([Int8])
  case uint16([UInt16])
  case int16([Int16])
  case uint32([UInt32])
  case int32([Int32])
  case float32([Float])
  case bool([Bool])
  case string([String])
  case uint64([UInt64])
  case int64([Int64])
  case float64([Double])

  public var count: Int {
    switch self {
    case .uint8(let items): items.count
    case .int8(let items): items.count
    case .uint16(let items): items.count
    case .int16(let items): items.count
    case .uint32(let items): items.count
    case .int32(let items): items.count
    case .float32(let items): items.count
    case .bool(let items): items.count
    case .string(let items): items.count
    case .uint64(let items): items.count
    case .int64(let items): items.count
    case .float64(let items): items.count
    }
  }

  /// The items, if they are strings.
  public var strings: [String]? { if case .string(let items) = self { items } else { nil } }

  /// The items, if they are integers of any width that all fit.
  public var integers: [Int]? {
    switch self {
    case .uint8(let items): items.map { Int($0) }
    case .int8(let items): items.map { Int($0) }
    case .uint16(let items): items.map { Int($0) }
    case .int16(let items): items.map { Int($0) }
    case .uint32(let items): items.map { Int($0) }
    case .int32(let items): items.map { Int($0) }
    case .int64(let items): items.map { Int($0) }
    case .uint64(let items): items.allSatisfy { $0 <= UInt64(Int.max) } ? items.map { Int($0) } : nil
    default: nil
    }
  }
}

// MARK: - Looking inside

extension GGUFValue {
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }

  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

  public var arrayValue: GGUFArray? { if case .array(let value) = self { value } else { nil } }

  /// The number, if it is an integer of any width that fits.
  public var intValue: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The number, if it is a float of either width.
  public var doubleValue: Double? {
    switch self {
    case .float32(let value): Double(value)
    case .float64(let value): value
    default: nil
    }
  }

  /// What kind of value this is, for messages: `a string`, `the u32 7`.
  public var kind: String {
    switch self {
    case .uint8(let value): "the u8 \(value)"
    case .int8(let value): "the i8 \(value)"
    case .uint16(let value): "the u16 \(value)"
    case .int16(let value): "the i16 \(value)"
    case .uint32(let value): "the u32 \(value)"
    case .int32(let value): "the i32 \(value)"
    case .float32(let value): "the f32 \(value)"
    case .bool(let value): value ? "true" : "false"
    case .string: "a string"
    case .array(let items): "an array of \(items.count) items"
    case .uint64(let value): "the u64 \(value)"
    case .int64(let value): "the i64 \(value)"
    case .float64(let value): "the f64 \(value)"
    }
  }
}

extension GGUFValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral {
  public init(stringLiteral value: String) { self = .string(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
}

/// The numbers that stand for the types of values in a file.
enum GGUFValueType: UInt32 {
  case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// The fewest bytes that a value takes.
  var byteCount: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .string, .uint64, .int64, .float64: 8
    case .array: 12
    }
  }
}
