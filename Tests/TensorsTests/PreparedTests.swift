import CKernels
import Testing

import Tensors

/// A linear layer of odd sizes: weights in two parts whose border lies within a panel.
private struct Layer {
  let (m, n, k): (Int, Int, Int)
  let (x, w, bias): ([Float], [Float], [Float])
  /// Floats from one row of x to the next; a multiple of 512 takes the path that copies x.
  let ldx: Int

  static let shapes: [(m: Int, n: Int, k: Int, ldx: Int)] = [
    (1, 1, 1, 1), (1, 70, 3, 5), (2, 5, 64, 64), (7, 17, 9, 9), (13, 32, 256, 512), (15, 33, 257, 257),
    (28, 130, 300, 512), (43, 8, 17, 18), (200, 35, 5, 512), (5, 96, 515, 515), (530, 40, 20, 20),
  ]

  init(_ index: Int) {
    let shape = Self.shapes[index]
    (m, n, k, ldx) = (shape.m, shape.n, shape.k, shape.ldx)
    x = numbers(m * ldx, seed: 1)
    w = numbers(n * k, seed: 2)
    bias = numbers(n, seed: 3)
  }

  /// Computes y on `threads` threads; rows of the result are n apart. Columns beside y must stay as they are.
  func run(
    _ form: LinearWeights, _ kernels: Kernels, threads: Int = 1, addsBias: Bool = false,
    _ activation: activation_kind? = nil, rows: Range<Int>? = nil
  ) throws -> [Float] {
    let compute = Compute(threads: threads, instructionSet: kernels.name, products: .kernels)
    let rows = rows ?? 0..<m
    var (x, w, bias) = (x, w, bias)
    var y = [Float](repeating: .nan, count: rows.count * (n + 1))
    try x.withUnsafeMutableBufferPointer { x in
      try w.withUnsafeMutableBufferPointer { w in
        try bias.withUnsafeMutableBufferPointer { bias in
          try y.withUnsafeMutableBufferPointer { y in
            let (x, y) = try (#require(x.baseAddress), #require(y.baseAddress))
            let (w, bias) = try (#require(w.baseAddress), #require(bias.baseAddress))
            let input = Matrix(x + rows.lowerBound * ldx, rows: rows.count, columns: k, stride: ldx)
            let output = Matrix(y, rows: rows.count, columns: n, stride: n + 1)
            guard form != .float32 else {
              compute.linearByDots(
                input, weight: w, bias: addsBias ? bias : nil, activation: activation, into: output)
              return
            }
            let cut = n / 3
            let source = PreparedWeights.Source(
              name: "layer", inputs: k,
              parts: [
                .init(weight: w, bias: bias, outputs: cut),
                .init(weight: w + cut * k, bias: bias + cut, outputs: n - cut),
              ])
            let memory = try PreparedMemory(byteCount: 64 + source.byteCount(form, kernels))
            let prepared = try PreparedWeights(source, form, in: memory, at: 64, compute)
            compute.linear(input, prepared, addsBias: addsBias, activation: activation, into: output)
          }
        }
      }
    }
    #expect((0..<rows.count).allSatisfy { y[$0 * (n + 1) + n].isNaN }, "wrote between the rows")
    return (0..<rows.count).flatMap { y[$0 * (n + 1)..<$0 * (n + 1) + n] }
  }

  /// x·Wᵀ by `product`, with weights that `change` has been at.
  func product(_ kernels: Kernels, _ change: (inout [Float]) -> Void = { _ in }) -> [Float] {
    var (w, y) = (w, [Float](repeating: 0, count: m * n))
    change(&w)
    ProductImplementation.kernels.function(kernels)(false, true, m, n, k, x, ldx, w, k, 0, &y, n)
    return y
  }

  /// x·Wᵀ in bytes, written out; the sums are exact.
  func inBytes() -> [Float] {
    let weights = (0..<n).map { row in
      let values = w[row * k..<(row + 1) * k]
      let scale = values.reduce(0) { max($0, abs($1)) } / 127
      return (scale: scale, bytes: values.map { Int32(($0 / scale).rounded(.toNearestOrEven)) })
    }
    return (0..<m).flatMap { row in
      let values = x[row * ldx..<row * ldx + k]
      let (low, high) = (-min(0, values.min() ?? 0), max(0, values.max() ?? 0))
      let scale = (high + low) / 255
      let inverse = 1 / scale
      let zero = (low * inverse).rounded(.toNearestOrEven)
      let bytes = values.map {
        Int32(min(max(($0 * inverse).rounded(.toNearestOrEven) + zero, 0), 255)) - Int32(zero)
      }
      return weights.map { weight in
        Float(zip(bytes, weight.bytes).reduce(0) { $0 + $1.0 * $1.1 }) * (weight.scale * scale)
      }
    }
  }
}

@Suite("linear layers in inference")
struct PreparedTests {
  @Test(
    "packed weights give the bits of a product", arguments: Kernels.available.indices, Layer.shapes.indices)
  func packed(set: Int, shape: Int) throws {
    let (kernels, layer) = (Kernels.available[set], Layer(shape))
    #expect(try layer.run(.packed, kernels) == layer.product(kernels))
  }

  @Test(
    "halves give the bits of a product with rounded weights", arguments: Kernels.available.indices,
    Layer.shapes.indices)
  func halves(set: Int, shape: Int) throws {
    let (kernels, layer) = (Kernels.available[set], Layer(shape))
    let expected = layer.product(kernels) { weights in
      var halves = [UInt16](repeating: 0, count: weights.count)
      kernels.set.pointee.half_from_float(weights, &halves, weights.count)
      kernels.set.pointee.float_from_half(halves, &weights, weights.count)
    }
    #expect(try layer.run(.float16, kernels) == expected)
  }

  @Test(
    "bytes give the exact integer sums, scaled, on every instruction set",
    arguments: Kernels.available.indices,
    Layer.shapes.indices)
  func bytes(set: Int, shape: Int) throws {
    let layer = Layer(shape)
    #expect(try layer.run(.int8, Kernels.available[set]) == layer.inBytes())
  }

  @Test(
    "every form is as close to the exact product as its rounding allows",
    arguments: Kernels.available.indices,
    Layer.shapes.indices)
  func bounds(set: Int, shape: Int) throws {
    let (kernels, layer) = (Kernels.available[set], Layer(shape))
    let (m, n, k) = (layer.m, layer.n, layer.k)
    let (sums, sizes) = ProductTests.exact(
      m, n, k, a: { layer.x[$0 * layer.ldx + $1] }, b: { layer.w[$1 * k + $0] })
    for form in LinearWeights.allCases {
      let y = try layer.run(form, kernels)
      for i in 0..<m * n {
        let (x, w) = (
          layer.x[i / n * layer.ldx..<i / n * layer.ldx + k], layer.w[i % n * k..<(i % n + 1) * k]
        )
        var bound = Double(k + 2) * 0x1p-24 * (sizes[i] + 1)
        if form == .float16 { bound += 0x1p-11 * sizes[i] + Double(k) * 0x1p-25 }
        if form == .int8 {
          // Half a step of each factor against the other, and of both against each other.
          let stepX = Double(max(0, x.max() ?? 0) - min(0, x.min() ?? 0)) / 255
          let stepW = Double(w.reduce(0) { max($0, abs($1)) }) / 127
          let (sizeX, sizeW) = (
            x.reduce(0.0) { $0 + Double(abs($1)) }, w.reduce(0.0) { $0 + Double(abs($1)) }
          )
          // The zero point is rounded too, so that the ends of the range may lose a whole step.
          bound += stepX * sizeW + 0.5 * stepW * sizeX + 0.5 * stepX * stepW * Double(k)
        }
        if !(abs(Double(y[i]) - sums[i]) <= bound) {
          Issue.record("\(form) y[\(i / n), \(i % n)] = \(y[i]), not \(sums[i]) within \(bound)")
        }
      }
    }
  }

  @Test(
    "no bit depends on the threads, the run or the other rows", arguments: Kernels.available.indices,
    Layer.shapes.indices)
  func sameBits(set: Int, shape: Int) throws {
    let (kernels, layer) = (Kernels.available[set], Layer(shape))
    for form in LinearWeights.allCases {
      let whole = try layer.run(form, kernels, addsBias: true)
      #expect(try layer.run(form, kernels, threads: 3, addsBias: true) == whole)
      #expect(try layer.run(form, kernels, threads: 2, addsBias: true) == whole)
      let rows = layer.m / 3..<layer.m
      let part = try layer.run(form, kernels, threads: 2, addsBias: true, rows: rows)
      #expect(part == Array(whole[rows.lowerBound * layer.n..<layer.m * layer.n]))
    }
  }

  @Test(
    "bias and activation are those of the separate kernel",
    arguments: Kernels.available.indices, [ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU].indices)
  func epilogue(set: Int, activation: Int) throws {
    let kind = [ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU][activation]
    let kernels = Kernels.available[set]
    for shape in Layer.shapes.indices {
      let layer = Layer(shape)
      for form in LinearWeights.allCases {
        var u = try layer.run(form, kernels)
        var a = u
        // Subnormals are flushed within a product, so they must be here.
        let mode = floating_point_mode()
        flush_denormals(true)
        kernels.set.pointee.bias_activation(kind, &u, layer.n, layer.bias, &a, layer.n, layer.m, layer.n)
        set_floating_point_mode(mode)
        #expect(try layer.run(form, kernels, threads: 2, addsBias: true, kind) == a)
        #expect(try layer.run(form, kernels, threads: 2, addsBias: true) == u)
      }
    }
  }

  @Test("bytes of the largest sums do not overflow", arguments: Kernels.available.indices)
  func largestSums(set: Int) throws {
    let (compute, kernels) = (
      Compute(threads: 1, instructionSet: Kernels.available[set].name), Kernels.available[set]
    )
    let k = 1 << 15
    var (x, w) = ([Float](repeating: 255, count: k), [Float](repeating: -127, count: k))
    var (bias, y): ([Float], [Float]) = ([0], [0])
    let prepared: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) throws -> PreparedWeights = {
      let source = PreparedWeights.Source(
        name: "layer", inputs: k, parts: [.init(weight: $0, bias: $1, outputs: 1)])
      return try PreparedWeights(
        source, .int8, in: PreparedMemory(byteCount: source.byteCount(.int8, kernels)), at: 0, compute)
    }
    let weights = try prepared(&w, &bias)
    for sign: Float in [1, -1] {
      x = x.map { $0 * sign }
      x.withUnsafeMutableBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
          guard let x = x.baseAddress, let y = y.baseAddress else { return }
          compute.linear(
            Matrix(x, rows: 1, columns: k), weights, addsBias: false, into: Matrix(y, rows: 1, columns: 1))
        }
      }
      #expect(abs(y[0]) == 255 * 127 * Float(k))
    }
  }

  @Test("weights that a form cannot hold are refused by name")
  func refused() throws {
    let compute = Compute(threads: 1)
    func prepare(_ form: LinearWeights, _ w: [Float]) throws {
      try w.withUnsafeBufferPointer { w in
        let start = try #require(w.baseAddress)
        let source = PreparedWeights.Source(
          name: "encoder.layer.0", inputs: w.count, parts: [.init(weight: start, bias: start, outputs: 1)])
        let memory = try PreparedMemory(byteCount: source.byteCount(form, compute.kernels))
        _ = try PreparedWeights(source, form, in: memory, at: 0, compute)
      }
    }
    #expect(throws: LinearWeightsError.outsideHalf(layer: "encoder.layer.0")) {
      try prepare(.float16, [1, -65520])
    }
    #expect(throws: LinearWeightsError.tooManyInputs(layer: "encoder.layer.0", expected: 32768, found: 32769))
    {
      try prepare(.int8, [Float](repeating: 1, count: 32769))
    }
    try prepare(.float16, [1, -65504, .infinity, .nan])
    try prepare(.int8, [Float](repeating: 1, count: 32768))
    try prepare(.packed, [1e30])
  }

  @Test(
    "a weight or an activation that is not a number shows in the output", arguments: LinearWeights.allCases)
  func notNumbers(form: LinearWeights) throws {
    let compute = Compute(threads: 1)
    for (weight, value): (Float, Float) in [(.nan, 1), (1, .nan)] {
      var (x, w, bias): ([Float], [Float], [Float]) = ([1, value, 2], [1, 2, weight], [0])
      var y: [Float] = [0]
      try x.withUnsafeMutableBufferPointer { x in
        try w.withUnsafeMutableBufferPointer { w in
          try bias.withUnsafeMutableBufferPointer { bias in
            try y.withUnsafeMutableBufferPointer { y in
              let (x, y) = try (#require(x.baseAddress), #require(y.baseAddress))
              let (w, bias) = try (#require(w.baseAddress), #require(bias.baseAddress))
              let (input, output) = (Matrix(x, rows: 1, columns: 3), Matrix(y, rows: 1, columns: 1))
              guard form != .float32 else {
                return compute.linearByDots(input, weight: w, bias: bias, into: output)
              }
              let source = PreparedWeights.Source(
                name: "layer", inputs: 3, parts: [.init(weight: w, bias: bias, outputs: 1)])
              let memory = try PreparedMemory(byteCount: source.byteCount(form, compute.kernels))
              let prepared = try PreparedWeights(source, form, in: memory, at: 0, compute)
              compute.linear(input, prepared, addsBias: true, into: output)
            }
          }
        }
      }
      #expect(y[0].isNaN)
    }
  }
}
