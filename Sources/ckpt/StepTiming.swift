import Pretrained

/// How long a run takes, from its first steps.
struct StepTiming {
  private let clock = ContinuousClock()
  private var start: ContinuousClock.Instant?
  private var steps = 0

  /// Steps to measure, after a first one that is slower than the rest.
  static let sample = 3

  /// Counts a step; the first only starts the clock.
  ///
  /// - Returns: whether with it enough was measured.
  mutating func count() -> Bool {
    guard start != nil else {
      start = clock.now
      return false
    }
    steps += 1
    return steps == Self.sample
  }

  /// Seconds a step.
  var secondsPerStep: Double {
    guard let start, steps > 0 else { return 0 }
    return (clock.now - start) / .seconds(1) / Double(steps)
  }

  /// Time, speed and memory, for people.
  ///
  /// - Parameters:
  ///   - left: steps to go.
  ///   - batchSize: rows a step.
  ///   - byteCount: what the run takes in memory.
  func text(left: Int, batchSize: Int, byteCount: Int) -> String {
    let time = Duration.seconds(secondsPerStep * Double(left)).text
    let rate = Double(batchSize) / max(secondsPerStep, 1e-9)
    return "about \(time) for \(left.counted("step")), \(rate.fixed(1)) rows a second, \(byteCount.bytesText)"
  }
}
