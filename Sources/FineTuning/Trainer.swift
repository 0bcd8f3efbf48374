public import BERT
import RandomStreams
import Tensors
public import WordPiece

/// Fine-tunes a text classifier, step for step as transformers' `Trainer` does.
///
/// With the seed of a Python run, the order of the examples, the dropout masks, and to a few units in the seventh
/// digit the losses are those of that run. A trainer reports by events and prints nothing; it writes no files. It
/// trains its own copy of the model's parameters, once.
///
/// Reference: `transformers/trainer.py`; accelerate's `data_loader.py` for the order of the examples.
public final class Trainer {
  public let arguments: TrainingArguments
  /// The model in training; after ``train(on:evaluating:resuming:onEvent:)`` the trained one.
  public let model: BERTForSequenceClassification
  public private(set) var state = TrainerState()

  private let tokenizer: WordPieceTokenizer
  private let truncation: Truncation
  private let computeMetrics: ComputeMetrics
  /// How weights move; the plain way is the one to compare with.
  let updates: UpdateImplementation
  /// Holds torch's global generator as the Python run would leave it.
  let dropout: Dropout
  private var hasTrained = false
  /// While it goes on.
  private weak var run: TrainingRun?
  private var evaluationWorkspace: Workspace?

  /// Names and values from predicted classes, true classes and the number of classes; names without a prefix.
  public typealias ComputeMetrics =
    @Sendable (_ predicted: [Int], _ labels: [Int], _ classCount: Int) -> [(name: String, value: Double)]

  /// - Parameters:
  ///   - model: a single-label classifier; its parameters are copied.
  ///   - tokenizer: the model's own; turns the texts of data sets into ids.
  ///   - arguments: epochs, batch sizes, learning rate and so on.
  ///   - truncation: of texts longer than the model's positions; `.none` makes them an error.
  ///   - computeMetrics: accuracy and micro-averaged precision, recall and F1 unless given.
  /// - Throws: ``TrainingError`` when an argument is out of range; an error when memory for the copy cannot be had.
  public convenience init(
    _ model: BERTForSequenceClassification, tokenizer: WordPieceTokenizer, arguments: TrainingArguments,
    truncation: Truncation, computeMetrics: @escaping ComputeMetrics = Trainer.microAverages
  ) throws {
    try self.init(
      model, tokenizer: tokenizer, arguments: arguments, truncation: truncation,
      computeMetrics: computeMetrics, updates: .chosen)
  }

  /// As the public form; `updates` says how weights move.
  package init(
    _ model: BERTForSequenceClassification, tokenizer: WordPieceTokenizer, arguments: TrainingArguments,
    truncation: Truncation, computeMetrics: @escaping ComputeMetrics = Trainer.microAverages,
    updates: UpdateImplementation
  ) throws {
    try arguments.validate()
    let problem = BERTForSequenceClassification.problemType(model.configuration, .classes([]))
    guard problem == .singleLabelClassification else { throw TrainingError.problemType(problem.rawValue) }
    self.arguments = arguments
    self.model = BERTForSequenceClassification(network: try model.network.flattened())
    self.tokenizer = tokenizer
    self.truncation = truncation
    self.computeMetrics = computeMetrics
    self.updates = updates
    dropout = Dropout(generator: TorchGenerator(seed: arguments.seed), dialect: arguments.dialect)
  }

  /// Precision, recall and F1 averaged over all decisions, and accuracy.
  public static let microAverages: ComputeMetrics = { predicted, labels, classCount in
    let metrics = ClassificationMetrics(labels: labels, predictions: predicted, classCount: classCount)
    let average = metrics.average(.micro)
    return [
      ("precision", average.precision), ("recall", average.recall), ("f1", average.f1),
      ("accuracy", metrics.accuracy),
    ]
  }

  // MARK: Training

