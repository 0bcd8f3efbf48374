/// The figures of scikit-learn's `classification_report`; printing them is the caller's affair.
public struct ClassificationReport: Sendable, Hashable {
  /// A line of the report.
  public struct Row: Sendable, Hashable {
    /// What stands at the beginning of the line.
    public var name: String
    /// The figures of the line.
    public var scores: ClassScores
  }

  /// A row for each class, in the order of the class numbers asked for.
  public let classes: [Row]
  /// The share of right predictions; nil when a class that occurs is left out, where `microAverage` stands
  /// instead.
  public let accuracy: Double?
  /// Named `micro avg`; nil when it is the accuracy.
  public let microAverage: Row?
  /// Named `macro avg`.
  public let macroAverage: Row
  /// Named `weighted avg`.
  public let weightedAverage: Row
  /// The number of rows of the classes reported.
  public let support: Int

  /// Makes the report of `metrics`.
  ///
  /// - Parameters:
  ///   - metrics: of the classes that are to have a row.
  ///   - labelNames: the name of each class number; classes beyond them are named by their number.
  public init(_ metrics: ClassificationMetrics, labelNames: [String] = []) {
    classes = zip(metrics.classes, metrics.scores).map { number, scores in
      Row(name: labelNames.indices.contains(number) ? labelNames[number] : String(number), scores: scores)
    }
    let confusion = metrics.confusion
    let isComplete = (0..<confusion.classCount).allSatisfy { number in
      metrics.classes.contains(number) || confusion.support(of: number) + confusion.predicted(as: number) == 0
    }
    accuracy = isComplete ? metrics.accuracy : nil
    microAverage = isComplete ? nil : Row(name: "micro avg", scores: metrics.average(.micro))
    macroAverage = Row(name: "macro avg", scores: metrics.average(.macro))
    weightedAverage = Row(name: "weighted avg", scores: metrics.average(.weighted))
    support = metrics.scores.reduce(0) { $0 + $1.support }
  }
}
