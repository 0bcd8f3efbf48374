import ArgumentParser
import Pretrained
import Reports

/// One run of `ckpt finetune`, from the data to the exported folder.
final class FinetuneRun {
  private let options: Finetune
  private let data: FinetuneData
  private let start: FinetuneStart
  private let arguments: TrainingArguments
  private let trainer: Trainer
  private var folder: RunFolder
  private var log: TrainingLog?
  /// `metrics.jsonl`: every entry of the log history as it comes.
  private var metrics: LineFile?
  private var table: TrainingTable
  private var progress = Progress(total: 1)
  private var plan: TrainingPlan?
  private var timing = StepTiming()
  private let records: FinetuneRecords

  /// Ends a dry run when there is nothing more to learn.
  private struct PlanIsKnown: Error {}

  /// Reads the data and the checkpoint; everything that can be wrong with them is found here.
  init(_ options: Finetune) throws {
    self.options = options
    folder = RunFolder(options.out, limit: options.saving.saveTotalLimit)
    if !options.dryRun, options.resume == nil { try folder.check(force: options.force) }
    data = try FinetuneData(options)
    start = try FinetuneStart(options, labels: data.labels)
    if !options.dryRun, let resumed = start.resumed {
      try folder.check(resuming: resumed.path, step: start.step, force: options.force)
    }
    arguments = options.trainingArguments(canEvaluate: data.validation != nil)
    trainer = try Trainer(
      start.model, tokenizer: start.tokenizer, arguments: arguments,
      truncation: options.truncation.truncation(for: start.tokenizer))
    records = FinetuneRecords(options, data: data, base: start.base, arguments: arguments)
    table = TrainingTable(evaluation: arguments.evalStrategy) { line in
      if options.json { Terminal.complain(line) } else { try Terminal.print(line) }
    }
  }

  func run() throws {
    for warning in data.warnings { Terminal.complain("warning: \(warning)") }
    for warning in start.warnings(labels: data.labels, arguments) { Terminal.complain("warning: \(warning)") }
    let push = try FinetunePush(options, card: records.expectedCard)
    if !options.dryRun { Interrupt.watch() }
    let output: TrainOutput
    do {
      output = try trainer.train(
        on: data.train, evaluating: data.validation, resuming: start.resumed?.state
      ) { try receive($0) }
    } catch is PlanIsKnown { return }
    // A dry run of few steps comes to its end.
    if options.dryRun { return }
    progress.clear()
    // What was saved on being stopped is what the run goes on from.
    if !output.wasStopped { try folder.finish(best: trainer.state.bestGlobalStep) }
    let test = try data.test.map { try trainer.predict($0) }
    try save(output, test)
    try tell(output, test)
    if output.wasStopped {
      Terminal.complain(
        "stopped after step \(output.globalStep) of \(plan?.maxSteps ?? output.globalStep); the model as it was "
          + "then is in \(options.out). Go on with:\n  \(resumingCommand)")
      throw ExitCode.couldNotBeDone
    }
    try push?.push()
  }

  // MARK: While it runs

  private func receive(_ event: TrainingEvent) throws -> TrainingControl {
    switch event {
    case .began(let plan): try begin(plan)
    case .step(let record):
      try log?.append(record)
      if timing.count() { try tellTiming(record.step) }
      showProgress(record)
    case .logged(let record):
      progress.clear()
      try metrics?.append(record.document)
      try table.add(logged: record)
    case .evaluated(let record, let trainingLoss):
      progress.clear()
      try metrics?.append(record.document)
      try table.add(evaluated: record, trainingLoss: trainingLoss)
    case .checkpoint(let step):
      guard let state = trainer.trainingState, !options.dryRun else { break }
      try folder.save(
        ModelExport(trainer.model, tokenizer: start.tokenizer), state, arguments, step: step,
        best: trainer.state.bestGlobalStep)
    case .ended(let output): try metrics?.append(output.metrics.document)
    }
    try records.receive(event)
    return Interrupt.isPending ? .stop : .continue
  }

