/// A small plot of text: a curve, and measurements upon it.
public struct TerminalPlot: Sendable {
  /// What plots are drawn with.
  public enum Style: Sendable {
    /// Eight dots a character, for terminals that show Unicode.
    case braille
    /// Nothing beyond ASCII.
    case ascii
  }

  private let title: String
  private let curve: (name: String, points: [(x: Double, y: Double)])
  private let marks: (name: String, points: [(x: Double, y: Double)])

  /// A plot of a curve and of single measurements; what is not finite is left out.
  public init(
    title: String, curve: (name: String, points: [(x: Double, y: Double)]),
    marks: (name: String, points: [(x: Double, y: Double)])
  ) {
    func finite(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
      points.filter { abs($0.x) < 1e300 && abs($0.y) < 1e300 }
    }
    self.title = title
    self.curve = (curve.name, finite(curve.points))
    self.marks = (marks.name, finite(marks.points))
  }

  /// The losses of a run: the training loss smoothed, the validation loss as it was measured.
  ///
  /// - Parameters:
  ///   - steps: number and loss of every step.
  ///   - evaluations: step and loss of every evaluation.
  public static func losses(
    steps: [(step: Int, loss: Double)], evaluations: [(step: Int, loss: Double)]
  ) -> TerminalPlot {
    let smooth = MovingAverage.exponential(
      steps.map(\.loss), weight: MovingAverage.weight(count: steps.count))
    return TerminalPlot(
      title: "loss", curve: ("training", zip(steps, smooth).map { (Double($0.step), $1) }),
      marks: ("validation", evaluations.map { (Double($0.step), $0.loss) }))
  }

  /// The lines of the plot; none when there are fewer than two points to show.
  ///
  /// - Parameters:
  ///   - width: the columns there are.
  ///   - height: the lines of the plot itself; two more are written around it.
  ///   - style: what the terminal shows.
  public func lines(width: Int, height: Int = 8, style: Style) -> [String] {
    let all = curve.points + marks.points
    guard all.count > 1, width >= 24, height >= 2 else { return [] }
    let y = Scale(all.map(\.y), count: 3, includesZero: true)
    let x = (low: all.map(\.x).min() ?? 0, high: all.map(\.x).max() ?? 1)
    let top = y.label(y.range.upperBound), bottom = y.label(y.range.lowerBound)
    let margin = max(top.count, bottom.count, title.count)
    let columns = min(width - margin - 3, 72)
    var canvas = Canvas(columns: columns, rows: height, style: style)
    func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
      let across = x.high > x.low ? (point.x - x.low) / (x.high - x.low) : 0
      return (across, y.position(point.y, from: 0, to: 1))
    }
    canvas.draw(curve.points.map(place))
    for mark in marks.points { canvas.mark(place(mark)) }

    let (bar, corner, rule) = style == .braille ? ("│", "└", "─") : ("|", "+", "-")
    var lines = canvas.lines.enumerated().map { row, text in
      let label = row == 0 ? top : row == height - 1 ? bottom : row == height / 2 ? title : ""
      return Self.trimmed(String(repeating: " ", count: margin - label.count) + "\(label) \(bar)\(text)")
    }
    lines.append(String(repeating: " ", count: margin + 1) + corner + String(repeating: rule, count: columns))
    let (first, last) = (Self.step(x.low), Self.step(x.high))
    var legend: [String] = []
    if !curve.points.isEmpty { legend.append("\(style == .braille ? "⠒⠒" : "..") \(curve.name)") }
    if !marks.points.isEmpty { legend.append("\(style == .braille ? "○" : "o") \(marks.name)") }
    let middle = legend.joined(separator: "   ")
    let gap = max(1, columns - first.count - last.count - middle.count)
    lines.append(
      Self.trimmed(
        String(repeating: " ", count: margin + 2) + first + String(repeating: " ", count: gap / 2) + middle
          + String(repeating: " ", count: gap - gap / 2) + last))
    return lines
  }

  private static func step(_ value: Double) -> String {
    Int(exactly: value.rounded())?.grouped ?? value.significant(4)
  }

  private static func trimmed(_ line: String) -> String {
    var line = line[...]
    while line.last == " " || line.last == "\u{2800}" { line.removeLast() }
    return String(line)
  }
}

/// Characters to draw on; places run from 0 to 1, upwards.
private struct Canvas {
  private let columns: Int
  private let rows: Int
  private let style: TerminalPlot.Style
  private var dots: [UInt8]
  private var marked: [Bool]

  init(columns: Int, rows: Int, style: TerminalPlot.Style) {
    (self.columns, self.rows, self.style) = (columns, rows, style)
    dots = [UInt8](repeating: 0, count: columns * rows)
    marked = [Bool](repeating: false, count: columns * rows)
  }

  private var grain: (x: Int, y: Int) { style == .braille ? (2, 4) : (1, 1) }

  /// A line through points in ascending order of x, one dot in each column of dots, joined upright.
  mutating func draw(_ points: [(x: Double, y: Double)]) {
    let across = columns * grain.x
    var (sums, counts) = ([Double](repeating: 0, count: across), [Int](repeating: 0, count: across))
    for point in points {
      let column = min(across - 1, max(0, Int(point.x * Double(across - 1) + 0.5)))
      sums[column] += point.y
      counts[column] += 1
    }
    var last: (column: Int, height: Double)?
    for column in 0..<across where counts[column] > 0 {
      let height = sums[column] / Double(counts[column])
      let start = last ?? (column, height)
      for between in start.column...column {
        let share =
          column == start.column ? 1 : Double(between - start.column) / Double(column - start.column)
        dot(between, row(start.height + (height - start.height) * share))
      }
      last = (column, height)
    }
  }

  mutating func mark(_ point: (x: Double, y: Double)) {
    let column = min(columns - 1, max(0, Int(point.x * Double(columns - 1) + 0.5)))
    marked[row(point.y) / grain.y * columns + column] = true
  }

  private func row(_ height: Double) -> Int {
    let down = rows * grain.y
    return min(down - 1, max(0, Int((1 - height) * Double(down - 1) + 0.5)))
  }

  private mutating func dot(_ x: Int, _ y: Int) {
    // The bits of Braille patterns, by column and row. Source: the Unicode Standard, block 2800.
    let bits: [[UInt8]] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]]
    dots[y / grain.y * columns + x / grain.x] |= bits[x % grain.x][y % grain.y]
  }

  var lines: [String] {
    (0..<rows).map { row in
      var line = ""
      for column in 0..<columns {
        let index = row * columns + column
        switch style {
        case .braille:
          line +=
            marked[index]
            ? "○" : dots[index] == 0 ? " " : String(UnicodeScalar(0x2800 + UInt32(dots[index])) ?? " ")
        case .ascii: line += marked[index] ? "o" : dots[index] == 0 ? " " : "."
        }
      }
      return line
    }
  }
}
