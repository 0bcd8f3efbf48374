public import ModelFiles

/// The activation of the feed-forward blocks and of the token prediction head, as `hidden_act` spells it.
public enum Activation: String, Sendable, Hashable, CaseIterable {
  /// x·Φ(x), by the error function.
  case gelu
  /// The tanh approximation of GELU.
  case geluNew = "gelu_new"
  /// The same function as ``geluNew``, under the name of PyTorch's own.
  case geluPytorchTanh = "gelu_pytorch_tanh"
  /// max(x, 0)
  case relu
}

/// What a sequence classifier is trained for, as `problem_type` spells it; it decides the loss.
public enum ProblemType: String, Sendable, Hashable, CaseIterable {
  /// One value for each label; mean squared error.
  case regression
  /// One class for each text; cross entropy.
  case singleLabelClassification = "single_label_classification"
  /// Any number of labels for each text; binary cross entropy.
  case multiLabelClassification = "multi_label_classification"
}

/// A class of transformers' `modeling_bert.py`, as `architectures` names it.
public enum BERTArchitecture: String, Sendable, Hashable, CaseIterable {
  /// The encoder with its pooler and no head; its tensors are named without `bert.`.
  case model = "BertModel"
  case sequenceClassification = "BertForSequenceClassification"
  case maskedLM = "BertForMaskedLM"
  case nextSentencePrediction = "BertForNextSentencePrediction"
  case tokenClassification = "BertForTokenClassification"
  case questionAnswering = "BertForQuestionAnswering"
  /// The heads of ``maskedLM`` and ``nextSentencePrediction`` together.
  case preTraining = "BertForPreTraining"

  /// Whether the class has the dense layer on the first token.
  public var hasPooler: Bool {
    switch self {
    case .model, .sequenceClassification, .nextSentencePrediction, .preTraining: true
    case .maskedLM, .tokenClassification, .questionAnswering: false
    }
  }

  /// What the names of the encoder's weights begin with.
  public var prefix: String { self == .model ? "" : "bert." }

  /// Whether the class predicts tokens, with a decoder that is tied to the word embeddings unless the
  /// configuration says otherwise.
  public var predictsTokens: Bool { self == .maskedLM || self == .preTraining }
}

/// How large a BERT model is and how it computes: `config.json`, typed.
///
/// Names and defaults are those of transformers' `BertConfig`. The document it was read from is kept, so that
/// a configuration is written back with everything that this package does not know.
public struct BERTConfiguration: Sendable, Equatable {
  /// V, `vocab_size`.
  public var vocabSize: Int
  /// C, `hidden_size`.
  public var hiddenSize: Int
  /// L, `num_hidden_layers`.
  public var numHiddenLayers: Int
  /// H, `num_attention_heads`; a divisor of ``hiddenSize``.
  public var numAttentionHeads: Int
  /// F, `intermediate_size`.
  public var intermediateSize: Int
  /// `hidden_act`
  public var hiddenAct: Activation
  /// `hidden_dropout_prob`
  public var hiddenDropoutProb: Double
  /// `attention_probs_dropout_prob`
  public var attentionProbsDropoutProb: Double
  /// `max_position_embeddings`, the longest input in tokens.
  public var maxPositionEmbeddings: Int
  /// `type_vocab_size`
  public var typeVocabSize: Int
  /// `initializer_range`, the standard deviation of new weights; 0 stands for 0.02.
  public var initializerRange: Double
  /// `layer_norm_eps`
  public var layerNormEps: Double
  /// `pad_token_id`, the row of the word embeddings that is never trained; -1 for `null`, where every row is.
  public var padTokenID: Int
  /// `classifier_dropout`; nil takes ``hiddenDropoutProb``.
  public var classifierDropout: Double?
  /// The names in `id2label` by number.
  public var labels: [String]
  /// `problem_type`; nil leaves it to the number of labels and their kind.
  public var problemType: ProblemType?
  /// `tie_word_embeddings`
  public var tieWordEmbeddings: Bool
  /// The document this was read from, unchanged; an empty object when there is none.
  public var document: JSONValue

