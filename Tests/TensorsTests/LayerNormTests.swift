import CKernels
import Testing

import Tensors

@Suite("layer normalisation")
struct LayerNormTests {
  /// Values and gradients in double precision.
  struct Reference {
    var y: [Double] = []
    var dz: [Double] = []
    var dgamma: [Double]
    var dbeta: [Double]

    init(z: [Float], gamma: [Float], beta: [Float], dy: [Float], columns: Int, epsilon: Double = 1e-12) {
      (dgamma, dbeta) = ([Double](repeating: 0, count: columns), [Double](repeating: 0, count: columns))
      for start in stride(from: 0, to: z.count, by: columns) {
        let row = z[start..<start + columns].map(Double.init)
        let mean = row.reduce(0, +) / Double(columns)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
        let rstd = 1 / (variance + epsilon).squareRoot()
        let normal = row.map { ($0 - mean) * rstd }
        let g = (0..<columns).map { Double(dy[start + $0]) * Double(gamma[$0]) }
        let gMean = g.reduce(0, +) / Double(columns)
        let productMean = zip(g, normal).reduce(0) { $0 + $1.0 * $1.1 } / Double(columns)
        for c in 0..<columns {
          y.append(normal[c] * Double(gamma[c]) + Double(beta[c]))
          dz.append(rstd * (g[c] - gMean - normal[c] * productMean))
          dgamma[c] += Double(dy[start + c]) * normal[c]
          dbeta[c] += Double(dy[start + c])
        }
      }
    }
  }

  /// Everything the kernels make of one input.
  struct Result {
    let (z, y, dz): ([Float], [Float], [Float])
    let (dgamma, dbeta): ([Float], [Float])

    init(
      _ kernels: Kernels, x: [Float], bias: [Float]? = nil, mask: [UInt8]? = nil, scale: Float = 1,
      residual: [Float]? = nil, gamma: [Float], beta: [Float], dy: [Float], rows: Int
    ) {
      let (table, columns) = (kernels.set.pointee, gamma.count)
      var (z, y, dz) = (x, x, dy)
      var (mean, rstd) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
      func optional<T>(_ values: [T]?, _ body: (UnsafePointer<T>?) -> Void) {
        if let values { values.withUnsafeBufferPointer { body($0.baseAddress) } } else { body(nil) }
      }
      optional(bias) { bias in
        optional(mask) { mask in
          optional(residual) { residual in
            table.bias_dropout_residual_layernorm(
              &z, bias, mask, scale, residual, gamma, beta, 1e-12, &y, &mean, &rstd, rows, columns)
          }
        }
      }
      var dgamma = [Float](repeating: 0, count: columns)
      var dbeta = dgamma
      // Columns in two calls, as two threads would.
      for (first, last) in [(0, columns / 2), (columns / 2, columns)] {
        table.layernorm_backward_parameters(dy, z, mean, rstd, &dgamma, &dbeta, rows, columns, first, last)
      }
      dz.withUnsafeMutableBufferPointer {
        table.layernorm_backward($0.baseAddress, z, mean, rstd, gamma, $0.baseAddress, rows, columns)
      }
      (self.z, self.y, self.dz, self.dgamma, self.dbeta) = (z, y, dz, dgamma, dbeta)
    }
  }

  @Test(
    "is as accurate as torch's, and so are its gradients", arguments: [32, 384, 768],
    Kernels.available.indices)
  func accuracy(_ columns: Int, _ set: Int) throws {
    let x = numbers(70 * columns, seed: 5, scale: 3).map { $0 + 0.5 }
    let dy = numbers(70 * columns, seed: 6)
    let (gamma, beta) = (numbers(columns, seed: 7).map { $0 + 1 }, numbers(columns, seed: 8))
    let result = Result(Kernels.available[set], x: x, gamma: gamma, beta: beta, dy: dy, rows: 70)
    let exact = Reference(z: x, gamma: gamma, beta: beta, dy: dy, columns: columns)
    let name = "layernorm_\(columns)"
    #expect(try largestError(result.y, exact.y) <= TorchFixture.bound(name))
    #expect(try largestError(result.dz, exact.dz) <= TorchFixture.bound(name + ".d1"))
    #expect(try largestError(result.dgamma, exact.dgamma) <= TorchFixture.bound(name + ".d2"))
    #expect(try largestError(result.dbeta, exact.dbeta) <= TorchFixture.bound(name + ".d3"))
  }

