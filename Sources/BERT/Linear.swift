import CKernels
import Tensors

/// A parameter tensor: its values, and where its gradient lies in a flat block of the same layout.
package struct Parameter: @unchecked Sendable {
  package let values: UnsafeMutablePointer<Float>
  /// Floats from the start of the flat block; 0 where parameters are mapped and nothing is trained.
  package let offset: Int

  package init(_ store: ParameterStore, _ name: String) {
    values = store[name]
    offset = store.layout?.offset(of: name) ?? 0
  }
}

/// y = x·Wᵀ + b, torch's `nn.Linear`. W is (N, K), b is (N).
package struct Linear: Sendable {
  package let weight: Parameter
  package let bias: Parameter
  /// K
  package let inputSize: Int
  /// N
  package let outputSize: Int
  /// What the forward reads instead of weight and bias, where there is such a copy.
  let prepared: PreparedWeights?
  /// Whether no gradients will be asked for, so that the forward may round otherwise than training does.
  let isForInference: Bool

  package init(_ store: ParameterStore, _ name: String, inputSize: Int, outputSize: Int) {
    self.init(
      weight: Parameter(store, name + ".weight"), bias: Parameter(store, name + ".bias"),
      inputSize: inputSize,
      outputSize: outputSize, prepared: store.prepared?[name], isForInference: store.layout == nil)
  }

  package init(
    weight: Parameter, bias: Parameter, inputSize: Int, outputSize: Int, prepared: PreparedWeights? = nil,
    isForInference: Bool = false
  ) {
    (self.weight, self.bias) = (weight, bias)
    (self.inputSize, self.outputSize) = (inputSize, outputSize)
    (self.prepared, self.isForInference) = (prepared, isForInference)
  }

  /// W as a matrix, (N, K).
  private var matrix: Matrix { Matrix(weight.values, rows: outputSize, columns: inputSize) }

  /// y (T, N) = x (T, K)·Wᵀ + b
  func forward(_ x: Matrix, into y: Matrix, _ compute: Compute) {
    if inferring(x, into: y, addsBias: true, nil, compute) { return }
    compute.linear(x, weight: weight.values, bias: bias.values, into: y)
  }

  /// y (T, N) = x (T, K)·Wᵀ; the bias is left to the fused step that follows.
  func forwardWithoutBias(_ x: Matrix, into y: Matrix, _ compute: Compute) {
    if inferring(x, into: y, addsBias: false, nil, compute) { return }
    compute.linear(x, weight: weight.values, bias: nil, into: y)
  }

  /// a (T, N) = activation(x (T, K)·Wᵀ + b). `preActivation` (T, N) receives the argument, which only a backward
  /// needs; it may be `a`.
  func forward(
    _ x: Matrix, _ activation: activation_kind, preActivation: Matrix, into a: Matrix, _ compute: Compute
  ) {
    if inferring(x, into: a, addsBias: true, activation, compute) { return }
    compute.linear(
      x, weight: weight.values, bias: bias.values, activation, preActivation: preActivation, into: a)
  }

  /// The forward from prepared weights, or of a few rows from the file; false where neither is to be had.
  private func inferring(
    _ x: Matrix, into y: Matrix, addsBias: Bool, _ activation: activation_kind?, _ compute: Compute
  ) -> Bool {
    if let prepared {
      compute.linear(x, prepared, addsBias: addsBias, activation: activation, into: y)
      return true
    }
    guard isForInference, compute.prefersDots(rows: x.rows) else { return false }
    compute.linearByDots(
      x, weight: weight.values, bias: addsBias ? bias.values : nil, activation: activation, into: y)
    return true
  }

  /// Hands over the gradients of W and b, given dY (T, N) and the input x (T, K) of the forward.
  func backwardParameters(_ dy: Matrix, input x: Matrix, _ gradients: Gradients, _ compute: Compute) {
    gradients.addProduct(dy, x, to: weight, compute)
    gradients.addColumnSums(of: dy, to: bias, compute)
  }

  /// dX (T, K) = dY·W, or dX += dY·W when `adding`.
  func backwardInput(_ dy: Matrix, into dx: Matrix, adding: Bool = false, _ compute: Compute) {
    compute.product(dy, matrix, into: dx, adding: adding)
  }
}

/// The weight and bias of a layer normalisation, (C) each.
package struct LayerNorm: Sendable {
  package let weight: Parameter
  package let bias: Parameter
  package let epsilon: Float

  package init(_ store: ParameterStore, _ name: String, epsilon: Double) {
    weight = Parameter(store, name + ".weight")
    bias = Parameter(store, name + ".bias")
    self.epsilon = Float(epsilon)
  }

  /// z = dropout(x + bias) + residual in place of x, then y = LayerNorm(z). All (T, C).
  func forward(
    _ x: Matrix, bias denseBias: Parameter?, mask: DropoutMask?, residual: Matrix?, into y: Matrix,
    statistics: RowStatistics?, _ compute: Compute
  ) {
    compute.biasDropoutResidualLayerNorm(
      x, bias: denseBias?.values, mask: mask?.bytes, maskScale: mask?.scale ?? 1, residual: residual,
      gamma: weight.values, beta: bias.values, epsilon: epsilon, into: y, mean: statistics?.mean,
      rstd: statistics?.rstd)
  }

  /// Replaces dY (T, C) by dZ, and adds the gradients of weight and bias.
  func backward(
    inPlace dy: Matrix, input z: Matrix, _ statistics: RowStatistics, _ gradients: Gradients,
    _ compute: Compute
  ) {
    compute.layerNormBackwardParameters(
      dy, input: z, mean: statistics.mean, rstd: statistics.rstd, gammaGradient: gradients.values(of: weight),
      betaGradient: gradients.values(of: bias))
    compute.layerNormBackward(
      dy, input: z, mean: statistics.mean, rstd: statistics.rstd, gamma: weight.values, into: dy)
  }
}

/// The mean and the reciprocal standard deviation of each row, kept for the backward of a layer normalisation.
struct RowStatistics {
  let mean: UnsafeMutablePointer<Float>
  let rstd: UnsafeMutablePointer<Float>
}
