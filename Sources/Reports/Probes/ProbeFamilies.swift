/// The ways a text is rewritten to find out what a model really reads.
struct ProbeFamily: Sendable {
  /// For files: `integers`.
  let name: String
  /// For people: `rounded to integers`.
  let title: String
  /// Whether the text still says the same, so that the answer should stay.
  let keepsMeaning: Bool
  /// The text, rewritten; nil where it cannot be.
  let rewrite: @Sendable (String) -> String?

  private init(
    _ name: String, _ title: String, keepsMeaning: Bool = false,
    _ rewrite: @escaping @Sendable (String) -> String?
  ) {
    (self.name, self.title, self.keepsMeaning, self.rewrite) = (name, title, keepsMeaning, rewrite)
  }

  /// Of texts made of numbers: their format, their size, their order.
  static let numeric: [ProbeFamily] = [
    formatted("one_decimal", "one decimal", keepsMeaning: false) { $0.fixed(1) },
    formatted("two_decimals", "two decimals", keepsMeaning: true) { $0.fixed(2) },
    formatted("three_decimals", "three decimals", keepsMeaning: true) { $0.fixed(3) },
    formatted("integers", "rounded to integers", keepsMeaning: false) { $0.fixed(0) },
    numbers("decimal_comma", "decimal comma", keepsMeaning: true) { number in
      String(number.map { $0 == "." ? "," : $0 })
    },
    numbers("leading_zero", "a zero in front", keepsMeaning: true) { number in
      number.hasPrefix("-") ? "-0" + number.dropFirst() : "0" + number
    },
    fields("reversed", "fields in reverse") { $0.reversed() },
    fields("one_less", "last field missing") { $0.count > 1 ? Array($0.dropLast()) : nil },
    fields("one_more", "one field more") { $0 + $0.suffix(1) },
    scaled("times_10", "ten times as large", by: 10),
    scaled("times_100", "a hundred times as large", by: 100),
    scaled("negative", "negative", by: -1), scaled("zero", "all zero", by: 0),
    ProbeFamily("letters", "letters for numbers") { text in
      let numbered = NumberedText(text)
      let letters = "abcdefghijklmnopqrstuvwxyz"
      return numbered.text(
        of: numbered.numbers.indices.map { index in
          String(letters[letters.index(letters.startIndex, offsetBy: index % 26)])
        })
    },
    ProbeFamily("empty", "empty text") { _ in "" },
  ]

  /// Of any other texts.
  static let textual: [ProbeFamily] = [
    ProbeFamily("lower_case", "lower case", keepsMeaning: true) { $0.lowercased() },
    ProbeFamily("upper_case", "upper case", keepsMeaning: true) { $0.uppercased() },
    ProbeFamily("no_punctuation", "without punctuation", keepsMeaning: true) { text in
      String(text.filter { $0.isLetter || $0.isNumber || $0.isWhitespace })
    },
    ProbeFamily("spaces", "double spaces", keepsMeaning: true) { text in
      text.split(separator: " ").joined(separator: "  ")
    },
    ProbeFamily("first_half", "first half") { text in
      let words = text.split(separator: " ")
      return words.count > 1 ? words.prefix((words.count + 1) / 2).joined(separator: " ") : nil
    },
    ProbeFamily("second_half", "second half") { text in
      let words = text.split(separator: " ")
      return words.count > 1 ? words.dropFirst((words.count + 1) / 2).joined(separator: " ") : nil
    },
    ProbeFamily("reversed", "words in reverse") { text in
      text.split(separator: " ").reversed().joined(separator: " ")
    },
    ProbeFamily("empty", "empty text") { _ in "" },
  ]

  /// The ten probe texts of the study that this package began with: flowers, absurd magnitudes, number formats, letters.
  /// They are for texts of four numbers.
  static let study = [
    "5.1 3.5 1.4 0.2", "6.3 3.3 6.0 2.5", "10000.1 1700.8 10.9 107.1", "10000.1 1700.8 10388.9 1777707.1",
    "100.1 100.1 2000.1 2000.1", "1.0 2.0 3.0 4.0", "1 2 3 4", "1.01 2.01 3.01 4.01",
    "1.012 2.012 3.012 4.012",
    "a b c d",
  ]

  private static func formatted(
    _ name: String, _ title: String, keepsMeaning: Bool, _ format: @escaping @Sendable (Double) -> String
  ) -> ProbeFamily {
    numbers(name, title, keepsMeaning: keepsMeaning) { number in
      Double(number).flatMap { $0.isFinite ? format($0) : nil }
    }
  }

  private static func scaled(_ name: String, _ title: String, by factor: Double) -> ProbeFamily {
    numbers(name, title, keepsMeaning: false) { number in
      Double(number).flatMap { value in
        let scaled = value * factor + 0  // + 0: no minus before zero
        return scaled.isFinite ? scaled.fixed(min(number.decimals, 6)) : nil
      }
    }
  }

  /// Each number by itself.
  private static func numbers(
    _ name: String, _ title: String, keepsMeaning: Bool, _ rewrite: @escaping @Sendable (String) -> String?
  ) -> ProbeFamily {
    ProbeFamily(name, title, keepsMeaning: keepsMeaning) { text in
      let numbered = NumberedText(text)
      let rewritten = numbered.numbers.compactMap(rewrite)
      return rewritten.count == numbered.numbers.count ? numbered.text(of: rewritten) : nil
    }
  }

  /// All numbers together.
  private static func fields(
    _ name: String, _ title: String, _ rewrite: @escaping @Sendable ([String]) -> [String]?
  ) -> ProbeFamily {
    ProbeFamily(name, title) { text in
      let numbered = NumberedText(text)
      return rewrite(numbered.numbers).map { numbered.text(of: $0) }
    }
  }
}
