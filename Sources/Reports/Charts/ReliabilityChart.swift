/// Whether confidence is earned: how often predictions were right, by how sure the model was.
public struct ReliabilityChart: SVGChart {
  /// What is shown.
  public var calibration: Calibration

  public var name: String { "reliability" }
  public var title: String { "Reliability" }

  /// A chart of bins.
  public init(_ calibration: Calibration) { self.calibration = calibration }

  public var summary: String {
    let parts = calibration.bins.filter { $0.count > 0 }.map {
      "\($0.count.counted("row")) with confidence about \($0.meanConfidence.percent(0)): \($0.accuracy.percent(0)) right"
    }
    return parts.isEmpty ? "Nothing to show." : parts.joined(separator: "; ") + "."
  }

  public func drawing() -> SVGDrawing {
    var drawing = SVGDrawing(width: 440, height: 300)
    let frame = (left: 50.0, right: 428.0, top: 16.0, bottom: 256.0)
    func x(_ value: Double) -> Double { frame.left + value * (frame.right - frame.left) }
    func y(_ value: Double) -> Double { frame.bottom - value * (frame.bottom - frame.top) }
    for tick in stride(from: 0.0, through: 1.0, by: 0.25) {
      drawing.line(frame.left, y(tick), frame.right, y(tick), tick == 0 ? "axis" : "grid")
      drawing.text(tick.percent(0), frame.left - 8, y(tick) + 4, anchor: .end)
      drawing.text(tick.percent(0), x(tick), frame.bottom + 18, anchor: .middle)
    }
    drawing.text("confidence", frame.right, frame.bottom + 35, anchor: .end)
    drawing.text("share right", frame.left + 6, frame.top + 12)
    drawing.line(x(0), y(0), x(1), y(1), "guide")
    for bin in calibration.bins where bin.count > 0 {
      let tip =
        "\(bin.lower.percent(0)) to \(bin.upper.percent(0)): \(bin.count.counted("row")), "
        + "\(bin.correct.grouped) right"
      let interval = WilsonInterval(bin.correct, of: bin.count)
      let place = x(bin.meanConfidence)
      drawing.line(place, y(interval.lower), place, y(interval.upper), "line s0 faint")
      let radius =
        3.5 + 6 * (Double(bin.count) / Double(calibration.bins.map(\.count).max() ?? 1)).squareRoot()
      drawing.circle(place, y(bin.accuracy), radius, "f0", tip: tip)
    }
    return drawing
  }
}
