import FineTuning

extension Report {
  /// The confusion matrix, and each class's scores.
  var confusionSection: String {
    guard let scores else { return "" }
    let confusion = scores.metrics.confusion
    let wrong = scores.count - confusion.correct
    var lead = wrong == 0 ? "No row is wrong." : "\(wrong.counted("row")) wrong."
    if let worst = confusion.confusions.first, worst.count > 1 {
      lead +=
        " Most often “\(shortened(run.labels[worst.label], to: 60))” is taken for "
        + "“\(shortened(run.labels[worst.predicted], to: 60))”, \(worst.count.counted("time"))."
    }
    if run.labels.count <= 60, !rows.isEmpty { lead += " Select a cell to see its rows." }
    var html = "<p class=\"lead\">\(escaped(lead))</p>\n"
    let matrix = run.labels.count <= 60 ? confusionTable(scores) : largeConfusion(scores)
    html +=
      run.labels.count <= 6
      ? "<div class=\"cols\"><div>\(matrix)</div><div class=\"side\">\(supportNote(scores))</div></div>"
      : matrix
    return html + "<h3>Classes</h3>\n" + classTable(scores)
  }

  private func confusionTable(_ scores: TestScores) -> String {
    let (labels, confusion) = (run.labels, scores.metrics.confusion)
    let heads = labels.indices.map {
      "<th scope=\"col\">\(HTMLPart.name($0, labels.map { shortened($0, to: 18) }))</th>"
    }
    var html = "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Confusion matrix\">"
    html +=
      "<table class=\"confusion\(labels.count > 8 ? " many" : "")\"><caption class=\"vh\">Confusion matrix: rows are "
    html +=
      "the true labels, columns the predicted ones</caption><thead><tr><th class=\"corner\" scope=\"col\">label "
    html += "\\ predicted</th>\(heads.joined())</tr></thead><tbody>\n"
    for row in labels.indices {
      html += "<tr><th scope=\"row\">\(HTMLPart.name(row, labels.map { shortened($0, to: 24) }))</th>"
      let support = max(confusion.support(of: row), 1)
      for column in labels.indices {
        let count = confusion[row, column]
        let share = Double(count) / Double(support)
        let percent = labels.count <= 8 ? "<span class=\"pct\">\(share.percent(0))</span>" : ""
        // The lettering turns where the cell is dark; no cell is of a shade on which neither can be read.
        let isDark = share >= 0.6
        let kind = count == 0 ? "zero" : (row == column ? "hit" : "miss") + (isDark ? " dark" : "")
        let strength =
          count == 0 ? 0 : isDark ? (row == column ? 92 + 20 * (share - 0.6) : 100) : 14 + 31 * share / 0.6
        let spoken = "\(labels[row]) taken for \(labels[column]): \(count.counted("row"))"
        html +=
          "<td class=\"\(kind)\" style=\"--s:\(strength.fixed(0))\" data-l=\"\(row)\" data-p=\"\(column)\" "
          + "aria-label=\"\(escaped(spoken))\">\(count == 0 ? "·" : "\(count.grouped)\(percent)")</td>"
      }
      html += "</tr>\n"
    }
    return html + "</tbody></table></div>\n"
  }

  /// Of very many classes, the picture and the commonest mistakes.
  private func largeConfusion(_ scores: TestScores) -> String {
    var table = HTMLTable(
      "Commonest mistakes", [.text("Label"), .text("Taken for"), .number("Rows")])
    for mistake in scores.metrics.confusion.confusions.prefix(100) {
      table.add([
        HTMLPart.name(mistake.label, run.labels), HTMLPart.name(mistake.predicted, run.labels),
        mistake.count.grouped,
      ])
    }
    let chart = ConfusionChart(scores.metrics.confusion, labels: run.labels)
    let picture = run.labels.count <= 200 ? "<div class=\"scroll wide\">\(HTMLPart.figure(chart))</div>" : ""
    return picture + table.html
  }

  private func supportNote(_ scores: TestScores) -> String {
    "<p>A row of the table is a label, a column what the model said. Shares are of the row: how much of a label was "
      + "found. Intervals are Wilson’s, 95 %: with \(scores.count.counted("row")) in the test they are as wide as they "
      + "look.</p>\n"
  }

  private func classTable(_ scores: TestScores) -> String {
    var table = HTMLTable(
      "Scores of each class",
      [
        .text("Class"), .number("Precision"), .text("95 % interval"), .number("Recall"),
        .text("95 % interval"),
        .number("F1"), .number("Rows"),
      ])
    func interval(_ value: Double, _ interval: WilsonInterval) -> String {
      "\(HTMLPart.range(interval, decimals: 2))\(HTMLPart.interval(value, interval))"
    }
    for (label, score) in scores.metrics.scores.enumerated() {
      table.add([
        HTMLPart.name(label, run.labels), score.precision.fixed(4),
        interval(score.precision, scores.precisionInterval(label)), score.recall.fixed(4),
        interval(score.recall, scores.recallInterval(label)), score.f1.fixed(4), score.support.grouped,
      ])
    }
    for (name, average) in [
      ("mean of the classes", scores.metrics.average(.macro)),
      ("mean, by rows", scores.metrics.average(.weighted)),
    ] {
      table.add([
        "<span class=\"more\">\(name)</span>", average.precision.fixed(4), "", average.recall.fixed(4), "",
        average.f1.fixed(4), average.support.grouped,
      ])
    }
    return table.html
  }

  /// Whether the model is as sure as it may be.
  var calibrationSection: String {
    guard let scores else { return "" }
    let bins = scores.calibration.bins.filter { $0.count > 0 }
    let count = max(bins.reduce(0) { $0 + $1.count }, 1)
    let mean = bins.reduce(0) { $0 + $1.meanConfidence * Double($1.count) } / Double(count)
    let gap = mean - scores.metrics.accuracy
    let verdict =
      abs(gap) < 0.02
      ? "about as sure as it may be" : gap > 0 ? "surer than it may be" : "less sure than it could be"
    let lead =
      "On the test rows the model is \(verdict): its mean confidence is \(mean.percent()), its accuracy "
      + "\(scores.metrics.accuracy.percent()). The expected calibration error over ten bins is "
      + "\(scores.calibration.expectedError.fixed(4))."
    var table = HTMLTable(
      "Reliability",
      [.text("Confidence"), .number("Rows"), .number("Mean confidence"), .number("Share right")])
    for bin in scores.calibration.bins {
      let isEmpty = bin.count == 0
      table.add([
        "\(bin.lower.percent(0)) to \(bin.upper.percent(0))", bin.count.grouped,
        isEmpty ? "–" : bin.meanConfidence.fixed(4), isEmpty ? "–" : bin.accuracy.fixed(4),
      ])
    }
    return "<p class=\"lead\">\(escaped(lead))</p>\n<div class=\"cols\">\n"
      + HTMLPart.figure(
        ReliabilityChart(scores.calibration),
        note:
          "On the dotted line confidence is earned; below it, it is not. Larger dots are more rows; lines are 95 % "
          + "intervals.")
      + HTMLPart.figure(confidences) + "</div>\n" + table.twin("Reliability as a table")
  }
}
