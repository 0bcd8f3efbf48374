/// Which class a model gives to all values of two numbers, the surer the stronger its colour.
struct GridChart: SVGChart {
  let grid: ProbabilityGrid
  let labels: [String]

  var name: String { "probability_grid" }
  var title: String { "Answers for all values of \(grid.names.x) and \(grid.names.y)" }

  var summary: String {
    var counts = [Int](repeating: 0, count: labels.count)
    for cell in grid.cells.joined() where counts.indices.contains(cell.label) { counts[cell.label] += 1 }
    let total = max(counts.reduce(0, +), 1)
    let parts = zip(labels, counts).map { "\($0) \((Double($1) / Double(total)).percent(0))" }
    return
      "Shares of the shown plane: \(parts.joined(separator: ", ")). The other numbers stay at their medians, "
      + "as in \(grid.example)."
  }

  func drawing() -> SVGDrawing {
    var drawing = SVGDrawing(width: 440, height: 390)
    let frame = (left: 50.0, right: 428.0, top: 34.0, bottom: 348.0)
    let (columns, rows) = (grid.xs.count, grid.ys.count)
    let size = (x: (frame.right - frame.left) / Double(columns), y: (frame.bottom - frame.top) / Double(rows))
    // One path for all cells of a class that look alike.
    let levels = 10
    var paths = [[String]](repeating: [String](repeating: "", count: levels + 1), count: labels.count)
    for (row, cells) in grid.cells.enumerated() {
      var column = 0
      let top = frame.bottom - Double(row + 1) * size.y
      while column < cells.count {
        let level = self.level(cells[column].confidence, levels)
        var end = column + 1
        while end < cells.count, cells[end].label == cells[column].label,
          self.level(cells[end].confidence, levels) == level
        {
          end += 1
        }
        let (left, width) = (frame.left + Double(column) * size.x, Double(end - column) * size.x)
        if paths.indices.contains(cells[column].label) {
          paths[cells[column].label][level] +=
            "M\(coordinate(left)) \(coordinate(top))h\(coordinate(width))v\(coordinate(size.y))h\(coordinate(-width))z"
        }
        column = end
      }
    }
    for (label, byLevel) in paths.enumerated() {
      for (level, path) in byLevel.enumerated() {
        drawing.path(
          path, "f\(label % ChartPalette.count)", opacity: 0.15 + 0.7 * Double(level) / Double(levels))
      }
    }
    overlay(into: &drawing, frame)
    return drawing
  }

  private func level(_ confidence: Double, _ levels: Int) -> Int {
    let floor = 1 / Double(max(labels.count, 2))
    let share = confidence.isFinite ? (confidence - floor) / (1 - floor) : 0
    return min(levels, max(0, Int((share * Double(levels)).rounded())))
  }

  private func overlay(
    into drawing: inout SVGDrawing, _ frame: (left: Double, right: Double, top: Double, bottom: Double)
  ) {
    // A value lies in the middle of its cell.
    func x(_ value: Double) -> Double {
      let (first, last) = (grid.xs[0], grid.xs[grid.xs.count - 1])
      let half = (frame.right - frame.left) / Double(grid.xs.count) / 2
      return frame.left + half + (value - first) / (last - first) * (frame.right - frame.left - 2 * half)
    }
    func y(_ value: Double) -> Double {
      let (first, last) = (grid.ys[0], grid.ys[grid.ys.count - 1])
      let half = (frame.bottom - frame.top) / Double(grid.ys.count) / 2
      return frame.bottom - half - (value - first) / (last - first) * (frame.bottom - frame.top - 2 * half)
    }
    for point in grid.trained { drawing.circle(x(point.x), y(point.y), 2, "seen") }
    let (left, right) = (x(grid.box.x.lowerBound), x(grid.box.x.upperBound))
    let (low, high) = (y(grid.box.y.lowerBound), y(grid.box.y.upperBound))
    drawing.path(
      "M\(coordinate(left)) \(coordinate(low))H\(coordinate(right))V\(coordinate(high))H\(coordinate(left))z",
      "box")
    for tick in Scale(grid.xs, isWhole: false).ticks where tick >= grid.xs[0] && x(tick) <= frame.right {
      drawing.text(tick.significant(4), x(tick), frame.bottom + 18, anchor: .middle)
    }
    for tick in Scale(grid.ys, isWhole: false).ticks where tick >= grid.ys[0] && y(tick) >= frame.top {
      drawing.text(tick.significant(4), frame.left - 8, y(tick) + 4, anchor: .end)
    }
    drawing.text(grid.names.x, frame.right, frame.bottom + 36, anchor: .end)
    drawing.text(grid.names.y, 14, (frame.top + frame.bottom) / 2, anchor: .middle, rotated: -90)
    var at = frame.left
    for (index, label) in labels.prefix(6).enumerated() {
      let name = shortened(label, to: 16)
      drawing.rectangle(at, 9, 11, 11, "f\(index % ChartPalette.count)", radius: 2)
      drawing.text(name, at + 17, 18, "strong")
      at += 17 + Double(name.count) * 6.6 + 16
    }
  }
}