  /// A configuration from scratch, with the values of BERT base unless given.
  ///
  /// Loading weights checks it.
  public init(
    vocabSize: Int = 30522, hiddenSize: Int = 768, numHiddenLayers: Int = 12, numAttentionHeads: Int = 12,
    intermediateSize: Int = 3072, hiddenAct: Activation = .gelu, hiddenDropoutProb: Double = 0.1,
    attentionProbsDropoutProb: Double = 0.1, maxPositionEmbeddings: Int = 512, typeVocabSize: Int = 2,
    initializerRange: Double = 0.02, layerNormEps: Double = 1e-12, padTokenID: Int = 0,
    classifierDropout: Double? = nil, labels: [String] = BERTConfiguration.defaultLabels(2),
    problemType: ProblemType? = nil, tieWordEmbeddings: Bool = true
  ) {
    (self.vocabSize, self.hiddenSize, self.numHiddenLayers) = (vocabSize, hiddenSize, numHiddenLayers)
    (self.numAttentionHeads, self.intermediateSize) = (numAttentionHeads, intermediateSize)
    (self.hiddenAct, self.hiddenDropoutProb) = (hiddenAct, hiddenDropoutProb)
    self.attentionProbsDropoutProb = attentionProbsDropoutProb
    (self.maxPositionEmbeddings, self.typeVocabSize) = (maxPositionEmbeddings, typeVocabSize)
    (self.initializerRange, self.layerNormEps, self.padTokenID) = (initializerRange, layerNormEps, padTokenID)
    (self.classifierDropout, self.labels, self.problemType) = (classifierDropout, labels, problemType)
    self.tieWordEmbeddings = tieWordEmbeddings
    document = .object([])
  }

  /// D, the columns of one attention head.
  public var headSize: Int { hiddenSize / numAttentionHeads }

  /// `LABEL_0`, `LABEL_1`, …, the names of labels that have none.
  public static func defaultLabels(_ count: Int) -> [String] { (0..<count).map { "LABEL_\($0)" } }
}

// MARK: - Checking

extension BERTConfiguration {
  // No model comes near these; they keep every product of sizes within 64 bits, and a table of weights small
  // enough to be made before anything is known of the file.
  static let sizeLimit = 1 << 22
  static let layerLimit = 1 << 12

  /// Checks that the values can be meant and fit one another.
  ///
  /// - Parameter file: named in errors.
  /// - Throws: `ConfigurationError`, which names the member of `config.json` even where the value was set in
  ///   code.
  package func check(file: String = "config.json") throws(ConfigurationError) {
    let sizes: [(key: String, value: Int, range: ClosedRange<Int>)] = [
      ("vocab_size", vocabSize, 1...Self.sizeLimit), ("hidden_size", hiddenSize, 1...Self.sizeLimit),
      ("num_hidden_layers", numHiddenLayers, 0...Self.layerLimit),
      ("num_attention_heads", numAttentionHeads, 1...Self.sizeLimit),
      ("intermediate_size", intermediateSize, 1...Self.sizeLimit),
      ("max_position_embeddings", maxPositionEmbeddings, 1...Self.sizeLimit),
      ("type_vocab_size", typeVocabSize, 1...Self.sizeLimit),
      ("pad_token_id", padTokenID, -1...max(vocabSize, 0) - 1),
      ("num_labels", labels.count, 1...Self.sizeLimit),
    ]
    for (key, value, range) in sizes where !range.contains(value) {
      throw .outOfRange(
        key: key, expected: "in \(range.lowerBound)...\(range.upperBound)", found: "\(value)", file: file)
    }
    let numbers: [(key: String, value: Double?, limit: Double)] = [
      ("hidden_dropout_prob", hiddenDropoutProb, 1),
      ("attention_probs_dropout_prob", attentionProbsDropoutProb, 1),
      ("classifier_dropout", classifierDropout, 1),
      ("layer_norm_eps", layerNormEps, .greatestFiniteMagnitude),
      ("initializer_range", initializerRange, .greatestFiniteMagnitude),
    ]
    for (key, value, limit) in numbers {
      guard let value, !(0...limit).contains(value) else { continue }
      let expected = limit == 1 ? "a probability from 0 to 1" : "a number from 0"
      throw .outOfRange(key: key, expected: expected, found: "\(value)", file: file)
    }
    guard hiddenSize % numAttentionHeads == 0 else {
      throw .mismatch(
        key: "num_attention_heads", expected: "a divisor of 'hidden_size', \(hiddenSize)",
        found: "\(numAttentionHeads)", file: file)
    }
    // transformers 5 refuses this pair too: cross entropy over one class has nothing to learn.
    guard problemType != .singleLabelClassification || labels.count > 1 else {
      throw .mismatch(
        key: "problem_type", expected: "'regression' where there is one label",
        found: "'single_label_classification'", file: file)
    }
  }
}
