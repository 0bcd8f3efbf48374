import Fingerprints
import Pretrained
import Reports

/// What a run keeps about itself beside the model: TensorBoard's events, `run.json`, the card, and a plot at the end.
final class FinetuneRecords {
  private let options: Finetune
  private let data: FinetuneData
  private let base: Checkpoint?
  private let arguments: TrainingArguments
  private let start = Machine.moment
  private var events: TensorBoardLog?
  private var losses: [(step: Int, loss: Double)] = []
  private var evaluations: [(step: Int, loss: Double)] = []
  private var plannedSteps: Int?

  init(_ options: Finetune, data: FinetuneData, base: Checkpoint?, arguments: TrainingArguments) {
    (self.options, self.data, self.base, self.arguments) = (options, data, base, arguments)
  }

  /// Begins TensorBoard's file; the folder of the run is there, and empty of an earlier run.
  ///
  /// - Parameter configuration: the model's `config.json`.
  func begin(_ plan: TrainingPlan, configuration: JSONValue) throws {
    plannedSteps = plan.maxSteps
    events = try TensorBoardLog(
      folder: options.out, arguments: arguments, configuration: configuration, at: start)
  }

  /// Takes note of an event.
  func receive(_ event: TrainingEvent) throws {
    switch event {
    case .step(let step): losses.append((step.step, Double(step.loss)))
    case .evaluated(let record, _):
      if let step = record["step"], let loss = record["eval_loss"] { evaluations.append((Int(step), loss)) }
    default: break
    }
    try events?.receive(event, time: Machine.time)
  }

  /// What the run knows of itself, by now.
  ///
  /// - Parameter wasStopped: whether it ended before its last step.
  func description(wasStopped: Bool) -> RunDescription {
    var run = RunDescription(labels: data.labels)
    let compute = ComputeReport(threads: options.compute.threads)
    run.toolVersion = Version.number
    run.started = RunDescription.timestamp(start.time)
    run.wallSeconds = ((Machine.time - start.time) * 1000).rounded() / 1000
    run.command = ["ckpt"] + CommandLine.arguments.dropFirst()
    run.baseModel = .init(
      name: base?.repository, path: options.base,
      rootHash: base.flatMap { try? CheckpointFingerprint(CanonicalWeights($0)) }?.root)
    run.data = data.description(options)
    run.hyperparameters = arguments.hyperparameters
    if let dropout = options.training.dropout { run.hyperparameters.set("dropout", .number(dropout)) }
    run.truncation =
      options.truncation.maxLength.map { "cut to \($0) tokens" }
      ?? (options.truncation.truncate ? "cut to what the model takes" : "an error")
    run.machine.threads = compute.threadCount
    run.machine.instructionSet = compute.instructionSet
    run.machine.processor = Machine.processor
    run.machine.system = Machine.system
    run.plannedSteps = plannedSteps
    run.wasStopped = wasStopped
    return run
  }

  /// The card as it will be, with numbers that stand for those the run will give.
  var expectedCard: ModelCard {
    var card = RunCard(
      name: FileSystem.name(of: options.out), run: description(wasStopped: false), log: [], test: nil,
      examples: (data.test ?? data.train).texts, arePairs: data.train.textPairs != nil, limits: []
    ).card
    if card.metrics.isEmpty {
      card.dataset = .init(name: data.name, type: "data", split: "test")
      card.metrics = [.init(type: "accuracy", value: 0.5)]
    }
    return card
  }

  /// The card, with what probes of the finished model show.
  func card(
    _ run: RunDescription, _ log: [LogRecord], _ test: PredictionOutput?, _ classifier: TextClassifier
  ) throws -> ModelCard {
    let examples = (data.test ?? data.train).texts
    var limits: [String] = []
    if let test, let rows = data.test {
      limits = try ProbeStudy.limits(of: classifier, train: data.train, test: rows, predicted: test.predicted)
    }
    return RunCard(
      name: FileSystem.name(of: options.out), run: run, log: log, test: test?.metrics, examples: examples,
      arePairs: data.train.textPairs != nil, limits: limits
    ).card
  }

  /// The losses, as a small plot.
  func plot() -> [String] {
    TerminalPlot.losses(steps: losses, evaluations: evaluations)
      .lines(width: min(Terminal.width, 80), style: Terminal.showsUnicode ? .braille : .ascii)
  }
}

extension FinetuneData {
  /// For `run.json`.
  fileprivate func description(_ options: Finetune) -> RunDescription.Data {
    var description = RunDescription.Data()
    (description.name, description.origin) = (name, origin)
    description.files = [
      options.source.data, options.parts.train, options.parts.validation, options.parts.test,
    ]
    .compactMap(\.self)
    if let text = options.source.text, text.contains("{") { description.template = text }
    description.columns =
      train.columns.isEmpty ? [options.source.text].compactMap(\.self) : train.columns.map(\.name)
    description.parts = parts.map { part in
      RunDescription.Part(
        name: part.name, rowCount: part.data.count, classCounts: part.data.classCounts,
        lineNumbers: part.data.lineNumbers, labels: part.data.labels)
    }
    return description
  }
}
