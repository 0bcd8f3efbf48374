/// Precision, recall and F1 of one class, or averaged over several.
///
/// A ratio whose denominator is zero is zero (`zero_division=0`), and nobody is warned.
public struct ClassScores: Sendable, Hashable {
  /// The share of rows taken for the class that are of it.
  public var precision: Double
  /// The share of the class's rows that were found.
  public var recall: Double
  /// The harmonic mean of precision and recall.
  public var f1: Double
  /// The number of rows of the class.
  public var support: Int

  /// - Parameters:
  ///   - hits: rows of the class that were taken for it.
  ///   - predicted: rows taken for the class.
  ///   - support: rows of the class.
  init(hits: Int, predicted: Int, support: Int) {
    func ratio(_ part: Int, _ whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
    precision = ratio(hits, predicted)
    recall = ratio(hits, support)
    f1 = ratio(2 * hits, support + predicted)
    self.support = support
  }

  init(precision: Double, recall: Double, f1: Double, support: Int) {
    (self.precision, self.recall, self.f1, self.support) = (precision, recall, f1, support)
  }
}

/// How the scores of the classes become one.
public enum ScoreAverage: String, Sendable, CaseIterable {
  /// Every row counts alike. With one label a row and no class left out, all three scores are the accuracy.
  case micro
  /// Every class counts alike.
  case macro
  /// Every class counts by its support.
  case weighted
}

/// The scores of a classifier, equal to scikit-learn's (`accuracy_score`, `precision_recall_fscore_support`,
/// `confusion_matrix`).
public struct ClassificationMetrics: Sendable, Hashable {
  /// The counts the scores are made of.
  public let confusion: ConfusionMatrix
  /// The classes that are scored, in the order of `scores`.
  public let classes: [Int]
  /// The scores of each of `classes`.
  public let scores: [ClassScores]

  /// Scores predictions.
  ///
  /// - Parameters:
  ///   - labels: the true class of each row.
  ///   - predictions: the predicted class of each row.
  ///   - classes: the classes to score and average over, like scikit-learn's `labels`; nil takes those that
  ///     occur among labels or predictions, as scikit-learn does.
  ///   - classCount: the number of classes of the model; nil takes the largest class number + 1.
  /// - Precondition: as many predictions as labels; every class number is below `classCount`.
  public init(labels: [Int], predictions: [Int], classes: [Int]? = nil, classCount: Int? = nil) {
    let largest = (labels + predictions + (classes ?? [])).max() ?? -1
    let confusion = ConfusionMatrix(
      labels: labels, predictions: predictions, classCount: classCount ?? largest + 1)
    let (support, predicted) = (
      (0..<confusion.classCount).map(confusion.support), (0..<confusion.classCount).map(confusion.predicted)
    )
    let classes = classes ?? support.indices.filter { support[$0] + predicted[$0] > 0 }
    self.confusion = confusion
    self.classes = classes
    scores = classes.map {
      ClassScores(hits: confusion[$0, $0], predicted: predicted[$0], support: support[$0])
    }
  }

  /// The share of rows whose prediction is right; 0 when there are none.
  public var accuracy: Double {
    confusion.total == 0 ? 0 : Double(confusion.correct) / Double(confusion.total)
  }

  /// The scores of all `classes` together.
  public func average(_ average: ScoreAverage) -> ClassScores {
    let support = scores.reduce(0) { $0 + $1.support }
    switch average {
    case .micro:
      return ClassScores(
        hits: classes.reduce(0) { $0 + confusion[$1, $1] },
        predicted: classes.reduce(0) { $0 + confusion.predicted(as: $1) }, support: support)
    case .macro:
      return mean(of: scores.map { _ in 1 }, support: support)
    case .weighted:
      return mean(of: scores.map { Double($0.support) }, support: support)
    }
  }

  /// The mean with the given weights; 0 when they sum to 0.
  private func mean(of weights: [Double], support: Int) -> ClassScores {
    let total = weights.pairwiseSum
    func mean(_ score: KeyPath<ClassScores, Double>) -> Double {
      total == 0 ? 0 : zip(scores, weights).map { $0[keyPath: score] * $1 }.pairwiseSum / total
    }
    return ClassScores(precision: mean(\.precision), recall: mean(\.recall), f1: mean(\.f1), support: support)
  }
}

extension [Double] {
  /// The sum in NumPy's order of additions, so that means agree to the last bit: eight partial sums up to 128
  /// elements, halves above. Source: `numpy/_core/src/umath/loops_utils.h.src`, `pairwise_sum`.
  var pairwiseSum: Double { self[...].pairwiseSum }
}

extension ArraySlice<Double> {
  fileprivate var pairwiseSum: Double {
    if count < 8 { return reduce(-0.0, +) }
    if count > 128 {
      let half = count / 2 / 8 * 8
      return prefix(half).pairwiseSum + dropFirst(half).pairwiseSum
    }
    var r = Array(prefix(8))
    let blocks = count / 8
    for block in 1..<Swift.max(blocks, 1) {
      for lane in 0..<8 { r[lane] += self[startIndex + 8 * block + lane] }
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
    return dropFirst(8 * blocks).reduce(sum, +)
  }
}
