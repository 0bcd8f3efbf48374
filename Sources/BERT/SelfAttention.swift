import Tensors

/// Multi-head self-attention with its output projection, residual and normalisation.
///
/// Reference: `BertSelfAttention` and `BertSelfOutput` in transformers' `modeling_bert.py`.
struct SelfAttention: Sendable {
  let query: Linear
  let key: Linear
  let value: Linear
  /// The three projections as one (3C, C) product, where their weights and biases lie side by side, or a prepared copy
  /// of them does.
  let packed: Linear?
  let output: Linear
  let layerNorm: LayerNorm
  let heads: Int
  let probabilityDropout: Double
  let outputDropout: Double

  init(_ store: ParameterStore, _ name: String, _ configuration: BERTConfiguration) {
    let size = configuration.hiddenSize
    func linear(_ part: String) -> Linear { Linear(store, name + part, inputSize: size, outputSize: size) }
    (query, key, value) = (linear(".self.query"), linear(".self.key"), linear(".self.value"))
    output = linear(".output.dense")
    layerNorm = LayerNorm(store, name + ".output.LayerNorm", epsilon: configuration.layerNormEps)
    heads = configuration.numAttentionHeads
    probabilityDropout = configuration.attentionProbsDropoutProb
    outputDropout = configuration.hiddenDropoutProb
    let adjacent =
      key.weight.values == query.weight.values + size * size
      && value.weight.values == key.weight.values + size * size
      && key.bias.values == query.bias.values + size && value.bias.values == key.bias.values + size
    let prepared = store.prepared?[name + ".self"]
    packed =
      adjacent || prepared != nil
      ? Linear(
        weight: query.weight, bias: query.bias, inputSize: size, outputSize: 3 * size, prepared: prepared)
      : nil
  }

  /// activations.output (T, C) from the layer's input x (T, C).
  func forward(
    _ x: Matrix, _ batch: Batch, _ activations: inout AttentionActivations, _ dropout: Dropout?,
    _ compute: Compute
  ) {
    let size = x.columns
    if let packed {
      packed.forward(x, into: activations.queryKeyValue, compute)
    } else {
      for (index, projection) in [query, key, value].enumerated() {
        projection.forward(
          x, into: activations.queryKeyValue.columns(index * size..<(index + 1) * size), compute)
      }
    }
    let scores = batch.batchSize * heads * batch.length * batch.length
    activations.probabilityMask = activations.probabilityMaskBytes.flatMap {
      dropout?.mask($0, count: scores, probability: probabilityDropout)
    }
    compute.attentionForward(
      batch: batch.batchSize, heads: heads, tokens: batch.length, headSize: size / heads,
      qkv: activations.queryKeyValue, keep: batch.keep, mask: activations.probabilityMask?.bytes,
      maskScale: activations.probabilityMask?.scale ?? 1, probabilities: activations.probabilities,
      dropped: activations.dropped, context: activations.context)
    output.forwardWithoutBias(activations.context, into: activations.sum, compute)
    activations.outputMask = activations.outputMaskBytes.flatMap {
      dropout?.mask($0, count: activations.sum.count, probability: outputDropout)
    }
    layerNorm.forward(
      activations.sum, bias: output.bias, mask: activations.outputMask, residual: x, into: activations.output,
      statistics: activations.statistics, compute)
  }

  /// Replaces dY (T, C) by dX, and hands over the gradients of the block.
  func backward(
    input x: Matrix, _ batch: Batch, _ activations: AttentionActivations, inPlace dy: Matrix,
    _ scratch: BackwardScratch, _ gradients: Gradients, _ compute: Compute
  ) {
    layerNorm.backward(inPlace: dy, input: activations.sum, activations.statistics, gradients, compute)
    let dz = dy  // now the gradient of dropout(dense) + x
    var denseGradient = dz
    if let mask = activations.outputMask {
      compute.dropout(dz, mask: mask.bytes, scale: mask.scale, into: scratch.dropped)
      denseGradient = scratch.dropped
    }
    output.backwardParameters(denseGradient, input: activations.context, gradients, compute)
    output.backwardInput(denseGradient, into: scratch.context, compute)
    let size = x.columns
    compute.attentionBackward(
      batch: batch.batchSize, heads: heads, tokens: batch.length, headSize: size / heads,
      qkv: activations.queryKeyValue, probabilities: activations.probabilities,
      dropped: activations.probabilityMask == nil ? activations.probabilities : activations.dropped,
      mask: activations.probabilityMask?.bytes, maskScale: activations.probabilityMask?.scale ?? 1,
      contextGradient: scratch.context, qkvGradient: scratch.queryKeyValue, scratch: scratch.scores)
    if let packed {
      packed.backwardParameters(scratch.queryKeyValue, input: x, gradients, compute)
      packed.backwardInput(scratch.queryKeyValue, into: dz, adding: true, compute)
    } else {
      for (index, projection) in [query, key, value].enumerated() {
        let dq = scratch.queryKeyValue.columns(index * size..<(index + 1) * size)
        projection.backwardParameters(dq, input: x, gradients, compute)
        projection.backwardInput(dq, into: dz, adding: true, compute)
      }
    }
  }
}

/// What self-attention leaves for its backward.
struct AttentionActivations {
  let queryKeyValue: Matrix  // (T, 3C)
  let probabilities: UnsafeMutablePointer<Float>  // (B, H, S, S)
  let dropped: UnsafeMutablePointer<Float>  // (B, H, S, S), after dropout
  let context: Matrix  // (T, C)
  let sum: Matrix  // (T, C), before the normalisation
  let statistics: RowStatistics  // (T)
  let output: Matrix  // (T, C)
  let probabilityMaskBytes: UnsafeMutablePointer<UInt8>?  // (B, H, S, S)
  let outputMaskBytes: UnsafeMutablePointer<UInt8>?  // (T, C)
  var probabilityMask: DropoutMask?
  var outputMask: DropoutMask?
}
