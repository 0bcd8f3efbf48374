public import ModelFiles

extension BERTConfiguration {
  /// The `config.json` of a model with these values: the document that was read, brought up to date.
  ///
  /// Written by `ConfigurationFile`, an unchanged configuration of transformers 5 comes out byte for byte; an
  /// older one gains the members that version 5 writes. Both version 5 and version 4 read it. As there,
  /// `id2label` and `label2id` are left out for two labels without names of their own.
  ///
  /// - Parameters:
  ///   - architecture: becomes `architectures`.
  ///   - transformersVersion: whose format it is; nil keeps what the document says.
  public func document(architecture: BERTArchitecture, transformersVersion: String? = nil) -> JSONValue {
    var json = document.members == nil ? .object([]) : document
    // Where the model came from, and options of a run; `num_labels` follows from `id2label`, and
    // `torch_dtype` is the older name of `dtype`.
    for key in ["_name_or_path", "num_labels", "output_attentions", "torch_dtype"] { json.remove(key) }
    json.set("architectures", .strings([architecture.rawValue]))
    json.set("model_type", "bert")
    // Weights are written as F32 whatever they were read from.
    json.set("dtype", "float32")
    if let transformersVersion { json.set("transformers_version", .string(transformersVersion)) }
    for (key, value) in [
      ("add_cross_attention", false), ("bos_token_id", nil), ("eos_token_id", nil), ("is_decoder", false),
      ("use_cache", true),
    ] as [(String, JSONValue)] where json[key] == nil {
      json.set(key, value)
    }
    json.update("attention_probs_dropout_prob", attentionProbsDropoutProb)
    json.update("classifier_dropout", classifierDropout)
    json.set("hidden_act", .string(hiddenAct.rawValue))
    json.update("hidden_dropout_prob", hiddenDropoutProb)
    json.update("hidden_size", hiddenSize)
    json.update("initializer_range", initializerRange)
    json.update("intermediate_size", intermediateSize)
    json.update("layer_norm_eps", layerNormEps)
    json.update("max_position_embeddings", maxPositionEmbeddings)
    json.update("num_attention_heads", numAttentionHeads)
    json.update("num_hidden_layers", numHiddenLayers)
    json.update("pad_token_id", padTokenID < 0 ? nil : padTokenID)
    json.set("tie_word_embeddings", .bool(tieWordEmbeddings))
    json.update("type_vocab_size", typeVocabSize)
    json.update("vocab_size", vocabSize)
    if let problemType {
      json.set("problem_type", .string(problemType.rawValue))
    } else {
      json.remove("problem_type")
    }
    setLabels(&json)
    return json
  }

  private func setLabels(_ json: inout JSONValue) {
    let isUnchanged = (try? BERTConfiguration(document).labels) == labels
    // transformers 5 writes `null` when it was given one map and not the other.
    let keepsNull = isUnchanged && json["label2id"]?.isNull == true
    if labels == Self.defaultLabels(2) {
      json.remove("id2label")
      if !keepsNull { json.remove("label2id") }
      return
    }
    json.set("id2label", .object(labels.enumerated().map { .init("\($0.offset)", .string($0.element)) }))
    if !keepsNull { json.set("label2id", .object(Self.numbers(of: labels))) }
  }

  /// Label to number in the order of the labels' bytes; of equal labels the last counts, as in Python.
  private static func numbers(of labels: [String]) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    let ordered = labels.enumerated().sorted { a, b in
      a.element.hasSameBytes(as: b.element) ? a.offset < b.offset : a.element.precedesInBytes(b.element)
    }
    for (number, label) in ordered {
      if members.last?.key.hasSameBytes(as: label) == true { members.removeLast() }
      members.append(.init(label, .number(number)))
    }
    return members
  }
}

extension JSONValue {
  /// Sets a number, or null, unless the member has that value already: its spelling is then kept.
  fileprivate mutating func update(_ key: String, _ value: Int?) {
    guard self[key] == nil || self[key]?.intValue != value else { return }
    set(key, value.map { .number($0) } ?? .null)
  }

  fileprivate mutating func update(_ key: String, _ value: Double?) {
    guard self[key] == nil || self[key]?.doubleValue != value else { return }
    set(key, value.map { .number($0) } ?? .null)
  }
}
