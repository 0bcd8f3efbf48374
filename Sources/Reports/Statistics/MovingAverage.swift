/// A noisy curve, smoothed.
public enum MovingAverage {
  /// The exponential moving average, without the pull of its beginning: every value is a weighted mean of those so far.
  ///
  /// Equal to `Series.ewm(alpha: 1 - weight).mean()` of pandas. Values that are not finite leave the average as it is.
  ///
  /// - Parameters:
  ///   - values: in their order.
  ///   - weight: what each step keeps of the past, from 0 to below 1.
  public static func exponential(_ values: [Double], weight: Double) -> [Double] {
    let weight = min(max(weight, 0), 0.999_999)
    var (sum, total, mean) = (0.0, 0.0, Double.nan)
    return values.map { value in
      // As pandas: what is missing takes a place all the same.
      sum *= weight
      total *= weight
      if value.isFinite {
        sum += value
        total += 1
        mean = sum / total
      }
      return mean
    }
  }

  /// How much to keep for a curve of so many points: little for few, up to what TensorBoard keeps at most.
  static func weight(count: Int) -> Double { min(0.98, max(0.6, 1 - 12 / Double(max(count, 1)))) }
}
