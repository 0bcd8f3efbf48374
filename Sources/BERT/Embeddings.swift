import Tensors

/// Word, token type and position tables, their sum, its normalisation and dropout.
///
/// Reference: `BertEmbeddings` in transformers' `modeling_bert.py`; additions in its order.
struct Embeddings: Sendable {
  let word: Parameter  // (V, C)
  let tokenType: Parameter
  let position: Parameter
  let layerNorm: LayerNorm
  let padTokenID: Int32
  let dropoutProbability: Double

  init(_ store: ParameterStore, prefix: String, _ configuration: BERTConfiguration) {
    word = Parameter(store, prefix + "embeddings.word_embeddings.weight")
    tokenType = Parameter(store, prefix + "embeddings.token_type_embeddings.weight")
    position = Parameter(store, prefix + "embeddings.position_embeddings.weight")
    layerNorm = LayerNorm(store, prefix + "embeddings.LayerNorm", epsilon: configuration.layerNormEps)
    padTokenID = Int32(clamping: configuration.padTokenID)
    dropoutProbability = configuration.hiddenDropoutProb
  }

  /// activations.output (T, C) = dropout(LayerNorm(word + tokenType + position))
  func forward(
    _ batch: Batch, _ activations: inout EmbeddingActivations, _ dropout: Dropout?, _ compute: Compute
  ) {
    compute.embed(
      word: word.values, tokenType: tokenType.values, position: position.values, ids: batch.inputIDs,
      types: batch.tokenTypeIDs, positions: batch.positions, into: activations.sum)
    layerNorm.forward(
      activations.sum, bias: nil, mask: nil, residual: nil, into: activations.output,
      statistics: activations.statistics, compute)
    activations.mask = batch.rowMask(
      activations.maskBytes, columns: activations.output.columns, probability: dropoutProbability,
      firstOnly: false, dropout)
    if let mask = activations.mask {
      compute.dropout(activations.output, mask: mask.bytes, scale: mask.scale, into: activations.output)
    }
  }

  /// Takes dY (T, C), which it overwrites, to the rows of the tables that were looked up.
  func backward(
    _ batch: Batch, _ activations: EmbeddingActivations, inPlace dy: Matrix, _ gradients: Gradients,
    _ compute: Compute
  ) {
    if let mask = activations.mask {
      compute.dropout(dy, mask: mask.bytes, scale: mask.scale, into: dy)
    }
    layerNorm.backward(inPlace: dy, input: activations.sum, activations.statistics, gradients, compute)
    for token in 0..<batch.tokenCount {
      let row = UnsafePointer(dy.start + token * dy.stride)
      // torch's padding_idx: the row of the padding token is never trained.
      if batch.inputIDs[token] != padTokenID {
        if gradients.hasDenseWordGradient {
          compute.add(
            row, to: gradients.values(of: word) + Int(batch.inputIDs[token]) * dy.columns, count: dy.columns)
        } else {
          gradients.wordRows.add(row, toRow: batch.inputIDs[token], compute)
        }
      }
      gradients.tokenTypeRows.add(row, toRow: batch.tokenTypeIDs[token], compute)
      gradients.positionRows.add(row, toRow: batch.positions[token], compute)
    }
  }
}

/// What the embeddings leave for their backward.
struct EmbeddingActivations {
  let sum: Matrix  // (T, C), before the normalisation
  let statistics: RowStatistics  // (T)
  let output: Matrix  // (T, C)
  /// Room for B·S·C mask bytes; nil in inference.
  let maskBytes: UnsafeMutablePointer<UInt8>?
  var mask: DropoutMask?
}
