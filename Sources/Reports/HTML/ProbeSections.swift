extension Report {
  /// What becomes of the answers when texts are written otherwise.
  var probesSection: String {
    guard let probes, !probes.groups.isEmpty || !probes.families.isEmpty else { return "" }
    var html = ""
    if probes.families.count > 1 {
      html += "<p class=\"lead\">\(escaped(probesLead(probes)))</p>\n" + familyTable(probes)
    }
    for (index, group) in probes.groups.enumerated() {
      let isList = group.answers.allSatisfy(\.title.isEmpty)
      let title =
        isList
        ? escaped(group.title)
        : "One row of \(HTMLPart.name(run.labels.firstIndex(of: group.title) ?? index, run.labels)), rewritten"
      html += "<h3>\(title)</h3>\n" + groupTable(group, isList: isList)
    }
    return html
  }

  private func probesLead(_ probes: ProbeStudy) -> String {
    let same = probes.families.dropFirst().filter(\.keepsMeaning)
    let total = same.reduce(0) { $0 + $1.count }
    let lost = total - same.reduce(0) { $0 + $1.agreeing }
    var text = "The test rows, written otherwise. "
    if total > 0 {
      text +=
        lost == 0
        ? "Where the meaning stays the same, every answer stays too. "
        : "Where the meaning stays the same, \(lost.grouped) of \(total.grouped) answers change all the same: the model "
          + "has learnt the format along with the values. "
    }
    return text
      + "A model like this gives a label to anything, nonsense too; how sure it is there tells how far its "
      + "confidence can be trusted."
  }

  private func familyTable(_ probes: ProbeStudy) -> String {
    var table = HTMLTable(
      "Test rows rewritten",
      [
        .text("Written"), .text("For example"), .number("Same answer"), .number("Right"),
        .number("Mean confidence"), .number("Rows with tokens never trained"),
      ])
    for family in probes.families {
      let changed = family.agreeing < family.count
      let same = "\(family.agreeing.grouped)\u{2009}/\u{2009}\(family.count.grouped)"
      table.add([
        escaped(family.title)
          + (family.keepsMeaning && family.name != "as_written"
            ? " <span class=\"more\">same meaning</span>" : ""),
        "<code>\(HTMLPart.text(family.example, limit: 80))</code>",
        changed && family.keepsMeaning ? "<span class=\"no\">\(same)</span>" : same,
        family.correct.grouped, family.meanConfidence.fixed(3),
        family.withUnseen == 0 ? "–" : family.withUnseen.grouped,
      ])
    }
    return table.html
  }

  private func groupTable(_ group: ProbeStudy.Group, isList: Bool) -> String {
    var table = HTMLTable(
      isList ? group.title : "A row of \(group.title), rewritten",
      (isList ? [] : [.text("Written")]) + [
        .text("Text and tokens"), .init(title: "Answer", isNumber: false, isNamed: true),
        .text("Probabilities"),
      ])
    table.isStacked = true
    for answer in group.answers {
      var flags: [String] = []
      if let count = answer.oddFieldCount, let usual = probes?.fieldCount {
        flags.append("\(count.counted("number")), trained on \(usual)")
      } else if !answer.outliers.isEmpty {
        let names = run.description.data.columns
        let fields = answer.outliers.map {
          names.indices.contains($0) && names.count == probes?.fieldCount ? names[$0] : "number \($0 + 1)"
        }
        let isAll = fields.count == probes?.fieldCount
        flags.append(
          isAll
            ? "every number is outside of training" : "outside of training: \(fields.joined(separator: ", "))"
        )
      }
      if answer.examined.tokens.isEmpty { flags.append("no tokens") }
      let flag = flags.isEmpty ? "" : "<div class=\"flag\">\(escaped(flags.joined(separator: "; ")))</div>"
      let changed = answer.agrees == false
      let name = HTMLPart.name(answer.examined.predicted, run.labels)
      let verdict = changed ? "<span class=\"no\">\(name)<span class=\"vh\"> (changed)</span></span>" : name
      table.add(
        (isList ? [] : [escaped(answer.title)]) + [
          "\(HTMLPart.text(answer.text, limit: 200))\(HTMLPart.chips(answer.examined.tokens))\(flag)",
          verdict,
          HTMLPart.probabilities(answer.examined.probabilities, run.labels),
        ])
    }
    return table.html
  }

  /// The answers for all values of two numbers.
  var gridSection: String {
    guard let grid else { return "" }
    let chart = GridChart(grid: grid, labels: run.labels)
    let lead =
      "What the model says when \(grid.names.x) and \(grid.names.y) take all values and the other numbers stay at "
      + "the median of the training rows, written with as many decimals as there. The stronger the colour, the surer. Rings are "
      + "training rows, the dashed box is where they all lie: outside of it nothing was learnt, and yet there is an answer."
    var table = HTMLTable(
      "Map of answers", [.number(grid.names.y)] + grid.xs.map { .number($0.significant(3)) })
    for (y, cells) in zip(grid.ys, grid.cells).reversed() {
      table.add(
        [y.significant(3)]
          + cells.map {
            "\(escaped(shortened(run.name(of: $0.label), to: 12)))\u{A0}\($0.confidence.fixed(2))"
          })
    }
    return "<p class=\"lead\">\(escaped(lead))</p>\n<div class=\"cols\">\(HTMLPart.figure(chart))</div>\n"
      + table.twin("Map of answers as a table, \(grid.names.x) across and \(grid.names.y) down")
  }
}
