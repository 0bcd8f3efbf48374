import ModelFiles
import Reports
import Testing

@Suite("the statistics of a report")
struct StatisticsTests {
  @Test("Wilson's intervals are those of statsmodels")
  func wilson() throws {
    for row in try #require(Fixture.json("statistics.json")["wilson"]?.arrayValue) {
      let values = row.numbers
      let interval = WilsonInterval(Int(values[0]), of: Int(values[1]))
      #expect(isClose(interval.lower, values[2]), "\(values)")
      #expect(isClose(interval.upper, values[3]), "\(values)")
    }
    let nothing = WilsonInterval(0, of: 0)
    #expect((nothing.lower, nothing.upper) == (0, 1))
  }

  @Test("McNemar's exact test is that of statsmodels")
  func mcnemar() throws {
    for row in try #require(Fixture.json("statistics.json")["mcnemar"]?.arrayValue) {
      let values = row.numbers
      let p = McNemar(onlyFirst: Int(values[0]), onlySecond: Int(values[1])).pValue
      // Logarithms of factorials lose a few digits.
      #expect(isClose(p, values[2], 1e-11 + values[2] * 1e-10), "\(values) \(p)")
    }
    #expect(McNemar(onlyFirst: -3, onlySecond: 0).pValue == 1)
  }

  @Test("the smoothed curve is that of pandas, gaps included")
  func averages() throws {
    for row in try #require(Fixture.json("statistics.json")["ewm"]?.arrayValue) {
      let weight = try #require(row["weight"]?.doubleValue)
      let values = try #require(row["values"]).numbers
      let expected = try #require(row["means"]).numbers
      let means = MovingAverage.exponential(values, weight: weight)
      #expect(zip(means, expected).allSatisfy { isClose($0, $1, 1e-12) }, "weight \(weight)")
    }
  }

  @Test("scores, log loss and calibration are those of scikit-learn")
  func scores() throws {
    for row in try #require(Fixture.json("statistics.json")["scores"]?.arrayValue) {
      let labels = try #require(row["labels"]).numbers.map { Int($0) }
      let logits = try #require(row["logits"]?.arrayValue).map(\.numbers)
      let predicted = logits.map { row in row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 } }
      let count = try #require(row["classes"]?.intValue)
      let scores = TestScores(
        labels: (0..<count).map { "\($0)" }, actual: labels, predicted: predicted, logits: logits)
      let document = scores.document
      #expect(document["accuracy"]?.doubleValue == row["accuracy"]?.doubleValue)
      #expect(isClose(scores.loss, try #require(row["log_loss"]?.doubleValue)))
      #expect(isClose(scores.baseline, try #require(row["baseline"]?.doubleValue)))
      for (ours, theirs) in zip(document["per_class"]?.arrayValue ?? [], row["per_class"]?.arrayValue ?? []) {
        for (name, value) in zip(["precision", "recall", "f1", "support"], theirs.numbers) {
          #expect(isClose(try #require(ours[name]?.doubleValue), value))
        }
      }
      let calibration = scores.calibration
      #expect(calibration.bins.map { Double($0.count) } == row["bins"]?.numbers)
      let filled = calibration.bins.filter { $0.count > 0 }
      #expect(zip(filled, try #require(row["bin_accuracy"]).numbers).allSatisfy { isClose($0.accuracy, $1) })
      #expect(
        zip(filled, try #require(row["bin_confidence"]).numbers).allSatisfy { isClose($0.meanConfidence, $1) }
      )
      #expect(isClose(calibration.expectedError, try #require(row["ece"]?.doubleValue)))
    }
  }

  @Test("confidences that are no number are in no bin")
  func notNumbers() {
    let calibration = Calibration(confidences: [.nan, 1, 0, 0.5], isCorrect: [true, true, false, true])
    #expect(calibration.bins.reduce(0) { $0 + $1.count } == 3)
    #expect(calibration.expectedError.isFinite)
  }
}
