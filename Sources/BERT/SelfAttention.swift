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
  /// Key and value as one (2C, C) product, on the same condition.
  let keyValue: Linear?
  /// The query, from the prepared copy where there is one.
  private let queryAlone: Linear
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
    func joined(_ first: Linear, _ outputs: Range<Int>) -> Linear? {
      let part = prepared?.outputs(outputs)
      guard adjacent || part != nil else { return nil }
      return Linear(
        weight: first.weight, bias: first.bias, inputSize: size, outputSize: outputs.count, prepared: part,
        isForInference: store.layout == nil)
    }
    (packed, keyValue) = (joined(query, 0..<3 * size), joined(key, size..<3 * size))
    queryAlone = joined(query, 0..<size) ?? query
  }

  /// activations.output (Q, C) from the layer's input x (T, C); Q is T, or B in a last layer of which only first tokens
  /// are wanted.
  func forward(
    _ x: Matrix, _ batch: Batch, _ activations: inout AttentionActivations, _ dropout: Dropout?,
    _ compute: Compute
  ) {
    let size = x.columns
    let packedRows = activations.queryKeyValue
    let firstTokens = activations.firstTokens
    var residual = x
    if let firstTokens {
      residual = firstTokens.input
      residual.gather(batch.firstRows, of: x)
      queryAlone.forward(residual, into: firstTokens.query, compute)
      project(x, keyValue, [key, value], into: packedRows.columns(size..<3 * size), compute)
    } else {
      project(x, packed, [query, key, value], into: packedRows, compute)
    }
    let layout = firstTokens == nil ? batch.attention : batch.lastAttention
    activations.probabilityMask = batch.scoreMask(
      activations.probabilityMaskBytes, layout, probability: probabilityDropout,
      firstOnly: firstTokens != nil, dropout)
    let mask = activations.probabilityMask
    compute.attentionForward(
      layout, query: activations.query, key: packedRows.columns(size..<2 * size),
      value: packedRows.columns(2 * size..<3 * size), keep: batch.keep, mask: mask?.bytes,
      maskScale: mask?.scale ?? 1, probabilities: activations.probabilities, dropped: activations.dropped,
      context: activations.context)
    output.forwardWithoutBias(activations.context, into: activations.sum, compute)
    activations.outputMask = batch.rowMask(
      activations.outputMaskBytes, columns: size, probability: outputDropout, firstOnly: firstTokens != nil,
      dropout)
    layerNorm.forward(
      activations.sum, bias: output.bias, mask: activations.outputMask, residual: residual,
      into: activations.output, statistics: activations.statistics, compute)
  }

  /// One product where projections are joined, else one for each.
  private func project(
    _ x: Matrix, _ joined: Linear?, _ parts: [Linear], into target: Matrix, _ compute: Compute
  ) {
    if let joined { return joined.forward(x, into: target, compute) }
    for (index, part) in parts.enumerated() {
      let columns = index * part.outputSize..<(index + 1) * part.outputSize
      part.forward(x, into: target.columns(columns), compute)
    }
  }

  /// Takes dY (Q, C), which it overwrites, to dX (T, C), and hands over the gradients of the block. Where Q is T, dX
  /// is in the place of dY.
  func backward(
    input x: Matrix, _ batch: Batch, _ activations: AttentionActivations, inPlace dy: Matrix, into dx: Matrix,
    _ buffers: LayerGradients, _ gradients: Gradients, _ compute: Compute
  ) {
    layerNorm.backward(inPlace: dy, input: activations.sum, activations.statistics, gradients, compute)
    let dz = dy  // now the gradient of dropout(dense) + x
    let dense = buffers.attentionOutput
    compute.dropout(dz, mask: activations.outputMask, into: dense)
    output.backwardParameters(dense, input: activations.context, gradients, compute)
    output.backwardInput(dense, into: buffers.context, compute)
    let size = x.columns
    let (rows, rowGradients) = (activations.queryKeyValue, buffers.queryKeyValue)
    let isFirstOnly = activations.firstTokens != nil
    let queryGradient = isFirstOnly ? buffers.query : rowGradients.columns(0..<size)
    let mask = activations.probabilityMask
    guard let probabilities = activations.probabilities else {
      preconditionFailure("a backward needs a workspace planned for training")
    }
    compute.attentionBackward(
      isFirstOnly ? batch.lastAttention : batch.attention, query: activations.query,
      key: rows.columns(size..<2 * size), value: rows.columns(2 * size..<3 * size),
      probabilities: probabilities, dropped: mask == nil ? probabilities : activations.dropped,
      mask: mask?.bytes, maskScale: mask?.scale ?? 1, contextGradient: buffers.context,
      queryGradient: queryGradient, keyGradient: rowGradients.columns(size..<2 * size),
      valueGradient: rowGradients.columns(2 * size..<3 * size), scratch: buffers.scores)
    if let firstTokens = activations.firstTokens {
      // The rows of first tokens move last: dx may lie where dz is.
      buffers.residual.copy(dz)
      query.backwardParameters(queryGradient, input: firstTokens.input, gradients, compute)
      query.backwardInput(queryGradient, into: buffers.residual, adding: true, compute)
      backwardProjections(
        keyValue, [key, value], rowGradients.columns(size..<3 * size), input: x, into: dx, adding: false,
        gradients, compute)
      buffers.residual.scatterAdd(to: batch.firstRows, of: dx, compute)
    } else {
      backwardProjections(
        packed, [query, key, value], rowGradients, input: x, into: dx, adding: true, gradients, compute)
    }
  }

  private func backwardProjections(
    _ joined: Linear?, _ parts: [Linear], _ dy: Matrix, input x: Matrix, into dx: Matrix, adding: Bool,
    _ gradients: Gradients, _ compute: Compute
  ) {
    if let joined {
      joined.backwardParameters(dy, input: x, gradients, compute)
      joined.backwardInput(dy, into: dx, adding: adding, compute)
      return
    }
    for (index, part) in parts.enumerated() {
      let columns = dy.columns(index * part.outputSize..<(index + 1) * part.outputSize)
      part.backwardParameters(columns, input: x, gradients, compute)
      part.backwardInput(columns, into: dx, adding: adding || index > 0, compute)
    }
  }
}

