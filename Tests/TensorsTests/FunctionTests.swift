import CKernels
import Foundation
import Testing

import Tensors

@Suite("exp, erf, tanh and the activations")
struct FunctionTests {
  typealias Function = @convention(c) (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let function: @Sendable (Kernels) -> Function
    let exact: @Sendable (Double) -> Double
    var testDescription: String { name }
  }

  static let functions = [
    Case(name: "exp", function: { $0.set.pointee.exp }, exact: { Foundation.exp($0) }),
    Case(name: "erf", function: { $0.set.pointee.erf }, exact: { Foundation.erf($0) }),
    Case(name: "tanh", function: { $0.set.pointee.tanh }, exact: { Foundation.tanh($0) }),
  ]

  /// Bit patterns spread over all exponents up to 128, of both signs.
  static let sweep: [Float] = stride(from: UInt32(0), to: 0x4300_0000, by: 40_009).flatMap {
    [Float(bitPattern: $0), -Float(bitPattern: $0)]
  }

  static func apply(_ function: Function, _ inputs: [Float]) -> [Float] {
    var outputs = inputs
    function(inputs, &outputs, inputs.count)
    return outputs
  }

  @Test("is within 2 units in the last place", arguments: functions, Kernels.available.indices)
  func accuracy(_ tested: Case, _ set: Int) {
    let outputs = Self.apply(tested.function(Kernels.available[set]), Self.sweep)
    for (x, y) in zip(Self.sweep, outputs) {
      let exact = tested.exact(Double(x))
      if exact > Double(Float.greatestFiniteMagnitude) {
        #expect(y == .infinity, "\(tested.name)(\(x))")
      } else if ulps(y, exact) > 2 {
        Issue.record("\(tested.name)(\(x)) = \(y), exact \(exact)")
      }
    }
  }

  @Test("handles infinities, zeros and NaN", arguments: Kernels.available.indices)
  func exceptionalValues(_ set: Int) {
    let table = Kernels.available[set].set.pointee
    let inputs: [Float] = [-.infinity, .infinity, .nan, 0, -0.0, -200, 200, -.greatestFiniteMagnitude]
    let exps = Self.apply(table.exp, inputs)
    #expect(exps[0] == 0 && exps[1] == .infinity && exps[2].isNaN && exps[3] == 1 && exps[4] == 1)
    #expect(exps[5] == 0 && exps[6] == .infinity && exps[7] == 0)
    for function in [table.erf, table.tanh] as [Function] {
      let values = Self.apply(function, inputs)
      #expect(values[0] == -1 && values[1] == 1 && values[2].isNaN && values[3] == 0 && values[7] == -1)
      #expect(values[4].sign == .minus && values[5] == -1 && values[6] == 1)
    }
  }

