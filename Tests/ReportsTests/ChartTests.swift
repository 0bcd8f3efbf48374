import FineTuning
import Foundation
import Reports
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("a chart")
struct ChartTests {
  private func isWellFormed(_ text: String) -> Bool {
    XMLParser(data: Data(text.utf8)).parse()
  }

  private static let curves: [[(x: Double, y: Double)]] = [
    [], [(1, 0.5)], [(1, .nan)], [(1, .nan), (2, 1), (3, .infinity), (4, 2)], [(0, 0), (0, 0)],
    [(1, 1e-300), (2, 1e300)], [(.nan, 1), (.infinity, 2)], [(1, -5), (2, -5)], [(1e15, 1), (1e15 + 2, 2)],
    [(1, 0), (2, .leastNonzeroMagnitude)], [(1, -1e308), (2, 1e308)], [(-1e308, 1), (1e308, 2)],
    (0..<50).map { (Double($0), sin(Double($0))) },
  ]

  @Test("is well-formed whatever the points are", arguments: curves.indices)
  func points(index: Int) {
    for style in [LineChart.Series.Style.line, .faint, .dashed, .dotted] {
      let chart = LineChart(
        name: "x", title: "<&\"'\u{0}\u{202E}", [.init("]]>", Self.curves[index], style: style)])
      #expect(isWellFormed(chart.document()))
      #expect(!chart.document().contains("nan") && !chart.document().contains("inf\""))
      #expect(chart.document() == chart.document())
    }
  }

  @Test("of a million steps is small, and keeps its extremes")
  func many() {
    var points = (0..<1_000_000).map { (x: Double($0), y: Double($0 % 97)) }
    points[567_890].y = 500
    let text = LineChart(name: "x", title: "t", [.init("", points)]).document()
    #expect(text.utf8.count < 60_000)
    #expect(text.contains(" 30L") || text.contains(" 30\""), "the highest point is at the top")
  }

  @Test("of classes is well-formed for none and for fifty", arguments: [0, 1, 3, 9, 50])
  func confusion(count: Int) {
    let labels = (0..<count).flatMap { [$0, $0, $0] }
    let predicted = labels.enumerated().map { ($1 + $0 % 3 / 2) % max(count, 1) }
    let chart = ConfusionChart(
      ConfusionMatrix(labels: labels, predictions: predicted, classCount: count),
      labels: (0..<count).map { "label <\($0)> with a long name" })
    #expect(isWellFormed(chart.document()))
  }

  @Test("has a title and a description that are tied to it")
  func accessible() {
    let element = LineChart(name: "x", title: "Loss", [.init("training", [(1, 1), (2, 0.5)])]).element(
      id: "c")
    #expect(element.contains("role=\"img\" aria-labelledby=\"c-t c-d\""))
    #expect(element.contains("<title id=\"c-t\">Loss</title>"))
    #expect(
      element.contains("<desc id=\"c-d\">training: 1 at step 1, 0.5 at step 2, lowest 0.5 at step 2.</desc>"))
  }

  @Test("of text takes any numbers", arguments: curves.indices)
  func terminalOfAnything(index: Int) {
    let plot = TerminalPlot(title: "y", curve: ("a", Self.curves[index]), marks: ("b", Self.curves[index]))
    for style in [TerminalPlot.Style.ascii, .braille] {
      #expect([0, 10].contains(plot.lines(width: 40, style: style).count))
    }
  }

  @Test("of text shows a curve, in Unicode and in ASCII")
  func terminal() {
    let plot = TerminalPlot.losses(
      steps: (1...40).map { ($0, 2 / Double($0)) }, evaluations: [(20, 0.4), (40, 0.2)])
    let ascii = plot.lines(width: 60, height: 6, style: .ascii)
    #expect(ascii.count == 8)
    #expect(ascii.joined().unicodeScalars.allSatisfy { $0.isASCII })
    #expect(ascii.joined().filter { $0 == "o" }.count == 5, "two marks, the legend, two words")
    let braille = plot.lines(width: 60, height: 6, style: .braille)
    #expect(braille.allSatisfy { $0.count <= 60 })
    #expect(braille.joined().unicodeScalars.contains { (0x2801...0x28FF).contains($0.value) })
    #expect(plot.lines(width: 10, style: .braille).isEmpty)
    #expect(
      TerminalPlot.losses(steps: [(1, .nan)], evaluations: [(1, 1)]).lines(width: 80, style: .ascii).isEmpty)
  }
}
