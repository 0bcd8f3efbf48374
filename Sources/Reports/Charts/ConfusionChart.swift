public import FineTuning

/// How often each class was taken for each, as a table of shaded cells.
public struct ConfusionChart: SVGChart {
  /// The counts.
  public var confusion: ConfusionMatrix
  /// The name of each class.
  public var labels: [String]

  public var name: String { "confusion" }
  public var title: String { "Confusion matrix" }

  /// A chart of counts.
  public init(_ confusion: ConfusionMatrix, labels: [String]) {
    (self.confusion, self.labels) = (confusion, labels)
  }

  public var summary: String {
    let wrong = confusion.total - confusion.correct
    let worst = confusion.confusions.first.map {
      "; most often \(label($0.label)) is taken for \(label($0.predicted)), \($0.count.counted("time"))"
    }
    return "\(confusion.correct.grouped) of \(confusion.total.counted("row")) are taken for what they are, "
      + "\(wrong.grouped) for something else\(worst ?? "")."
  }

  private func label(_ index: Int) -> String { labels.indices.contains(index) ? labels[index] : "\(index)" }

  public func drawing() -> SVGDrawing {
    let count = confusion.classCount
    let showsCounts = count <= 20
    let cell = count <= 4 ? 74.0 : count <= 8 ? 52 : count <= 20 ? 34 : 12
    let lettering = cell < 20 ? 12 : 16
    let widest = labels.prefix(count).map { min($0.count, lettering) }.max() ?? 1
    let left = Double(widest) * 6.8 + 34
    let isTurned = Double(widest) * 6.8 > cell - 6
    let top = isTurned ? Double(widest) * 6.8 * 0.72 + 36 : 44
    var drawing = SVGDrawing(
      width: max(left + cell * Double(count) + (isTurned ? Double(widest) * 4.6 : 10), 240),
      height: max(top + cell * Double(count) + 10, 120))
    guard count > 0 else {
      drawing.text("nothing to show", 120, 60, anchor: .middle)
      return drawing
    }
    drawing.text("predicted", left, 14)
    drawing.text("label", 14, top + cell * Double(count) / 2, anchor: .middle, rotated: -90)
    for row in 0..<count {
      let y = top + Double(row) * cell
      if cell >= 12 {
        drawing.text(shortened(label(row), to: lettering), left - 8, y + cell / 2 + 4, "strong", anchor: .end)
      }
      let x = left + (Double(row) + 0.5) * cell
      drawing.text(
        shortened(label(row), to: lettering), x, top - 8, "strong", anchor: isTurned ? .start : .middle,
        rotated: isTurned ? -45 : nil)
      let support = max(confusion.support(of: row), 1)
      for column in 0..<count {
        let number = confusion[row, column]
        let share = Double(number) / Double(support)
        let x = left + Double(column) * cell
        drawing.rectangle(x + 1, y + 1, cell - 2, cell - 2, "grid", radius: 3)
        if number > 0 {
          drawing.rectangle(
            x + 1, y + 1, cell - 2, cell - 2, row == column ? "f0" : "f1", opacity: 0.12 + 0.83 * share,
            radius: 3, tip: "\(label(row)) taken for \(label(column)): \(number)")
        }
        if showsCounts && number > 0 {
          drawing.text(
            number.grouped, x + cell / 2, y + cell / 2 + 4, share > 0.5 ? "over" : "strong", anchor: .middle)
        }
      }
    }
    return drawing
  }
}

extension ConfusionMatrix {
  /// The mistakes that were made, the commonest first; equal ones in the order of the classes.
  var confusions: [(label: Int, predicted: Int, count: Int)] {
    var found: [(label: Int, predicted: Int, count: Int)] = []
    for label in 0..<classCount {
      for predicted in 0..<classCount where predicted != label && self[label, predicted] > 0 {
        found.append((label, predicted, self[label, predicted]))
      }
    }
    return found.sorted { $0.count > $1.count }
  }
}
