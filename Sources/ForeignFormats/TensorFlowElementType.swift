import ModelFiles

/// TensorFlow's numbers for element types.
///
/// Source: tensorflow/core/framework/types.proto, `DataType`.
enum TensorFlowElementType {
  private static let numbers: [(number: Int, type: ElementType)] = [
    (1, .float32), (2, .float64), (3, .int32), (4, .uint8), (5, .int16), (6, .int8), (8, .complex64),
    (9, .int64), (10, .bool), (14, .bfloat16), (17, .uint16), (19, .float16), (22, .uint32), (23, .uint64),
    (24, .float8E5M2), (25, .float8E4M3), (26, .float8E4M3FNUZ), (28, .float8E5M2FNUZ),
  ]

  private static let others: [Int: String] = [
    7: "string", 11: "qint8", 12: "quint8", 13: "qint32", 15: "qint16", 16: "quint16", 18: "complex128",
    20: "resource", 21: "variant", 27: "float8_e4m3b11fnuz", 29: "int4", 30: "uint4", 31: "int2", 32: "uint2",
    33: "float4_e2m1fn",
  ]

  private static let types = Dictionary(uniqueKeysWithValues: numbers.map { ($0.number, $0.type) })

  /// The element type with TensorFlow's number, or nil when it has no counterpart here.
  static func type(_ number: Int) -> ElementType? { types[number] }

  /// TensorFlow's number, or nil when it does not know the type.
  static func number(of type: ElementType) -> Int? { numbers.first { $0.type == type }?.number }

  /// TensorFlow's name for a type without a counterpart.
  static func name(_ number: Int) -> String { others[number] ?? "number \(number)" }
}
