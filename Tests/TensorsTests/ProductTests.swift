import CKernels
import Foundation
import Testing

import Tensors

@Suite("matrix products")
struct ProductTests {
  /// Sums and, for the bound, sums of absolute values, in double precision.
  static func exact(
    _ m: Int, _ n: Int, _ k: Int, a: (Int, Int) -> Float, b: (Int, Int) -> Float
  ) -> (sums: [Double], sizes: [Double]) {
    var (sums, sizes): ([Double], [Double]) = ([], [])
    for i in 0..<m {
      for j in 0..<n {
        var (sum, size) = (0.0, 0.0)
        for p in 0..<k {
          let term = Double(a(i, p)) * Double(b(p, j))
          sum += term
          size += abs(term)
        }
        sums.append(sum)
        sizes.append(size)
      }
    }
    return (sums, sizes)
  }

  static let functions: [(name: String, function: ProductFunction)] =
    Kernels.available.map { ($0.name, ProductImplementation.kernels.function($0)) }
    + [("blas", ProductImplementation.blas.function(.best))]

  /// Rows, columns and depths around the sizes of tiles, panels and blocks, and leading dimensions that collide.
  static let shapes: [(m: Int, n: Int, k: Int)] = [
    (1, 1, 1), (1, 70, 3), (2, 5, 64), (6, 16, 8), (7, 17, 9), (14, 32, 256), (15, 33, 257), (29, 31, 2),
    (3, 100, 300),
    (43, 8, 17), (200, 35, 5), (13, 65, 512), (5, 1, 1), (170, 34, 260),
  ]

  @Test(
    "are right for every transposition, tail and leading dimension", arguments: functions.indices,
    shapes.indices)
  func everyShape(_ function: Int, _ shape: Int) {
    blas_prepare()
    let (m, n, k) = Self.shapes[shape]
    let product = Self.functions[function].function
    for (transposeA, transposeB) in [(false, false), (false, true), (true, false), (true, true)] {
      for beta: Float in [0, 1, 0.5] {
        // Rows further apart than they are long; a multiple of 512 takes the path that copies A.
        let lda = shape % 2 == 0 ? (transposeA ? m : k) + 3 : 512
        let (ldb, ldc) = ((transposeB ? k : n) + 2, n + 1)
        let a = numbers((transposeA ? k : m) * lda, seed: 1)
        let b = numbers((transposeB ? n : k) * ldb, seed: 2)
        // With beta = 0 the old values must not matter.
        let before = beta == 0 ? [Float](repeating: .nan, count: m * ldc) : numbers(m * ldc, seed: 3)
        var c = before
        product(transposeA, transposeB, m, n, k, a, lda, b, ldb, beta, &c, ldc)
        let (sums, sizes) = Self.exact(
          m, n, k, a: { transposeA ? a[$1 * lda + $0] : a[$0 * lda + $1] },
          b: { transposeB ? b[$1 * ldb + $0] : b[$0 * ldb + $1] })
        for i in 0..<m {
          for j in 0..<ldc {
            let (found, old) = (c[i * ldc + j], before[i * ldc + j])
            if j == n {
              #expect(found.bitPattern == old.bitPattern, "wrote between the rows")
              continue
            }
            let expected = sums[i * n + j] + (beta == 0 ? 0 : Double(beta) * Double(old))
            // The classical bound of a sum of k products, and the addition of C.
            let bound = Double(k + 2) * 0x1p-24 * (sizes[i * n + j] + 1)
            if !(abs(Double(found) - expected) <= bound) {
              Issue.record(
                "C[\(i), \(j)] = \(found), not \(expected), \(transposeA) \(transposeB) beta \(beta)")
            }
          }
        }
      }
    }
  }

