#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension Double {
  /// With a fixed number of decimals, rounded as C's `printf` rounds.
  func fixed(_ decimals: Int) -> String { formatted("%.*f", decimals) }

  /// As `4.8e-07`.
  func scientific(_ decimals: Int) -> String { formatted("%.*e", decimals) }

  private func formatted(_ format: String, _ decimals: Int) -> String {
    withVaList([Int32(decimals), self]) { arguments in
      var text = [CChar](repeating: 0, count: 400)  // the longest Double has 309 digits before the point
      vsnprintf(&text, text.count, format, arguments)
      return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}

extension Float {
  func fixed(_ decimals: Int) -> String { Double(self).fixed(decimals) }
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

  /// As a number of bytes, in decimal units: `90.9 MB`.
  var bytesText: String {
    guard self >= 1000 else { return "\(self) B" }
    let units = ["kB", "MB", "GB", "TB"]
    var (value, unit) = (Double(self) / 1000, 0)
    while value >= 999.95 && unit + 1 < units.count { (value, unit) = (value / 1000, unit + 1) }
    return "\(value.fixed(1)) \(units[unit])"
  }

  /// `1 step`, `2 steps`.
  func counted(_ singular: String, _ plural: String? = nil) -> String {
    "\(grouped) \(self == 1 ? singular : plural ?? singular + "s")"
  }
}

extension Duration {
  /// For people: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`.
  var text: String {
    let seconds = Double(components.seconds) + Double(components.attoseconds) * 1e-18
    if seconds < 9.95 { return "\(seconds.fixed(1)) s" }
    let whole = Int(seconds.rounded())
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
    return "\(whole / 3600) h \(two(whole % 3600 / 60)) min"
  }
}

extension String {
  /// The columns it takes on a terminal: wide characters count twice, marks not at all.
  var displayWidth: Int { unicodeScalars.reduce(0) { $0 + $1.displayWidth } }

  func padded(to width: Int, onLeft: Bool = false) -> String {
    let gap = String(repeating: " ", count: max(0, width - displayWidth))
    return onLeft ? gap + self : self + gap
  }
}

extension Unicode.Scalar {
  fileprivate var displayWidth: Int {
    if value < 0x300 { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    switch value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}
