import CKernels
public import ModelFiles

/// A conversion that does not exist.
@nonexhaustive
public enum ElementConversionError: Error, Equatable, CustomStringConvertible {
  /// Elements that are not floating-point numbers where weights were expected.
  case notAFloatingPointType(ElementType)

  public var description: String {
    switch self {
    case .notAFloatingPointType(let type):
      "elements of type \(type.rawValue) where floating-point numbers were expected; "
        + "convert the tensor to F32, F16, BF16 or F64"
    }
  }
}

extension Kernels {
  /// Converts `count` elements to floats: F16 and BF16 exactly, F64 rounded to nearest.
  ///
  /// - Parameters:
  ///   - bytes: little-endian elements of any alignment.
  ///   - type: F32, F16, BF16 or F64.
  /// - Throws: ``ElementConversionError/notAFloatingPointType(_:)`` for every other type.
  package func convert(
    _ bytes: UnsafeRawPointer, from type: ElementType, count: Int, into floats: UnsafeMutablePointer<Float>
  ) throws(ElementConversionError) {
    switch type {
    case .float32:
      UnsafeMutableRawPointer(floats).copyMemory(from: bytes, byteCount: count * MemoryLayout<Float>.stride)
    case .float16:
      Self.aligned(bytes, as: UInt16.self, count) { set.pointee.float_from_half($0, floats + $1, $2) }
    case .bfloat16:
      Self.aligned(bytes, as: UInt16.self, count) { set.pointee.float_from_bfloat16($0, floats + $1, $2) }
    case .float64:
      Self.aligned(bytes, as: Double.self, count) { set.pointee.float_from_double($0, floats + $1, $2) }
    default:
      throw .notAFloatingPointType(type)
    }
  }

  /// Rounds floats to F16 or BF16, ties to even; NaN stays NaN, and what is too large becomes infinity.
  ///
  /// - Parameter type: F16 or BF16, or F32, which copies.
  /// - Throws: ``ElementConversionError/notAFloatingPointType(_:)`` for every other type.
  package func convert(
    _ floats: UnsafePointer<Float>, count: Int, to type: ElementType, into bytes: UnsafeMutableRawPointer
  ) throws(ElementConversionError) {
    switch type {
    case .float32:
      bytes.copyMemory(from: floats, byteCount: count * MemoryLayout<Float>.stride)
    case .float16, .bfloat16:
      withUnsafeTemporaryAllocation(of: UInt16.self, capacity: Self.portion) { buffer in
        guard let start = buffer.baseAddress else { return }
        for first in stride(from: 0, to: count, by: Self.portion) {
          let length = min(Self.portion, count - first)
          if type == .float16 {
            set.pointee.half_from_float(floats + first, start, length)
          } else {
            set.pointee.bfloat16_from_float(floats + first, start, length)
          }
          (bytes + first * 2).copyMemory(from: start, byteCount: length * 2)
        }
      }
    default:
      throw .notAFloatingPointType(type)
    }
  }

  /// Elements that are copied at a time where the source or the target may be unaligned.
  private static let portion = 2048

  /// Gives `body` aligned elements: (elements, index of the first, count).
  private static func aligned<Element: BitwiseCopyable>(
    _ bytes: UnsafeRawPointer, as type: Element.Type, _ count: Int,
    _ body: (UnsafePointer<Element>, Int, Int) -> Void
  ) {
    if Int(bitPattern: bytes) % MemoryLayout<Element>.alignment == 0 {
      body(bytes.assumingMemoryBound(to: Element.self), 0, count)
      return
    }
    withUnsafeTemporaryAllocation(of: Element.self, capacity: portion) { buffer in
      guard let start = buffer.baseAddress else { return }
      for first in stride(from: 0, to: count, by: portion) {
        let length = min(portion, count - first)
        let size = MemoryLayout<Element>.stride
        UnsafeMutableRawPointer(start).copyMemory(from: bytes + first * size, byteCount: length * size)
        body(start, first, length)
      }
    }
  }
}

/// Converts `count` elements to floats with the fastest kernels; see ``Kernels/convert(_:from:count:into:)``.
package func convert(
  _ bytes: UnsafeRawPointer, from type: ElementType, count: Int, into floats: UnsafeMutablePointer<Float>
) throws(ElementConversionError) {
  try Kernels.best.convert(bytes, from: type, count: count, into: floats)
}
