public import FineTuning
public import ModelFiles

/// Follows a training run and writes for TensorBoard what Trainer's own callback writes: the same tags, at the same
/// steps.
///
/// Reference: `TensorBoardCallback` and `rewrite_logs` in transformers' `integrations/integration_utils.py`.
public final class TensorBoardLog {
  private let writer: TensorBoardWriter

  /// Begins `runs/<month and day>_<time>_<host>/events.out.tfevents.…` in the folder of a run.
  ///
  /// - Parameters:
  ///   - folder: of the run.
  ///   - arguments: shown as the text `args`.
  ///   - configuration: the model's `config.json`, shown as the text `model_config`.
  ///   - moment: when and where.
  /// - Throws: `SystemError`.
  public init(
    folder: String, arguments: TrainingArguments, configuration: JSONValue, at moment: EventMoment
  ) throws(SystemError) {
    let name = TensorBoardWriter.runName(at: moment.time, host: moment.host, utcOffset: moment.utcOffset)
    writer = try TensorBoardWriter(
      folder: FileSystem.join(FileSystem.join(folder, "runs"), name), time: moment.time, host: moment.host,
      process: moment.process)
    try writer.text("args", Self.block(arguments.hyperparameters), time: moment.time)
    try writer.text("model_config", Self.block(configuration), time: moment.time)
  }

  /// The file that is written.
  public var path: String { writer.path }

  /// Writes what an event adds to the log; others are passed over.
  ///
  /// - Parameters:
  ///   - event: what the trainer reports.
  ///   - time: seconds since 1970.
  /// - Throws: `SystemError`.
  public func receive(_ event: TrainingEvent, time: Double) throws(SystemError) {
    switch event {
    case .logged(let record), .evaluated(let record, _): try append(record, time: time)
    case .ended(let output):
      for entry in output.metrics.entries where entry.name != "step" {
        try writer.scalar(
          Self.tag(entry.name), Float(entry.value.number), step: output.globalStep, time: time)
      }
    case .began, .step, .checkpoint: break
    }
  }

  private func append(_ record: LogRecord, time: Double) throws(SystemError) {
    let step = Int(exactly: record["step"] ?? 0) ?? 0
    for entry in record.entries where entry.name != "step" {
      try writer.scalar(Self.tag(entry.name), Float(entry.value.number), step: step, time: time)
    }
  }

  /// `eval_f1` → `eval/f1`, `loss` → `train/loss`.
  static func tag(_ name: String) -> String {
    for prefix in ["eval", "test"] where name.hasPrefix(prefix + "_") {
      return "\(prefix)/\(name.dropFirst(prefix.count + 1))"
    }
    return "train/\(name)"
  }

  /// As Trainer hands JSON over.
  private static func block(_ document: JSONValue) -> String {
    document.pythonText(indent: 2, ensureASCII: false)
  }
}

/// When and where something is written: what a library does not ask the system for itself.
public struct EventMoment: Sendable {
  /// Seconds since 1970.
  public var time: Double
  /// Seconds that the local time is ahead of UTC.
  public var utcOffset: Int
  /// The machine's name.
  public var host: String
  /// The process's number.
  public var process: Int

  /// A moment in a process on a machine.
  public init(time: Double, utcOffset: Int = 0, host: String, process: Int) {
    (self.time, self.utcOffset, self.host, self.process) = (time, utcOffset, host, process)
  }
}
