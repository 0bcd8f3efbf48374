import ModelFiles
import Testing

import Tensors

@Suite("conversion of element types")
struct ConversionTests {
  /// The value of a half's bits, by the definition of the format.
  static func value(ofHalf bits: UInt16) -> Float {
    let (exponent, fraction) = (Int(bits >> 10 & 31), Int(bits & 0x3ff))
    let magnitude: Float =
      switch exponent {
      case 0: Float(fraction) * 0x1p-24
      case 31: fraction == 0 ? .infinity : .nan
      default: Float(sign: .plus, exponent: exponent - 15, significand: 1 + Float(fraction) / 1024)
      }
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }

  static let allBits = (0...UInt16.max).map(\.self)

  static func floats(_ values: [UInt16], _ type: ElementType, _ kernels: Kernels) throws -> [Float] {
    var floats = [Float](repeating: 7, count: values.count)
    try values.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      try kernels.convert(start, from: type, count: values.count, into: &floats)
    }
    return floats
  }

  static func rounded(_ values: [Float], _ type: ElementType, _ kernels: Kernels) throws -> [UInt16] {
    var bits = [UInt16](repeating: 7, count: values.count)
    try kernels.convert(values, count: values.count, to: type, into: &bits)
    return bits
  }

  @Test("every half is exact, and comes back", arguments: Kernels.available.indices)
  func everyHalf(_ set: Int) throws {
    let kernels = Kernels.available[set]
    let floats = try Self.floats(Self.allBits, .float16, kernels)
    let back = try Self.rounded(floats, .float16, kernels)
    for (bits, float) in zip(Self.allBits, floats) {
      let exact = Self.value(ofHalf: bits)
      let isRight = exact.isNaN ? float.isNaN : float == exact && float.sign == exact.sign
      if !isRight { Issue.record("half \(bits) became \(float)") }
      let isBack = exact.isNaN ? Self.value(ofHalf: back[Int(bits)]).isNaN : back[Int(bits)] == bits
      if !isBack { Issue.record("half \(bits) came back as \(back[Int(bits)])") }
    }
  }

  @Test("every bfloat16 is exact, and comes back", arguments: Kernels.available.indices)
  func everyBFloat16(_ set: Int) throws {
    let kernels = Kernels.available[set]
    let floats = try Self.floats(Self.allBits, .bfloat16, kernels)
    let back = try Self.rounded(floats, .bfloat16, kernels)
    for (bits, float) in zip(Self.allBits, floats) {
      #expect(float.bitPattern == UInt32(bits) << 16)
      // NaNs come back as quiet ones.
      #expect(back[Int(bits)] == (float.isNaN ? bits | 0x40 : bits))
    }
  }

  @Test(
    "between two halves the nearer is taken, and of two as near the even one",
    arguments: Kernels.available.indices)
  func roundingToHalf(_ set: Int) throws {
    let kernels = Kernels.available[set]
    let finite = Self.allBits.filter { $0 & 0x7fff < 0x7c00 }
    let middles = finite.map { bits -> Float in
      let next = bits & 0x7fff == 0x7bff ? Float(65536) : abs(Self.value(ofHalf: bits + 1))
      let middle = (abs(Self.value(ofHalf: bits)) + next) / 2
      return bits & 0x8000 == 0 ? middle : -middle
    }
    let below = try Self.rounded(
      middles.map { $0.sign == .plus ? $0.nextDown : $0.nextUp }, .float16, kernels)
    let at = try Self.rounded(middles, .float16, kernels)
    let above = try Self.rounded(
      middles.map { $0.sign == .plus ? $0.nextUp : $0.nextDown }, .float16, kernels)
    #expect(below == finite)
    #expect(at == finite.map { $0 + $0 % 2 })
    #expect(above == finite.map { $0 + 1 })
  }

  @Test("rounding to bfloat16 takes the nearer, then the even one", arguments: Kernels.available.indices)
  func roundingToBFloat16(_ set: Int) throws {
    let kernels = Kernels.available[set]
    let finite = Self.allBits.filter { $0 & 0x7fff < 0x7f80 }
    for (offset, up) in [(UInt32(0x7fff), false), (0x8001, true)] {
      let values = finite.map { Float(bitPattern: UInt32($0) << 16 | offset) }
      #expect(try Self.rounded(values, .bfloat16, kernels) == finite.map { up ? $0 + 1 : $0 })
    }
    let middles = finite.map { Float(bitPattern: UInt32($0) << 16 | 0x8000) }
    #expect(try Self.rounded(middles, .bfloat16, kernels) == finite.map { $0 + $0 % 2 })
  }

  @Test("values beyond a half become infinity, below it zero", arguments: Kernels.available.indices)
  func halfRange(_ set: Int) throws {
    let values: [Float] = [
      65504, 65519.996, 65520, 1e30, .infinity, -.infinity, 0x1p-25, Float(0x1p-25).nextUp, 0x1p-140,
      -0x1p-140, 0, -0.0,
    ]
    let bits: [UInt16] = [
      0x7bff, 0x7bff, 0x7c00, 0x7c00, 0x7c00, 0xfc00, 0, 1, 0, 0x8000, 0, 0x8000,
    ]
    #expect(try Self.rounded(values, .float16, Kernels.available[set]) == bits)
    #expect(try Self.rounded([.nan], .float16, Kernels.available[set])[0] & 0x7fff > 0x7c00)
  }

  @Test("elements may lie at any address", arguments: [ElementType.float16, .bfloat16, .float32, .float64])
  func unaligned(_ type: ElementType) throws {
    let width = type.bitWidth / 8
    // More than one portion of the copy that aligns them.
    let count = 5000
    let bytes = (0..<count * width).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 7) & 0x3f }
    func convert(shiftedBy shift: Int) throws -> [Float] {
      var floats = [Float](repeating: 0, count: count)
      let shifted = [UInt8](repeating: 0, count: shift) + bytes
      try shifted.withUnsafeBytes {
        guard let start = $0.baseAddress else { return }
        try Tensors.convert(start + shift, from: type, count: count, into: &floats)
      }
      return floats
    }
    let aligned = try convert(shiftedBy: 0)
    #expect(aligned.contains { $0 != 0 })
    for shift in 1..<8 { #expect(try convert(shiftedBy: shift) == aligned) }
  }

  @Test("doubles are rounded to the nearest float", arguments: Kernels.available.indices)
  func doubles(_ set: Int) throws {
    let values = [1.1, -1e300, 1e-300, .infinity, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-50, 0.1]
    var floats = [Float](repeating: 0, count: values.count)
    try values.withUnsafeBytes {
      guard let start = $0.baseAddress else { return }
      try Kernels.available[set].convert(start, from: .float64, count: values.count, into: &floats)
    }
    #expect(floats == values.map { Float($0) })
  }

  @Test("integers are refused", arguments: [ElementType.int64, .uint8, .bool, .float8E4M3])
  func refused(_ type: ElementType) {
    var float: Float = 0
    #expect(throws: ElementConversionError.notAFloatingPointType(type)) {
      try withUnsafeBytes(of: 0) { bytes in
        guard let start = bytes.baseAddress else { return }
        try Tensors.convert(start, from: type, count: 1, into: &float)
      }
    }
    #expect(throws: ElementConversionError.notAFloatingPointType(type)) {
      var bits: UInt64 = 0
      try Kernels.best.convert([1], count: 1, to: type, into: &bits)
    }
    let text = ElementConversionError.notAFloatingPointType(type).description
    #expect(text.contains(type.rawValue) && text.contains("convert the tensor"))
  }
}
