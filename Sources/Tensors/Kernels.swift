package import CKernels

/// The kernels of one instruction set.
///
/// Every set computes the same functions within their documented errors; they differ in speed, and in the last bits.
package struct Kernels: @unchecked Sendable {
  // The table is written once, before the first pointer to it is handed out, and never again.
  package let set: UnsafePointer<kernel_set>

  private init(_ set: UnsafePointer<kernel_set>) { self.set = set }

  /// All sets this processor can run, slowest first.
  package static let available: [Kernels] = {
    var count = 0
    guard let first = kernel_sets(&count) else { return [] }
    return (0..<count).map { Kernels(first + $0) }
  }()

  /// The fastest set.
  package static var best: Kernels { available[available.count - 1] }

  /// The set called `name` ("baseline", "avx2", "avx512"), if this processor can run it.
  package static func named(_ name: String) -> Kernels? { available.first { $0.name == name } }

  package var name: String { String(cString: set.pointee.name) }

  /// One AdamW step on `count` parameters and their moments; a nil gradient stands for zeros.
  package func adamW(
    _ parameters: UnsafeMutablePointer<Float>, _ firstMoment: UnsafeMutablePointer<Float>,
    _ secondMoment: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>?, _ step: adamw_step,
    _ count: Int
  ) {
    withUnsafePointer(to: step) {
      set.pointee.adamw(parameters, firstMoment, secondMoment, gradient, $0, count)
    }
  }

  /// values[i] *= factor
  package func scale(_ values: UnsafeMutablePointer<Float>, _ factor: Float, _ count: Int) {
    set.pointee.scale(values, factor, count)
  }
}
