import Tensors

/// tanh(dense(first token)). Reference: `BertPooler` in transformers' `modeling_bert.py`.
struct Pooler: Sendable {
  let dense: Linear

  init(_ store: ParameterStore, prefix: String, _ configuration: BERTConfiguration) {
    let size = configuration.hiddenSize
    dense = Linear(store, prefix + "pooler.dense", inputSize: size, outputSize: size)
  }

  /// The first token of every sequence as a matrix, (B, C), in place.
  static func firstTokens(_ hidden: Matrix, _ batch: Batch) -> Matrix {
    Matrix(hidden.start, rows: batch.batchSize, columns: hidden.columns, stride: batch.length * hidden.stride)
  }

  /// pooled (B, C) from the last hidden states (T, C).
  func forward(_ hidden: Matrix, _ batch: Batch, into pooled: Matrix, _ compute: Compute) {
    dense.forward(Self.firstTokens(hidden, batch), into: pooled, compute)
    compute.tanh(inPlace: pooled)
  }

  /// Replaces the gradient of `pooled` by that of its argument, and writes the gradient of the hidden states: the
  /// first tokens' rows, and zeros.
  func backward(
    _ hidden: Matrix, _ batch: Batch, pooled: Matrix, inPlace dPooled: Matrix, into dHidden: Matrix,
    _ gradients: Gradients, _ compute: Compute
  ) {
    compute.tanhBackward(output: pooled, inPlace: dPooled)
    dense.backwardParameters(dPooled, input: Self.firstTokens(hidden, batch), gradients, compute)
    dHidden.fill(0)
    dense.backwardInput(dPooled, into: Self.firstTokens(dHidden, batch), compute)
  }
}
