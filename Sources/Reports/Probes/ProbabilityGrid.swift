/// What a model says of all values of two of a text's numbers, the others held at their medians.
///
/// The numbers are written with as many decimals as in training, so that only values vary.
package struct ProbabilityGrid: Sendable {
  /// Which numbers of the text, counted from 0.
  package let fields: (x: Int, y: Int)
  /// What they are called.
  package let names: (x: String, y: String)
  /// The values of the first number, ascending.
  package let xs: [Double]
  /// The values of the second number, ascending.
  package let ys: [Double]
  /// One row for each of `ys`, one element for each of `xs`: the likeliest class and its probability.
  package let cells: [[(label: Int, confidence: Double)]]
  /// The smallest and largest values in training.
  package let box: (x: ClosedRange<Double>, y: ClosedRange<Double>)
  /// Where training rows lie; each place once.
  package let trained: [(x: Double, y: Double)]
  /// The text of the cell in the middle.
  package let example: String

  /// Asks the model `size` × `size` times.
  ///
  /// - Returns: nil when texts are not made of at least two numbers each.
  package init?(_ run: RunRecord, _ examiner: Examiner, size: Int) throws {
    guard size > 1, !run.predictions.contains(where: { $0.pair != nil }),
      let layout = NumberLayout(run.trainTexts), layout.ranges.count > 1
    else { return nil }
    let fields = Self.fields(run, layout)
    func axis(_ field: Int) -> [Double] {
      let range = layout.ranges[field]
      // Half a range more on both sides: what the model says where it has seen nothing.
      let margin = max((range.upperBound - range.lowerBound) / 2, 0.5)
      let (low, high) = (range.lowerBound - margin, range.upperBound + margin)
      let start = range.lowerBound >= 0 ? max(0, low) : low
      return (0..<size).map { start + (high - start) * Double($0) / Double(size - 1) }
    }
    (xs, ys) = (axis(fields.x), axis(fields.y))
    let template = NumberedText(run.trainTexts[0])
    var texts: [String] = []
    for y in ys {
      for x in xs {
        var values = layout.medians
        (values[fields.x], values[fields.y]) = (x, y)
        texts.append(template.text(of: zip(values, layout.decimals).map { $0.fixed($1) }))
      }
    }
    let answers = try examiner.logits(texts).map { logits in
      let predicted = logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
      return (label: predicted, confidence: softmax(logits)[predicted])
    }
    cells = (0..<size).map { Array(answers[$0 * size..<($0 + 1) * size]) }
    example = texts[texts.count / 2]
    box = (layout.ranges[fields.x], layout.ranges[fields.y])
    self.fields = fields
    let columns = run.description.data.columns
    func name(_ field: Int) -> String {
      columns.count == layout.ranges.count ? columns[field] : "number \(field + 1)"
    }
    names = (name(fields.x), name(fields.y))
    let places = run.trainTexts.map { text -> [Double] in
      let values = NumberedText(text).values
      return [values[fields.x], values[fields.y]]
    }
    trained = Set(places).sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }.prefix(2000).map { ($0[0], $0[1]) }
  }

  /// The two numbers that tell the classes apart best: those whose class means are farthest apart for their spread.
  private static func fields(_ run: RunRecord, _ layout: NumberLayout) -> (x: Int, y: Int) {
    let count = layout.ranges.count
    var columns = [[Int: [Double]]](repeating: [:], count: count)
    for row in run.predictions {
      let values = NumberedText(row.text).values
      guard values.count == count, values.allSatisfy(\.isFinite) else { continue }
      for (index, value) in values.enumerated() { columns[index][row.label, default: []].append(value) }
    }
    let scores = columns.map { classes -> Double in
      let groups = classes.keys.sorted().compactMap { classes[$0] }
      let all = groups.flatMap(\.self)
      guard !all.isEmpty else { return 0 }
      let mean = all.reduce(0, +) / Double(all.count)
      var (between, within) = (0.0, 0.0)
      for group in groups {
        let own = group.reduce(0, +) / Double(group.count)
        between += Double(group.count) * (own - mean) * (own - mean)
        within += group.reduce(0) { $0 + ($1 - own) * ($1 - own) }
      }
      return within > 0 ? between / within : between
    }
    let best = scores.indices.sorted { scores[$0] > scores[$1] || scores[$0] == scores[$1] && $0 < $1 }
    return (min(best[0], best[1]), max(best[0], best[1]))
  }
}
