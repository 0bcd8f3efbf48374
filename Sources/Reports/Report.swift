import FineTuning
public import Pretrained

/// Everything a report says about a run, computed once: the page, the JSON and the charts all show the same numbers.
public struct Report: Sendable {
  /// What is to be looked at.
  public struct Options: Sendable {
    /// Texts of the user to ask the model about.
    public var probes: [String] = []
    /// Values along each side of the probability grid; fewer than two: none.
    public var gridSize = 31

    /// The defaults.
    public init() {}
  }

  /// A test row with what the model made of it.
  package struct Row: Sendable {
    /// Counted from 1.
    package var number: Int
    /// The row as the run wrote it.
    package var prediction: RunRecord.Prediction
    /// One a class.
    package var probabilities: [Double]
    /// Empty without a model.
    package var tokens: [ExaminedToken]
    /// The training rows most like it; for rows that are wrong or close, of the first few hundred.
    var nearest: [NearestRows.Row]
    /// The line of the source, where the run says so.
    package var line: Int?

    /// Whether the predicted class is the row's own.
    package var isRight: Bool { prediction.label == prediction.predicted }
    /// The probability of the predicted class.
    package var confidence: Double { probabilities[prediction.predicted] }

    /// How far the likeliest class is before the next.
    package var margin: Double {
      let sorted = probabilities.sorted(by: >)
      return sorted.count > 1 ? sorted[0] - sorted[1] : 1
    }
  }

  /// What is reported on.
  public let run: RunRecord
  /// Nil when the run has no test rows.
  public let scores: TestScores?
  /// In the order of the test; of very many, the most telling.
  package let rows: [Row]
  /// Nil without a model.
  package let probes: ProbeStudy?
  /// Nil without a model, or where texts are not made of numbers.
  package let grid: ProbabilityGrid?
  /// What is doubtful about the texts.
  package let health: DataHealth
  /// Nil without a second run.
  package let comparison: RunComparison?
  /// What could not be looked at, and why.
  public let notes: [String]

  /// The most rows that are shown; wrong ones come first, then close ones.
  static let rowLimit = 1000
  /// Two classes are close when their probabilities differ by less.
  static let closeMargin = 0.5

  /// Looks at a run.
  ///
  /// - Parameters:
  ///   - run: the run.
  ///   - other: a second run, to compare it with.
  ///   - classifier: the run's model; nil leaves out tokens and probes.
  ///   - options: what to look at.
  /// - Throws: what the tokenizer or the model throws.
  public init(
    _ run: RunRecord, comparedTo other: RunRecord? = nil, classifier: TextClassifier?,
    options: Options = Options()
  ) throws {
    self.run = run
    var notes = run.notes
    if !run.isDescribed {
      notes.append("there is no run.json, which says what data and settings the run had")
    }
    let usable = classifier.flatMap { classifier -> TextClassifier? in
      guard classifier.labels == run.labels, classifier.defaultFunction == .softmax else {
        notes.append("the model is not the run's own, so it was not asked: its labels or its task differ")
        return nil
      }
      return classifier
    }
    let arePairs = run.predictions.contains { $0.pair != nil }
    let examiner = try usable.map { try Examiner($0, trainTexts: run.trainTexts, arePairs: arePairs) }
    scores =
      run.predictions.isEmpty
      ? nil
      : TestScores(
        labels: run.labels, actual: run.predictions.map(\.label), predicted: run.predictions.map(\.predicted),
        logits: run.predictions.map(\.logits))
    rows = try Self.rows(run, examiner)
    probes = try examiner.map { try ProbeStudy(run, $0, own: options.probes) }
    grid = try examiner.flatMap { try ProbabilityGrid(run, $0, size: options.gridSize) }
    health = try DataHealth(run, examiner)
    comparison = other.map { RunComparison(run, $0) }
    self.notes = notes
  }

  private static func rows(_ run: RunRecord, _ examiner: Examiner?) throws -> [Row] {
    let lines = run.description.part("test")?.lineNumbers ?? []
    var rows = run.predictions.enumerated().map { index, prediction in
      Row(
        number: index + 1, prediction: prediction, probabilities: softmax(prediction.logits), tokens: [],
        nearest: [], line: lines.count == run.predictions.count ? lines[index] : nil)
    }
    if rows.count > rowLimit {
      let order = rows.sorted { one, other in
        if one.isRight != other.isRight { return other.isRight }
        return (one.margin, one.number) < (other.margin, other.number)
      }
      rows = order.prefix(rowLimit).sorted { $0.number < $1.number }
    }
    if let examiner {
      for index in rows.indices {
        rows[index].tokens = try examiner.tokens(
          rows[index].prediction.text, pair: rows[index].prediction.pair)
      }
    }
    guard !run.trainTexts.isEmpty, !run.predictions.contains(where: { $0.pair != nil }) else { return rows }
    let nearest = NearestRows(run)
    let doubtful = rows.indices.filter { !rows[$0].isRight || rows[$0].margin < closeMargin }
    for index in doubtful.prefix(200) {
      rows[index].nearest = nearest.rows(near: rows[index].prediction.text)
    }
    return rows
  }

  /// What the run amounts to, in a sentence or two.
  public var verdict: String {
    guard let scores else {
      guard let last = run.evaluations.last else {
        return "The run has no test; its training is shown below."
      }
      let accuracy = last["accuracy"].map { ", accuracy \($0.percent())" } ?? ""
      return
        "The run has no test. The last of \(run.evaluations.count.counted("evaluation")) gives a loss of "
        + "\(last.loss.fixed(3))\(accuracy)."
    }
    let (interval, correct) = (scores.accuracyInterval, scores.metrics.confusion.correct)
    var text = "\(correct.grouped) of \(scores.count.counted("test row")) are right"
    if interval.lower > scores.baseline {
      text +=
        ", clearly more than the \(scores.baseline.percent(0)) that always answering "
        + "“\(run.name(of: scores.majority ?? 0))” would get."
    } else {
      text +=
        "; so few rows do not tell this from always answering “\(run.name(of: scores.majority ?? 0))”, which gets "
        + "\(scores.baseline.percent(0))."
    }
    if scores.count < 100 {
      text +=
        " With so few rows the true accuracy may be anywhere from \(interval.lower.percent(0)) to "
        + "\(interval.upper.percent(0))."
    }
    return text
  }

  /// Whether the loss on validation rows rose again while that on training rows went on falling: from where, if so.
  package var overfitting: RunRecord.Evaluation? {
    let known = run.evaluations.filter(\.loss.isFinite)
    guard known.count > 3, let best = known.min(by: { $0.loss < $1.loss }), let last = known.last,
      last.step > best.step, last.loss > best.loss * 1.1, last.loss - best.loss > 0.02
    else { return nil }
    return best
  }

  /// The evaluation that the run kept as the best, or that has the lowest loss.
  package var bestEvaluation: RunRecord.Evaluation? {
    run.bestStep.flatMap { step in run.evaluations.first { $0.step == step } }
      ?? run.evaluations.filter(\.loss.isFinite).min { $0.loss < $1.loss }
  }
}

extension Report {
  /// What the comparison amounts to, in a sentence; nil without a second run.
  public var comparisonVerdict: String? { comparison?.verdict }
}
