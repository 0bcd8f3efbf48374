public import ModelFiles

extension BERTConfiguration {
  /// The document to save beside weights of `architecture`.
  ///
  /// Keys that the original had and that are not known here stay, with their spelling. Numbers that transformers'
  /// strict configuration wants as floats are written as floats. Keys are sorted, as transformers sorts them.
  ///
  /// - Parameter transformersVersion: written as `transformers_version`; nil keeps the original's.
  public func document(
    architecture: BERTArchitecture, transformersVersion: String? = nil
  ) -> JSONValue {
    var result = document.members == nil ? JSONValue.object([]) : document
    func update<Value>(_ key: String, _ value: Value, from original: Value?, as json: JSONValue)
    where Value: Equatable {
      if original == nil || original != value { result.set(key, json) }
    }
    result.set("architectures", .strings([architecture.rawValue]))
    result.set("model_type", "bert")
    for (key, value) in [
      ("vocab_size", vocabSize), ("hidden_size", hiddenSize), ("num_hidden_layers", numHiddenLayers),
      ("num_attention_heads", numAttentionHeads), ("intermediate_size", intermediateSize),
      ("max_position_embeddings", maxPositionEmbeddings), ("type_vocab_size", typeVocabSize),
      ("pad_token_id", padTokenID),
    ] {
      update(key, value, from: document[key]?.intValue, as: .number(value))
    }
    for (key, value) in [
      ("hidden_dropout_prob", hiddenDropoutProb), ("attention_probs_dropout_prob", attentionProbsDropoutProb),
      ("layer_norm_eps", layerNormEps), ("initializer_range", initializerRange),
    ] {
      // An integer where a float belongs is respelled; an equal float keeps its spelling.
      let original = document[key]?.intValue == nil ? document[key]?.doubleValue : nil
      update(key, value, from: original, as: .number(value))
    }
    update("hidden_act", hiddenAct.rawValue, from: document["hidden_act"]?.stringValue, as: .string(hiddenAct.rawValue))
    result.set("classifier_dropout", classifierDropout.map(JSONValue.number) ?? .null)
    let hasDefaultLabels = labels == ["LABEL_0", "LABEL_1"] && document["id2label"] == nil
    result.remove("num_labels")
    if !hasDefaultLabels {
      result.set(
        "id2label", .object(labels.enumerated().map { JSONValue.Member("\($0.offset)", .string($0.element)) }))
      result.set(
        "label2id",
        .object(labels.enumerated().map { JSONValue.Member($0.element, .number($0.offset)) }
          .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }))
    }
    if let problemType {
      result.set("problem_type", .string(problemType.rawValue))
    } else if document["problem_type"]?.isNull == false {
      result.remove("problem_type")
    }
    if result["dtype"] == nil { result.set("dtype", "float32") }
    result.remove("torch_dtype")
    if let transformersVersion { result.set("transformers_version", .string(transformersVersion)) }
    guard case .object(let members) = result else { return result }
    return .object(members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
  }
}
