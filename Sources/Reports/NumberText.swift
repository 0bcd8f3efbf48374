#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension Double {
  /// With a fixed number of decimals, rounded as C's `printf` rounds; a dash when it is no number.
  func fixed(_ decimals: Int) -> String {
    isFinite ? formatted("%.*f", decimals) : isNaN ? "–" : self < 0 ? "−∞" : "∞"
  }

  /// With so many significant digits and no zeros at the end, such as `0.05`, `2e-05`, `1.25`.
  func significant(_ digits: Int) -> String { isFinite ? formatted("%.*g", digits) : fixed(0) }

  /// A share of one, in percent.
  func percent(_ decimals: Int = 1) -> String { isFinite ? "\((self * 100).fixed(decimals)) %" : "–" }

  private func formatted(_ format: String, _ decimals: Int) -> String {
    withVaList([Int32(decimals), self]) { arguments in
      var text = [CChar](repeating: 0, count: 400)  // the longest Double has 309 digits before the point
      vsnprintf(&text, text.count, format, arguments)
      return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}

extension Int {
  /// With commas between groups of three digits.
  var grouped: String {
    let digits = Array(String(magnitude))
    var text = self < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }

  /// `1 step`, `2 steps`.
  func counted(_ singular: String, _ plural: String? = nil) -> String {
    "\(grouped) \(self == 1 ? singular : plural ?? singular + "s")"
  }
}

/// `4.2 s`, `3 min 05 s`, `2 h 07 min`.
func durationText(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "–" }
  if seconds < 9.95 { return "\(seconds.fixed(1)) s" }
  let whole = Int(seconds.rounded())
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  if whole < 60 { return "\(whole) s" }
  if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
  return "\(whole / 3600) h \(two(whole % 3600 / 60)) min"
}
