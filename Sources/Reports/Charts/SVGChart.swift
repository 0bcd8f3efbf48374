/// A picture of figures as an SVG: equal figures give equal bytes.
///
/// Colours are CSS variables, so that a page can set them; a file of its own brings them, light and dark.
public protocol SVGChart: Sendable {
  /// What is shown, in a few words.
  var title: String { get }
  /// What can be seen, for those who cannot see it.
  var summary: String { get }
  /// What the file is called, without an ending.
  var name: String { get }

  /// The picture, drawn in units of a CSS pixel at its natural size.
  func drawing() -> SVGDrawing
}

extension SVGChart {
  /// An `svg` element for a page that has the variables of ``ChartPalette``.
  ///
  /// - Parameter id: what the element's own ids begin with; once in a page.
  public func element(id: String) -> String {
    let drawing = drawing()
    return "<svg class=\"chart\" viewBox=\"0 0 \(coordinate(drawing.width)) \(coordinate(drawing.height))\" "
      + "role=\"img\" aria-labelledby=\"\(id)-t \(id)-d\"><title id=\"\(id)-t\">\(escaped(title))</title>"
      + "<desc id=\"\(id)-d\">\(escaped(summary))</desc>\(drawing.body)</svg>"
  }

  /// A file of its own, with its title drawn and its colours within.
  public func document() -> String {
    let drawing = drawing()
    let (heading, margin) = (30.0, 12.0)
    let (width, height) = (drawing.width + 2 * margin, drawing.height + heading + 2 * margin)
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"\(coordinate(width))\" "
      + "height=\"\(coordinate(height))\" viewBox=\"0 0 \(coordinate(width)) \(coordinate(height))\" role=\"img\" "
      + "aria-labelledby=\"t d\">\n<title id=\"t\">\(escaped(title))</title>\n<desc id=\"d\">\(escaped(summary))</desc>\n"
      + "<style>\(ChartPalette.css(selector: "svg"))\(ChartPalette.chartRules)</style>\n"
      + "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
      + "<text class=\"heading\" x=\"\(coordinate(margin))\" y=\"\(coordinate(margin + 14))\">\(escaped(title))</text>\n"
      + "<g transform=\"translate(\(coordinate(margin)) \(coordinate(margin + heading)))\">\(drawing.body)</g>\n</svg>\n"
  }
}

/// The elements of a picture, one after another.
public struct SVGDrawing: Sendable {
  let width: Double
  let height: Double
  private(set) var body = ""

  init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

  enum Anchor: String { case start, middle, end }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
    body +=
      "<path class=\"\(style)\" d=\"M\(coordinate(x1)) \(coordinate(y1))L\(coordinate(x2)) \(coordinate(y2))\"/>"
  }

  mutating func path(_ data: String, _ style: String, opacity: Double? = nil) {
    guard !data.isEmpty else { return }
    body += "<path class=\"\(style)\"\(Self.opacity(opacity)) d=\"\(data)\"/>"
  }

  mutating func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, opacity: Double? = nil,
    radius: Double = 0, tip: String? = nil
  ) {
    let corner = radius > 0 ? " rx=\"\(coordinate(radius))\"" : ""
    let place =
      "x=\"\(coordinate(x))\" y=\"\(coordinate(y))\" width=\"\(coordinate(max(0, width)))\" "
      + "height=\"\(coordinate(max(0, height)))\""
    let end = tip.map { "><title>\(escaped($0))</title></rect>" } ?? "/>"
    body += "<rect class=\"\(style)\"\(Self.opacity(opacity)) \(place)\(corner)\(end)"
  }

  mutating func circle(_ x: Double, _ y: Double, _ radius: Double, _ style: String, tip: String? = nil) {
    let end = tip.map { "><title>\(escaped($0))</title></circle>" } ?? "/>"
    body +=
      "<circle class=\"\(style)\" cx=\"\(coordinate(x))\" cy=\"\(coordinate(y))\" r=\"\(coordinate(radius))\"\(end)"
  }

  mutating func text(
    _ text: String, _ x: Double, _ y: Double, _ style: String = "label", anchor: Anchor = .start,
    rotated: Double? = nil
  ) {
    let turn =
      rotated.map { " transform=\"rotate(\(coordinate($0)) \(coordinate(x)) \(coordinate(y)))\"" } ?? ""
    let place = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
    body +=
      "<text class=\"\(style)\" x=\"\(coordinate(x))\" y=\"\(coordinate(y))\"\(place)\(turn)>\(escaped(text))</text>"
  }

  private static func opacity(_ value: Double?) -> String {
    value.map { " fill-opacity=\"\(hundredths($0))\"" } ?? ""
  }
}

/// With at most one decimal, which is finer than a screen shows.
func coordinate(_ value: Double) -> String {
  guard value.isFinite, abs(value) < 1e9 else { return "0" }
  let tenths = Int((value * 10).rounded())
  let (whole, rest) = (abs(tenths) / 10, abs(tenths) % 10)
  return (tenths < 0 ? "-" : "") + (rest == 0 ? "\(whole)" : "\(whole).\(rest)")
}

func hundredths(_ value: Double) -> String {
  let number = Int((min(max(value.isFinite ? value : 0, 0), 1) * 100).rounded())
  return number >= 100 ? "1" : number < 10 ? "0.0\(number)" : "0.\(number)"
}

/// A label that fits: its beginning, and a mark that there is more.
func shortened(_ text: String, to count: Int) -> String {
  text.count <= count ? text : text.prefix(max(1, count - 1)) + "…"
}
