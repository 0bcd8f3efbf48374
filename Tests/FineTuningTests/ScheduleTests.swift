import FineTuning
import Testing

@Suite("learning rate schedules")
struct ScheduleTests {
  // get_scheduler(name, optimizer, 3, 10) of transformers 5.23 over eleven steps.
  static let golden: [(LearningRateSchedule, [Double])] = [
    (
      .linear,
      [0, 0.333333, 0.666667, 1, 0.857143, 0.714286, 0.571429, 0.428571, 0.285714, 0.142857, 0]
    ),
    (
      .cosine,
      [0, 0.333333, 0.666667, 1, 0.950484, 0.811745, 0.61126, 0.38874, 0.188255, 0.049516, 0]
    ),
    (
      .cosineWithRestarts,
      [0, 0.333333, 0.666667, 1, 0.950484, 0.811745, 0.61126, 0.38874, 0.188255, 0.049516, 0]
    ),
    (.constant, Array(repeating: 1, count: 11)),
    (.constantWithWarmup, [0, 0.333333, 0.666667, 1, 1, 1, 1, 1, 1, 1, 1]),
    (
      .inverseSqrt,
      [0, 0.333333, 0.666667, 1, 0.866025, 0.774597, 0.707107, 0.654654, 0.612372, 0.57735, 0.547723]
    ),
  ]

  @Test("every schedule follows transformers", arguments: golden.indices)
  func followsTransformers(index: Int) {
    let (schedule, factors) = Self.golden[index]
    for (step, factor) in factors.enumerated() {
      // The golden values are rounded to six decimals.
      #expect(abs(schedule.factor(step: step, warmup: 3, total: 10, base: 5e-5) - factor) <= 6e-7)
    }
  }

  @Test("the polynomial ends at 1e-7, not at zero")
  func polynomial() {
    let schedule = LearningRateSchedule.polynomial
    #expect(schedule.factor(step: 3, warmup: 3, total: 10, base: 5e-5) == 1)
    #expect(abs(schedule.factor(step: 10, warmup: 3, total: 10, base: 5e-5) - 1e-7 / 5e-5) < 1e-12)
  }

  @Test("the names are transformers' own")
  func names() {
    let names = [
      "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup",
      "inverse_sqrt",
    ]
    #expect(LearningRateSchedule.allCases.map(\.rawValue) == names)
  }
}
