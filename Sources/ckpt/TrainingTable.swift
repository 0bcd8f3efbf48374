import Pretrained

/// The notebook's table: one row an evaluation, or without evaluations one a logged loss.
struct TrainingTable {
  private let evaluation: IntervalStrategy
  private let emit: (String) throws -> Void
  private var table: LiveTable?

  init(evaluation: IntervalStrategy, emit: @escaping (String) throws -> Void) {
    (self.evaluation, self.emit) = (evaluation, emit)
  }

  /// Whether an entry of a record is a time or a rate.
  static func isTiming(_ name: String) -> Bool { name.hasSuffix("_runtime") || name.hasSuffix("_per_second") }

  /// A training loss, which has a row only when nothing is evaluated.
  mutating func add(logged record: LogRecord) throws {
    guard evaluation == .never, let step = record["step"], let loss = record["loss"] else { return }
    try add(["Step", "Training Loss"], ["\(Int(step))", loss.fixed(6)])
  }

  /// An evaluation. `trainingLoss` is the last logged one.
  mutating func add(evaluated record: LogRecord, trainingLoss: Double?) throws {
    let metrics = record.entries.filter { entry in
      entry.name.hasPrefix("eval_") && entry.name != "eval_loss" && !Self.isTiming(entry.name)
    }
    // Named by epochs when evaluated at their ends, as the notebook does.
    let place = evaluation == .epoch ? "Epoch" : "Step"
    let moment = (evaluation == .epoch ? record["epoch"]?.rounded(.up) : record["step"]) ?? 0
    try add(
      [place, "Training Loss", "Validation Loss"] + metrics.map { Self.heading($0.name) },
      ["\(Int(moment))", trainingLoss?.fixed(6) ?? "No log", record["eval_loss"]?.fixed(6) ?? ""]
        + metrics.map { $0.value.number.fixed(6) })
  }

  private mutating func add(_ headings: [String], _ cells: [String]) throws {
    if table == nil {
      let new = LiveTable(headings)
      try emit(new.heading)
      table = new
    }
    if let table { try emit(table.line(cells)) }
  }

  /// `eval_f1` → `F1`.
  private static func heading(_ name: String) -> String {
    let words = name.dropFirst("eval_".count).split(separator: "_")
    return words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined(separator: " ")
  }
}
