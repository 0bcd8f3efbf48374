import FineTuning
import Testing

struct MetricsVectors: Decodable, Sendable {
  struct Case: Decodable, Sendable {
    let labels: [Int], predictions: [Int], classes: [Int]?, accuracy: Double
    let perClass: [[Double]], average: [String: [Double]], confusion: [[Int]]?
    let reportClasses: [String], report: [String: [Double]], reportAccuracy: Double?
  }

  let cases: [Case]
  static let shared = Result { try Fixture.load("metrics/metrics.json", as: MetricsVectors.self) }
}

@Suite("classification metrics")
struct MetricsTests {
  static func numbers(_ scores: ClassScores) -> [Double] { [scores.precision, scores.recall, scores.f1] }

  // Compared with ==: the sums are formed in NumPy's order.
  @Test("every score has scikit-learn's bits")
  func scores() throws {
    let cases = try MetricsVectors.shared.get().cases
    #expect(cases.count == 24)
    for (index, vector) in cases.enumerated() {
      let metrics = ClassificationMetrics(
        labels: vector.labels, predictions: vector.predictions, classes: vector.classes)
      #expect(metrics.accuracy == vector.accuracy, "case \(index)")
      #expect(
        metrics.scores.map { Self.numbers($0) + [Double($0.support)] } == vector.perClass, "case \(index)")
      for average in ScoreAverage.allCases {
        #expect(
          Self.numbers(metrics.average(average)) == vector.average[average.rawValue],
          "case \(index), \(average)")
      }
      if let confusion = vector.confusion { #expect(metrics.confusion.rows == confusion, "case \(index)") }
    }
  }

  @Test("the report has scikit-learn's rows")
  func report() throws {
    for (index, vector) in try MetricsVectors.shared.get().cases.enumerated() {
      let metrics = ClassificationMetrics(
        labels: vector.labels, predictions: vector.predictions, classes: vector.classes)
      let report = ClassificationReport(metrics)
      #expect(report.classes.map(\.name) == vector.reportClasses, "case \(index)")
      #expect(report.classes.map(\.scores) == metrics.scores)
      #expect(report.accuracy == vector.reportAccuracy, "case \(index)")
      let averages = [report.microAverage, report.macroAverage, report.weightedAverage].compactMap(\.self)
      #expect(averages.count == vector.report.count, "case \(index)")
      for row in averages {
        #expect(
          Self.numbers(row.scores) + [Double(report.support)] == vector.report[row.name], "case \(index)")
      }
    }
  }

  @Test("micro averages are the accuracy when every class is scored")
  func microIsAccuracy() throws {
    for vector in try MetricsVectors.shared.get().cases where vector.classes == nil {
      let metrics = ClassificationMetrics(labels: vector.labels, predictions: vector.predictions)
      #expect(Self.numbers(metrics.average(.micro)) == [Double](repeating: metrics.accuracy, count: 3))
    }
  }

  @Test("nothing to score gives zeros, not NaN")
  func nothing() {
    let metrics = ClassificationMetrics(labels: [], predictions: [], classCount: 3)
    #expect(metrics.accuracy == 0 && metrics.scores.isEmpty && metrics.confusion.total == 0)
    for average in ScoreAverage.allCases { #expect(Self.numbers(metrics.average(average)) == [0, 0, 0]) }
    let absent = ClassificationMetrics(labels: [0], predictions: [0], classes: [1, 2])
    for average in ScoreAverage.allCases { #expect(Self.numbers(absent.average(average)) == [0, 0, 0]) }
  }

  @Test("the confusion matrix counts true classes in rows")
  func confusion() {
    let matrix = ConfusionMatrix(labels: [0, 0, 1, 2], predictions: [0, 1, 1, 0], classCount: 4)
    #expect(matrix.rows == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
    #expect(matrix[0, 1] == 1 && matrix[1, 0] == 0)
    #expect(matrix.support(of: 0) == 2 && matrix.predicted(as: 0) == 2 && matrix.correct == 2)
  }

  @Test("a report names classes by the model's labels")
  func names() {
    let report = ClassificationReport(
      ClassificationMetrics(labels: [0, 1, 2], predictions: [0, 1, 1]), labelNames: ["setosa", "versicolor"])
    #expect(report.classes.map(\.name) == ["setosa", "versicolor", "2"])
    #expect(report.macroAverage.name == "macro avg" && report.microAverage == nil)
  }
}
