extension Report {
  /// Every test row with its tokens and probabilities.
  var rowsSection: String {
    guard !rows.isEmpty else { return "" }
    let trained = Set(run.trainTexts.map(Bytes.init))
    var lead = "What the model said of each test row, and the tokens it saw."
    if rows.contains(where: { $0.tokens.contains(where: \.isUnseen) }) {
      lead += " Dashed tokens are in no training text, so the model knows them from its pre-training only."
    }
    if rows.contains(where: { !$0.nearest.isEmpty }) {
      lead += " Below wrong rows and close calls stand the training rows most like them."
    }
    if rows.count < run.predictions.count {
      lead +=
        " Shown are \(rows.count.grouped) of \(run.predictions.count.grouped) rows, the wrong and the close ones first; "
        + "all are in predictions.jsonl."
    }
    var html = "<p class=\"lead\">\(escaped(lead))</p>\n<div class=\"tools\" id=\"row-tools\"></div>\n"
    html += "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Test rows\">"
    html +=
      "<table class=\"data rows\" data-tools=\"row-tools\" role=\"table\"><caption class=\"vh\">Test rows</caption>"
    html += "<thead role=\"rowgroup\"><tr role=\"row\">"
    for (title, style) in [
      ("Row", " class=\"n\""), ("Text and tokens", ""), ("Label", ""), ("Predicted", ""),
      ("Probabilities", ""),
    ] {
      html += "<th scope=\"col\" role=\"columnheader\"\(style)>\(title)</th>"
    }
    html += "</tr></thead>\n<tbody role=\"rowgroup\">\n"
    for row in rows { html += self.html(row, isTrained: trained.contains(Bytes(row.prediction.text))) }
    return html + "</tbody></table></div>\n"
  }

  private func html(_ row: Row, isTrained: Bool) -> String {
    let prediction = row.prediction
    var marks: [String] = []
    if !row.isRight { marks.append("wrong") }
    if row.margin < Self.closeMargin { marks.append("close") }
    if row.tokens.contains(where: \.isUnseen) { marks.append("unseen") }
    if isTrained, prediction.pair == nil { marks.append("trained") }
    let pair = prediction.pair.map { "<br><span class=\"more\">with</span> \(HTMLPart.text($0))" } ?? ""
    let near = row.nearest.map { near in
      "<span>\(HTMLPart.text(near.text, limit: 120))\(near.label.map { " \(HTMLPart.name($0, run.labels))" } ?? "")</span>"
    }
    let nearest =
      near.isEmpty ? "" : "<div class=\"near\">nearest in training: \(near.joined(separator: " · "))</div>"
    let place =
      row.line.map { $0 == row.number ? "" : " <span class=\"more\">line \($0.grouped)</span>" } ?? ""
    let sign = row.isRight ? "yes" : "no"
    let csv = prediction.text + (prediction.pair.map { "\t" + $0 } ?? "")
    let likeliest = row.probabilities.indices.sorted {
      (-row.probabilities[$0], $0) < (-row.probabilities[$1], $1)
    }
    let probabilities = likeliest.prefix(3).map { "\(run.labels[$0]) \(row.probabilities[$0].fixed(6))" }
    return
      "<tr role=\"row\" data-f=\"\(marks.joined(separator: " "))\" data-l=\"\(prediction.label)\" data-p=\"\(prediction.predicted)\">"
      + "<th scope=\"row\" role=\"rowheader\" class=\"n\" data-v=\"\(row.number)\" data-csv=\"\(row.number)\">\(row.number.grouped)\(place)</th>"
      + "<td role=\"cell\" data-csv=\"\(escaped(csv))\">\(HTMLPart.text(prediction.text))\(pair)\(HTMLPart.chips(row.tokens))\(nearest)</td>"
      + "<td role=\"cell\" data-h=\"label\">\(HTMLPart.name(prediction.label, run.labels))</td>"
      + "<td role=\"cell\" data-h=\"predicted\" class=\"\(sign)\">\(HTMLPart.name(prediction.predicted, run.labels))"
      + "<span class=\"vh\"> \(row.isRight ? "right" : "wrong")</span>\(row.isRight ? "" : "\u{A0}✗")</td>"
      + "<td role=\"cell\" data-v=\"\(row.confidence.fixed(6))\" data-csv=\"\(escaped(probabilities.joined(separator: "; ")))\">"
      + "\(HTMLPart.probabilities(row.probabilities, run.labels))</td></tr>\n"
  }
}
