import CKernels

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A worker pool and a set of kernels: what a model computes with.
///
/// Work is cut into pieces whose size depends on the shapes alone, so that results do not depend on the number of
/// threads. Calls from several threads at once are safe; one of them has the pool, the others work alone.
package final class Compute: Sendable {
  package let pool: WorkerPool
  package let kernels: Kernels
  /// What multiplies matrices.
  package let products: ProductImplementation

  /// - Parameters:
  ///   - threads: all processors this process may use when nil.
  ///   - instructionSet: "baseline", "avx2" or "avx512"; the fastest this processor runs when nil, or what the
  ///     environment variable `PRETRAINED_KERNELS` names. A set that the processor lacks is passed over.
  ///   - products: what is fastest for the instruction set when nil, or what `PRETRAINED_PRODUCTS` names. A BLAS
  ///     library that is not installed is passed over.
  package init(threads: Int? = nil, instructionSet: String? = nil, products: ProductImplementation? = nil) {
    let set = instructionSet ?? Self.environment("PRETRAINED_KERNELS")
    kernels = set.flatMap(Kernels.named) ?? .best
    let product = Self.environment("PRETRAINED_PRODUCTS").flatMap(ProductImplementation.init)
    let wished = products ?? product ?? .fastest(for: kernels)
    self.products = wished.isAvailable ? wished : .kernels
    pool = WorkerPool(threadCount: max(1, threads ?? processor_count()))
  }

  /// The value of an environment variable.
  package static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// Floats that make a task worth handing to another thread.
  static let grain = 16384

  /// Runs `body` on pieces of 0 ..< count elements.
  func forEachPiece(_ count: Int, _ body: (Range<Int>) -> Void) {
    pool.forEachRange(count, grain: Self.grain, body)
  }

  /// Runs `body` on pieces of the rows of a matrix with `columns` columns.
  func forEachRows(_ rows: Int, columns: Int, _ body: (Range<Int>) -> Void) {
    pool.forEachRange(rows, grain: max(1, Self.grain / max(columns, 1)), body)
  }
}