/// What self-attention leaves for its backward.
struct AttentionActivations {
  let queryKeyValue: Matrix  // (T, 3C); the queries are elsewhere where only first tokens ask
  /// (B, H, Q, S); nil when there is no backward.
  let probabilities: UnsafeMutablePointer<Float>?
  let dropped: UnsafeMutablePointer<Float>?  // (B, H, Q, S), after dropout
  let context: Matrix  // (Q, C)
  let sum: Matrix  // (Q, C), before the normalisation
  let statistics: RowStatistics  // (Q)
  let output: Matrix  // (Q, C)
  let probabilityMaskBytes: UnsafeMutablePointer<UInt8>?  // (B, H, S, S)
  let outputMaskBytes: UnsafeMutablePointer<UInt8>?  // (B, S, C)
  /// In a last layer of which only first tokens are wanted: their inputs and queries, (B, C) each.
  var firstTokens: (input: Matrix, query: Matrix)?
  var probabilityMask: DropoutMask?
  var outputMask: DropoutMask?

  /// (Q, C)
  var query: Matrix { firstTokens?.query ?? queryKeyValue.columns(0..<context.columns) }

  /// The same buffers for B queries.
  func firstTokens(_ count: Int, input: Matrix, query: Matrix) -> AttentionActivations {
    AttentionActivations(
      queryKeyValue: queryKeyValue, probabilities: probabilities, dropped: dropped,
      context: context.rows(0..<count), sum: sum.rows(0..<count), statistics: statistics,
      output: output.rows(0..<count), probabilityMaskBytes: probabilityMaskBytes,
      outputMaskBytes: outputMaskBytes, firstTokens: (input, query))
  }
}
