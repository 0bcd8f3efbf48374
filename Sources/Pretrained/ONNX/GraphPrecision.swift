package import ForeignFormats
package import ModelFiles

/// The types a graph can compute in, and their constants.
package enum GraphPrecision {
  static let types: [ElementType] = [.float32, .float16, .bfloat16, .float64]

  /// What is added to the scores of tokens that do not count, so that their share of the attention is exactly zero.
  ///
  /// It is finite, so that a text without any token that counts gives numbers all the same: the most negative number,
  /// as in transformers, but half of that for F16, where adding a score to it could overflow.
  static func mask(_ type: ElementType) -> Double {
    switch type {
    case .float16: -32752
    case .bfloat16: -0x1.FEp127
    case .float64: -.greatestFiniteMagnitude
    default: -Double(Float.greatestFiniteMagnitude)
    }
  }

  /// A scalar; `value` rounds to a normal number of the type.
  package static func constant(_ value: Double, _ type: ElementType) -> ONNXGraph.Constant {
    let bytes: [UInt8] =
      switch type {
      case .float64: withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
      case .float16: withUnsafeBytes(of: half(Float(value)).littleEndian) { Array($0) }
      case .bfloat16: withUnsafeBytes(of: brain(Float(value)).littleEndian) { Array($0) }
      default: withUnsafeBytes(of: Float(value).bitPattern.littleEndian) { Array($0) }
      }
    return ONNXGraph.Constant(elementType: type, shape: [], bytes: bytes)
  }

  // Swift has no Float16 on every platform. Both round to the nearest, ties to even.

  private static func half(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let magnitude = bits & 0x7FFF_FFFF
    let rounded = (magnitude + 0xFFF + (magnitude >> 13 & 1)) >> 13
    // The exponent's bias changes from 127 to 15.
    return UInt16(truncatingIfNeeded: bits >> 16 & 0x8000 | (rounded &- 112 << 10))
  }

  private static func brain(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }
}
