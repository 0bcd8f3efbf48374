extension Report {
  /// The parts, their classes, and what is doubtful about them.
  var dataSection: String {
    guard !health.parts.isEmpty else { return "" }
    let items = findings.map { "<li class=\"\($0.isDoubtful ? "doubt" : "fine")\">\(escaped($0.text))</li>" }
    var html = "<p class=\"lead\">\(dataLead)</p>\n<ul class=\"find\">\(items.joined())</ul>\n"
    html += "<h3>Parts</h3>\n\(partTable)"
    if let lengths {
      html += "<div class=\"cols\">\(HTMLPart.figure(lengths, note: "Special tokens are counted."))</div>\n"
    }
    return html
  }

  private var dataLead: String {
    let data = run.description.data
    var parts: [String] = []
    if let name = data.name { parts.append("Data: <bdi>\(escaped(shortened(name, to: 120)))</bdi>") }
    if let origin = data.origin { parts.append("parts: \(escaped(shortened(origin, to: 200)))") }
    if let template = data.template {
      parts.append("text made as <code>\(escaped(shortened(template, to: 300)))</code>")
    }
    return parts.isEmpty ? "The texts as the run's log has them." : parts.joined(separator: "; ") + "."
  }

  private var partTable: String {
    let classes = run.labels.count <= 12 ? Array(run.labels.indices) : []
    var table = HTMLTable(
      "Parts of the data",
      [.text("Part"), .number("Rows")] + classes.map { .number(shortened(run.labels[$0], to: 18)) }
        + [.number("Repeated"), .number("In training"), .number("Longest")])
    func shown(_ count: Int?) -> String { count.map(\.grouped) ?? "–" }
    for part in health.parts {
      table.add(
        [escaped(part.name), part.rowCount.grouped]
          + classes.map { part.classCounts.indices.contains($0) ? part.classCounts[$0].grouped : "–" }
          + [shown(part.repeated), shown(part.inTraining), shown(part.lengths.max())])
    }
    return table.html
  }

  /// What there is to say about the data, doubtful or not.
  package var findings: [(text: String, isDoubtful: Bool)] {
    var found: [(String, Bool)] = []
    let shared = health.parts.filter { ($0.inTraining ?? 0) > 0 }
    for part in shared {
      let example = part.shared.map { ", such as “\(shortened($0, to: 60))”" } ?? ""
      found.append(
        (
          "\((part.inTraining ?? 0).counted("row")) of the \(part.name) part \(part.inTraining == 1 ? "is" : "are") in the "
            + "training part too\(example): the scores flatter", true
        ))
    }
    if shared.isEmpty, health.parts.contains(where: { $0.inTraining != nil }) {
      found.append(("No held-out row is in the training part", false))
    }
    if let train = health.parts.first(where: { $0.name == "train" }), let repeated = train.repeated {
      found.append(
        repeated > 0
          ? (
            "\(repeated.counted("training row")) \(repeated == 1 ? "repeats" : "repeat") an earlier one", true
          )
          : ("No training row is there twice", false))
    }
    for part in health.parts where part.empty > 0 {
      found.append(
        (
          "\(part.empty.counted("row")) of the \(part.name) part \(part.empty == 1 ? "has" : "have") no text",
          true
        ))
    }
    let known = health.parts.filter { !$0.lengths.isEmpty }
    if !known.isEmpty {
      let cut = known.reduce(0) { $0 + $1.tooLong }
      let longest = known.compactMap { $0.lengths.max() }.max() ?? 0
      found.append(
        cut > 0
          ? (
            "\(cut.counted("row")) \(cut == 1 ? "has" : "have") more tokens than the model takes; the longest has \(longest.grouped)",
            true
          )
          : ("Every text fits the model: the longest has \(longest.counted("token"))", false))
      let unknown = known.reduce(0) { $0 + $1.unknownTokens }
      let tokens = max(known.reduce(0) { $0 + $1.tokens }, 1)
      found.append(
        unknown > 0
          ? (
            "\(unknown.grouped) of \(tokens.counted("token")) stand for characters that the tokenizer does not know",
            true
          )
          : ("The tokenizer knows every character", false))
    }
    if let train = health.parts.first(where: { $0.name == "train" }), !train.classCounts.isEmpty {
      let (low, high) = (train.classCounts.min() ?? 0, train.classCounts.max() ?? 0)
      let isSkewed = low * 3 < high
      found.append(
        (
          "\(low == high ? "Every class has" : "The classes have from \(low.grouped) to") \(high.counted("training row"))\(isSkewed ? "; rare ones are learnt less" : "")",
          isSkewed
        ))
    }
    for twins in health.caseTwins {
      found.append(
        ("The labels \(twins.map { "“\($0)”" }.joined(separator: ", ")) differ in case only", true))
    }
    return found.map { ($0.0 + ".", $0.1) }
  }
}
