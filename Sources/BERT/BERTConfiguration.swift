public import ModelFiles

/// The activation between the two products of the feed-forward block, as `hidden_act` names it.
public enum Activation: String, Sendable, CaseIterable {
  case gelu
  case geluNew = "gelu_new"
  case geluPytorchTanh = "gelu_pytorch_tanh"
  case relu
}

/// What a sequence classifier is trained for, as `problem_type` names it.
public enum ProblemType: String, Sendable, CaseIterable {
  case regression
  case singleLabelClassification = "single_label_classification"
  case multiLabelClassification = "multi_label_classification"
}

/// The BERT classes of transformers that are known here, as `architectures` names them.
public enum BERTArchitecture: String, Sendable, CaseIterable {
  case model = "BertModel"
  case sequenceClassification = "BertForSequenceClassification"
  case maskedLM = "BertForMaskedLM"
  case nextSentencePrediction = "BertForNextSentencePrediction"
  case tokenClassification = "BertForTokenClassification"
  case questionAnswering = "BertForQuestionAnswering"
  case preTraining = "BertForPreTraining"

  /// Whether the class has the dense layer over the first token.
  public var hasPooler: Bool {
    switch self {
    case .model, .sequenceClassification, .nextSentencePrediction, .preTraining: true
    case .maskedLM, .tokenClassification, .questionAnswering: false
    }
  }

  /// What the names of the encoder's weights begin with.
  public var prefix: String { self == .model ? "" : "bert." }
}

/// The shape of a BERT model and how it is trained: the typed view of its `config.json`.
///
/// Fields are named as in `BertConfig` of transformers; those that are absent have its defaults. The document itself is
/// kept, so that keys which are not known here survive.
public struct BERTConfiguration: Sendable, Equatable {
  /// V, rows of the word table.
  public var vocabSize = 30_522
  /// C
  public var hiddenSize = 768
  /// L
  public var numHiddenLayers = 12
  /// H
  public var numAttentionHeads = 12
  /// F
  public var intermediateSize = 3072
  /// Rows of the position table: the most tokens of a sequence.
  public var maxPositionEmbeddings = 512
  public var typeVocabSize = 2
  /// The id whose row of the word table is never trained.
  public var padTokenID = 0
  public var hiddenAct = Activation.gelu
  public var hiddenDropoutProb = 0.1
  public var attentionProbsDropoutProb = 0.1
  /// Nil takes ``hiddenDropoutProb``.
  public var classifierDropout: Double?
  public var layerNormEps = 1e-12
  /// Standard deviation of newly initialised weights.
  public var initializerRange = 0.02
  public var problemType: ProblemType?
  /// The names of the classes, by their number (`id2label`).
  public var labels = ["LABEL_0", "LABEL_1"]
  /// Whether the decoder of a masked language model is the word table.
  public var tieWordEmbeddings = true
  /// The document this was read from.
  public var document = JSONValue.object([])

  /// The shape of `bert-base-uncased`.
  public init() {}

  /// D, the width of one attention head.
  public var headSize: Int { hiddenSize / numAttentionHeads }

  /// Reads a configuration. Google's `bert_config.json`, which has no `model_type`, is one too.
  ///
  /// - Parameter file: named in errors.
  /// - Throws: `ConfigurationError` naming the key, what it should be and what it is.
  public init(_ document: JSONValue, file: String = "config.json") throws(ConfigurationError) {
    let view = try ConfigurationView(document, file: file)
    self.document = document
    func supported(_ key: String, _ expected: String, _ found: String?) throws(ConfigurationError) {
      if let found, found != expected {
        throw .unsupported(key: key, supported: "'\(expected)'", found: "'\(found)'", file: file)
      }
    }
    try supported("model_type", "bert", view.optionalString("model_type"))
    try supported("position_embedding_type", "absolute", view.optionalString("position_embedding_type"))
    for key in ["is_decoder", "add_cross_attention"] where try view.bool(key, default: false) {
      throw .unsupported(key: key, supported: "false", found: "true", file: file)
    }
    let sizes = 1...(1 << 28)
    vocabSize = try view.int("vocab_size", default: vocabSize, in: sizes)
    hiddenSize = try view.int("hidden_size", default: hiddenSize, in: sizes)
    numHiddenLayers = try view.int("num_hidden_layers", default: numHiddenLayers, in: 0...100_000)
    numAttentionHeads = try view.int("num_attention_heads", default: numAttentionHeads, in: sizes)
    intermediateSize = try view.int("intermediate_size", default: intermediateSize, in: sizes)
    maxPositionEmbeddings = try view.int("max_position_embeddings", default: maxPositionEmbeddings, in: sizes)
    typeVocabSize = try view.int("type_vocab_size", default: typeVocabSize, in: sizes)
    padTokenID = try view.int("pad_token_id", default: padTokenID)
    guard hiddenSize % numAttentionHeads == 0 else {
      throw .mismatch(
        key: "hidden_size", expected: "a multiple of num_attention_heads (\(numAttentionHeads))",
        found: "\(hiddenSize)", file: file)
    }
    hiddenAct = try Self.choice(view, "hidden_act") ?? hiddenAct
    hiddenDropoutProb = try view.double("hidden_dropout_prob", default: hiddenDropoutProb, in: 0...1)
    attentionProbsDropoutProb = try view.double(
      "attention_probs_dropout_prob", default: attentionProbsDropoutProb, in: 0...1)
    classifierDropout =
      view.optional("classifier_dropout") == nil ? nil : try view.double("classifier_dropout", in: 0...1)
    layerNormEps = try view.double("layer_norm_eps", default: layerNormEps, in: 0...1)
    initializerRange = try view.double("initializer_range", default: initializerRange, in: 0...1e6)
    tieWordEmbeddings = try view.bool("tie_word_embeddings", default: true)
    problemType = try Self.choice(view, "problem_type")
    labels = try Self.labels(view)
  }

  /// A string that must name a case of `Choice`.
  private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ view: ConfigurationView, _ key: String
  ) throws(ConfigurationError) -> Choice? {
    guard let text = try view.optionalString(key) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let names = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw .unsupported(key: key, supported: names, found: "'\(text)'", file: view.file)
    }
    return choice
  }

  /// The class names: `id2label`, or as many of the default form as `num_labels` says; two without either.
  private static func labels(_ view: ConfigurationView) throws(ConfigurationError) -> [String] {
    let count = try view.optionalInt("num_labels")
    guard let names = try view.optionalNamesByNumber("id2label"), !names.isEmpty else {
      return (0..<(try view.int("num_labels", default: 2, in: 1...1_000_000))).map { "LABEL_\($0)" }
    }
    if let count, count != names.count {
      throw .mismatch(
        key: "num_labels", expected: "\(names.count), as id2label has", found: "\(count)", file: view.file)
    }
    if let numbers = try view.optionalObject("label2id") {
      for (number, name) in names.enumerated() {
        // Two classes may share a name; then label2id can hold only one of them.
        guard let found = try numbers.optionalInt(name), found != number, names[safe: found] != name else { continue }
        throw .mismatch(
          key: "label2id.\(name)", expected: "\(number), as id2label has", found: "\(found)", file: view.file)
      }
    }
    return names
  }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
