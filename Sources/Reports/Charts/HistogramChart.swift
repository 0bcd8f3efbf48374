/// How many rows have how much of something, in stacked bars.
public struct HistogramChart: SVGChart {
  /// Bars of one colour, stacked upon those of the groups before.
  public struct Group: Sendable {
    /// What the legend calls it.
    public var name: String
    /// Rows in each bin.
    public var counts: [Int]
    /// The number of its colour.
    public var color: Int

    /// A group of rows.
    public init(_ name: String, _ counts: [Int], color: Int) {
      (self.name, self.counts, self.color) = (name, counts, color)
    }
  }

  public var name: String
  public var title: String
  /// Where bins begin, and the last ends: one more than there are bins.
  public var edges: [Double]
  /// Stacked in this order.
  public var groups: [Group]
  /// What lies below the axis of x.
  public var xLabel: String
  /// Whether edges are shares of one.
  public var isShare = false

  /// A chart of counts.
  public init(name: String, title: String, edges: [Double], groups: [Group], xLabel: String) {
    (self.name, self.title, self.edges, self.groups, self.xLabel) = (name, title, edges, groups, xLabel)
  }

  /// Sorts values into at most `limit` bins of whole width.
  static func bins(_ values: [Int], limit: Int = 30) -> (edges: [Double], counts: [Int]) {
    guard let low = values.min(), let high = values.max() else { return ([0, 1], [0]) }
    let (span, overflow) = high.subtractingReportingOverflow(low)
    guard !overflow, span < Int.max - limit else { return ([0, 1], [values.count]) }
    let width = span / limit + 1
    var counts = [Int](repeating: 0, count: span / width + 1)
    for value in values { counts[(value - low) / width] += 1 }
    return ((0...counts.count).map { Double(low + $0 * width) }, counts)
  }

  private var totals: [Int] {
    (0..<max(0, edges.count - 1)).map { bin in
      groups.reduce(0) { $0 + ($1.counts.indices.contains(bin) ? $1.counts[bin] : 0) }
    }
  }

  private func edge(_ value: Double) -> String { isShare ? value.percent(0) : value.significant(6) }

  public var summary: String {
    let parts = totals.enumerated().filter { $0.element > 0 }.map { bin, count in
      "\(edge(edges[bin])) to \(edge(edges[bin + 1])): \(count.grouped)"
    }
    return parts.isEmpty ? "Nothing to show." : "\(xLabel), \(parts.prefix(40).joined(separator: "; "))."
  }

  public func drawing() -> SVGDrawing {
    var drawing = SVGDrawing(width: 440, height: 220)
    let frame = (left: 50.0, right: 428.0, top: 30.0, bottom: 178.0)
    let totals = totals
    let scale = Scale(totals.map(Double.init) + [0], count: 4, isWhole: true, includesZero: true)
    let largest = max(scale.range.upperBound, 1)
    func y(_ count: Double) -> Double { frame.bottom - count / largest * (frame.bottom - frame.top) }
    for tick in scale.ticks where tick >= 0 {
      drawing.line(frame.left, y(tick), frame.right, y(tick), tick == 0 ? "axis" : "grid")
      drawing.text(scale.label(tick), frame.left - 8, y(tick) + 4, anchor: .end)
    }
    drawing.text(xLabel, frame.right, frame.bottom + 35, anchor: .end)
    guard totals.contains(where: { $0 > 0 }) else {
      drawing.text("nothing to show", (frame.left + frame.right) / 2, 110, anchor: .middle)
      return drawing
    }
    let width = min((frame.right - frame.left) / Double(totals.count), 56)
    for bin in totals.indices {
      let left = frame.left + Double(bin) * width
      var base = 0
      for group in groups {
        let count = group.counts.indices.contains(bin) ? group.counts[bin] : 0
        guard count > 0 else { continue }
        let top = y(Double(base + count))
        drawing.rectangle(
          left + 1, top, width - 2, y(Double(base)) - top, "f\(group.color % ChartPalette.count)",
          radius: 1.5,
          tip: "\(edge(edges[bin])) to \(edge(edges[bin + 1])), \(group.name): \(count)")
        base += count
      }
    }
    let stride = max(1, (totals.count + 7) / 8)
    for bin in Swift.stride(from: 0, through: isShare ? totals.count : totals.count - 1, by: stride) {
      let middle = isShare ? 0 : width / 2
      drawing.text(
        edge(edges[bin]), frame.left + Double(bin) * width + middle, frame.bottom + 18, anchor: .middle)
    }
    guard groups.count > 1 else { return drawing }
    var at = frame.left
    for group in groups {
      drawing.rectangle(at, 7, 11, 11, "f\(group.color % ChartPalette.count)", radius: 2)
      drawing.text(group.name, at + 17, 16, "strong")
      at += 17 + Double(group.name.count) * 6.6 + 18
    }
    return drawing
  }
}
