public import BERT
public import WordPiece

/// A fine-tuned classifier with its tokenizer: text in, labels out.
///
/// ```swift
/// let classifier = try TextClassifier("bert-iris")
/// print(try classifier("5.1 3.5 1.4 0.2"))  // [setosa 0.992]
/// ```
///
/// Scores, their order and the defaults are those of `pipeline("text-classification")` in transformers 5.23. Text
/// that is longer than the model takes is an error unless a truncation is given.
///
/// A classifier is immutable and may be used from several threads at once.
public struct TextClassifier: Sendable {
  public let model: BERTForSequenceClassification
  public let tokenizer: WordPieceTokenizer

  /// A label and how strongly it is predicted.
  public struct Prediction: Sendable, Hashable, CustomStringConvertible {
    public var label: String
    /// As the ``Function`` gives it: a probability, or with ``Function/none`` the logit.
    public var score: Float

    public init(label: String, score: Float) { (self.label, self.score) = (label, score) }

    public var description: String { "\(label) \(score)" }
  }

  /// How logits become scores.
  public enum Function: Sendable, Hashable {
    /// One of the labels: all scores add up to 1.
    case softmax
    /// Any number of the labels: each score is between 0 and 1.
    case sigmoid
    /// The logits as they are, for a regression.
    case none
  }

  /// Everything the model says of a text.
  public struct Answer: Sendable, Hashable {
    /// Of every label, the highest score first; equal ones in the order of the labels.
    public var predictions: [Prediction]
    /// In the order of the labels.
    public var logits: [Float]
  }

  /// Opens a fine-tuned model.
  ///
  /// - Parameters:
  ///   - path: as for ``Checkpoint/init(_:access:)-(String,_)``.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers; for many texts, `.packed` or `.int8`.
  /// - Throws: ``CheckpointError/noHead(folder:architecture:missing:)`` when the model has no classifier; the errors
  ///   of ``Checkpoint``; `LinearWeightsError` when `linearWeights` cannot hold the weights.
  public init(_ path: String, threads: Int? = nil, linearWeights: LinearWeights = .float32) throws {
    try self.init(Checkpoint(path), threads: threads, linearWeights: linearWeights)
  }

  /// Loads the classifier of a checkpoint.
  ///
  /// - Throws: as ``init(_:threads:linearWeights:)-(String,_,_)``.
  public init(_ checkpoint: Checkpoint, threads: Int? = nil, linearWeights: LinearWeights = .float32) throws {
    let (model, report) = try BERTForSequenceClassification.load(
      from: checkpoint, threads: threads, linearWeights: linearWeights)
    try report.requireHead(of: checkpoint, "classifier")
    try self.init(model: model, tokenizer: checkpoint.tokenizer())
  }

  /// Joins a model and the tokenizer it was trained with.
  public init(model: BERTForSequenceClassification, tokenizer: WordPieceTokenizer) {
    (self.model, self.tokenizer) = (model, tokenizer)
  }

  /// The names of the labels, in the order of the logits.
  public var labels: [String] { model.configuration.labels }

  /// The function that fits the model: none for a regression, sigmoid for one label or several at once, else softmax.
  public var defaultFunction: Function {
    switch model.configuration.problemType {
    case .regression: .none
    case .multiLabelClassification: .sigmoid
    case _ where labels.count == 1: .sigmoid
    default: .softmax
    }
  }

  /// The best labels of a text, or of a pair of texts.
  ///
  /// An empty second text is a text too, as it is in training; transformers' pipeline leaves it out.
  ///
  /// - Parameters:
  ///   - text: the only text, or the first of a pair.
  ///   - pair: the second text; nil: there is none.
  ///   - topK: how many labels, the best first; nil gives all.
  ///   - function: ``defaultFunction`` when nil.
  ///   - truncation: of a text longer than the model takes; `.none` makes that an error.
  /// - Throws: `TokenizerError` when the text is too long and `truncation` does not cut it.
  public func callAsFunction(
    _ text: String, pair: String? = nil, topK: Int? = 1, function: Function? = nil,
    truncation: Truncation = .none
  ) throws -> [Prediction] {
    try self([text], pairs: pair.map { [$0] }, topK: topK, function: function, truncation: truncation)[0]
  }

  /// The best labels of each text.
  ///
  /// - Parameters:
  ///   - texts: the only texts, or the first of each pair.
  ///   - pairs: as many second texts; nil: there are none.
  ///   - topK: how many labels, the best first; nil gives all.
  ///   - function: ``defaultFunction`` when nil.
  ///   - truncation: of texts longer than the model takes; `.none` makes them an error.
  ///   - batchSize: texts the model is given at once, padded to the longest of them; changes scores by less than
  ///     1e-6.
  /// - Throws: `TokenizerError` when a text is too long and `truncation` does not cut it.
  public func callAsFunction(
    _ texts: [String], pairs: [String]? = nil, topK: Int? = 1, function: Function? = nil,
    truncation: Truncation = .none, batchSize: Int = 1
  ) throws -> [[Prediction]] {
    try answers(texts, pairs: pairs, function: function, truncation: truncation, batchSize: batchSize).map {
      Array($0.predictions.prefix(topK ?? $0.predictions.count))
    }
  }

  /// The scores of all labels and the logits, for each text.
  ///
  /// - Parameters: as for ``callAsFunction(_:pairs:topK:function:truncation:batchSize:)``.
  /// - Throws: `TokenizerError` when a text is too long and `truncation` does not cut it.
  public func answers(
    _ texts: [String], pairs: [String]? = nil, function: Function? = nil, truncation: Truncation = .none,
    batchSize: Int = 1
  ) throws -> [Answer] {
    let function = function ?? defaultFunction
    return try tokenizer.batches(texts, pairs: pairs, truncation: truncation, size: batchSize).flatMap {
      inputs in
      let logits = try model.logits(inputs)
      return logits.rows.map { answer(logits: $0, function) }
    }
  }

  /// What logits mean.
  package func answer(logits: [Float], _ function: Function) -> Answer {
    let scores =
      switch function {
      case .softmax: softmax(logits)
      case .sigmoid: logits.map(sigmoid)
      case .none: logits
      }
    let predictions = zip(labels, scores).map { Prediction(label: $0, score: $1) }
    // Sorting is stable, so that equal scores stay in the order of the labels.
    return Answer(predictions: predictions.sorted { $0.score > $1.score }, logits: logits)
  }
}
