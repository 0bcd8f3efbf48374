import Pretrained

/// What a run knows, as a model card.
struct FinetuneCard {
  let name: String
  let baseModel: String?
  let data: FinetuneData
  let arguments: TrainingArguments
  let state: TrainerState
  let output: TrainOutput
  let test: PredictionOutput?

  var card: ModelCard {
    let base = baseModel.map { "[\($0)](https://huggingface.co/\($0))" } ?? "a BERT checkpoint"
    var card = ModelCard(
      name: name, pipelineTag: "text-classification",
      summary: "Fine-tuned from \(base) on \(data.name): gives a text one of the labels "
        + "\(data.labels.map { "`\($0)`" }.joined(separator: ", ")).")
    card.baseModel = baseModel
    card.tags += ["text-classification"]
    if let test {
      card.dataset = .init(name: data.name, type: identifier(data.name), split: "test")
      card.metrics = test.metrics.entries.compactMap { entry in
        guard entry.name.hasPrefix("test_"), !TrainingTable.isTiming(entry.name) else { return nil }
        return .init(type: String(entry.name.dropFirst("test_".count)), value: entry.value.number)
      }
    }
    if data.train.textPairs == nil { card.widgetTexts = Array((data.test ?? data.train).texts.prefix(3)) }
    card.sections = [
      .init("Intended uses and limits", limits), .init("Data", rows), .init("Training", training),
      .init("Versions", "swift-pretrained \(Version.number); files as transformers 5.23 writes them"),
    ]
    return card
  }

  private var limits: String {
    """
    The model gives one of its labels to any text, however unlike the training texts, and its scores do not say \
    whether a text is one it knows. Texts should be written as those it was trained on, such as \
    `\(data.train.texts[0].prefix(100))`.
    """
  }

  private var rows: String {
    var lines = ["| label | \(data.parts.map(\.name).joined(separator: " | ")) |"]
    lines.append("|:--|" + data.parts.map { _ in "--:|" }.joined())
    for label in data.labels.indices {
      let counts = data.parts.map { "\($0.data.classCounts[label])" }.joined(separator: " | ")
      lines.append("| \(cell(data.labels[label])) | \(counts) |")
    }
    return "Parts: \(data.origin).\n\n" + lines.joined(separator: "\n")
  }

  private var training: String {
    var lines = [
      "- learning_rate: \(JSONValue.number(arguments.learningRate).line)",
      "- train_batch_size: \(arguments.batchSize)", "- eval_batch_size: \(arguments.evalBatchSize)",
      "- seed: \(arguments.seed)",
      "- optimizer: AdamW with betas=(\(arguments.adamBeta1),\(arguments.adamBeta2)) and "
        + "epsilon=\(JSONValue.number(arguments.adamEpsilon).line), weight decay \(arguments.weightDecay)",
      "- lr_scheduler_type: \(arguments.lrScheduler.rawValue)",
      "- steps: \(output.globalStep) of \(state.maxSteps)",
      "- random numbers: as \(arguments.dialect.rawValue) draws them",
    ]
    if arguments.gradientAccumulationSteps > 1 {
      lines.append("- gradient_accumulation_steps: \(arguments.gradientAccumulationSteps)")
    }
    if arguments.labelSmoothingFactor > 0 {
      lines.append("- label_smoothing_factor: \(arguments.labelSmoothingFactor)")
    }
    return lines.joined(separator: "\n") + results
  }

  /// A row an evaluation, as Trainer's cards have them.
  private var results: String {
    let evaluations = state.logHistory.filter { $0["eval_loss"] != nil }
    guard let first = evaluations.first else { return "" }
    let names = first.entries.map(\.name).filter {
      $0.hasPrefix("eval_") && $0 != "eval_loss" && !TrainingTable.isTiming($0)
    }
    let headings =
      ["Training Loss", "Epoch", "Step", "Validation Loss"]
      + names.map { $0.dropFirst("eval_".count).prefix(1).uppercased() + $0.dropFirst("eval_".count + 1) }
    var text =
      "\n\n| \(headings.joined(separator: " | ")) |\n|" + headings.map { _ in ":-:|" }.joined() + "\n"
    var loss: Double?
    for record in state.logHistory {
      if let logged = record["loss"] { loss = logged }
      guard let evaluated = record["eval_loss"] else { continue }
      let cells = [
        loss?.fixed(4) ?? "No log", (record["epoch"] ?? 0).fixed(1), "\(Int(record["step"] ?? 0))",
        evaluated.fixed(4),
      ]
      text += "| \((cells + names.map { (record[$0] ?? 0).fixed(4) }).joined(separator: " | ")) |\n"
    }
    return String(text.dropLast())
  }

  private func cell(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }

  /// `Iris as text` → `iris-as-text`.
  private func identifier(_ name: String) -> String {
    let words = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return words.isEmpty ? "data" : words.joined(separator: "-")
  }
}
