#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Numbers along an axis: where each lies, and which of them are written there.
struct Scale {
  let range: ClosedRange<Double>
  let ticks: [Double]
  private let decimals: Int
  private let isScientific: Bool

  /// Takes in all finite values, ending at round numbers.
  ///
  /// - Parameters:
  ///   - values: what must fit; none leaves 0 to 1.
  ///   - count: about how many ticks.
  ///   - isWhole: ticks at whole numbers only, and the ends where the values end.
  ///   - includesZero: begins at 0 unless values are below.
  init(_ values: some Sequence<Double>, count: Int = 5, isWhole: Bool = false, includesZero: Bool = false) {
    var (low, high) = (Double.infinity, -Double.infinity)
    for value in values where value.isFinite && abs(value) < 1e300 {
      low = min(low, value)
      high = max(high, value)
    }
    if low > high { (low, high) = (0, 1) }
    if includesZero { (low, high) = (min(0, low), max(0, high)) }
    if low == high {
      let margin = isWhole ? 1 : low == 0 ? 1 : abs(low) / 2
      (low, high) = (low - margin, high + margin)
    }
    let step = Self.step((high - low) / Double(max(count, 1)), isWhole: isWhole)
    if !isWhole {
      (low, high) = ((low / step + 1e-9).rounded(.down) * step, (high / step - 1e-9).rounded(.up) * step)
    }
    let first = (low / step - 1e-9).rounded(.up)
    let steps = min(max(0, Int(((high / step + 1e-9).rounded(.down) - first))), 40)
    range = low...max(high, low.nextUp)
    ticks = (0...steps).map { (first + Double($0)) * step + 0 }  // + 0: no minus before zero
    let largest = max(abs(low), abs(high))
    isScientific = largest < 1e-3 || largest >= 1e6
    decimals = max(0, min(6, Int((-log10(step) - 1e-9).rounded(.up))))
  }

  /// 1, 2 or 5 times a power of ten, and no less than `rough`.
  private static func step(_ rough: Double, isWhole: Bool) -> Double {
    guard rough.isFinite, rough > 0 else { return 1 }
    let power = pow(10, log10(rough).rounded(.down))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * (1 - 1e-9) } ?? power
    return isWhole ? max(1, step.rounded()) : max(step, .leastNormalMagnitude)
  }

  /// Where a value lies between the two ends of the axis.
  func position(_ value: Double, from start: Double, to end: Double) -> Double {
    start + (value - range.lowerBound) / (range.upperBound - range.lowerBound) * (end - start)
  }

  func label(_ tick: Double) -> String {
    if tick == 0 { return "0" }
    if isScientific { return tick.significant(3) }
    return abs(tick) >= 1000 && decimals == 0 ? Int(tick).grouped : tick.fixed(decimals)
  }
}
