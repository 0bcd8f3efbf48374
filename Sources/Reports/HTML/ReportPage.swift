import FineTuning
import ModelFiles

extension Report {
  /// The report as one HTML page that needs nothing else: no network, no other file, and no script to be read.
  ///
  /// Equal runs give equal bytes.
  public var html: String {
    let sections: [(id: String, title: String, body: String)] = [
      ("training", "Training", trainingSection), ("confusion", "Right and wrong", confusionSection),
      ("calibration", "Confidence", calibrationSection), ("rows", "Test rows", rowsSection),
      ("probes", "Probes", probesSection), ("grid", "Map of answers", gridSection),
      ("data", "Data", dataSection), ("comparison", "Comparison", comparisonSection),
      ("reproduce", "Reproduce", reproduceSection),
    ].filter { !$0.2.isEmpty }
    let links = sections.map { "<li><a href=\"#\($0.id)\">\(escaped($0.title))</a></li>" }.joined()
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width,initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none';style-src 'unsafe-inline';\
      script-src 'unsafe-inline';base-uri 'none';form-action 'none'">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="swift-pretrained">
      <title>\(escaped(shortened(run.name, to: 80))): report of a fine-tuning run</title>
      <style>
      \(PageStyle.css)
      </style>
      </head>
      <body>
      <a class="skip" href="#main">Skip to the report</a>
      \(head)
      <nav aria-label="Sections"><ul>\(links)</ul></nav>
      <main id="main">
      \(sections.map { HTMLPart.section($0.id, $0.title, $0.body) }.joined())</main>
      <footer>\(foot)</footer>
      <script type="application/json" id="report-data">\(embedded)</script>
      <script>
      \(PageScript.javascript)
      </script>
      </body>
      </html>

      """
  }

  /// The numbers for other programs, in ASCII; `<` is spelled so that no text ends the element.
  private var embedded: String {
    var text = ""
    for character in document.pythonText(indent: nil).unicodeScalars {
      switch character {
      case "<": text += "\\u003c"
      case ">": text += "\\u003e"
      case "&": text += "\\u0026"
      default: text.unicodeScalars.append(character)
      }
    }
    return text
  }

  private var head: String {
    let data = run.description.data.name.map { " on <bdi>\(escaped(shortened($0, to: 80)))</bdi>" } ?? ""
    let base = run.description.baseModel
    let from = base.name ?? base.path.map(FileSystem.name(of:))
    let model = from.map { "<bdi>\(escaped(shortened($0, to: 80)))</bdi> fine-tuned" } ?? "A fine-tuning run"
    return "<header>\n<p class=\"over\">\(model)\(data)</p>\n"
      + "<h1><bdi>\(escaped(shortened(run.name, to: 80)))</bdi></h1>\n<p class=\"verdict\">\(escaped(verdict))</p>\n"
      + figures + "</header>"
  }

  /// The figures that matter most.
  private var figures: String {
    func figure(_ title: String, _ value: String, _ below: String, _ extra: String = "") -> String {
      "<div><dt>\(title)</dt><dd><span class=\"big\">\(value)</span>\(extra)<div class=\"sub\">\(below)</div></dd></div>\n"
    }
    var html = ""
    if let scores {
      let interval = scores.accuracyInterval
      html += figure(
        "Accuracy", scores.metrics.accuracy.fixed(4), "95 % interval \(HTMLPart.range(interval))",
        HTMLPart.interval(scores.metrics.accuracy, interval, baseline: scores.baseline))
      html += figure(
        "Always one label", scores.baseline.fixed(4),
        "answering “\(HTMLPart.name(scores.majority ?? 0, run.labels))”")
      html += figure("Log loss", scores.loss.fixed(4), "guessing gives \(guessing)")
      html += figure(
        "Calibration error", scores.calibration.expectedError.fixed(4), "mean gap, confidence to accuracy")
    } else if let last = run.evaluations.last {
      html += figure("Validation loss", last.loss.fixed(4), "after step \(last.step.grouped)")
      if let accuracy = last["accuracy"] {
        html += figure("Validation accuracy", accuracy.fixed(4), "at the end")
      }
    }
    if let steps = run.globalStep ?? run.steps.last?.number {
      let time = run.trainMetrics.first { $0.name == "train_runtime" }?.value
      let epochs = run.evaluations.last.flatMap { $0.epoch.isFinite ? $0.epoch : nil }
      let parts = [epochs.map { "\($0.significant(4)) epochs" }, time.map { "in \(durationText($0))" }]
      html += figure("Steps", steps.grouped, parts.compactMap(\.self).joined(separator: " "))
    }
    return html.isEmpty ? "" : "<dl class=\"figures\">\n\(html)</dl>\n"
  }

  /// The log loss of giving all classes the same probability.
  private var guessing: String {
    crossEntropy([Double](repeating: 0, count: max(run.labels.count, 1)), label: 0).fixed(4)
  }

  private var foot: String {
    var parts = ["Made by <code>ckpt report</code>"]
    if let version = run.description.toolVersion {
      parts.append("the run by swift-pretrained \(escaped(version))")
    }
    if let started = run.description.started { parts.append("begun \(escaped(started))") }
    var html = "<p>\(parts.joined(separator: ", ")).</p>"
    if !notes.isEmpty {
      html += "<p>What could not be looked at: \(notes.map(escaped).joined(separator: "; ")).</p>"
    }
    return html
  }
}
