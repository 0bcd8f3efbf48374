extension Report {
  /// This run beside another.
  var comparisonSection: String {
    guard let comparison else { return "" }
    let one = escaped(comparison.first.name)
    var html = "<p class=\"lead\">\(escaped(comparison.verdict))</p>\n<div class=\"cols\">\n"
    if comparison.sharedCount > 0 {
      html += "<div><h3 style=\"margin-top:0\">Rows both were tested on</h3>"
      var table = HTMLTable(
        "Rows both runs were tested on",
        [.text(""), .number("\(comparison.second.name) right"), .number("\(comparison.second.name) wrong")])
      table.add(["\(one) right", comparison.bothRight.grouped, comparison.test.onlyFirst.grouped])
      table.add(["\(one) wrong", comparison.test.onlySecond.grouped, comparison.bothWrong.grouped])
      html += table.html
      html +=
        "<p class=\"note\">McNemar’s exact test: p = \(comparison.test.pValue.significant(3)).</p></div>\n"
    }
    if let chart = comparisonCurves { html += HTMLPart.figure(chart) }
    html += "</div>\n"
    if !comparison.settings.isEmpty {
      var table = HTMLTable(
        "Settings that differ",
        [.text("Setting"), .text(comparison.first.name), .text(comparison.second.name)])
      for setting in comparison.settings {
        table.add([
          "<code>\(escaped(setting.name))</code>", HTMLPart.text(setting.first, limit: 200),
          HTMLPart.text(setting.second, limit: 200),
        ])
      }
      html += "<h3>Settings that differ</h3>\n" + table.html
    }
    if !comparison.flips.isEmpty {
      var table = HTMLTable(
        "Rows answered differently",
        [.text("Text"), .text("Label"), .text(comparison.first.name), .text(comparison.second.name)])
      for flip in comparison.flips.prefix(500) {
        func answer(_ label: Int) -> String {
          "<span class=\"\(label == flip.label ? "yes" : "no")\">\(HTMLPart.name(label, run.labels))</span>"
        }
        table.add([
          HTMLPart.text(flip.text, limit: 200), HTMLPart.name(flip.label, run.labels), answer(flip.first),
          answer(flip.second),
        ])
      }
      html += "<h3>Right in one, wrong in the other</h3>\n"
      if comparison.flips.count > 500 {
        html += "<p class=\"note\">The first 500 of \(comparison.flips.count.grouped).</p>"
      }
      html += table.html
    }
    return html
  }
}
