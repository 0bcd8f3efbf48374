import CKernels
import Testing

import Tensors

@Suite("parallel kernels")
struct ComputeTests {
  /// Everything one thread or several make of the same inputs, enough of them for many tasks.
  struct Results: Equatable {
    var floats: [String: [Float]] = [:]
    var sum = 0.0

    init(_ compute: Compute) throws {
      let (t, c, f) = (150, 200, 700)
      let names = ["x", "y", "u", "a", "w", "dw", "mean", "rstd", "gamma", "beta", "p", "m", "v", "losses"]
      let counts = [t * c, t * c, t * f, t * f, f * c, f * c, t, t, f, f, f * c, f * c, f * c, t]
      let blocks = try counts.map { try MemoryBlock(byteCount: $0 * MemoryLayout<Float>.stride) }
      let blockByName = Dictionary(uniqueKeysWithValues: zip(names, blocks))
      func floats(_ name: String) throws -> UnsafeMutablePointer<Float> {
        try #require(blockByName[name]).start.assumingMemoryBound(to: Float.self)
      }
      for (seed, (name, count)) in zip(names, counts).enumerated() {
        let values = numbers(count, seed: UInt32(seed), scale: 0.5)
        try floats(name).update(from: name == "v" ? values.map(abs) : values, count: count)
      }
      let (x, y) = (
        Matrix(try floats("x"), rows: t, columns: c), Matrix(try floats("y"), rows: t, columns: c)
      )
      let (u, a) = (
        Matrix(try floats("u"), rows: t, columns: f), Matrix(try floats("a"), rows: t, columns: f)
      )
      let (w, gamma, beta) = (try floats("w"), try floats("gamma"), try floats("beta"))
      let (mean, rstd) = (try floats("mean"), try floats("rstd"))
      let dw = Matrix(try floats("dw"), rows: f, columns: c)
      let mask = maskBytes(t * c, seed: 99)

      compute.linear(x, weight: w, bias: beta, into: u)
      compute.linear(x, weight: w, bias: gamma, ACTIVATION_GELU, preActivation: u, into: a)
      compute.product(a, transposed: true, x, into: dw)
      compute.product(a, Matrix(w, rows: f, columns: c), into: y, adding: true)
      compute.biasDropoutResidualLayerNorm(
        y, bias: beta, mask: mask, maskScale: 1.1, residual: x, gamma: gamma, beta: beta, epsilon: 1e-12,
        into: x,
        mean: mean, rstd: rstd)
      compute.layerNormBackwardParameters(
        x, input: y, mean: mean, rstd: rstd, gammaGradient: gamma, betaGradient: beta)
      compute.layerNormBackward(x, input: y, mean: mean, rstd: rstd, gamma: gamma, into: x)
      compute.dropout(x, mask: mask, scale: 1.1, into: x)
      compute.activationBackward(ACTIVATION_GELU_TANH, preActivation: u, inPlace: a)
      compute.columnSums(a, addingTo: beta)
      compute.add(a.start, to: u.start, count: u.count)
      compute.tanh(inPlace: a)
      compute.tanhBackward(output: a, inPlace: u)
      compute.crossEntropy(
        inPlace: a, targets: (0..<t).map { Int32($0 % f) }, smoothing: 0.1, weight: 0.5,
        losses: UnsafeMutableBufferPointer(start: try floats("losses"), count: t))
      compute.scale(dw.start, by: 0.25, count: dw.count)
      sum = compute.sumOfSquares(dw.start, count: dw.count)
      compute.adamW(
        parameters: try floats("p"), firstMoment: try floats("m"), secondMoment: try floats("v"),
        gradient: dw.start, OptimiserTests.step(3, learningRate: 1e-3), count: dw.count)
      for (name, count) in zip(names, counts) {
        self.floats[name] = Array(UnsafeBufferPointer(start: try floats(name), count: count))
      }
    }
  }

  @Test("results do not depend on the number of threads", arguments: ProductImplementation.allCases)
  func threads(_ products: ProductImplementation) throws {
    let one = try Results(Compute(threads: 1, products: products))
    #expect(one.floats.values.allSatisfy { $0.allSatisfy(\.isFinite) })
    for threads in [2, 3, 5] {
      #expect(try Results(Compute(threads: threads, products: products)) == one, "\(threads) threads")
    }
  }

  @Test("sets agree with one another but for rounding")
  func sets() throws {
    let first = try Results(Compute(threads: 2, instructionSet: Kernels.available[0].name))
    for kernels in Kernels.available.dropFirst() {
      let other = try Results(Compute(threads: 2, instructionSet: kernels.name, products: .kernels))
      for (name, values) in first.floats {
        let found = try #require(other.floats[name])
        let size = values.reduce(1) { max($0, abs($1)) }
        #expect(
          largestError(found, values.map(Double.init)) < 2e-5 * Double(size), "\(name), \(kernels.name)")
      }
    }
  }

  @Test("a layer is x·Wᵀ + b, and rows can be set to a bias")
  func linear() {
    var (x, w): ([Float], [Float]) = ([1, 2, 3, 4], [1, 0, 0, 1, 1, 1])
    let bias: [Float] = [10, 20, 30]
    var y = [Float](repeating: .nan, count: 6)
    let compute = Compute(threads: 1)
    let (input, output) = (Matrix(&x, rows: 2, columns: 2), Matrix(&y, rows: 2, columns: 3))
    compute.linear(input, weight: &w, bias: bias, into: output)
    #expect(y == [11, 22, 33, 13, 24, 37])
    compute.linear(input, weight: &w, bias: nil, into: output)
    #expect(y == [1, 2, 3, 3, 4, 7])
    compute.fillRows(output, with: bias)
    #expect(y == [10, 20, 30, 10, 20, 30])
  }

  @Test("embeddings are looked up in parallel as in one go")
  func embed() {
    let (rows, columns) = (300, 160)
    let tables = (0..<3).map { numbers(11 * columns, seed: UInt32($0)) }
    let ids = (0..<3).map { table in (0..<rows).map { Int32(($0 * (table + 3)) % 11) } }
    func embedded(_ threads: Int) -> [Float] {
      var out = [Float](repeating: 0, count: rows * columns)
      Compute(threads: threads).embed(
        word: tables[0], tokenType: tables[1], position: tables[2], ids: ids[0], types: ids[1],
        positions: ids[2],
        into: Matrix(&out, rows: rows, columns: columns))
      return out
    }
    let found = embedded(3)
    #expect(found == embedded(1))
    #expect(
      found[5 * columns + 7] == (tables[0][4 * columns + 7] + tables[1][9 * columns + 7])
        + tables[2][3 * columns + 7])
  }

  @Test("the instruction set can be chosen, and an unknown one is passed over")
  func choice() {
    for kernels in Kernels.available {
      #expect(Compute(threads: 1, instructionSet: kernels.name).kernels.name == kernels.name)
    }
    #expect(Compute(threads: 1, instructionSet: "mmx").kernels.name == Kernels.best.name)
    #expect(Kernels.named("mmx") == nil)
  }
}
