/// The block codes of GGUF that this package decodes and encodes: Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1.
///
/// A block holds 32 elements. The bits are those of ggml-org/llama.cpp, `gguf-py/gguf/quants.py`:
///
/// | code | bytes of a block | an element |
/// |---|---|---|
/// | Q8_0 | `d` f16, 32 × i8 | `d · q` |
/// | Q4_0 | `d` f16, 16 bytes | `d · (q − 8)` |
/// | Q4_1 | `d` f16, `m` f16, 16 bytes | `d · q + m` |
/// | Q5_0 | `d` f16, 32 fifth bits, 16 bytes | `d · (q − 16)` |
/// | Q5_1 | `d` f16, `m` f16, 32 fifth bits, 16 bytes | `d · q + m` |
///
/// Byte `i` of the 16 holds the four lower bits of element `i`, and above them those of element `i + 16`.
struct GGUFQuantisation: Sendable {
  static let elementCount = 32

  /// Whether `d` is followed by a minimum.
  private let hasMinimum: Bool
  /// Of an element: 4, 5 or 8.
  private let bitCount: Int

  /// The code of a type, or nil when this package knows no more than its size.
  init?(_ type: GGUFTensorType) {
    switch type {
    case .q80: (hasMinimum, bitCount) = (false, 8)
    case .q40: (hasMinimum, bitCount) = (false, 4)
    case .q41: (hasMinimum, bitCount) = (true, 4)
    case .q50: (hasMinimum, bitCount) = (false, 5)
    case .q51: (hasMinimum, bitCount) = (true, 5)
    default: return nil
    }
  }

  /// Of a block.
  var byteCount: Int { 2 + (hasMinimum ? 2 : 0) + bitCount * Self.elementCount / 8 }

  /// As a reader of tensors uses it.
  var blockCode: StoredTensor.BlockCode {
    StoredTensor.BlockCode(elementCount: Self.elementCount, byteCount: byteCount) { decode($0, into: $1) }
  }

  // MARK: - Decoding

  /// Decodes whole blocks.
  func decode(_ bytes: UnsafeRawBufferPointer, into floats: UnsafeMutableBufferPointer<Float>) {
    guard let start = bytes.baseAddress, let target = floats.baseAddress else { return }
    let size = byteCount
    for block in 0..<min(bytes.count / size, floats.count / Self.elementCount) {
      let (from, to) = (start + block * size, target + block * Self.elementCount)
      let scale = Self.half(from)
      if bitCount == 8 {
        for index in 0..<32 { to[index] = Float(from.load(fromByteOffset: 2 + index, as: Int8.self)) * scale }
      } else {
        decodePacked(from + 2, scale: scale, into: to)
      }
    }
  }

  @inline(__always)
  private func decodePacked(
    _ bytes: UnsafeRawPointer, scale: Float, into floats: UnsafeMutablePointer<Float>
  ) {
    var bytes = bytes
    var minimum: Float = 0
    if hasMinimum {
      minimum = Self.half(bytes)
      bytes += 2
    }
    var upper: UInt32 = 0
    if bitCount == 5 {
      upper = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
      bytes += 4
    }
    let bias: Int32 = hasMinimum ? 0 : bitCount == 5 ? 16 : 8
    for index in 0..<16 {
      let byte = bytes.load(fromByteOffset: index, as: UInt8.self)
      let low = Int32(byte & 0xF | UInt8(truncatingIfNeeded: upper >> index & 1) << 4)
      let high = Int32(byte >> 4 | UInt8(truncatingIfNeeded: upper >> (index + 16) & 1) << 4)
      // Two roundings, as the reference has them; without a minimum there is nothing to add, not even to a zero.
      floats[index] = hasMinimum ? scale * Float(low) + minimum : scale * Float(low - bias)
      floats[index + 16] = hasMinimum ? scale * Float(high) + minimum : scale * Float(high - bias)
    }
  }

  private static func half(_ bytes: UnsafeRawPointer) -> Float {
    HalfPrecision.float(half: UInt16(littleEndian: bytes.loadUnaligned(as: UInt16.self)))
  }

