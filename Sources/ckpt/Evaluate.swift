import ArgumentParser
import Pretrained
import Reports

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure a fine-tuned model on labelled texts.",
    discussion: "Scores are those of scikit-learn's classification_report, over all labels of the model.")

  /// A part of the data set.
  enum Part: String, ExpressibleByArgument, CaseIterable { case all, train, validation, test }

  @Argument(help: "The fine-tuned model.")
  var model: String

  @OptionGroup var source: SourceOptions

  @Option(help: ArgumentHelp("The part to measure on, split as finetune splits."))
  var split = Part.all

  @OptionGroup var sizes: SplitOptions

  @Option(help: ArgumentHelp("The seed of the split.", valueName: "n"))
  var seed: UInt64 = 42

  @OptionGroup var truncation: TruncationOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var form: WeightsOption

  @Option(help: ArgumentHelp("Texts the model is given at once.", valueName: "n"))
  var batchSize = 8

  @Flag(help: "One JSON object.")
  var json = false

  func validate() throws {
    if batchSize < 1 { throw ValidationError("--batch-size is \(batchSize); give at least 1") }
    if source.dataset == nil && source.data == nil {
      throw ValidationError("give --data FILE or --dataset iris")
    }
  }

  func run() throws {
    let classifier = try TextClassifier(
      ModelSource.path(model), threads: compute.threads, linearWeights: form.weights.linearWeights)
    guard classifier.labels.count > 1, classifier.defaultFunction == .softmax else {
      throw EvaluationError.notSingleLabel(model: model)
    }
    guard var data = try source.load(labelNames: classifier.labels) else { return }
    guard data.labelNames == classifier.labels else {
      throw EvaluationError.labels(model: model, expected: classifier.labels, found: data.labelNames)
    }
    if split != .all {
      let parts = try sizes.split(data, seed: seed)
      data = split == .train ? parts.train : split == .validation ? parts.validation : parts.test
    }
    let evaluation = try Evaluation(
      classifier, data, truncation: truncation.truncation(for: classifier.tokenizer), batchSize: batchSize)
    if json {
      try Terminal.print(evaluation.json.line)
    } else {
      for line in evaluation.lines { try Terminal.print(line) }
    }
  }
}

enum EvaluationError: Error, CustomStringConvertible {
  case notSingleLabel(model: String)
  case labels(model: String, expected: [String], found: [String])

  var description: String {
    switch self {
    case .notSingleLabel(let model):
      "\(model): gives no single label to a text, and only such models can be measured; use predict"
    case .labels(let model, let expected, let found):
      "\(model): its labels are \(expected.joined(separator: ", ")), the data's \(found.joined(separator: ", ")); "
        + "measure it on the data it was made for"
    }
  }
}

/// What a classifier is worth on a data set.
private struct Evaluation {
  let labels: [String]
  private let scores: TestScores

  private var metrics: ClassificationMetrics { scores.metrics }

  init(
    _ classifier: TextClassifier, _ data: TextDataset, truncation: Truncation, batchSize: Int
  ) throws {
    labels = classifier.labels
    var (predicted, logits): ([Int], [[Double]]) = ([], [])
    var progress = Progress(total: data.count)
    defer { progress.clear() }
    for start in stride(from: 0, to: data.count, by: batchSize) {
      let rows = start..<min(start + batchSize, data.count)
      let answers = try classifier.answers(
        Array(data.texts[rows]), pairs: data.textPairs.map { Array($0[rows]) }, truncation: truncation,
        batchSize: batchSize)
      for answer in answers {
        predicted.append(answer.logits.indices.reduce(0) { answer.logits[$1] > answer.logits[$0] ? $1 : $0 })
        logits.append(answer.logits.map(Double.init))
      }
      progress.show(rows.upperBound, "\(rows.upperBound)/\(data.count)", detail: "")
    }
    scores = TestScores(labels: labels, actual: data.labels, predicted: predicted, logits: logits)
  }

  var json: JSONValue { scores.document }

  var lines: [String] {
    let report = ClassificationReport(metrics, labelNames: labels)
    var table = Table([.right, .right, .right, .right, .right])
    func add(_ row: ClassificationReport.Row) {
      let scores = row.scores
      table.add(
        row.name, scores.precision.fixed(4), scores.recall.fixed(4), scores.f1.fixed(4),
        scores.support.grouped)
    }
    table.add("", "precision", "recall", "f1-score", "support")
    table.add("")
    for row in report.classes { add(row) }
    table.add("")
    if let accuracy = report.accuracy {
      table.add("accuracy", "", "", accuracy.fixed(4), report.support.grouped)
    }
    if let micro = report.microAverage { add(micro) }
    add(report.macroAverage)
    add(report.weightedAverage)

    var confusion = Table([.right] + labels.map { _ in .right })
    confusion.add(["label \\ predicted"] + labels)
    for row in labels.indices {
      confusion.add([labels[row]] + labels.indices.map { metrics.confusion[row, $0].grouped })
    }
    return table.lines + [""] + confusion.lines
      + [
        "",
        "  loss \(scores.loss.fixed(4)) · accuracy of always answering the commonest label "
          + scores.baseline.fixed(4),
      ]
  }
}
