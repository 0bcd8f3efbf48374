import CKernels
import Testing

import Tensors

/// The optimiser's step in the product that makes its gradient.
@Suite("weight updates")
struct UpdateTests {
  /// Tokens, rows and columns of a weight.
  struct Shape: Sendable {
    let (tokens, rows, columns): (Int, Int, Int)
  }

  static let shapes = [
    Shape(tokens: 1, rows: 1, columns: 1), Shape(tokens: 3, rows: 13, columns: 33),
    Shape(tokens: 23, rows: 24, columns: 64), Shape(tokens: 64, rows: 50, columns: 31),
    Shape(tokens: 65, rows: 7, columns: 100), Shape(tokens: 256, rows: 37, columns: 65),
  ]

  @Test(
    "parameters and moments are those of a product and a step after it, bit for bit",
    arguments: shapes.indices, Kernels.available.indices)
  func fused(_ index: Int, _ set: Int) {
    let shape = Self.shapes[index]
    let (t, n, k) = (shape.tokens, shape.rows, shape.columns)
    // Rows of both factors are apart by more than their length.
    var (dy, x) = (numbers(t * (n + 5), seed: 1, scale: 0.1), numbers(t * (k + 3), seed: 2))
    let outputGradient = Matrix(&dy, rows: t, columns: n, stride: n + 5)
    let input = Matrix(&x, rows: t, columns: k, stride: k + 3)
    // What lies around the weight must stay.
    let (offset, count) = (2, n * k + 4)
    let start = (numbers(count, seed: 3), numbers(count, seed: 4), numbers(count, seed: 5).map(abs))
    var (fused, plain) = (start, start)
    var step = OptimiserTests.step(3, learningRate: 1e-2)
    step.gradient_scale = 0.7
    let compute = Compute(threads: 2, instructionSet: Kernels.available[set].name, products: .kernels)
    let update = WeightUpdate(outputGradient: outputGradient, input: input, offset: offset)
    var panels = [Float](repeating: .nan, count: compute.panelFloats([update]))
    compute.adamW(
      update, parameters: &fused.0, firstMoment: &fused.1, secondMoment: &fused.2, step, panels: &panels)

    var gradient = [Float](repeating: .nan, count: n * k)
    compute.product(
      outputGradient, transposed: true, input, into: Matrix(&gradient, rows: n, columns: k))
    plain.0.withUnsafeMutableBufferPointer { p in
      plain.1.withUnsafeMutableBufferPointer { m in
        plain.2.withUnsafeMutableBufferPointer { v in
          guard let p = p.baseAddress, let m = m.baseAddress, let v = v.baseAddress else { return }
          compute.adamW(
            parameters: p + offset, firstMoment: m + offset, secondMoment: v + offset, gradient: gradient,
            step, count: n * k)
        }
      }
    }
    #expect(fused == plain)
  }

  /// Values that are hard on the norm: tokens that are nearly one, and gradients that add up to nothing.
  static func alike(_ rows: Int, _ columns: Int, seed: UInt32) -> [Float] {
    let (common, own) = (numbers(columns, seed: seed), numbers(rows * columns, seed: seed + 1, scale: 1e-3))
    return (0..<rows * columns).map { common[$0 % columns] + own[$0] }
  }

  static func balanced(_ rows: Int, _ columns: Int, seed: UInt32) -> [Float] {
    var values = numbers(rows * columns, seed: seed, scale: 0.01)
    for column in 0..<columns {
      let sum = (0..<rows).reduce(Float(0)) { $0 + values[$1 * columns + column] }
      for row in 0..<rows { values[row * columns + column] -= sum / Float(rows) }
    }
    return values
  }

  @Test(
    "the norm of a gradient that is not formed is that of the formed one",
    arguments: shapes.indices, Kernels.available.indices)
  func norm(_ index: Int, _ set: Int) {
    let shape = Self.shapes[index]
    let (t, n, k) = (shape.tokens, shape.rows, shape.columns)
    let compute = Compute(threads: 2, instructionSet: Kernels.available[set].name, products: .kernels)
    let factors = [
      (numbers(t * n, seed: 7, scale: 0.1), numbers(t * k, seed: 8)),
      (numbers(t * n, seed: 7, scale: 0.1), Self.alike(t, k, seed: 9)),
      (Self.balanced(t, n, seed: 11), Self.alike(t, k, seed: 12)),
    ]
    for case (var dy, var x) in factors where t > 1 {
      var exact = 0.0
      for i in 0..<n {
        for j in 0..<k {
          let sum = (0..<t).reduce(0.0) { $0 + Double(dy[$1 * n + i]) * Double(x[$1 * k + j]) }
          exact += sum * sum
        }
      }
      let update = WeightUpdate(
        outputGradient: Matrix(&dy, rows: t, columns: n), input: Matrix(&x, rows: t, columns: k), offset: 0)
      // Centred tokens of the alike kind are known to three digits less than their values, 2⁻²⁴·1e3 each.
      #expect(abs(compute.sumOfSquares([update]) / exact - 1) < 1e-5)
    }
  }
}
