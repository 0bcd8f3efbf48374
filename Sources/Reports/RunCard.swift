public import FineTuning
import ModelFiles
public import Pretrained

/// The model card of a run: the sections of `Trainer.create_model_card`, with what it leaves open filled in.
///
/// Where that writes "More information needed", this says what the run knows: the data, how texts are made of it, its
/// split and classes, and what the model does with texts unlike those it was trained on.
/// Reference: `TrainingSummary` in transformers' `modelcard.py`.
public struct RunCard {
  private let name: String
  private let run: RunDescription
  private let history: LogHistory
  /// The results of the test, such as `test_accuracy`; none when there was no test.
  private let results: [(name: String, value: Double)]
  /// Texts as the model was trained on.
  private let examples: [String]
  private let arePairs: Bool
  private let limits: [String]

  /// Gathers what a card says.
  ///
  /// - Parameters:
  ///   - name: the model's.
  ///   - run: what the run knows of itself.
  ///   - log: `TrainerState.logHistory`.
  ///   - test: the metrics of the test; nil without one.
  ///   - examples: texts as the model was trained on, at least one.
  ///   - arePairs: whether examples are only the first of two texts each.
  ///   - limits: what probes found out, one sentence each.
  public init(
    name: String, run: RunDescription, log: [LogRecord], test: LogRecord?, examples: [String],
    arePairs: Bool = false, limits: [String] = []
  ) {
    (self.name, self.run, history) = (name, run, LogHistory(log.map(\.document)))
    results = (test?.entries ?? []).map { ($0.name, $0.value.number) }
    (self.examples, self.arePairs, self.limits) = (examples, arePairs, limits)
  }

  /// The card; its front matter is what the hub accepts, as `ModelCard` writes it.
  public var card: ModelCard {
    let data = run.data.name ?? "the data"
    let base = run.baseModel.name.map { "[\($0)](https://huggingface.co/\($0))" } ?? "a BERT checkpoint"
    var card = ModelCard(
      name: name, pipelineTag: "text-classification",
      summary:
        "This model is a version of \(base), fine-tuned on \(Markdown.plain(data)). It gives a text one of the "
        + "labels \(labelList).")
    card.baseModel = run.baseModel.name
    card.tags += ["text-classification"]
    let measured = results.filter { $0.name.hasPrefix("test_") && !LogHistory.isTiming($0.name) }
    if !measured.isEmpty {
      card.dataset = .init(name: data, type: Markdown.identifier(data), split: "test")
      card.metrics = measured.map { .init(type: String($0.name.dropFirst("test_".count)), value: $0.value) }
    }
    if !arePairs { card.widgetTexts = Array(examples.prefix(3)) }
    card.sections = [
      .init("Model description", description), .init("Intended uses & limitations", limitations),
      .init("Training and evaluation data", rows), .init("Training procedure", procedure),
    ]
    return card
  }

  private var labelList: String {
    let shown = run.labels.prefix(20).map(Markdown.code)
    return shown.joined(separator: ", ") + (run.labels.count > 20 ? " and \(run.labels.count - 20) more" : "")
  }

  private var description: String {
    "A BERT encoder with a linear classifier upon its pooled output, all weights trained. It reads a text with the "
      + "WordPiece tokenizer in this folder and scores \(run.labels.count.counted("label")); a softmax makes "
      + "probabilities of the scores."
  }

  private var limitations: String {
    var text = """
      The model gives one of its labels to any text, however unlike the training texts, and its scores do not say \
      whether a text is one it knows. Texts should be written as those it was trained on\
      \(examples.first.map { ", such as \(Markdown.code(String($0.prefix(100))))" } ?? "").
      """
    if !limits.isEmpty {
      text += "\n\nWhat probes of the finished model show:\n\n"
      text += limits.map { "- \($0)" }.joined(separator: "\n")
    }
    return text
  }

  private var rows: String {
    let parts = run.data.parts
    var paragraphs: [String] = []
    if let template = run.data.template {
      paragraphs.append("A text is made of its row's columns as \(Markdown.code(template)).")
    } else if !run.data.columns.isEmpty {
      let columns = run.data.columns.map(Markdown.code).joined(separator: ", ")
      paragraphs.append("A text is made of the columns \(columns), in the source's own characters.")
    }
    if let origin = run.data.origin { paragraphs.append("Parts: \(Markdown.plain(origin)).") }
    if !parts.isEmpty {
      var lines = ["| Label | \(parts.map { Markdown.cell($0.name) }.joined(separator: " | ")) |"]
      lines.append("|:--|" + parts.map { _ in "--:|" }.joined())
      for (label, name) in run.labels.enumerated() {
        let counts = parts.map { $0.classCounts.indices.contains(label) ? "\($0.classCounts[label])" : "" }
        lines.append("| \(Markdown.cell(name)) | \(counts.joined(separator: " | ")) |")
      }
      lines.append("| all | \(parts.map { "\($0.rowCount)" }.joined(separator: " | ")) |")
      paragraphs.append(lines.joined(separator: "\n"))
    }
    if let truncation = run.truncation {
      paragraphs.append("Texts that are too long: \(Markdown.plain(truncation)).")
    }
    return paragraphs.joined(separator: "\n\n")
  }

