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

  func file(_ name: String) -> String { FileSystem.join(path, name) }

  static let log = "training_log.jsonl"
  static let predictions = "predictions.jsonl"
  static let results = "predict_results.json"
  static let tensorBoard = "runs"

  /// Makes the folder, without the logs and checkpoints of an earlier run.
  func prepare() throws {
    try FileSystem.createFolder(path)
    for name in try FileSystem.list(path) where Self.isOfARun(name) { try FileSystem.removeTree(file(name)) }
  }

  private static func isOfARun(_ name: String) -> Bool {
    let number = name.hasPrefix("checkpoint-") ? name.dropFirst("checkpoint-".count) : ""
    return [log, predictions, results, tensorBoard, RunDescription.fileName].contains(name)
      || (!number.isEmpty && number.allSatisfy(\.isNumber))
  }

  /// Writes `checkpoint-<step>` and removes the oldest beyond the limit.
  ///
  /// - Parameter best: the step of the best checkpoint so far, which is never removed.
  mutating func save(_ export: ModelExport, step: Int, best: Int?) throws {
    try export.write(to: file("checkpoint-\(step)"), overwriting: true, verifying: false)
    checkpoints.append(step)
    guard let limit else { return }
    // The newest is kept, to resume from, and so is the best; both may be one.
    let protected = Set([step, best].compactMap(\.self))
    for old in checkpoints where !protected.contains(old) && checkpoints.count > max(limit, protected.count) {
      try FileSystem.removeTree(file("checkpoint-\(old)"))
      checkpoints.removeAll { $0 == old }
    }
  }

  /// When the run ends: of one checkpoint to keep, only the best.
  mutating func finish(best: Int?) throws {
    guard limit == 1, let best, checkpoints.contains(best) else { return }
    for other in checkpoints where other != best { try FileSystem.removeTree(file("checkpoint-\(other)")) }
    checkpoints = [best]
  }
}

enum RunFolderError: Error, CustomStringConvertible {
  case notEmpty(path: String)

  var description: String {
    switch self {
    case .notEmpty(let path):
      "\(path): the folder is not empty; choose another, or add --force to replace an earlier run"
    }
  }
}