  private func begin(_ plan: TrainingPlan) throws {
    self.plan = plan
    for line in planLines(plan) {
      if options.dryRun { try Terminal.print(line) } else { Terminal.complain(line) }
    }
    let needed = folder.byteCount(plan, arguments.saveStrategy, from: start.step)
    if let available = FileSystem.availableBytes(at: options.out), available < needed {
      throw RunFolderError.noRoom(path: options.out, needed: needed, available: available)
    }
    progress = Progress(total: plan.maxSteps, done: start.step, estimates: false)
    if options.dryRun { return }
    // What can be refused is, before anything of an earlier run is removed.
    let lines: [JSONValue]
    if let resumed = start.resumed {
      let earlier = FileSystem.join(FileSystem.parent(of: resumed.path), RunFolder.log)
      lines = try TrainingLog.lines(of: earlier, until: start.step, data)
    } else {
      let head = try ["classifier.weight", "classifier.bias"].flatMap { name in
        try start.model.weights.withFloats(of: name) { Array($0) }
      }
      lines = [TrainingLog.start(head: head, data)]
    }
    try folder.prepare(resumingAt: start.step)
    try records.begin(
      plan, configuration: trainer.model.configuration.document(architecture: .sequenceClassification))
    log = try TrainingLog(path: folder.file(RunFolder.log), lines)
    metrics = try LineFile(
      path: folder.file(RunFolder.metrics), (start.resumed?.state.trainer.logHistory ?? []).map(\.document))
  }

  /// What the first steps say of the time the others will take.
  private func tellTiming(_ step: Int) throws {
    guard let plan else { return }
    let left = options.dryRun ? plan.maxSteps - start.step : plan.maxSteps - step
    let rows = arguments.batchSize * arguments.gradientAccumulationSteps
    let text = timing.text(left: left, batchSize: rows, byteCount: plan.byteCount)
    if options.dryRun {
      try Terminal.print("  time     \(text)")
      throw PlanIsKnown()
    }
    if timing.secondsPerStep * Double(left) > 30 {
      progress.clear()
      Terminal.complain("\(text), measured")
    }
  }

  /// What goes on with this run.
  private var resumingCommand: String {
    var words = CommandLine.arguments
    // A value of --resume names the checkpoint that this run began with, and --force would let it be begun anew.
    words.removeAll { $0 == "--force" || $0 == "--resume" || $0.hasPrefix("--resume=") }
    if let resume = options.resume, let place = words.firstIndex(of: resume), !resume.isEmpty {
      words.remove(at: place)
    }
    return (words + ["--resume"]).map(shellQuoted).joined(separator: " ")
  }

  private func showProgress(_ record: StepRecord) {
    guard let plan else { return }
    let rate =
      (Double(arguments.batchSize * arguments.gradientAccumulationSteps) / max(timing.secondsPerStep, 1e-9))
      .fixed(1)
    let epoch = min(Int(record.epoch.rounded(.up)), trainer.state.numTrainEpochs)
    progress.show(
      record.step, "epoch \(epoch)/\(trainer.state.numTrainEpochs) · \(record.step)/\(plan.maxSteps)",
      detail: "\(rate) rows/s  loss \(record.loss.fixed(4))  lr \(record.learningRate.scientific(1))")
  }

  private func planLines(_ plan: TrainingPlan) -> [String] {
    var facts = Table([.left, .left])
    let rowCount = data.parts.reduce(0) { $0 + $1.data.count }
    facts.add(
      "data", "\(rowCount.counted("row")), \(data.labels.count.counted("label")): \(data.labelCounts)")
    let parts = data.parts.map { "\($0.data.count.grouped) \($0.name)" }.joined(separator: ", ")
    facts.add("split", "\(parts) (\(data.origin))")
    let limit = start.tokenizer.options.modelMaxLength.map { "; the model takes \($0.grouped)" } ?? ""
    facts.add("tokens", "at most \(plan.longest.grouped) in a row\(limit)")
    if let sample = try? start.tokenizer.encode(
      data.train.texts[0], pair: data.train.textPairs?[0], truncation: .longestFirst(maxLength: 24))
    {
      let label = data.labels[data.train.labels[0]]
      facts.add("sample", "\(sample.tokens.joined(separator: " ")) → \(label)")
    }
    for (index, line) in start.report.description.split(separator: "\n").enumerated() {
      facts.add(index == 0 ? "weights" : "", String(line))
    }
    let rate = JSONValue.number(arguments.learningRate).line
    facts.add(
      "plan",
      "\(plan.maxSteps.counted("step")), \(plan.stepsPerEpoch.grouped) an epoch; batch \(arguments.batchSize), "
        + "learning rate \(rate) \(arguments.lrScheduler.rawValue), weight decay \(arguments.weightDecay)")
    facts.add("memory", "\(plan.byteCount.bytesText) for \(plan.parameterCount.counted("parameter"))")
    let disk = folder.byteCount(plan, arguments.saveStrategy, from: start.step)
    facts.add("disk", "at most \(disk.bytesText) in \(options.out)")
    if let resumed = start.resumed {
      facts.add("resumes", "\(resumed.path), after step \(start.step.grouped)")
    }
    return facts.lines
  }

