/// Whether confidence is earned: rows by the probability of their predicted class, against how often it was right.
public struct Calibration: Sendable, Equatable {
  /// Rows whose confidence lies in one tenth of the range.
  public struct Bin: Sendable, Equatable {
    /// Above this, or from it on in the first bin.
    public var lower: Double
    /// Up to this.
    public var upper: Double
    /// How many rows it has.
    public var count: Int
    /// How many of them are right.
    public var correct: Int
    /// 0 when there are no rows.
    public var meanConfidence: Double
    /// The share of right ones; 0 when there are no rows.
    public var accuracy: Double
  }

  /// Equally wide, in order, the empty ones too.
  public let bins: [Bin]
  /// The expected calibration error: the mean distance of accuracy and confidence, each bin weighed by its rows.
  ///
  /// Source: M. P. Naeini and others, "Obtaining Well Calibrated Probabilities Using Bayesian Binning" (2015). Bins
  /// are those of scikit-learn's `calibration_curve`.
  public let expectedError: Double

  /// Sorts rows into bins; those whose confidence is no number are left out.
  ///
  /// - Parameters:
  ///   - confidences: the probability of the predicted class of each row.
  ///   - isCorrect: whether the prediction was right.
  ///   - binCount: how many bins.
  /// - Precondition: as many of one as of the other, and at least one bin.
  public init(confidences: [Double], isCorrect: [Bool], binCount: Int = 10) {
    precondition(
      confidences.count == isCorrect.count && binCount > 0, "Calibration: a verdict a row is needed")
    let edges = (0...binCount).map { Double($0) / Double(binCount) }
    var (counts, right) = ([Int](repeating: 0, count: binCount), [Int](repeating: 0, count: binCount))
    var sums = [Double](repeating: 0, count: binCount)
    for (confidence, isCorrect) in zip(confidences, isCorrect) where confidence.isFinite {
      let bin = edges.dropFirst().dropLast().count { $0 < confidence }
      counts[bin] += 1
      sums[bin] += confidence
      if isCorrect { right[bin] += 1 }
    }
    bins = counts.indices.map { bin in
      let count = max(counts[bin], 1)
      return Bin(
        lower: edges[bin], upper: edges[bin + 1], count: counts[bin], correct: right[bin],
        meanConfidence: sums[bin] / Double(count), accuracy: Double(right[bin]) / Double(count))
    }
    let total = counts.reduce(0, +)
    expectedError = bins.reduce(0) {
      total == 0 ? 0 : $0 + abs($1.accuracy - $1.meanConfidence) * Double($1.count) / Double(total)
    }
  }
}
