import CKernels

/// What multiplies matrices on this machine, whether it does so correctly, and how fast.
///
/// Runs in a few milliseconds on one thread. OpenBLAS chooses its kernels by a list of processors; on one that is
/// newer than the list it may choose kernels from 2004, five to nine times too slow, and say nothing.
package struct BLASSelfTest: Sendable, CustomStringConvertible {
  /// The library, its version and the kernels it chose, such as "OpenBLAS 0.3.21 Zen"; nil when none is installed.
  package let library: String?
  /// The kernel set in use, such as "avx2".
  package let instructionSet: String
  /// Who multiplies in a model.
  package let products: ProductImplementation
  /// The largest error of those there are, in units of what float rounding allows for the sums that were taken.
  package let largestError: Double
  /// 10⁹ multiplications and additions a second, one thread.
  package let libraryGigaflops: Double?
  package let kernelGigaflops: Double
  /// Whether the library runs kernels far below what the processor can do.
  package let isLibrarySlow: Bool

  /// Whether all gave right results.
  package var isCorrect: Bool { largestError <= 1 }

  package init(_ compute: Compute) {
    library = blas_description().map { String(cString: $0) }
    instructionSet = compute.kernels.name
    products = compute.products
    let theirs = library.map { _ in ProductImplementation.blas.function(compute.kernels) }
    let ours = ProductImplementation.kernels.function(compute.kernels)
    largestError = max(theirs.map(Self.error) ?? 0, Self.error(of: ours))
    libraryGigaflops = theirs.map(Self.speed)
    kernelGigaflops = Self.speed(of: ours)
    isLibrarySlow = library.map { Self.isSlow($0, on: Kernels.best) } ?? false
  }

  /// Whether a library that describes itself so runs kernels without AVX on a processor with AVX2.
  package static func isSlow(_ library: String, on best: Kernels) -> Bool {
    let core = library.split(separator: " ").last.map { $0.lowercased() } ?? ""
    return best.name.hasPrefix("avx") && coresWithoutAVX.contains(core)
  }

  /// The x86 cores of OpenBLAS that have no AVX.
  private static let coresWithoutAVX: Set<String> = [
    "katmai", "coppermine", "northwood", "prescott", "banias", "atom", "core2", "penryn", "dunnington",
    "nehalem",
    "athlon", "opteron", "opteron_sse3", "barcelona", "bobcat", "nano",
  ]

  package var description: String {
    let own = "own \(instructionSet) kernels"
    guard let library, let libraryGigaflops else {
      // Ours take its place, which costs speed where it is the faster of the two.
      let wish = ProductImplementation.fastest(for: .best) == .blas ? ", it would be faster here" : ""
      return
        "\(own); \(Int(kernelGigaflops)) GFLOP/s a thread; OpenBLAS is not installed (libopenblas0)\(wish)"
        + (isCorrect ? "" : Self.wrong)
    }
    let user = products == .kernels ? own : library
    var text = "\(user); \(library) \(Int(libraryGigaflops)), own \(Int(kernelGigaflops)) GFLOP/s a thread"
    if !isCorrect { text += Self.wrong }
    if isLibrarySlow { text += "; the library does not know this processor, set OPENBLAS_CORETYPE=Haswell" }
    return text
  }

  private static let wrong = "; wrong results, please report this processor"

  /// Numbers without a pattern that a wrong kernel could respect, in -1 ..< 1.
  private static func numbers(_ count: Int, seed: UInt32) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(Int32(bitPattern: state)) * 0x1p-31
    }
  }

  /// The largest error of an odd-sized product, in units of K·2⁻²⁴·Σ|a·b|, the classical bound.
  private static func error(of product: ProductFunction) -> Double {
    let (m, n, k) = (19, 37, 65)
    let (a, b) = (numbers(m * k, seed: 1), numbers(n * k, seed: 2))
    var c = [Float](repeating: .nan, count: m * n)
    product(false, true, m, n, k, a, k, b, k, 0, &c, n)
    var largest = 0.0
    for i in 0..<m {
      for j in 0..<n {
        var (sum, size) = (0.0, 0.0)
        for p in 0..<k {
          let term = Double(a[i * k + p]) * Double(b[j * k + p])
          sum += term
          size += abs(term)
        }
        let difference = abs(Double(c[i * n + j]) - sum)
        // A NaN must not pass for a small error.
        guard difference <= .greatestFiniteMagnitude else { return .infinity }
        largest = max(largest, difference / (Double(k) * 0x1p-24 * size))
      }
    }
    return largest
  }

  /// The best of three products of the size of a small layer.
  private static func speed(of product: ProductFunction) -> Double {
    let (m, n, k) = (96, 384, 384)
    let (a, b) = (numbers(m * k, seed: 3), numbers(n * k, seed: 4))
    var c = [Float](repeating: 0, count: m * n)
    var best = UInt64.max
    for _ in 0..<3 {
      let start = monotonicNanoseconds()
      product(false, true, m, n, k, a, k, b, k, 0, &c, n)
      best = min(best, monotonicNanoseconds() - start)
    }
    return 2 * Double(m * n * k) / Double(max(best, 1))
  }
}