  // MARK: - Encoding

  /// Encodes whole blocks.
  func encode(_ floats: UnsafeBufferPointer<Float>, into bytes: UnsafeMutableRawBufferPointer) {
    guard let source = floats.baseAddress, let start = bytes.baseAddress else { return }
    let size = byteCount
    for block in 0..<min(floats.count / Self.elementCount, bytes.count / size) {
      let (from, to) = (source + block * Self.elementCount, start + block * size)
      if bitCount == 8 {
        encodeBytes(from, into: to)
      } else {
        encodePacked(from, into: to)
      }
    }
  }

  @inline(__always)
  private func encodeBytes(_ floats: UnsafePointer<Float>, into bytes: UnsafeMutableRawPointer) {
    var largest: Float = 0
    for index in 0..<32 { largest = Self.larger(abs(floats[index]), largest) }
    let scale = largest / 127
    Self.storeHalf(scale, to: bytes)
    let inverse = scale == 0 ? 0 : 1 / scale
    for index in 0..<32 {
      let rounded = (floats[index] * inverse).rounded(.toNearestOrAwayFromZero)
      // Not a number when the block is not, or when it is so small that the inverse is infinite.
      let code = rounded >= -128 && rounded <= 127 ? Int8(rounded) : 0
      bytes.storeBytes(of: code, toByteOffset: 2 + index, as: Int8.self)
    }
  }

  @inline(__always)
  private func encodePacked(_ floats: UnsafePointer<Float>, into bytes: UnsafeMutableRawPointer) {
    let top: UInt8 = bitCount == 5 ? 31 : 15
    let (scale, shift, half): (Float, Float, Float)
    var bytes = bytes
    if hasMinimum {
      var (least, most) = (floats[0], floats[0])
      for index in 1..<32 {
        most = Self.larger(floats[index], most)
        least = Self.smaller(floats[index], least)
      }
      (scale, shift, half) = ((most - least) / Float(top), least, 0.5)
    } else {
      var extreme = floats[0]  // the first of those of the largest magnitude, with its sign
      for index in 1..<32 where abs(floats[index]) > abs(extreme) { extreme = floats[index] }
      let middle: Float = bitCount == 5 ? 16 : 8
      (scale, shift, half) = (extreme / -middle, 0, middle + 0.5)
    }
    Self.storeHalf(scale, to: bytes)
    bytes += 2
    if hasMinimum {
      Self.storeHalf(shift, to: bytes)
      bytes += 2
    }
    let inverse = scale == 0 ? 0 : 1 / scale
    var upper: UInt32 = 0
    let packed = bytes + (bitCount == 5 ? 4 : 0)
    for index in 0..<16 {
      let low = Self.code((floats[index] - shift) * inverse + half, top: top)
      let high = Self.code((floats[index + 16] - shift) * inverse + half, top: top)
      upper |= UInt32(low >> 4) << index | UInt32(high >> 4) << (index + 16)
      packed.storeBytes(of: low & 0xF | high << 4, toByteOffset: index, as: UInt8.self)
    }
    if bitCount == 5 { bytes.storeBytes(of: upper.littleEndian, as: UInt32.self) }
  }

  /// The whole part between 0 and `top`. What is not finite becomes 0, as the reference's conversion to a byte has it.
  private static func code(_ value: Float, top: UInt8) -> UInt8 {
    value >= 0 && value < 256 ? min(UInt8(value), top) : 0
  }

  // Like NumPy's maximum and minimum: not a number when either is.
  private static func larger(_ a: Float, _ b: Float) -> Float { b.isNaN || b > a ? b : a }
  private static func smaller(_ a: Float, _ b: Float) -> Float { b.isNaN || b < a ? b : a }

  private static func storeHalf(_ value: Float, to bytes: UnsafeMutableRawPointer) {
    bytes.storeBytes(of: HalfPrecision.half(value).littleEndian, as: UInt16.self)
  }
}
