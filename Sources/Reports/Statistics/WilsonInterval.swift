/// How sure a share is: the interval of E. B. Wilson (1927) for a binomial proportion.
///
/// Unlike the textbook's, it stays within 0 and 1 and means something for few rows and for shares of 0 and 1. Equal to
/// `proportion_confint(method="wilson")` of statsmodels.
public struct WilsonInterval: Sendable, Hashable {
  /// At least 0.
  public let lower: Double
  /// At most 1.
  public let upper: Double

  /// The quantile of the normal distribution for 95 %.
  static let quantile = 1.959963984540054

  /// The 95 % interval of `part` in `whole`; 0 to 1 when there is nothing to tell from.
  public init(_ part: Int, of whole: Int) {
    guard whole > 0 else {
      (lower, upper) = (0, 1)
      return
    }
    let (n, z) = (Double(whole), Self.quantile)
    let share = Double(min(max(part, 0), whole)) / n
    let scale = 1 + z * z / n
    let middle = (share + z * z / (2 * n)) / scale
    let half = z / scale * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    // Rounding must not leave the end of the range.
    (lower, upper) = (part <= 0 ? 0 : max(0, middle - half), part >= whole ? 1 : min(1, middle + half))
  }
}
