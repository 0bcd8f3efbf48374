import Pretrained

/// `training_log.jsonl`: how a run began, then every step, each line there as soon as it is known.
struct TrainingLog {
  private let file: LineFile

  /// Begins or replaces the file.
  ///
  /// - Parameters:
  ///   - path: of the file.
  ///   - lines: what it begins with: ``start(head:_:)``, or ``lines(of:until:_:)``.
  init(path: String, _ lines: [JSONValue]) throws { file = try LineFile(path: path, lines) }

  func append(_ step: StepRecord) throws {
    try file.append([
      "step": .number(step.step), "loss": .number(step.loss), "grad_norm": .number(step.gradNorm),
      "learning_rate": .number(step.learningRate),
    ])
  }

  /// The first line: the new head, or null where another program drew it, and the rows of each part.
  static func start(head: [Float]?, _ data: FinetuneData) -> JSONValue {
    var start: JSONValue = ["initial_head": head.map { .numbers($0) } ?? .null]
    for (part, texts) in zip(parts, texts(data)) { start.set("\(part)_rows", .strings(texts)) }
    return start
  }

  /// What to keep of the log of an earlier run.
  ///
  /// - Parameters:
  ///   - path: of that log, which need not be there.
  ///   - step: the last step to keep.
  ///   - data: must be what the run was begun with.
  /// - Throws: ``RunFolderError/otherData(row:part:log:)``, `SystemError`.
  static func lines(of path: String, until step: Int, _ data: FinetuneData) throws -> [JSONValue] {
    var lines: [JSONValue] = []
    if FileSystem.isRegularFile(path) {
      let text = String(decoding: try FileSystem.read(path), as: UTF8.self)
      for (index, line) in text.split(separator: "\n").enumerated() {
        // The last line may have been cut off with the process.
        guard let entry = try? JSONValue(parsing: Array(line.utf8), acceptsNonFinite: true) else { break }
        if index == 0 {
          try check(entry, data, path)
        } else if entry["step"]?.intValue ?? .max > step {
          break
        }
        lines.append(entry)
      }
    }
    return lines.isEmpty ? [start(head: nil, data)] : lines
  }

  private static let parts = ["train", "validation", "test"]

  private static func texts(_ data: FinetuneData) -> [[String]] {
    [data.train.texts, data.validation?.texts ?? [], data.test?.texts ?? []]
  }

  private static func check(_ start: JSONValue, _ data: FinetuneData, _ log: String) throws {
    for (part, texts) in zip(parts, texts(data)) {
      let found = (start["\(part)_rows"]?.arrayValue ?? []).map { $0.stringValue ?? "" }
      guard found != texts else { continue }
      let row = zip(found, texts).enumerated().first { $0.element.0 != $0.element.1 }?.offset
      throw RunFolderError.otherData(row: (row ?? min(found.count, texts.count)) + 1, part: part, log: log)
    }
  }
}
