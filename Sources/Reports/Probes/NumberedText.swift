/// A text as numbers and what stands between them: `5.1 3.5` is the numbers `5.1` and `3.5`, with a space between.
///
/// A number is ASCII digits, perhaps with a point and more digits, perhaps with a minus before it; its characters are
/// kept, since `5.10` and `5.1` are different texts.
struct NumberedText: Equatable {
  /// One more than there are numbers.
  var literals: [String]
  var numbers: [String]

  init(_ text: String) {
    (literals, numbers) = ([""], [])
    let scalars = Array(text.unicodeScalars)
    func isDigit(_ index: Int) -> Bool { index < scalars.count && ("0"..."9").contains(scalars[index]) }
    var index = 0
    while index < scalars.count {
      let start = index
      let before = index > 0 ? scalars[index - 1] : " "
      let isSeparate = !(before.properties.isAlphabetic || before == "." || before == "," || before == "-")
      let isSigned = scalars[index] == "-" && isDigit(index + 1) && before.properties.isWhitespace
      guard isSeparate, isDigit(index) || isSigned else {
        literals[literals.count - 1].unicodeScalars.append(scalars[index])
        index += 1
        continue
      }
      index += 1
      while isDigit(index) { index += 1 }
      if index < scalars.count, scalars[index] == ".", isDigit(index + 1) {
        index += 1
        while isDigit(index) { index += 1 }
      }
      var number = ""
      number.unicodeScalars.append(contentsOf: scalars[start..<index])
      numbers.append(number)
      literals.append("")
    }
  }

  /// The numbers' values; what is too large for a Double is infinite.
  var values: [Double] { numbers.map { Double($0) ?? .infinity } }

  var text: String { text(of: numbers) }

  /// The same text with other numbers, as many or fewer: what stands before a missing number is left out with it.
  func text(of numbers: [String]) -> String {
    var text = literals[0]
    // What stands between two numbers stands before one that is new, too.
    let separator = literals.count > 2 ? literals[literals.count - 2] : " "
    for (index, number) in numbers.enumerated() {
      text += number
      // With fewer numbers, the end of the text still stands at the end.
      let isLast = index == numbers.count - 1
      text +=
        isLast ? literals[literals.count - 1] : index + 2 < literals.count ? literals[index + 1] : separator
    }
    return numbers.isEmpty ? literals[0] + (literals.count > 1 ? literals[literals.count - 1] : "") : text
  }
}

/// What numbers the texts of a training set hold, where they are all built alike.
struct NumberLayout {
  /// What stands around the numbers.
  let literals: [String]
  /// The smallest and the largest value of each number.
  let ranges: [ClosedRange<Double>]
  /// The middle value of each number.
  let medians: [Double]
  /// The most decimals that each number is written with.
  let decimals: [Int]

  /// - Returns: nil when the texts hold no numbers, or not the same number of them between the same words.
  init?(_ texts: [String]) {
    guard let first = texts.first.map({ NumberedText($0) }), !first.numbers.isEmpty else { return nil }
    var columns = [[Double]](repeating: [], count: first.numbers.count)
    var decimals = [Int](repeating: 0, count: first.numbers.count)
    for text in texts {
      let numbered = NumberedText(text)
      guard numbered.literals == first.literals else { return nil }
      for (index, value) in numbered.values.enumerated() {
        guard value.isFinite else { return nil }
        columns[index].append(value)
        decimals[index] = max(decimals[index], min(numbered.numbers[index].decimals, 6))
      }
    }
    literals = first.literals
    ranges = columns.map { ($0.min() ?? 0)...($0.max() ?? 0) }
    medians = columns.map { column in column.sorted()[column.count / 2] }
    self.decimals = decimals
  }

  /// The numbers of a text that lie outside of what was trained on, or are more than were.
  func outliers(_ text: NumberedText) -> [Int] {
    text.values.enumerated().compactMap { index, value in
      index < ranges.count && ranges[index].contains(value) ? nil : index
    }
  }
}

extension String {
  /// How many digits follow the point.
  var decimals: Int {
    guard let point = utf8.firstIndex(of: UInt8(ascii: ".")) else { return 0 }
    return utf8.distance(from: point, to: utf8.endIndex) - 1
  }
}