  private var procedure: String {
    var text = "### Training hyperparameters\n\nThe following hyperparameters were used during training:\n"
    text += hyperparameters.map { "- \($0.name): \($0.value)" }.joined(separator: "\n")
    if !history.evaluations.isEmpty { text += "\n\n### Training results\n\n\(resultTable)" }
    text += "\n\n### Framework versions\n\n- swift-pretrained \(run.toolVersion ?? "")\n"
    return text + "- Files as transformers 5.23 writes them"
  }

  /// In Trainer's order and words.
  private var hyperparameters: [(name: String, value: String)] {
    let arguments = run.hyperparameters
    func value(_ name: String) -> String? {
      arguments[name].flatMap { $0.isNull ? nil : Markdown.plain($0.shown) }
    }
    func number(_ name: String) -> Double { arguments[name]?.doubleValue ?? 0 }
    var lines: [(String, String)] = []
    func add(_ name: String, _ text: String?) { if let text { lines.append((name, text)) } }
    add("learning_rate", value("learning_rate"))
    add("train_batch_size", value("per_device_train_batch_size"))
    add("eval_batch_size", value("per_device_eval_batch_size"))
    add("seed", value("seed"))
    add("data_seed", value("data_seed"))
    if let steps = arguments["gradient_accumulation_steps"]?.intValue, steps > 1 {
      add("gradient_accumulation_steps", "\(steps)")
      let (total, overflow) = (arguments["per_device_train_batch_size"]?.intValue ?? 0)
        .multipliedReportingOverflow(by: steps)
      if !overflow { add("total_train_batch_size", "\(total)") }
    }
    if let beta1 = value("adam_beta1"), let beta2 = value("adam_beta2"), let epsilon = value("adam_epsilon") {
      add(
        "optimizer",
        "AdamW with betas=(\(beta1),\(beta2)) and epsilon=\(epsilon), weight decay \(value("weight_decay") ?? "0")"
      )
    }
    add("lr_scheduler_type", value("lr_scheduler_type"))
    if number("warmup_steps") > 0 { add("lr_scheduler_warmup_steps", value("warmup_steps")) }
    if number("max_steps") > 0 {
      add("training_steps", value("max_steps"))
    } else {
      add("num_epochs", value("num_train_epochs"))
    }
    if number("label_smoothing_factor") > 0 { add("label_smoothing_factor", value("label_smoothing_factor")) }
    add("random numbers", value("rng_dialect").map { "as \($0) draws them" })
    if run.wasStopped, let planned = run.plannedSteps { add("stopped", "before step \(planned)") }
    return lines
  }

  /// A row an evaluation, its columns centred as Trainer's are.
  private var resultTable: String {
    let names = history.evaluations[0].metrics.map(\.name)
    var rows = [
      ["Training Loss", "Epoch", "Step", "Validation Loss"]
        + names.map { Markdown.cell($0.prefix(1).uppercased() + $0.dropFirst()) }
    ]
    for evaluation in history.evaluations {
      let logged = history.losses.last { $0.number <= evaluation.step }
      rows.append(
        [
          logged?.loss.fixed(4) ?? "No log",
          evaluation.epoch.fixed(evaluation.epoch == evaluation.epoch.rounded() ? 1 : 4),
          "\(evaluation.step)", evaluation.loss.fixed(4),
        ] + names.map { (evaluation[$0] ?? .nan).fixed(4) })
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    func line(_ row: [String]) -> String {
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
      return "| \(cells.joined(separator: " | ")) |"
    }
    let rule = "|" + widths.map { ":" + String(repeating: "-", count: $0) + ":|" }.joined()
    return ([line(rows[0]), rule] + rows.dropFirst().map(line)).joined(separator: "\n")
  }
}

/// Text of others within Markdown.
enum Markdown {
  /// Between backticks, more of them than the text has in a row.
  static func code(_ text: String) -> String {
    let line = oneLine(text)
    var (longest, run) = (0, 0)
    for character in line {
      run = character == "`" ? run + 1 : 0
      longest = max(longest, run)
    }
    let fence = String(repeating: "`", count: longest + 1)
    let space = longest > 0 || line.isEmpty || line.hasPrefix(" ") ? " " : ""
    return fence + space + line + space + fence
  }

  /// Words that begin nothing: no link, no emphasis, no HTML.
  static func plain(_ text: String) -> String {
    var result = ""
    for character in oneLine(text) {
      if "\\`*_[]<>#|!&~".contains(character) { result.append("\\") }
      result.append(character)
    }
    // File names and options have many underscores between letters, where they begin no emphasis.
    return result.split(separator: "\\_", omittingEmptySubsequences: false).joined(separator: "_")
  }

  /// A cell of a table.
  static func cell(_ text: some StringProtocol) -> String { plain(String(text)) }

  /// `Iris as text` → `iris-as-text`.
  static func identifier(_ name: String) -> String {
    let words = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return words.isEmpty ? "data" : words.joined(separator: "-")
  }

  /// Without line breaks and other controls.
  private static func oneLine(_ text: String) -> String {
    String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
  }
}