  // MARK: When it is done

  private func save(_ output: TrainOutput, _ test: PredictionOutput?) throws {
    let description = records.description(wasStopped: output.wasStopped)
    let card = try records.card(
      description, trainer.state.logHistory, test,
      TextClassifier(model: trainer.model, tokenizer: start.tokenizer))
    try trainer.model.export(
      to: options.out, tokenizer: start.tokenizer, card: card,
      trainerState: trainer.state.document(arguments), overwriting: true)
    try description.write(to: options.out)
    guard let test, let data = data.test else { return }
    let results = test.metrics.document.pythonText(indent: 4, sortKeys: true)
    try AtomicFile.write(results, to: folder.file(RunFolder.results))
    let lines = data.texts.indices.map { row in
      var object: JSONValue = ["text": .string(data.texts[row])]
      if let pairs = data.textPairs { object.set("text_pair", .string(pairs[row])) }
      object.set("label", .string(data.labelNames[data.labels[row]]))
      object.set("predicted", .string(data.labelNames[test.predicted[row]]))
      object.set("logits", .numbers(test.logits[row]))
      return object.line + "\n"
    }
    try AtomicFile.write(lines.joined(), to: folder.file(RunFolder.predictions))
  }

  private func tell(_ output: TrainOutput, _ test: PredictionOutput?) throws {
    if options.json {
      try Terminal.print(summary(output, test).line)
      return
    }
    try Terminal.print()
    if Terminal.writesTerminal { for line in records.plot() { try Terminal.print(line) } }
    let train = output.metrics
    try Terminal.print(
      "train  \(output.globalStep.counted("step")) in \(Duration.seconds(train["train_runtime"] ?? 0).text), "
        + "\((train["train_samples_per_second"] ?? 0).fixed(1)) rows a second, "
        + "mean loss \(output.trainingLoss.fixed(6))")
    if let test {
      let shown = test.metrics.entries.filter { !TrainingTable.isTiming($0.name) }
      let text = shown.map { "\($0.name.dropFirst("test_".count)) \($0.value.number.fixed(6))" }
      try Terminal.print("test   \(text.joined(separator: "  "))")
    }
    try Terminal.print()
    try Terminal.print("The model is in \(options.out); transformers opens it too. Ask it:")
    try Terminal.print(
      "  ckpt predict \(shellQuoted(options.out)) \(shellQuoted((data.test ?? data.train).texts[0]))")
  }

  private func summary(_ output: TrainOutput, _ test: PredictionOutput?) -> JSONValue {
    let evaluated = trainer.state.logHistory.last { $0["eval_loss"] != nil }
    return [
      "out": .string(options.out), "steps": .number(output.globalStep),
      "planned_steps": .number(plan?.maxSteps ?? output.globalStep), "stopped": .bool(output.wasStopped),
      "best_step": trainer.state.bestGlobalStep.map { .number($0) } ?? .null,
      "train": output.metrics.document, "eval": evaluated?.document ?? .null,
      "test": test?.metrics.document ?? .null,
    ]
  }
}

/// A word as a shell reads it back.
func shellQuoted(_ word: String) -> String {
  let isPlain =
    !word.isEmpty
    && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./+=:@%".contains($0)) }
  return isPlain
    ? word : "'\(word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
}