  @Test(
    "adds bias, dropout and residual first, for every number of columns", arguments: Kernels.available.indices
  )
  func fused(_ set: Int) {
    for columns in 2...67 {
      let count = 2 * columns
      let (x, bias, residual) = (numbers(count, seed: 1), numbers(columns, seed: 2), numbers(count, seed: 3))
      let (mask, dy) = (maskBytes(count, seed: 4), numbers(count, seed: 5))
      let (gamma, beta) = (numbers(columns, seed: 6), numbers(columns, seed: 7))
      let result = Result(
        Kernels.available[set], x: x, bias: bias, mask: mask, scale: 1.25, residual: residual, gamma: gamma,
        beta: beta, dy: dy, rows: 2)
      let z = (0..<count).map { (mask[$0] != 0 ? (x[$0] + bias[$0 % columns]) * 1.25 : 0) + residual[$0] }
      #expect(result.z == z, "\(columns) columns")
      let exact = Reference(z: z, gamma: gamma, beta: beta, dy: dy, columns: columns)
      // Two columns may lie close together, and their gradients are then differences of large numbers.
      let tolerance = columns < 8 ? 1e-4 : 2e-6
      #expect(largestError(result.y, exact.y) < tolerance, "\(columns) columns")
      #expect(largestError(result.dz, exact.dz) < tolerance * 10, "\(columns) columns")
      #expect(largestError(result.dgamma, exact.dgamma) < tolerance, "\(columns) columns")
      #expect(largestError(result.dbeta, exact.dbeta) < 1e-6, "\(columns) columns")
    }
  }

  @Test("the reference's gradients agree with finite differences")
  func finiteDifferences() {
    let columns = 5
    let z = numbers(columns, seed: 11), dy = numbers(columns, seed: 12)
    let (gamma, beta) = (numbers(columns, seed: 13), numbers(columns, seed: 14))
    func loss(_ z: [Float], _ gamma: [Float]) -> Double {
      let y = Reference(z: z, gamma: gamma, beta: beta, dy: dy, columns: columns).y
      return zip(y, dy).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    let exact = Reference(z: z, gamma: gamma, beta: beta, dy: dy, columns: columns)
    for c in 0..<columns {
      // A step that floats near 1 represent exactly.
      let h: Float = 0x1p-12
      func moved(_ values: [Float], _ h: Float) -> [Float] {
        var values = values
        values[c] += h
        return values
      }
      let (up, down) = (moved(z, h), moved(z, -h))
      let step = Double(up[c]) - Double(down[c])
      #expect(abs((loss(up, gamma) - loss(down, gamma)) / step - exact.dz[c]) < 1e-5)
      let (gammaUp, gammaDown) = (moved(gamma, h), moved(gamma, -h))
      let gammaStep = Double(gammaUp[c]) - Double(gammaDown[c])
      #expect(abs((loss(z, gammaUp) - loss(z, gammaDown)) / gammaStep - exact.dgamma[c]) < 1e-8)
    }
  }

  @Test("a large mean does not spoil the variance", arguments: Kernels.available.indices)
  func largeMean(_ set: Int) {
    let columns = 768
    let x = numbers(columns, seed: 9).map { $0 + 4096 }
    let (gamma, beta) = ([Float](repeating: 1, count: columns), [Float](repeating: 0, count: columns))
    let result = Result(Kernels.available[set], x: x, gamma: gamma, beta: beta, dy: x, rows: 1)
    let exact = Reference(z: x, gamma: gamma, beta: beta, dy: x, columns: columns)
    // The mean, near 4096, is a float: off by up to 2.4e-4, times rstd, about 1.7. E[x²] - E[x]² would be off by 1.
    #expect(largestError(result.y, exact.y) < 5e-4)
  }

  @Test(
    "column sums do not depend on how columns are cut, nor lose digits over rows",
    arguments: Kernels.available.indices)
  func columnSums(_ set: Int) {
    let table = Kernels.available[set].set.pointee
    let (rows, columns, stride) = (1000, 45, 50)
    let x = numbers(rows * stride, seed: 10).map { $0 + 1 }
    var whole = numbers(columns, seed: 11)
    let exact = (0..<columns).map { c in
      (0..<rows).reduce(Double(whole[c])) { $0 + Double(x[$1 * stride + c]) }
    }
    var parts = whole
    table.column_sums(x, stride, &whole, rows, 0, columns)
    for first in Swift.stride(from: 0, to: columns, by: 7) {
      table.column_sums(x, stride, &parts, rows, first, min(first + 7, columns))
    }
    #expect(whole == parts)
    // Sums near 1000, whose last place is 6e-5; one chain of additions would be off by some 1e-3.
    #expect(largestError(whole, exact) < 3e-4)
  }
}
