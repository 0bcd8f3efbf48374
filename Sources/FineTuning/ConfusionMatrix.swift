/// How often each class was taken for each.
public struct ConfusionMatrix: Sendable, Hashable {
  /// The number of classes, K.
  public let classCount: Int
  private var counts: [Int]  // (K, K), a row for each true class

  /// Counts the pairs of a true and a predicted class.
  ///
  /// - Parameters:
  ///   - labels: the true class of each row.
  ///   - predictions: the predicted class of each row.
  ///   - classCount: nil takes the largest class number + 1.
  /// - Precondition: as many predictions as labels, all of them in 0 ..< `classCount`.
  public init(labels: [Int], predictions: [Int], classCount: Int? = nil) {
    precondition(labels.count == predictions.count, "ConfusionMatrix: a prediction a label is needed")
    let size = classCount ?? max(labels.max() ?? -1, predictions.max() ?? -1) + 1
    self.classCount = size
    counts = [Int](repeating: 0, count: size * size)
    for (label, prediction) in zip(labels, predictions) {
      precondition(
        0..<size ~= label && 0..<size ~= prediction, "ConfusionMatrix: a class number outside 0 ..< \(size)")
      counts[label * size + prediction] += 1
    }
  }

  /// How many rows of class `label` were taken for class `prediction`.
  public subscript(label: Int, prediction: Int) -> Int { counts[label * classCount + prediction] }

  /// One array for each true class, as `sklearn.metrics.confusion_matrix` returns them.
  public var rows: [[Int]] {
    (0..<classCount).map { Array(counts[$0 * classCount..<($0 + 1) * classCount]) }
  }

  /// The number of rows counted.
  public var total: Int { counts.reduce(0, +) }

  /// The number of rows taken for what they are.
  public var correct: Int { (0..<classCount).reduce(0) { $0 + self[$1, $1] } }

  /// The number of rows of a class.
  public func support(of label: Int) -> Int { (0..<classCount).reduce(0) { $0 + self[label, $1] } }

  /// The number of rows taken for a class.
  public func predicted(as label: Int) -> Int { (0..<classCount).reduce(0) { $0 + self[$1, label] } }
}
