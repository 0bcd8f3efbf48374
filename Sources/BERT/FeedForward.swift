import CKernels
import Tensors

/// The two products around the activation, with residual and normalisation.
///
/// Reference: `BertIntermediate` and `BertOutput` in transformers' `modeling_bert.py`.
struct FeedForward: Sendable {
  let intermediate: Linear  // (F, C)
  let output: Linear  // (C, F)
  let layerNorm: LayerNorm
  let activation: activation_kind
  let dropoutProbability: Double

  init(_ store: ParameterStore, _ name: String, _ configuration: BERTConfiguration) {
    let (size, inner) = (configuration.hiddenSize, configuration.intermediateSize)
    intermediate = Linear(store, name + ".intermediate.dense", inputSize: size, outputSize: inner)
    output = Linear(store, name + ".output.dense", inputSize: inner, outputSize: size)
    layerNorm = LayerNorm(store, name + ".output.LayerNorm", epsilon: configuration.layerNormEps)
    activation = configuration.hiddenAct.kernel
    dropoutProbability = configuration.hiddenDropoutProb
  }

  /// activations.output (Q, C) from the attention's output y (Q, C).
  func forward(
    _ y: Matrix, _ batch: Batch, _ activations: inout FeedForwardActivations, _ dropout: Dropout?,
    _ compute: Compute
  ) {
    intermediate.forward(
      y, activation, preActivation: activations.preActivation, into: activations.inner, compute)
    output.forwardWithoutBias(activations.inner, into: activations.sum, compute)
    activations.mask = batch.rowMask(
      activations.maskBytes, columns: y.columns, probability: dropoutProbability,
      firstOnly: y.rows != batch.tokenCount, dropout)
    layerNorm.forward(
      activations.sum, bias: output.bias, mask: activations.mask, residual: y, into: activations.output,
      statistics: activations.statistics, compute)
  }

  /// Replaces the gradient of the block's output, (Q, C), by that of its input y.
  func backward(
    input y: Matrix, _ activations: FeedForwardActivations, inPlace dy: Matrix, _ buffers: LayerGradients,
    _ gradients: Gradients, _ compute: Compute
  ) {
    layerNorm.backward(inPlace: dy, input: activations.sum, activations.statistics, gradients, compute)
    let dz = dy  // now the gradient of dropout(dense) + y
    let (dense, inner) = (buffers.feedForwardOutput, buffers.inner)
    compute.dropout(dz, mask: activations.mask, into: dense)
    output.backwardParameters(dense, input: activations.inner, gradients, compute)
    output.backwardInput(dense, into: inner, compute)
    compute.activationBackward(activation, preActivation: activations.preActivation, inPlace: inner)
    intermediate.backwardParameters(inner, input: y, gradients, compute)
    intermediate.backwardInput(inner, into: dz, adding: true, compute)
  }
}

/// What the feed-forward block leaves for its backward.
struct FeedForwardActivations {
  let preActivation: Matrix  // (Q, F), bias included; without a backward, the memory of `inner`
  let inner: Matrix  // (Q, F), after the activation
  let sum: Matrix  // (Q, C), before the normalisation
  let statistics: RowStatistics  // (T)
  let output: Matrix  // (Q, C)
  let maskBytes: UnsafeMutablePointer<UInt8>?  // (B, S, C)
  var mask: DropoutMask?

  /// The same buffers for B rows.
  func firstRows(_ count: Int) -> FeedForwardActivations {
    FeedForwardActivations(
      preActivation: preActivation.rows(0..<count), inner: inner.rows(0..<count), sum: sum.rows(0..<count),
      statistics: statistics, output: output.rows(0..<count), maskBytes: maskBytes)
  }
}

extension Activation {
  /// The kernel of this activation; both spellings of the tanh form are one function.
  var kernel: activation_kind {
    switch self {
    case .gelu: ACTIVATION_GELU
    case .geluNew, .geluPytorchTanh: ACTIVATION_GELU_TANH
    case .relu: ACTIVATION_RELU
    }
  }
}