  @Test("an element has the same bits wherever it lies", arguments: functions, Kernels.available.indices)
  func tails(_ tested: Case, _ set: Int) {
    let function = tested.function(Kernels.available[set])
    for count in 1...67 {
      let inputs = numbers(count, seed: UInt32(count), scale: 5)
      var outputs = [Float](repeating: .nan, count: count + 1)
      function(inputs, &outputs, count)
      #expect(outputs[count].isNaN, "wrote beyond \(count) elements")
      #expect(
        outputs.dropLast().elementsEqual(inputs.map { Self.apply(function, [$0])[0] }), "count \(count)")
      var inPlace = inputs
      inPlace.withUnsafeMutableBufferPointer { function($0.baseAddress, $0.baseAddress, count) }
      #expect(inPlace == Array(outputs.dropLast()))
    }
  }

  // MARK: Activations

  struct Activation: Sendable, CustomTestStringConvertible {
    let kind: activation_kind
    let name: String
    let exact: @Sendable (Double) -> Double
    let derivative: @Sendable (Double) -> Double
    var testDescription: String { name }
  }

  static let activations = [
    Activation(
      kind: ACTIVATION_GELU, name: "gelu", exact: { $0 * 0.5 * erfc(-$0 / 2.0.squareRoot()) },
      derivative: {
        0.5 * erfc(-$0 / 2.0.squareRoot()) + $0 * Foundation.exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot()
      }),
    Activation(
      kind: ACTIVATION_GELU_TANH, name: "gelu_tanh",
      exact: {
        0.5 * $0 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
      },
      derivative: {
        let root = (2 / Double.pi).squareRoot()
        let t = Foundation.tanh(root * ($0 + 0.044715 * $0 * $0 * $0))
        return 0.5 * (1 + t) + 0.5 * $0 * (1 - t * t) * root * (1 + 3 * 0.044715 * $0 * $0)
      }),
    Activation(kind: ACTIVATION_RELU, name: "relu", exact: { max($0, 0) }, derivative: { $0 > 0 ? 1 : 0 }),
  ]

  static func forward(_ kind: activation_kind, _ x: [Float], _ kernels: Kernels) -> [Float] {
    var (u, a) = (x, x)
    let bias = [Float](repeating: 0, count: x.count)
    kernels.set.pointee.bias_activation(kind, &u, x.count, bias, &a, x.count, 1, x.count)
    return a
  }

  @Test("activations are as accurate as torch's", arguments: activations, Kernels.available.indices)
  func activationAccuracy(_ tested: Activation, _ set: Int) throws {
    let kernels = Kernels.available[set]
    let (x, dy) = (numbers(4096, seed: 1, scale: 8), numbers(4096, seed: 2))
    let y = Self.forward(tested.kind, x, kernels)
    #expect(try largestError(y, x.map { tested.exact(Double($0)) }) <= TorchFixture.bound(tested.name))
    var dx = dy
    kernels.set.pointee.activation_backward(tested.kind, x, &dx, dx.count)
    let exact = zip(x, dy).map { Double($1) * tested.derivative(Double($0)) }
    #expect(try largestError(dx, exact) <= TorchFixture.bound(tested.name + ".d1"))
  }

  @Test("derivatives agree with finite differences", arguments: activations)
  func finiteDifferences(_ tested: Activation) {
    let x = numbers(200, seed: 5, scale: 4)
    var derivative = [Float](repeating: 1, count: x.count)
    Kernels.best.set.pointee.activation_backward(tested.kind, x, &derivative, x.count)
    let h = 1e-5
    let differences = x.map { (tested.exact(Double($0) + h) - tested.exact(Double($0) - h)) / (2 * h) }
    // Float rounding of values up to 1.2, and h² of the difference quotient.
    #expect(largestError(derivative, differences) < 1e-6)
  }

  @Test("the negative tail of GELU keeps its relative accuracy", arguments: Kernels.available.indices)
  func negativeTail(_ set: Int) {
    let x: [Float] = [-3, -4, -5]
    let y = Self.forward(ACTIVATION_GELU, x, Kernels.available[set])
    for (x, y) in zip(x, y) {
      let exact = Double(x) * 0.5 * erfc(-Double(x) / 2.0.squareRoot())
      #expect(abs(Double(y) / exact - 1) < 1e-5, "(1 + erf)/2 would be off by 1e-2 at -5")
    }
  }

  @Test("activations of extreme values", arguments: Kernels.available.indices)
  func extremeActivations(_ set: Int) {
    for tested in Self.activations {
      let inputs: [Float] = [.nan, .infinity, 3e38, -3e38, 0]
      let y = Self.forward(tested.kind, inputs, Kernels.available[set])
      #expect(
        y[0].isNaN && y[1] == .infinity && y[2] == 3e38 && y[3] == 0 && y[4] == 0, "\(tested.name) \(y)")
      var derivative: [Float] = [1, 1, 1]
      Kernels.available[set].set.pointee.activation_backward(tested.kind, [30, -30, .nan], &derivative, 3)
      #expect(derivative[0] == 1 && derivative[1] == 0, "\(tested.name) \(derivative)")
      #expect(derivative[2].isNaN || tested.kind == ACTIVATION_RELU)
    }
  }

  @Test(
    "bias and activation of several rows, apart and in place", arguments: activations,
    Kernels.available.indices)
  func biasRows(_ tested: Activation, _ set: Int) {
    let kernels = Kernels.available[set]
    for (columns, stride) in [(1, 1), (3, 5), (16, 16), (37, 48)] {
      let (x, bias) = (numbers(3 * stride, seed: 6, scale: 3), numbers(columns, seed: 7))
      func isWithin(_ index: Int) -> Bool { index % stride < columns }
      let sums = x.indices.map { isWithin($0) ? x[$0] + bias[$0 % stride] : x[$0] }
      let activated = Self.forward(tested.kind, sums, kernels)
      var (u, a) = (x, x)
      kernels.set.pointee.bias_activation(tested.kind, &u, stride, bias, &a, stride, 3, columns)
      #expect(u == sums)
      let expected = x.indices.map { isWithin($0) ? activated[$0] : x[$0] }
      #expect(a == expected)
      a = x
      a.withUnsafeMutableBufferPointer {
        kernels.set.pointee.bias_activation(
          tested.kind, $0.baseAddress, stride, bias, $0.baseAddress, stride, 3, columns)
      }
      #expect(a == expected)
    }
  }

  @Test("the backward of tanh is as accurate as torch's", arguments: Kernels.available.indices)
  func tanhBackward(_ set: Int) throws {
    let table = Kernels.available[set].set.pointee
    let (x, dy) = (numbers(4096, seed: 1, scale: 8), numbers(4096, seed: 2))
    let y = Self.apply(table.tanh, x)
    #expect(try largestError(y, x.map { Foundation.tanh(Double($0)) }) <= TorchFixture.bound("tanh"))
    var dx = dy
    table.tanh_backward(y, dy, &dx, dx.count)
    let exact = zip(x, dy).map { Double($1) * (1 - pow(Foundation.tanh(Double($0)), 2)) }
    #expect(try largestError(dx, exact) <= TorchFixture.bound("tanh.d1"))
  }
}
