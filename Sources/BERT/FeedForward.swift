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

  /// activations.output (T, C) from the attention's output y (T, C).
  func forward(
    _ y: Matrix, _ activations: inout FeedForwardActivations, _ dropout: Dropout?, _ compute: Compute
  ) {
    intermediate.forward(
      y, activation, preActivation: activations.preActivation, into: activations.inner, compute)
    output.forwardWithoutBias(activations.inner, into: activations.sum, compute)
    activations.mask = activations.maskBytes.flatMap {
      dropout?.mask($0, count: activations.sum.count, probability: dropoutProbability)
    }
    layerNorm.forward(
      activations.sum, bias: output.bias, mask: activations.mask, residual: y, into: activations.output,
      statistics: activations.statistics, compute)
  }

  /// Replaces the gradient of the block's output, (T, C), by that of its input y.
  func backward(
    input y: Matrix, _ activations: FeedForwardActivations, inPlace dy: Matrix, _ scratch: BackwardScratch,
    _ gradients: Gradients, _ compute: Compute
  ) {
    layerNorm.backward(inPlace: dy, input: activations.sum, activations.statistics, gradients, compute)
    let dz = dy  // now the gradient of dropout(dense) + y
    var denseGradient = dz
    if let mask = activations.mask {
      compute.dropout(dz, mask: mask.bytes, scale: mask.scale, into: scratch.dropped)
      denseGradient = scratch.dropped
    }
    output.backwardParameters(denseGradient, input: activations.inner, gradients, compute)
    output.backwardInput(denseGradient, into: scratch.inner, compute)
    compute.activationBackward(activation, preActivation: activations.preActivation, inPlace: scratch.inner)
    intermediate.backwardParameters(scratch.inner, input: y, gradients, compute)
    intermediate.backwardInput(scratch.inner, into: dz, adding: true, compute)
  }
}

/// What the feed-forward block leaves for its backward.
struct FeedForwardActivations {
  let preActivation: Matrix  // (T, F), bias included
  let inner: Matrix  // (T, F), after the activation
  let sum: Matrix  // (T, C), before the normalisation
  let statistics: RowStatistics  // (T)
  let output: Matrix  // (T, C)
  let maskBytes: UnsafeMutablePointer<UInt8>?  // (T, C)
  var mask: DropoutMask?
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
