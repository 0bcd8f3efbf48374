/// A table as HTML, whose columns of numbers are aligned, and that a script can sort and save.
struct HTMLTable {
  /// One column.
  struct Column {
    var title: String
    var isNumber: Bool
    /// Whether the title stands before each cell where rows are stacked.
    var isNamed = false

    static func text(_ title: String) -> Column { Column(title: title, isNumber: false) }
    static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
  }

  let caption: String
  let columns: [Column]
  /// Whether the first cell of a row says what the row is about.
  var hasRowHeadings = true
  /// Whether cells stand below each other where there is no room beside each other.
  var isStacked = false
  private var rows = ""
  private(set) var count = 0

  /// - Parameter caption: read out before the table, and the name of the file it is saved as.
  init(_ caption: String, _ columns: [Column]) { (self.caption, self.columns) = (caption, columns) }

  /// Adds a row.
  ///
  /// - Parameter cells: HTML, one a column.
  mutating func add(_ cells: [String]) {
    count += 1
    rows += "<tr\(role("row"))>"
    for (index, cell) in cells.enumerated() {
      let style = columns[index].isNumber ? " class=\"n\"" : ""
      let name = columns[index].isNamed ? " data-h=\"\(escaped(columns[index].title))\"" : ""
      rows +=
        index == 0 && hasRowHeadings
        ? "<th scope=\"row\"\(role("rowheader"))\(style)>\(cell)</th>"
        : "<td\(role("cell"))\(style)\(name)>\(cell)</td>"
    }
    rows += "</tr>\n"
  }

  /// Stacked rows are no table any more to browsers, unless they are told.
  private func role(_ name: String) -> String { isStacked ? " role=\"\(name)\"" : "" }

  /// The table, in a frame that scrolls where it is too wide.
  var html: String {
    let heads = columns.map {
      "<th scope=\"col\"\(role("columnheader"))\($0.isNumber ? " class=\"n\"" : "")>\(escaped($0.title))</th>"
    }
    let style = isStacked ? "data rows" : "data"
    return "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"\(escaped(caption))\">"
      + "<table class=\"\(style)\"\(role("table"))><caption class=\"vh\">\(escaped(caption))</caption>"
      + "<thead\(role("rowgroup"))><tr\(role("row"))>\(heads.joined())</tr></thead>\n"
      + "<tbody\(role("rowgroup"))>\n\(rows)</tbody></table></div>\n"
  }

  /// The table behind a line that opens it: the twin of a chart.
  func twin(_ summary: String) -> String {
    "<details class=\"twin\"><summary>\(escaped(summary))</summary>\n\(html)</details>\n"
  }
}

/// Small pieces that sections are made of.
enum HTMLPart {
  /// A chart with its title and what belongs below it.
  ///
  /// - Parameters:
  ///   - chart: what is drawn.
  ///   - note: text below, HTML.
  ///   - twin: the same as a table, HTML.
  static func figure(_ chart: any SVGChart, note: String = "", twin: String = "") -> String {
    "<figure><figcaption>\(escaped(chart.title))</figcaption>\(chart.element(id: "chart-\(chart.name)"))"
      + (note.isEmpty ? "" : "<p class=\"note\">\(note)</p>") + "\(twin)</figure>\n"
  }

  /// A section with its heading.
  static func section(_ id: String, _ title: String, _ body: String) -> String {
    "<section id=\"\(id)\" aria-labelledby=\"\(id)-h\">\n<h2 id=\"\(id)-h\">\(escaped(title))</h2>\n\(body)</section>\n"
  }

  /// A share and its interval, as a mark on a line from 0 to 1.
  static func interval(_ value: Double, _ interval: WilsonInterval, baseline: Double? = nil) -> String {
    let width = max(0, interval.upper - interval.lower)
    let guide = baseline.map { "<i class=\"base\" style=\"left:\(($0 * 100).fixed(1))%\"></i>" } ?? ""
    return
      "<span class=\"iv\" aria-hidden=\"true\"><i class=\"band\" style=\"left:\((interval.lower * 100).fixed(1))%;"
      + "width:\((width * 100).fixed(1))%\"></i>\(guide)<i class=\"dot\" style=\"left:\((value * 100).fixed(1))%\"></i></span>"
  }

  /// `0.720 – 0.976`
  static func range(_ interval: WilsonInterval, decimals: Int = 3) -> String {
    "\(interval.lower.fixed(decimals))\u{2009}–\u{2009}\(interval.upper.fixed(decimals))"
  }

  /// Tokens as chips; those that no training text has stand out.
  static func chips(_ tokens: [ExaminedToken], limit: Int = 60) -> String {
    guard !tokens.isEmpty else { return "" }
    var html = "<span class=\"toks\">"
    for token in tokens.prefix(limit) {
      let style = token.isSpecial ? "tok sp" : token.isUnseen ? "tok un" : "tok"
      html += "<span class=\"\(style)\">\(escaped(token.text))"
      html += token.isUnseen ? "<span class=\"vh\"> (never trained)</span></span> " : "</span> "
    }
    if tokens.count > limit {
      html += "<span class=\"more\">and \((tokens.count - limit).grouped) more</span>"
    }
    return html + "</span>"
  }

  /// The probabilities of all classes as a stacked bar, and of the likeliest three in words.
  static func probabilities(_ values: [Double], _ labels: [String]) -> String {
    let order = values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }
    let parts = order.prefix(8).sorted().filter { values[$0] >= 0.004 }
    let bar = parts.map {
      "<i class=\"b\($0 % ChartPalette.count)\" style=\"width:\((values[$0] * 100).fixed(1))%\"></i>"
    }
    let words = order.prefix(3).map {
      "<span><i class=\"key b\($0 % ChartPalette.count)\"></i>\(name($0, labels)) \(values[$0].fixed(3))</span>"
    }
    return
      "<span class=\"bar\" aria-hidden=\"true\">\(bar.joined())</span><span class=\"probs\">\(words.joined(separator: " "))</span>"
  }

  /// The name of a class, kept from turning the text around it.
  static func name(_ label: Int, _ labels: [String]) -> String {
    "<bdi>\(escaped(shortened(labels.indices.contains(label) ? labels[label] : "\(label)", to: 60)))</bdi>"
  }

  /// A text of a row, kept from turning the text around it; its beginning when it is long.
  static func text(_ text: String, limit: Int = 400) -> String {
    text.isEmpty
      ? "<span class=\"more\">(empty)</span>"
      : "<bdi class=\"txt\">\(escaped(shortened(text, to: limit)))</bdi>"
  }
}
