import CKernels
import Testing

import Tensors

@Suite("optimiser kernels")
struct OptimiserTests {
  static func step(_ step: Int, learningRate: Double, weightDecay: Double = 0.01) -> adamw_step {
    var factors = adamw_step()
    factors.gradient_scale = 1
    factors.decay = Float(1 - learningRate * weightDecay)
    (factors.beta1, factors.beta2) = (0.9, 0.999)
    (factors.one_minus_beta1, factors.one_minus_beta2) = (Float(1 - 0.9), Float(1 - 0.999))
    let powers = (0..<step).reduce((1.0, 1.0)) { powers, _ in (powers.0 * 0.9, powers.1 * 0.999) }
    factors.step_size = Float(learningRate / (1 - powers.0))
    factors.bias_correction2_sqrt = Float((1 - powers.1).squareRoot())
    factors.epsilon = 1e-8
    return factors
  }

  @Test("three steps are those of torch's fused AdamW", arguments: Kernels.available.indices)
  func steps(_ set: Int) throws {
    let torch = try TorchFixture.shared.get().adamw
    var p = numbers(67, seed: 20)
    var (m, v) = ([Float](repeating: 0, count: 67), [Float](repeating: 0, count: 67))
    for index in 0..<3 {
      let gradient = numbers(67, seed: UInt32(21 + index), scale: 0.1)
      Kernels.available[set].adamW(&p, &m, &v, gradient, Self.step(index + 1, learningRate: 2e-3), 67)
    }
    func distance(_ values: [Float], _ bits: [UInt32]) -> Float {
      zip(values, bits).map { abs($0 - Float(bitPattern: $1)) }.max() ?? .infinity
    }
    // Without fused operations a moment may move by a rounding of its terms; the parameters hardly ever do.
    let isFused = Kernels.available[set].name.hasPrefix("avx")
    #expect(distance(m, torch.first) <= (isFused ? 0 : Float(0.1).ulp))
    #expect(distance(v, torch.second) <= (isFused ? 0 : Float(1e-5).ulp))
    #expect(distance(p, torch.parameters) <= (isFused ? 0 : Float(1).ulp))
  }

  @Test("a missing gradient stands for zeros, and cuts do not matter", arguments: Kernels.available.indices)
  func missingGradient(_ set: Int) {
    let kernels = Kernels.available[set]
    for count in 1...67 {
      let start = (numbers(count, seed: 1), numbers(count, seed: 2), numbers(count, seed: 3).map(abs))
      var (whole, none, parts) = (start, start, start)
      let zeros = [Float](repeating: 0, count: count)
      var step = Self.step(2, learningRate: 1e-2)
      step.gradient_scale = 0.5
      kernels.adamW(&whole.0, &whole.1, &whole.2, zeros, step, count)
      kernels.adamW(&none.0, &none.1, &none.2, nil, step, count)
      #expect(whole == none)
      for index in 0..<count {
        var (p, m, v) = ([parts.0[index]], [parts.1[index]], [parts.2[index]])
        kernels.adamW(&p, &m, &v, [0], step, 1)
        (parts.0[index], parts.1[index], parts.2[index]) = (p[0], m[0], v[0])
      }
      #expect(parts == whole)
    }
  }

  @Test("the scale of the gradient comes before everything", arguments: Kernels.available.indices)
  func gradientScale(_ set: Int) {
    let gradient = numbers(40, seed: 4)
    var step = Self.step(1, learningRate: 1e-3)
    var scaled = (numbers(40, seed: 5), [Float](repeating: 0, count: 40), [Float](repeating: 0, count: 40))
    var plain = scaled
    step.gradient_scale = 0.25
    Kernels.available[set].adamW(&scaled.0, &scaled.1, &scaled.2, gradient, step, 40)
    step.gradient_scale = 1
    Kernels.available[set].adamW(&plain.0, &plain.1, &plain.2, gradient.map { $0 * 0.25 }, step, 40)
    #expect(scaled == plain)
  }

  @Test("squares are summed in double precision", arguments: Kernels.available.indices)
  func sumOfSquares(_ set: Int) {
    let sum = Kernels.available[set].set.pointee.sum_of_squares
    for count in 0...67 {
      let x = numbers(count, seed: 6)
      let exact = x.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(abs((sum?(x, count) ?? .nan) - exact) <= 1e-15 * Double(count))
    }
    // A float's squares of 1e30 would overflow, and its sums of 2^24 ones stand still.
    #expect(sum?([1e30, 1e-30], 2) == Double(Float(1e30)) * Double(Float(1e30)))
  }
}
