import FineTuning

extension Report {
  /// Every chart there is something to show for, in the order of the page.
  public var charts: [any SVGChart] {
    var charts: [any SVGChart] = curves
    if let scores {
      charts.append(ConfusionChart(scores.metrics.confusion, labels: run.labels))
      charts.append(ReliabilityChart(scores.calibration))
      charts.append(confidences)
    }
    if let lengths { charts.append(lengths) }
    if let grid { charts.append(GridChart(grid: grid, labels: run.labels)) }
    if let comparisonCurves { charts.append(comparisonCurves) }
    return charts
  }

  /// Loss, metrics, learning rate, gradient norm; those that the run logged.
  package var curves: [LineChart] {
    var charts: [LineChart] = []
    let losses = run.steps.isEmpty ? run.loggedLosses : run.steps
    let raw = losses.map { (x: Double($0.number), y: $0.loss) }
    let validation = run.evaluations.map { (x: Double($0.step), y: $0.loss) }
    if !raw.isEmpty || !validation.isEmpty {
      let weight = MovingAverage.weight(count: raw.count)
      let smooth = zip(raw, MovingAverage.exponential(raw.map(\.y), weight: weight)).map { (x: $0.x, y: $1) }
      var series: [LineChart.Series] = []
      if raw.count > 20 { series.append(.init("each step", raw, style: .faint)) }
      if !raw.isEmpty { series.append(.init("training", raw.count > 20 ? smooth : raw)) }
      if !validation.isEmpty { series.append(.init("validation", validation, style: .dotted, color: 1)) }
      var chart = LineChart(name: "loss", title: "Loss", series)
      if let best = bestEvaluation { chart.mark = (Double(best.step), "best") }
      charts.append(chart)
    }
    let names = run.evaluations.first?.metrics.map(\.name) ?? []
    var shown: [LineChart.Series] = []
    for name in names {
      let points = run.evaluations.map { (x: Double($0.step), y: $0[name] ?? .nan) }
      // Micro averages are all the accuracy; one line for all.
      if let twin = shown.firstIndex(where: { zip($0.points, points).allSatisfy { $0.y == $1.y } }) {
        if shown[twin].name.split(separator: ",").count < 5 { shown[twin].name += ", \(name)" }
        continue
      }
      shown.append(.init(name, points, style: .dotted, color: shown.count + 2))
    }
    if !shown.isEmpty {
      var chart = LineChart(name: "metrics", title: "Validation metrics", shown)
      if let best = bestEvaluation { chart.mark = (Double(best.step), "best") }
      charts.append(chart)
    }
    let rates = losses.map { (x: Double($0.number), y: $0.learningRate) }
    if rates.contains(where: { $0.y.isFinite }) {
      charts.append(LineChart(name: "learning_rate", title: "Learning rate", [.init("", rates, color: 7)]))
    }
    let norms = losses.map { (x: Double($0.number), y: $0.gradNorm) }
    if norms.contains(where: { $0.y.isFinite }) {
      charts.append(
        LineChart(
          name: "gradient_norm", title: "Gradient norm, before clipping", [.init("", norms, color: 3)]))
    }
    return charts
  }

  /// How sure the model was, when right and when wrong.
  package var confidences: HistogramChart {
    let edges = (0...20).map { Double($0) / 20 }
    var (right, wrong) = ([Int](repeating: 0, count: 20), [Int](repeating: 0, count: 20))
    for (confidence, row) in zip(scores?.confidences ?? [], run.predictions) where confidence.isFinite {
      let bin = min(19, max(0, Int(confidence * 20)))
      if row.label == row.predicted { right[bin] += 1 } else { wrong[bin] += 1 }
    }
    var chart = HistogramChart(
      name: "confidence", title: "Confidence, right and wrong", edges: edges,
      groups: [.init("right", right, color: 0), .init("wrong", wrong, color: 1)], xLabel: "confidence")
    chart.isShare = true
    return chart
  }

  /// How long the texts are, in tokens.
  package var lengths: HistogramChart? {
    let parts = health.parts.filter { !$0.lengths.isEmpty }
    guard !parts.isEmpty else { return nil }
    let (edges, _) = HistogramChart.bins(parts.flatMap(\.lengths))
    let (start, width) = (Int(edges[0]), max(1, Int(edges[1] - edges[0])))
    let groups = parts.enumerated().map { index, part in
      var counts = [Int](repeating: 0, count: edges.count - 1)
      for length in part.lengths { counts[min(counts.count - 1, (length - start) / width)] += 1 }
      return HistogramChart.Group(part.name, counts, color: [0, 5, 1][index % 3])
    }
    return HistogramChart(
      name: "lengths", title: "Length of the texts", edges: edges, groups: groups, xLabel: "tokens")
  }

  /// The losses of both runs.
  package var comparisonCurves: LineChart? {
    guard let comparison else { return nil }
    var series: [LineChart.Series] = []
    for (index, run) in [comparison.first, comparison.second].enumerated() {
      let validation = run.evaluations.map { (x: Double($0.step), y: $0.loss) }
      let losses = (run.steps.isEmpty ? run.loggedLosses : run.steps).map {
        (x: Double($0.number), y: $0.loss)
      }
      let smooth = MovingAverage.exponential(
        losses.map(\.y), weight: MovingAverage.weight(count: losses.count))
      let name = shortened(run.name, to: 18)
      if !validation.isEmpty {
        series.append(.init(name, validation, style: .dotted, color: index))
      } else if !losses.isEmpty {
        series.append(.init(name, zip(losses, smooth).map { ($0.x, $1) }, color: index))
      }
    }
    return series.isEmpty
      ? nil : LineChart(name: "comparison", title: "Validation loss of both runs", series)
  }
}
