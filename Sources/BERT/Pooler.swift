import Tensors

/// tanh(dense(first token)). Reference: `BertPooler` in transformers' `modeling_bert.py`.
struct Pooler: Sendable {
  let dense: Linear

  init(_ store: ParameterStore, prefix: String, _ configuration: BERTConfiguration) {
    let size = configuration.hiddenSize
    dense = Linear(store, prefix + "pooler.dense", inputSize: size, outputSize: size)
  }

  /// pooled (B, C) from the last hidden states of the first tokens, (B, C).
  func forward(_ firstTokens: Matrix, into pooled: Matrix, _ compute: Compute) {
    dense.forward(firstTokens, into: pooled, compute)
    compute.tanh(inPlace: pooled)
  }

  /// Replaces the gradient of `pooled` by that of its argument, and writes that of the first tokens, (B, C).
  func backward(
    _ firstTokens: Matrix, pooled: Matrix, inPlace dPooled: Matrix, into dFirstTokens: Matrix,
    _ gradients: Gradients, _ compute: Compute
  ) {
    compute.tanhBackward(output: pooled, inPlace: dPooled)
    dense.backwardParameters(dPooled, input: firstTokens, gradients, compute)
    dense.backwardInput(dPooled, into: dFirstTokens, compute)
  }
}
