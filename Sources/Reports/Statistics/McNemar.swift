#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Whether two models that answered the same rows differ by more than chance: McNemar's test, exact.
///
/// Equal to `mcnemar(exact=True)` of statsmodels. Source: Q. McNemar, "Note on the Sampling Error of the Difference
/// Between Correlated Proportions or Percentages" (1947).
public struct McNemar: Sendable, Hashable {
  /// Rows that only the first has right.
  public let onlyFirst: Int
  /// Rows that only the second has right.
  public let onlySecond: Int
  /// How likely so lopsided a count is, or a more lopsided one, if neither were better.
  public let pValue: Double

  /// Tests two counts; those below 0 count as 0.
  public init(onlyFirst: Int, onlySecond: Int) {
    (self.onlyFirst, self.onlySecond) = (max(0, onlyFirst), max(0, onlySecond))
    let (few, all) = (Double(min(self.onlyFirst, self.onlySecond)), Double(self.onlyFirst + self.onlySecond))
    // P(X ≤ few) of a fair coin, from the largest term down, each term from the one before.
    var term = exp(lgamma(all + 1) - lgamma(few + 1) - lgamma(all - few + 1) - all * log(2))
    var (sum, k) = (0.0, few)
    while k >= 0, term > 0 {
      sum += term
      guard term > sum * 1e-18 else { break }
      term *= k / (all - k + 1)
      k -= 1
    }
    pValue = min(1, 2 * sum)
  }
}
