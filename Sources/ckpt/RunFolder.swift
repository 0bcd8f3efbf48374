import Pretrained
import Reports

/// The folder a fine-tuning run writes: what is there before, and the checkpoints of the run.
struct RunFolder {
  let path: String
  private let limit: Int?
  /// The steps of the checkpoints that are there, oldest first.
  private var checkpoints: [Int] = []

  /// - Parameter limit: the most checkpoints to keep.
  init(_ path: String, limit: Int?) { (self.path, self.limit) = (path, limit) }

  /// - Throws: `ExportError` when the folder holds anything and may not be overwritten.
  func check(force: Bool) throws {
    guard FileSystem.exists(path) else { return }
    guard FileSystem.isDirectory(path) else { throw ExportError.notAFolder(path: path) }
    if try !force && !FileSystem.list(path).isEmpty { throw RunFolderError.notEmpty(path: path) }
  }

  /// A folder in which a run goes on: may hold what is of the run up to the checkpoint.
  ///
  /// - Throws: ``RunFolderError`` when something else, or a later checkpoint, would be replaced without `force`.
  func check(resuming checkpoint: String, step: Int, force: Bool) throws {
    guard FileSystem.exists(path) else { return }
    guard FileSystem.isDirectory(path) else { throw ExportError.notAFolder(path: path) }
    let names = try FileSystem.list(path)
    guard !force && !names.isEmpty else { return }
    guard names.contains(where: { FileSystem.resolved(file($0)) == FileSystem.resolved(checkpoint) }) else {
      throw RunFolderError.notEmpty(path: path)
    }
    if let later = names.compactMap(TrainingCheckpoint.step).max(), later > step {
      throw RunFolderError.laterCheckpoint(path: path, step: step, later: later)
    }
  }

  func file(_ name: String) -> String { FileSystem.join(path, name) }

  static let log = "training_log.jsonl"
  static let predictions = "predictions.jsonl"
  static let results = "predict_results.json"
  static let tensorBoard = "runs"
  static let metrics = "metrics.jsonl"

  /// The most bytes that the checkpoints of a run and its model take at one time.
  ///
  /// A checkpoint has three numbers a parameter, and one more than is kept is there while it is written.
  func byteCount(_ plan: TrainingPlan, _ strategy: IntervalStrategy, from step: Int) -> Int {
    let left = plan.maxSteps - step
    let saves =
      switch strategy {
      case .never: 0
      case .epoch: (left + plan.stepsPerEpoch - 1) / plan.stepsPerEpoch
      case .steps(let count): left / count + 1
      }
    let kept = min(saves, (limit ?? saves) + 1)
    let model = plan.parameterCount * MemoryLayout<Float>.stride + 2 << 20
    return (3 * kept + 1) * model
  }

  /// Makes the folder, without the logs and checkpoints of an earlier run.
  ///
  /// - Parameter step: where a run goes on, which keeps its checkpoints up to then; 0 for a new run.
  mutating func prepare(resumingAt step: Int) throws {
    try FileSystem.createFolder(path)
    for name in try FileSystem.list(path) {
      if let number = TrainingCheckpoint.step(ofFolder: name) {
        if number <= step {
          checkpoints.append(number)
        } else {
          try FileSystem.removeFolder(file(name))
        }
      } else if Self.isOfARun(name) || Self.isTemporary(name) {
        // The log goes on, and TensorBoard shows several files of events as one.
        if step == 0 || (name != Self.log && name != Self.tensorBoard) {
          try FileSystem.removeTree(file(name))
        }
      }
    }
    checkpoints.sort()
  }

  private static func isOfARun(_ name: String) -> Bool {
    [log, metrics, predictions, results, tensorBoard, RunDescription.fileName].contains(name)
  }

  /// What a run leaves that is ended while it saves.
  private static func isTemporary(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(".tmp") }

  /// Writes `checkpoint-<step>` and removes the oldest beyond the limit.
  ///
  /// - Parameter best: the step of the best checkpoint so far, which is never removed.
  mutating func save(
    _ export: ModelExport, _ state: TrainingState, _ arguments: TrainingArguments, step: Int, best: Int?
  ) throws {
    try TrainingCheckpoint.write(
      export, state: state, arguments: arguments, to: file("checkpoint-\(step)"))
    if !checkpoints.contains(step) { checkpoints.append(step) }
    guard let limit else { return }
    // The newest is kept, to resume from, and so is the best; both may be one.
    let protected = Set([step, best].compactMap(\.self))
    for old in checkpoints where !protected.contains(old) && checkpoints.count > max(limit, protected.count) {
      try FileSystem.removeFolder(file("checkpoint-\(old)"))
      checkpoints.removeAll { $0 == old }
    }
  }

  /// When the run ends: of one checkpoint to keep, only the best.
  mutating func finish(best: Int?) throws {
    guard limit == 1, let best, checkpoints.contains(best) else { return }
    for other in checkpoints where other != best {
      try FileSystem.removeFolder(file("checkpoint-\(other)"))
    }
    checkpoints = [best]
  }
}

enum RunFolderError: Error, CustomStringConvertible {
  case notEmpty(path: String)
  case laterCheckpoint(path: String, step: Int, later: Int)
  case noCheckpoint(path: String)
  case otherData(row: Int, part: String, log: String)
  case noRoom(path: String, needed: Int, available: Int)

  var description: String {
    switch self {
    case .notEmpty(let path):
      "\(path): the folder is not empty; choose another, or add --force to replace an earlier run"
    case .laterCheckpoint(let path, let step, let later):
      "\(path): checkpoint-\(later) is newer than checkpoint-\(step); resume from the newest with --resume alone, "
        + "or add --force to replace what came after step \(step)"
    case .noCheckpoint(let path):
      "\(path): no checkpoint to resume from; name one with --resume FOLDER, or start without --resume"
    case .otherData(let row, let part, let log):
      "the \(part) data differ from those of the run, first in row \(row) of \(log); "
        + "resume with the run's own data, split and seed"
    case .noRoom(let path, let needed, let available):
      "\(path): the run will write \(needed.bytesText) and \(available.bytesText) are free; "
        + "free some, or keep fewer checkpoints with --save-total-limit"
    }
  }
}
