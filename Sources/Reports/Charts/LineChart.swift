/// Curves over the steps of a run.
public struct LineChart: SVGChart {
  /// One curve.
  public struct Series: Sendable {
    /// How a curve is drawn.
    public enum Style: Sendable { case line, faint, dashed, dotted }

    /// What the legend calls it.
    public var name: String
    /// In ascending order of x; y that is not finite leaves a gap.
    public var points: [(x: Double, y: Double)]
    /// How it is drawn.
    public var style: Style
    /// The number of its colour.
    public var color: Int

    /// A curve.
    public init(_ name: String, _ points: [(x: Double, y: Double)], style: Style = .line, color: Int = 0) {
      (self.name, self.points, self.style, self.color) = (name, points, style, color)
    }
  }

  public var name: String
  public var title: String
  /// Drawn in this order.
  public var series: [Series]
  /// What lies below the axis of x.
  public var xLabel = "step"
  /// Whether the axis of y begins at 0.
  public var includesZero = true
  /// A place on the axis of x that is pointed at, and what is said there.
  public var mark: (x: Double, text: String)?

  /// A chart of curves.
  public init(name: String, title: String, _ series: [Series]) {
    (self.name, self.title, self.series) = (name, title, series)
  }

  public var summary: String {
    let parts = series.compactMap { series -> String? in
      let points = series.points.filter { $0.y.isFinite }
      guard series.style != .faint, let first = points.first, let last = points.last,
        let low = points.min(by: { $0.y < $1.y })
      else { return nil }
      let name = series.name
      if points.count == 1 {
        return "\(name): \(first.y.significant(4)) at \(xLabel) \(first.x.significant(7))"
      }
      return "\(name): \(first.y.significant(4)) at \(xLabel) \(first.x.significant(7)), "
        + "\(last.y.significant(4)) at \(xLabel) \(last.x.significant(7)), "
        + "lowest \(low.y.significant(4)) at \(xLabel) \(low.x.significant(7))"
    }
    return parts.isEmpty ? "Nothing to show." : parts.joined(separator: ". ") + "."
  }

  public func drawing() -> SVGDrawing {
    var drawing = SVGDrawing(width: 440, height: 250)
    let frame = (left: 54.0, right: 428.0, top: 30.0, bottom: 210.0)
    let all = series.flatMap(\.points)
    let x = Scale(all.map(\.x), isWhole: true)
    let y = Scale(all.map(\.y), count: 4, includesZero: includesZero)
    func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
      (
        x.position(point.x, from: frame.left, to: frame.right),
        y.position(point.y, from: frame.bottom, to: frame.top)
      )
    }
    for tick in y.ticks {
      let height = place((x.range.lowerBound, tick)).y
      drawing.line(frame.left, height, frame.right, height, tick == 0 ? "axis" : "grid")
      drawing.text(y.label(tick), frame.left - 8, height + 4, anchor: .end)
    }
    for tick in x.ticks {
      drawing.text(x.label(tick), place((tick, 0)).x, frame.bottom + 18, anchor: .middle)
    }
    drawing.text(xLabel, frame.right, frame.bottom + 35, anchor: .end)
    guard all.contains(where: { $0.x.isFinite && $0.y.isFinite }) else {
      drawing.text("nothing to show", (frame.left + frame.right) / 2, 120, anchor: .middle)
      return drawing
    }
    if let mark, mark.x >= x.range.lowerBound, mark.x <= x.range.upperBound {
      let at = place((mark.x, 0)).x
      drawing.line(at, frame.top, at, frame.bottom, "guide")
      let isLate = at > (frame.left + frame.right) / 2
      drawing.text(
        mark.text, isLate ? at - 5 : at + 5, frame.top + 10, "label", anchor: isLate ? .end : .start)
    }
    for series in series {
      draw(series, place, columns: Int(frame.right - frame.left), into: &drawing)
    }
    legend(into: &drawing, left: frame.left)
    return drawing
  }

  private func draw(
    _ series: Series, _ place: ((x: Double, y: Double)) -> (x: Double, y: Double), columns: Int,
    into drawing: inout SVGDrawing
  ) {
    let color = series.color % ChartPalette.count
    var (path, count, isOpen) = ("", 0, false)
    for point in Self.thinned(series.points, columns: columns) {
      guard point.y.isFinite, point.x.isFinite else {
        isOpen = false
        continue
      }
      let (x, y) = place(point)
      path += "\(isOpen ? "L" : "M")\(coordinate(x)) \(coordinate(y))"
      (count, isOpen) = (count + 1, true)
    }
    switch series.style {
    case .line, .dotted: drawing.path(path, "line s\(color)")
    case .dashed: drawing.path(path, "line dashed s\(color)")
    case .faint: drawing.path(path, "faint s\(color)")
    }
    // Few points are measurements, and a lone one would not be seen.
    if count == 1 || series.style == .dotted && count <= 40 {
      for point in series.points where point.x.isFinite && point.y.isFinite {
        let (x, y) = place(point)
        drawing.circle(
          x, y, 3, "ring s\(color)",
          tip: "\(series.name), \(xLabel) \(point.x.significant(7)): \(point.y.significant(5))")
      }
    }
  }

  private func legend(into drawing: inout SVGDrawing, left: Double) {
    var at = left
    for series in series where !series.name.isEmpty {
      let style = series.style == .faint ? "faint" : series.style == .dashed ? "line dashed" : "line"
      drawing.line(at, 12, at + 18, 12, "\(style) s\(series.color % ChartPalette.count)")
      let name = shortened(series.name, to: 34)
      drawing.text(name, at + 24, 16, "strong")
      at += 24 + Double(name.count) * 6.4 + 18
    }
  }

  /// No more points than can be told apart: of each column's, the lowest and the highest, in their order.
  static func thinned(_ points: [(x: Double, y: Double)], columns: Int) -> [(x: Double, y: Double)] {
    guard columns > 0, points.count > 3 * columns else { return points }
    var kept: [(x: Double, y: Double)] = []
    kept.reserveCapacity(3 * columns)
    for column in 0..<columns {
      let range = column * points.count / columns..<(column + 1) * points.count / columns
      var (low, high, gap): (Int?, Int?, Int?) = (nil, nil, nil)
      for index in range {
        guard points[index].y.isFinite else {
          gap = gap ?? index
          continue
        }
        if low.map({ points[index].y < points[$0].y }) ?? true { low = index }
        if high.map({ points[index].y > points[$0].y }) ?? true { high = index }
      }
      let chosen = Set([low, high, gap].compactMap(\.self)).sorted()
      kept += chosen.map { points[$0] }
    }
    return kept
  }
}
