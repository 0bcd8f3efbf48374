extension Report {
  /// The curves of the run, and their numbers.
  var trainingSection: String {
    let charts = curves
    guard !charts.isEmpty else { return "" }
    var html = "<p class=\"lead\">\(escaped(trainingLead))</p>\n<div class=\"cols\">\n"
    html += charts.map { HTMLPart.figure($0) }.joined() + "</div>\n"
    return html + evaluationTable + stepTable
  }

  private var trainingLead: String {
    let steps = run.globalStep ?? run.steps.last?.number ?? run.loggedLosses.last?.number ?? 0
    var text = steps.counted("step")
    if let best = bestEvaluation {
      text += "; the validation loss is lowest after step \(best.step.grouped), with \(best.loss.fixed(4))"
    }
    text += "."
    if run.description.wasStopped, let planned = run.description.plannedSteps {
      text += " The run was stopped before its \(planned.grouped) planned steps."
    }
    if let best = overfitting {
      text +=
        " Since then it has risen while the training loss fell: the model learns its training rows by heart. "
        + "Fewer epochs would do, about \(max(1, best.epoch.isFinite ? best.epoch : 1).fixed(0))."
    } else if let last = run.evaluations.last, let best = bestEvaluation, last.step == best.step,
      run.evaluations.count > 3
    {
      text += " It still falls at the end, so more epochs may help."
    }
    let bad = run.steps.count { !$0.loss.isFinite }
    if bad > 0 { text += " The loss of \(bad.counted("step")) is no number." }
    return text
  }

  private var evaluationTable: String {
    guard let first = run.evaluations.first else { return "" }
    let names = first.metrics.map(\.name)
    var table = HTMLTable(
      "Evaluations while training",
      [.number("Epoch"), .number("Step"), .number("Validation loss")]
        + names.map { .number($0.prefix(1).uppercased() + $0.dropFirst()) })
    for evaluation in thinned(run.evaluations) {
      table.add(
        [evaluation.epoch.significant(5), evaluation.step.grouped, evaluation.loss.fixed(6)]
          + names.map { (evaluation[$0] ?? .nan).fixed(4) })
    }
    return table.twin("Evaluations as a table")
  }

  private var stepTable: String {
    let steps = run.steps.isEmpty ? run.loggedLosses : run.steps
    guard !steps.isEmpty else { return "" }
    var table = HTMLTable(
      "Steps of the training",
      [.number("Step"), .number("Loss"), .number("Gradient norm"), .number("Learning rate")])
    for step in thinned(steps) {
      table.add([
        step.number.grouped, step.loss.fixed(6), step.gradNorm.fixed(4), step.learningRate.significant(5),
      ])
    }
    let isAll = table.count == steps.count
    return table.twin(
      isAll ? "Steps as a table" : "Every so many steps as a table; all are in training_log.jsonl")
  }

  /// At most 400 elements, the first and the last among them.
  private func thinned<Element>(_ elements: [Element]) -> [Element] {
    guard elements.count > 400 else { return elements }
    return (0..<400).map { elements[$0 * (elements.count - 1) / 399] }
  }
}
