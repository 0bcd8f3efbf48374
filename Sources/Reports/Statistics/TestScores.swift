public import FineTuning
public import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What a classifier is worth on labelled rows: scikit-learn's scores, and how sure they and the model are.
public struct TestScores: Sendable {
  /// The name of each class.
  public let labels: [String]
  /// Over all classes of the model.
  public let metrics: ClassificationMetrics
  /// The mean cross entropy: log loss.
  public let loss: Double
  /// The probability of the predicted class of each row.
  public let confidences: [Double]
  /// Of these confidences.
  public let calibration: Calibration

  /// Scores rows by their logits.
  ///
  /// - Parameters:
  ///   - labels: the name of each class.
  ///   - actual: the class of each row.
  ///   - predicted: the class that the model gives each row.
  ///   - logits: one number a class, for each row.
  /// - Precondition: as many of each, and every class has a name.
  public init(labels: [String], actual: [Int], predicted: [Int], logits: [[Double]]) {
    self.labels = labels
    metrics = ClassificationMetrics(
      labels: actual, predictions: predicted, classes: Array(labels.indices), classCount: labels.count)
    let sum = zip(logits, actual).reduce(0.0) { $0 + crossEntropy($1.0, label: $1.1) }
    loss = actual.isEmpty ? 0 : sum / Double(actual.count)
    confidences = zip(logits, predicted).map { softmax($0)[$1] }
    calibration = Calibration(confidences: confidences, isCorrect: zip(actual, predicted).map { $0 == $1 })
  }

  /// How many rows.
  public var count: Int { metrics.confusion.total }

  /// The 95 % interval of the accuracy.
  public var accuracyInterval: WilsonInterval { WilsonInterval(metrics.confusion.correct, of: count) }

  /// The class with most rows; the first of several.
  public var majority: Int? {
    let supports = metrics.scores.map(\.support)
    return supports.indices.max { supports[$0] < supports[$1] || supports[$0] == supports[$1] && $0 > $1 }
  }

  /// The accuracy of always answering the commonest label.
  public var baseline: Double {
    count == 0 ? 0 : Double(metrics.scores.map(\.support).max() ?? 0) / Double(count)
  }

  /// The 95 % interval of a class's precision.
  public func precisionInterval(_ label: Int) -> WilsonInterval {
    WilsonInterval(metrics.confusion[label, label], of: metrics.confusion.predicted(as: label))
  }

  /// The 95 % interval of a class's recall.
  public func recallInterval(_ label: Int) -> WilsonInterval {
    WilsonInterval(metrics.confusion[label, label], of: metrics.confusion.support(of: label))
  }

  /// One object, with the keys of `ckpt evaluate --json`.
  public var document: JSONValue {
    func scores(_ scores: ClassScores) -> JSONValue {
      ["precision": .number(scores.precision), "recall": .number(scores.recall), "f1": .number(scores.f1)]
    }
    let perClass = zip(labels, metrics.scores).map { label, found -> JSONValue in
      var row: JSONValue = ["label": .string(label)]
      for member in scores(found).members ?? [] { row.set(member.key, member.value) }
      row.set("support", .number(found.support))
      return row
    }
    return [
      "examples": .number(count), "labels": .strings(labels), "loss": .number(loss),
      "accuracy": .number(metrics.accuracy), "micro": scores(metrics.average(.micro)),
      "macro": scores(metrics.average(.macro)), "weighted": scores(metrics.average(.weighted)),
      "per_class": .array(perClass),
      "confusion_matrix": .array(metrics.confusion.rows.map { .integers($0) }),
    ]
  }

  /// What the report says beyond ``document``.
  var certainty: JSONValue {
    func interval(_ interval: WilsonInterval) -> JSONValue { .numbers([interval.lower, interval.upper]) }
    return [
      "accuracy_interval": interval(accuracyInterval), "majority_baseline": .number(baseline),
      "expected_calibration_error": .number(calibration.expectedError),
      "reliability": .array(
        calibration.bins.map {
          [
            "lower": .number($0.lower), "upper": .number($0.upper), "count": .number($0.count),
            "confidence": .number($0.meanConfidence), "accuracy": .number($0.accuracy),
          ]
        }),
      "per_class": .array(
        labels.indices.map {
          [
            "label": .string(labels[$0]), "precision_interval": interval(precisionInterval($0)),
            "recall_interval": interval(recallInterval($0)),
          ]
        }),
    ]
  }
}

/// `exp(x) / Σ exp(x)`
func softmax(_ logits: [Double]) -> [Double] {
  let largest = logits.max() ?? 0
  let powers = logits.map { exp($0 - largest) }
  let sum = powers.reduce(0, +)
  return powers.map { $0 / sum }
}

/// `-log softmax(logits)[label]`
func crossEntropy(_ logits: [Double], label: Int) -> Double {
  let largest = logits.max() ?? 0
  return log(logits.reduce(0.0) { $0 + exp($1 - largest) }) + largest - logits[label]
}
