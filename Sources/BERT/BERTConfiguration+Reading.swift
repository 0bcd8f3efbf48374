public import ModelFiles

extension BERTConfiguration {
  /// Reads `config.json`, or Google's `bert_config.json`, which has no `model_type` and must state all sizes.
  ///
  /// Absent members have the defaults of `BertConfig`. Labels are numbered without gaps, and `label2id`, when
  /// it is there, is the inverse of `id2label`; transformers lets gaps and contradictions pass.
  ///
  /// - Parameters:
  ///   - document: the parsed file, an object; a member that is null counts as absent.
  ///   - file: named in errors.
  /// - Throws: `ConfigurationError` for a value of the wrong type or range, values that disagree, another
  ///   kind of model, and for decoders, cross-attention, relative positions and pruned heads, which are not
  ///   supported.
  public init(_ document: JSONValue, file: String = "config.json") throws(ConfigurationError) {
    let view = try ConfigurationView(document, file: file)
    let modelType = try view.optionalString("model_type")
    guard modelType ?? "bert" == "bert" else {
      throw .unsupported(key: "model_type", supported: "'bert'", found: "'\(modelType ?? "")'", file: file)
    }
    self.init()
    try Self.refuseVariants(view)
    func size(_ key: String, _ value: inout Int) throws(ConfigurationError) {
      value = try view.int(key, default: modelType == nil ? nil : value)
    }
    try size("vocab_size", &vocabSize)
    try size("hidden_size", &hiddenSize)
    try size("num_hidden_layers", &numHiddenLayers)
    try size("num_attention_heads", &numAttentionHeads)
    try size("intermediate_size", &intermediateSize)
    try size("max_position_embeddings", &maxPositionEmbeddings)
    try size("type_vocab_size", &typeVocabSize)
    hiddenAct = try view.choice("hidden_act", of: Activation.self) ?? hiddenAct
    hiddenDropoutProb = try view.double("hidden_dropout_prob", default: hiddenDropoutProb)
    attentionProbsDropoutProb = try view.double(
      "attention_probs_dropout_prob", default: attentionProbsDropoutProb)
    classifierDropout = try view.optionalDouble("classifier_dropout")
    initializerRange = try view.double("initializer_range", default: initializerRange)
    layerNormEps = try view.double("layer_norm_eps", default: layerNormEps)
    padTokenID = try Self.padTokenID(view) ?? -1
    labels = try Self.labels(view)
    problemType = try view.choice("problem_type", of: ProblemType.self)
    tieWordEmbeddings = try view.bool("tie_word_embeddings", default: true)
    self.document = document
    try check(file: file)
  }

  /// Refuses what would load and then compute something else.
  private static func refuseVariants(_ view: ConfigurationView) throws(ConfigurationError) {
    for key in ["is_decoder", "add_cross_attention"] where try view.bool(key, default: false) {
      throw .unsupported(key: key, supported: "false", found: "true", file: view.file)
    }
    let positions = try view.string("position_embedding_type", default: "absolute")
    guard positions == "absolute" else {
      throw .unsupported(
        key: "position_embedding_type", supported: "'absolute'", found: "'\(positions)'", file: view.file)
    }
    if let pruned = view.optional("pruned_heads"), pruned.members?.isEmpty != true {
      throw .unsupported(
        key: "pruned_heads", supported: "an empty object", found: pruned.kind, file: view.file)
    }
  }

  /// nil when the document says `null`.
  private static func padTokenID(_ view: ConfigurationView) throws(ConfigurationError) -> Int? {
    if view.value["pad_token_id"]?.isNull == true { return nil }
    return try view.int("pad_token_id", default: 0, in: 0...sizeLimit)
  }

  private static func labels(_ view: ConfigurationView) throws(ConfigurationError) -> [String] {
    let count = try view.optionalInt("num_labels")
    if let count, !(1...sizeLimit).contains(count) {
      throw .outOfRange(
        key: "num_labels", expected: "in 1...\(sizeLimit)", found: "\(count)", file: view.file)
    }
    let given = try view.optionalNamesByNumber("id2label")
    let names = given ?? defaultLabels(count ?? 2)
    guard !names.isEmpty else {
      throw .outOfRange(key: "id2label", expected: "an object with a label", found: "empty", file: view.file)
    }
    if let count, count != names.count {
      throw .mismatch(
        key: "num_labels", expected: "\(names.count), as 'id2label' has", found: "\(count)", file: view.file)
    }
    guard let numbers = try view.optionalObject("label2id") else { return names }
    func disagree(_ found: String) -> ConfigurationError {
      .mismatch(key: "label2id", expected: "the inverse of 'id2label'", found: found, file: view.file)
    }
    for member in numbers.value.members ?? [] {
      let number = try numbers.int(member.key)
      guard names.indices.contains(number), names[number].hasSameBytes(as: member.key) else {
        throw disagree("one with '\(member.key)' as \(number)")
      }
    }
    for name in names where numbers.value[name] == nil { throw disagree("one without '\(name)'") }
    return names
  }
}

extension ConfigurationView {
  /// A string that must be one of an enumeration's, or nil when it is absent.
  fileprivate func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, of choices: Choice.Type
  ) throws(ConfigurationError) -> Choice? {
    guard let text = try optionalString(key) else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    let supported = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
    throw .unsupported(key: key, supported: supported, found: "'\(text)'", file: file)
  }
}
