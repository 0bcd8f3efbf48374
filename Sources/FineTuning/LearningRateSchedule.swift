#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The course of the learning rate, named as transformers' `lr_scheduler_type`.
///
/// Reference: `transformers/optimization.py`, the `get_…_schedule_with_warmup` functions with their defaults.
public enum LearningRateSchedule: String, Sendable, CaseIterable {
  case linear
  case cosine
  case cosineWithRestarts = "cosine_with_restarts"
  case polynomial
  case constant
  case constantWithWarmup = "constant_with_warmup"
  case inverseSqrt = "inverse_sqrt"

  /// The factor of the base learning rate before step `step` (counted from 0).
  ///
  /// - Parameters:
  ///   - step: how many steps have been taken.
  ///   - warmup: steps during which the factor rises from 0 to 1.
  ///   - total: steps of the whole run.
  ///   - base: the base learning rate, which the polynomial's end of 1e-7 is measured against.
  public func factor(step: Int, warmup: Int, total: Int, base: Double) -> Double {
    if self == .constant { return 1 }
    if step < warmup { return Double(step) / Double(max(1, warmup)) }
    let progress = Double(step - warmup) / Double(max(1, total - warmup))
    switch self {
    case .linear: return max(0, Double(total - step) / Double(max(1, total - warmup)))
    case .cosine: return max(0, 0.5 * (1 + cos(.pi * 0.5 * 2 * progress)))
    case .cosineWithRestarts:
      return progress >= 1 ? 0 : max(0, 0.5 * (1 + cos(.pi * progress.truncatingRemainder(dividingBy: 1))))
    case .polynomial:
      let end = 1e-7
      guard step <= total, base != 0 else { return base == 0 ? 0 : end / base }
      return ((base - end) * (1 - progress) + end) / base
    case .constant, .constantWithWarmup: return 1
    case .inverseSqrt:
      // The time scale is the warm-up, or 10,000 steps without one.
      let scale = Double(warmup > 0 ? warmup : 10_000)
      return 1 / ((Double(step) + scale - Double(warmup)) / scale).squareRoot()
    }
  }
}
