package import ForeignFormats
package import ModelFiles

/// BERT as an ONNX graph.
///
/// Its weights keep the names and the layout of the checkpoint, so that they can be found, compared and replaced in the
/// file; all other values have names of their own. Inputs are `input_ids`, `attention_mask` (1 for tokens that count, 0
/// for padding) and `token_type_ids`, I64 of shape (batch, sequence), both sizes free. Outputs are named as
/// `optimum-cli export onnx` names them, see ``Head``. The graph computes in the type of the word embeddings; weights of
/// another type are converted when the graph is loaded.
///
/// B texts, S tokens each, C hidden, H heads, D head size, F feed-forward, V vocabulary, P positions.
///
/// Reference: `modeling_bert.py` of transformers. The operators are put together as onnxruntime's optimiser expects
/// them, which makes them into fewer, larger ones.
package struct BERTGraph: Sendable {
  /// The activation of the feed-forward blocks and of the token prediction head.
  package enum Activation: Sendable { case gelu, geluTanh, relu }

  /// What follows the encoder, and so what the graph gives.
  package enum Head: Sendable, Hashable {
    /// `last_hidden_state` (B, S, C), and with the pooler `pooler_output` (B, C). `optimum-cli` leaves the latter out.
    case none(hasPooler: Bool)
    /// `logits` (B, labels)
    case sequenceClassification
    /// `logits` (B, S, labels)
    case tokenClassification
    /// `logits` (B, S, V); the decoder is the table of word embeddings unless it is untied.
    case maskedLM(hasUntiedDecoder: Bool)
    /// `logits` (B, 2)
    case nextSentencePrediction
    /// `start_logits` and `end_logits` (B, S)
    case questionAnswering
    /// `prediction_logits` (B, S, V) and `seq_relationship_logits` (B, 2)
    case preTraining(hasUntiedDecoder: Bool)
  }

  package var layers: Int
  /// H; divides ``hiddenSize``.
  package var heads: Int
  /// C
  package var hiddenSize: Int
  /// F
  package var intermediateSize: Int
  /// V
  package var vocabularySize: Int
  /// P; a longer text is an error when the graph runs.
  package var positions: Int
  package var tokenTypes: Int
  package var layerNormEps: Double
  package var activation: Activation
  /// How many labels the classifier has.
  package var labels: Int
  package var head: Head

  package init(
    layers: Int, heads: Int, hiddenSize: Int, intermediateSize: Int, vocabularySize: Int, positions: Int,
    tokenTypes: Int, layerNormEps: Double, activation: Activation, labels: Int, head: Head
  ) {
    (self.layers, self.heads, self.hiddenSize) = (layers, heads, hiddenSize)
    (self.intermediateSize, self.vocabularySize) = (intermediateSize, vocabularySize)
    (self.positions, self.tokenTypes, self.layerNormEps) = (positions, tokenTypes, layerNormEps)
    (self.activation, self.labels, self.head) = (activation, labels, head)
  }

  /// What the names of the encoder's weights begin with.
  private var prefix: String {
    if case .none = head { "" } else { "bert." }
  }

  /// The graph.
  ///
  /// - Parameter weights: what is known of the weight of a Hugging Face name, or nil when there is none.
  /// - Throws: ``ONNXExportError`` when a weight is missing, does not have the shape it should, or is not of a floating
  ///   point type.
  package func graph(
    weights: @escaping (String) -> TensorInfo?
  ) throws(ONNXExportError) -> ONNXGraph {
    let words = prefix + "embeddings.word_embeddings.weight"
    guard let elementType = weights(words)?.elementType else { throw .missingWeight(words) }
    guard GraphPrecision.types.contains(elementType) else { throw .elementType(weight: words, elementType) }
    var builder = GraphBuilder(name: "bert", elementType: elementType, weights: weights)
    let inputs = ["input_ids", "attention_mask", "token_type_ids"].map { name in
      builder.input(.init(name, .int64, ["batch", "sequence"]))
    }
    var hidden = try embeddings(inputs[0], tokenTypeIDs: inputs[2], &builder)
    let mask = attentionMask(inputs[1], &builder)
    for layer in 0..<layers {
      let name = "\(prefix)encoder.layer.\(layer)"
      hidden = try attention(hidden, mask, name + ".attention", &builder)
      hidden = try feedForward(hidden, name, &builder)
    }
    try addHead(to: hidden, &builder)
    return builder.graph
  }

  /// (B, S, C) from ids (B, S) and token types (B, S).
  private func embeddings(
    _ inputIDs: String, tokenTypeIDs: String, _ builder: inout GraphBuilder
  ) throws(ONNXExportError) -> String {
    let module = prefix + "embeddings"
    let words = try builder.weight(module + ".word_embeddings.weight", [vocabularySize, hiddenSize])
    let types = try builder.weight(module + ".token_type_embeddings.weight", [tokenTypes, hiddenSize])
    let places = try builder.weight(module + ".position_embeddings.weight", [positions, hiddenSize])
    builder.module = module
    let word = builder.add("Gather", words, inputIDs)
    let type = builder.add("Gather", types, tokenTypeIDs)
    // The first S rows, (S, C), are the same for every text.
    let length = builder.add("Shape", inputIDs, attributes: [("start", .int(1)), ("end", .int(2))])
    let zero = builder.constant([0])
    let position = builder.add("Slice", places, zero, length, zero)
    let sum = builder.add("Add", builder.add("Add", word, type), position)
    // A runtime cannot tell how many rows there are, and joins additions with normalisations only where it knows.
    builder.declare(sum, ["batch", "sequence", .size(hiddenSize)])
    return try builder.layerNorm(sum, module + ".LayerNorm", size: hiddenSize, epsilon: layerNormEps)
  }

  /// (B, 1, 1, S): 0 for tokens that count, and a number far below every score for the others.
  private func attentionMask(_ mask: String, _ builder: inout GraphBuilder) -> String {
    builder.module = "attention_mask"
    // Two steps, as the optimiser expects them.
    let rows = builder.add("Unsqueeze", mask, builder.constant([1]))
    let unsqueezed = builder.add("Unsqueeze", rows, builder.constant([2]))
    let padding = builder.add("Sub", builder.constant(1.0), builder.cast(unsqueezed))
    return builder.add("Mul", padding, builder.constant(GraphPrecision.mask(builder.elementType)))
  }

  /// Self-attention with its residual and normalisation: (B, S, C) from (B, S, C).
  private func attention(
    _ hidden: String, _ mask: String, _ module: String, _ builder: inout GraphBuilder
  ) throws(ONNXExportError) -> String {
    let headSize = hiddenSize / heads
    var projections: [String] = []
    for (name, order) in [("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])] {
      let linear = try builder.linear(hidden, "\(module).self.\(name)", from: hiddenSize, to: hiddenSize)
      let split = builder.reshape(linear, [0, 0, heads, headSize])  // (B, S, H, D)
      projections.append(builder.transpose(split, order))  // (B, H, S, D), keys (B, H, D, S)
    }
    builder.module = module + ".self"
    let product = builder.add("MatMul", projections[0], projections[1])  // (B, H, S, S)
    let scores = builder.add("Div", product, builder.constant(Double(headSize).squareRoot()))
    let masked = builder.add("Add", scores, mask)
    let shares = builder.add("Softmax", masked, attributes: [("axis", .int(-1))])
    let context = builder.transpose(builder.add("MatMul", shares, projections[2]), [0, 2, 1, 3])
    let joined = builder.reshape(context, [0, 0, hiddenSize])  // (B, S, C)
    let output = try builder.linear(joined, module + ".output.dense", from: hiddenSize, to: hiddenSize)
    return try residual(output, hidden, module + ".output", &builder)
  }

  /// The feed-forward block with its residual and normalisation: (B, S, C) from (B, S, C).
  private func feedForward(
    _ hidden: String, _ module: String, _ builder: inout GraphBuilder
  ) throws(ONNXExportError) -> String {
    let intermediate = module + ".intermediate"
    let wide = try builder.linear(hidden, intermediate + ".dense", from: hiddenSize, to: intermediateSize)
    let activated = builder.activation(activation, wide, intermediate)
    let output = try builder.linear(
      activated, module + ".output.dense", from: intermediateSize, to: hiddenSize)
    return try residual(output, hidden, module + ".output", &builder)
  }

  private func residual(
    _ output: String, _ hidden: String, _ module: String, _ builder: inout GraphBuilder
  ) throws(ONNXExportError) -> String {
    builder.module = module
    let sum = builder.add("Add", output, hidden)
    return try builder.layerNorm(sum, module + ".LayerNorm", size: hiddenSize, epsilon: layerNormEps)
  }
}

// MARK: - Heads

extension BERTGraph {
  fileprivate func addHead(to hidden: String, _ builder: inout GraphBuilder) throws(ONNXExportError) {
    let (texts, tokens): ([ONNXGraph.Dimension], [ONNXGraph.Dimension]) = (["batch"], ["batch", "sequence"])
    switch head {
    case .none(let hasPooler):
      builder.output(hidden, as: "last_hidden_state", tokens + [.size(hiddenSize)])
      if hasPooler {
        builder.output(try pooled(hidden, &builder), as: "pooler_output", texts + [.size(hiddenSize)])
      }
    case .sequenceClassification:
      let logits = try builder.linear(
        pooled(hidden, &builder), "classifier", from: hiddenSize, to: labels)
      builder.output(logits, as: "logits", texts + [.size(labels)])
    case .tokenClassification:
      let logits = try builder.linear(hidden, "classifier", from: hiddenSize, to: labels)
      builder.output(logits, as: "logits", tokens + [.size(labels)])
    case .maskedLM(let hasUntiedDecoder):
      let logits = try predictions(hidden, hasUntiedDecoder: hasUntiedDecoder, &builder)
      builder.output(logits, as: "logits", tokens + [.size(vocabularySize)])
    case .nextSentencePrediction:
      builder.output(try relationship(hidden, &builder), as: "logits", texts + [2])
    case .questionAnswering:
      let logits = try builder.linear(hidden, "qa_outputs", from: hiddenSize, to: 2)
      for (column, name) in ["start_logits", "end_logits"].enumerated() {
        builder.module = name
        let index = builder.index(column)
        let scores = builder.add("Gather", logits, index, attributes: [("axis", .int(-1))])
        builder.output(scores, as: name, tokens)
      }
    case .preTraining(let hasUntiedDecoder):
      let logits = try predictions(hidden, hasUntiedDecoder: hasUntiedDecoder, &builder)
      builder.output(logits, as: "prediction_logits", tokens + [.size(vocabularySize)])
      builder.output(try relationship(hidden, &builder), as: "seq_relationship_logits", texts + [2])
    }
  }

  /// tanh(dense(first token)), (B, C).
  private func pooled(_ hidden: String, _ builder: inout GraphBuilder) throws(ONNXExportError) -> String {
    let module = prefix + "pooler"
    builder.module = module
    let index = builder.index(0)
    let first = builder.add("Gather", hidden, index, attributes: [("axis", .int(1))])
    let dense = try builder.linear(first, module + ".dense", from: hiddenSize, to: hiddenSize)
    builder.module = module
    return builder.add("Tanh", dense)
  }

  /// Scores of every vocabulary entry for every token, (B, S, V).
  private func predictions(
    _ hidden: String, hasUntiedDecoder: Bool, _ builder: inout GraphBuilder
  ) throws(ONNXExportError) -> String {
    let module = "cls.predictions"
    let transform = module + ".transform"
    let dense = try builder.linear(hidden, transform + ".dense", from: hiddenSize, to: hiddenSize)
    let activated = builder.activation(activation, dense, transform)
    let normalised = try builder.layerNorm(
      activated, transform + ".LayerNorm", size: hiddenSize, epsilon: layerNormEps)
    // The table of word embeddings is in the file once.
    let decoder = hasUntiedDecoder ? module + ".decoder" : prefix + "embeddings.word_embeddings"
    let weight = try builder.weight(decoder + ".weight", [vocabularySize, hiddenSize])
    let bias = try builder.weight(module + ".bias", [vocabularySize])
    return builder.product(normalised, transposed: weight, bias: bias, module + ".decoder")
  }

  /// Whether the second text follows the first, (B, 2).
  private func relationship(
    _ hidden: String, _ builder: inout GraphBuilder
  ) throws(ONNXExportError) -> String {
    try builder.linear(pooled(hidden, &builder), "cls.seq_relationship", from: hiddenSize, to: 2)
  }
}
