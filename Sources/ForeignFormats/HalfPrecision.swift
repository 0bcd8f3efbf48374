/// 16-bit floats as bit patterns: Swift's `Float16` does not exist on every platform.
package enum HalfPrecision {
  /// The value of an IEEE 754 binary16.
  package static func float(half bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let (exponent, fraction) = (UInt32(bits >> 10) & 0x1F, UInt32(bits) & 0x3FF)
    return switch exponent {
    case 0: Float(bitPattern: sign | (Float(fraction) * 0x1p-24).bitPattern)
    case 0x1F: Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// The nearest binary16, of two the even one; what is too large becomes infinite. NaNs keep the upper bits of their
  /// payload, as with NumPy.
  package static func half(_ value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 {
      return sign | 0x7C00 | max(1, UInt16(truncatingIfNeeded: magnitude >> 13) & 0x3FF)
    }
    if magnitude >= 0x4780_0000 { return sign | 0x7C00 }  // 65536
    if magnitude < 0x3880_0000 {  // 2^-14; below it a unit is 2^-24
      let units = (Float(bitPattern: magnitude) * 0x1p24).rounded(.toNearestOrEven)
      return sign | UInt16(units)
    }
    let rounded = magnitude + 0xFFF + (magnitude >> 13) & 1
    return sign | UInt16(truncatingIfNeeded: (rounded - 0x3800_0000) >> 13)
  }

  /// The value of a bfloat16.
  package static func float(bfloat bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  /// The nearest bfloat16, of two the even one; NaNs become quiet (`ggml_compute_fp32_to_bf16`).
  package static func bfloat(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if bits & 0x7FFF_FFFF > 0x7F80_0000 { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16) & 1) >> 16)
  }
}