  @Test(
    "are as accurate as torch's", arguments: functions.indices,
    [(19, 35, 768), (14, 70, 3072), (67, 33, 112)])
  func accuracy(_ function: Int, _ shape: (Int, Int, Int)) throws {
    blas_prepare()
    let (m, n, k) = shape
    let product = Self.functions[function].function
    let (a, b, dc) = (numbers(m * k, seed: 10), numbers(n * k, seed: 11), numbers(m * n, seed: 12))
    var (c, da, db) = ([Float](repeating: 0, count: m * n), a, b)
    product(false, true, m, n, k, a, k, b, k, 0, &c, n)
    product(false, false, m, k, n, dc, n, b, k, 0, &da, k)
    product(true, false, n, k, m, dc, n, a, k, 0, &db, k)
    let name = "product_\(k)"
    let exactC = Self.exact(m, n, k, a: { a[$0 * k + $1] }, b: { b[$1 * k + $0] }).sums
    let exactA = Self.exact(m, k, n, a: { dc[$0 * n + $1] }, b: { b[$0 * k + $1] }).sums
    let exactB = Self.exact(n, k, m, a: { dc[$1 * n + $0] }, b: { a[$0 * k + $1] }).sums
    #expect(try largestError(c, exactC) <= TorchFixture.bound(name))
    #expect(try largestError(da, exactA) <= TorchFixture.bound(name + ".d1"))
    #expect(try largestError(db, exactB) <= TorchFixture.bound(name + ".d2"))
  }

  @Test("an element of our kernels has the same bits in every cut", arguments: Kernels.available.indices)
  func cuts(_ set: Int) {
    let (m, n, k) = (37, 70, 300)
    let product = ProductImplementation.kernels.function(Kernels.available[set])
    let (a, b) = (numbers(m * k, seed: 4), numbers(n * k, seed: 5))
    var (whole, parts) = ([Float](repeating: 0, count: m * n), [Float](repeating: 0, count: m * n))
    product(false, true, m, n, k, a, k, b, k, 0, &whole, n)
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        parts.withUnsafeMutableBufferPointer { c in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
          for i in stride(from: 0, to: m, by: 5) {
            for j in stride(from: 0, to: n, by: 11) {
              product(
                false, true, min(5, m - i), min(11, n - j), k, a + i * k, k, b + j * k, k, 0, c + i * n + j, n
              )
            }
          }
        }
      }
    }
    #expect(whole == parts)
  }

  @Test("a product over nothing is zero, or leaves what it is added to", arguments: functions.indices)
  func empty(_ function: Int) {
    blas_prepare()
    var c: [Float] = [3, 4]
    Self.functions[function].function(false, false, 1, 2, 0, [0], 1, [0], 2, 1, &c, 2)
    #expect(c == [3, 4])
    Self.functions[function].function(false, false, 1, 2, 0, [0], 1, [0], 2, 0, &c, 2)
    #expect(c == [0, 0])
  }

  @Test("panels cover a product once, whatever its shape")
  func panels() {
    for (m, n, k) in [
      (112, 3072, 768), (3072, 768, 112), (1, 1, 1), (513, 65, 10_000), (1000, 2, 3), (8, 0, 4),
    ] {
      let cut = PanelCut(rows: m, columns: n, depth: k)
      var covered = 0
      for index in 0..<cut.count {
        let panel = cut[index]
        #expect(!panel.rows.isEmpty && !panel.columns.isEmpty)
        #expect(panel.rows.upperBound <= m && panel.columns.upperBound <= n)
        covered += panel.rows.count * panel.columns.count
      }
      #expect(covered == m * n)
    }
  }
}

@Suite("the BLAS library")
struct BLASTests {
  @Test("describes itself and passes its test")
  func selfTest() throws {
    let test = BLASSelfTest(Compute(threads: 1))
    #expect(test.isCorrect, "\(test)")
    #expect(try test.largestError > 0 && #require(test.libraryGigaflops) > 0 && test.kernelGigaflops > 0)
    let library = try #require(test.library)
    #expect(!library.isEmpty && test.description.contains(library))
    // Whoever names a core gets it, slow or not.
    if getenv("OPENBLAS_CORETYPE") == nil { #expect(!test.isLibrarySlow, "\(test)") }
  }

  @Test("kernels from before AVX are noticed on a processor that has it")
  func slowCores() {
    let (best, baseline) = (Kernels.best, Kernels.available[0])
    #expect(BLASSelfTest.isSlow("OpenBLAS 0.3.21 Prescott", on: best) == (best.name != "baseline"))
    #expect(!BLASSelfTest.isSlow("OpenBLAS 0.3.21 Prescott", on: baseline))
    #expect(!BLASSelfTest.isSlow("OpenBLAS 0.3.21 SkylakeX", on: best))
    #expect(!BLASSelfTest.isSlow("Accelerate", on: best))
  }
}