  /// Trains for the planned steps.
  ///
  /// - Parameters:
  ///   - dataset: at least one row; labels named as the model's.
  ///   - validation: evaluated as ``TrainingArguments/evalStrategy`` says.
  ///   - state: where an earlier run of the same arguments and data left off; the model has the weights of then. The
  ///     run ends as if it had never been left.
  ///   - onEvent: sees every event, and may stop the run; what it throws ends the run.
  /// - Throws: ``TrainingError`` when the run cannot start; ``TrainingStateError`` when it cannot go on from `state`;
  ///   `TokenizerError` for a text that is too long.
  public func train(
    on dataset: TextDataset, evaluating validation: TextDataset? = nil, resuming state: TrainingState? = nil,
    onEvent: (TrainingEvent) throws -> TrainingControl = { _ in .continue }
  ) throws -> TrainOutput {
    guard !hasTrained else { throw TrainingError.alreadyTrained }
    guard arguments.evalStrategy == .never || validation != nil else { throw TrainingError.noEvaluationData }
    let examples = try tokenized(dataset, "training")
    let evaluated = try validation.map { try tokenized($0, "validation") }
    hasTrained = true
    let run = try TrainingRun(self, examples, evaluated)
    self.run = run
    return try run.run(resuming: state, onEvent)
  }

  /// All that is needed to go on from here; nil before training and after it. At a ``TrainingEvent/checkpoint(step:)`` this is what
  /// belongs beside the weights.
  public var trainingState: TrainingState? { run?.state }

  // MARK: Evaluation

  /// Loss and metrics on a data set, under names with the given prefix. Does not join the log history.
  ///
  /// - Throws: ``TrainingError`` when the set is empty or its labels differ; `TokenizerError` for a text too long.
  public func predict(_ dataset: TextDataset, metricKeyPrefix prefix: String = "test") throws
    -> PredictionOutput
  {
    try predict(tokenized(dataset, prefix), prefix: prefix)
  }

  func predict(_ dataset: TokenizedDataset, prefix: String) throws -> PredictionOutput {
    let clock = ContinuousClock()
    let start = clock.now
    dropout.advanceDataLoader()
    let needed = dataset.capacity(batchSize: arguments.evalBatchSize)
    let held = evaluationWorkspace?.capacity
    if held?.holds(needed) != true {
      evaluationWorkspace = try Workspace(
        model.configuration, held?.union(needed) ?? needed, training: false)
    }
    var (logits, labels, lossSum, batchCount): ([[Float]], [Int], Double, Int) = ([], [], 0, 0)
    for first in stride(from: 0, to: dataset.count, by: arguments.evalBatchSize) {
      let rows = first..<min(first + arguments.evalBatchSize, dataset.count)
      let (inputs, batchLabels) = try dataset.batch(rows)
      guard let evaluationWorkspace else { break }
      let output = try model.logits(inputs, in: evaluationWorkspace)
      let columns = output.shape[1]
      let batchLogits = (0..<rows.count).map { Array(output.values[$0 * columns..<($0 + 1) * columns]) }
      // The loss of a batch counts once for each of its examples, rounded to float as it comes from the model.
      let loss = meanCrossEntropy(
        batchLogits, batchLabels, labelSmoothing: arguments.labelSmoothingFactor)
      lossSum += Double(loss) * Double(rows.count)
      logits += batchLogits
      labels += batchLabels
      batchCount += 1
    }
    let predicted = logits.map { row in row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 } }
    var metrics = LogRecord()
    metrics.append("\(prefix)_loss", Double(Float(lossSum / Double(dataset.count))))
    for metric in computeMetrics(predicted, labels, model.configuration.labels.count) {
      metrics.append("\(prefix)_\(metric.name)", metric.value)
    }
    metrics.appendSpeed(prefix, clock.now - start, samples: Double(dataset.count), steps: batchCount)
    return PredictionOutput(logits: logits, labels: labels, predicted: predicted, metrics: metrics)
  }

  private func tokenized(_ dataset: TextDataset, _ name: String) throws -> TokenizedDataset {
    guard !dataset.texts.isEmpty else { throw TrainingError.noExamples(name) }
    guard dataset.labelNames == model.configuration.labels else {
      throw TrainingError.labelMismatch(expected: model.configuration.labels, found: dataset.labelNames)
    }
    return try TokenizedDataset(dataset, tokenizer: tokenizer, truncation: truncation)
  }

  // MARK: For a run

  func updateState(_ change: (inout TrainerState) -> Void) { change(&state) }
}

extension Dropout {
  /// What every DataLoader iterator takes from the global generator: one 64-bit draw, for its workers' seed.
  func advanceDataLoader() { _ = generator.randomInt64() }
}
