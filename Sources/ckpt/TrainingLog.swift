import Pretrained

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// `training_log.jsonl`: how a run began, then every step, each line there as soon as it is known.
final class TrainingLog {
  private let path: String
  private let descriptor: Int32

  /// Begins the file with the new head and the rows of each part.
  init(path: String, head: [Float], _ data: FinetuneData) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw SystemError(call: "open", path: path, code: errno) }
    try write(Self.start(head: .numbers(head), data))
  }

  /// Goes on with the log of an earlier run.
  ///
  /// - Parameters:
  ///   - path: the file to write; may be the one that is read.
  ///   - earlier: the log so far, which need not be there.
  ///   - step: the last step to keep.
  ///   - data: must be what the run was begun with.
  /// - Throws: ``RunFolderError/otherData(row:part:log:)``, `JSONError`, `SystemError`.
  init(path: String, continuing earlier: String, from step: Int, _ data: FinetuneData) throws {
    self.path = path
    var lines: [String] = []
    if FileSystem.isRegularFile(earlier) {
      let text = String(decoding: try FileSystem.read(earlier), as: UTF8.self)
      for (index, line) in text.split(separator: "\n").enumerated() {
        // The last line may have been cut off with the process.
        guard let entry = try? JSONValue(parsing: String(line)) else { break }
        if index == 0 {
          try Self.check(entry, data, earlier)
        } else if entry["step"]?.intValue ?? .max > step {
          break
        }
        lines.append(line + "\n")
      }
    }
    if lines.isEmpty { lines = [Self.start(head: .null, data).line + "\n"] }
    try AtomicFile.write(lines.joined(), to: path)
    descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(call: "open", path: path, code: errno) }
  }

  private static let parts = ["train", "validation", "test"]

  private static func texts(_ data: FinetuneData) -> [[String]] {
    [data.train.texts, data.validation?.texts ?? [], data.test?.texts ?? []]
  }

  private static func start(head: JSONValue, _ data: FinetuneData) -> JSONValue {
    var start: JSONValue = ["initial_head": head]
    for (part, texts) in zip(parts, texts(data)) { start.set("\(part)_rows", .strings(texts)) }
    return start
  }

  private static func check(_ start: JSONValue, _ data: FinetuneData, _ log: String) throws {
    for (part, texts) in zip(parts, texts(data)) {
      let found = (start["\(part)_rows"]?.arrayValue ?? []).map { $0.stringValue ?? "" }
      guard found != texts else { continue }
      let row = zip(found, texts).enumerated().first { $0.element.0 != $0.element.1 }?.offset
      throw RunFolderError.otherData(row: (row ?? min(found.count, texts.count)) + 1, part: part, log: log)
    }
  }

  deinit { close(descriptor) }

  func append(_ step: StepRecord) throws {
    try write([
      "step": .number(step.step), "loss": .number(step.loss), "grad_norm": .number(step.gradNorm),
      "learning_rate": .number(step.learningRate),
    ])
  }

  private func write(_ object: JSONValue) throws(SystemError) {
    var bytes = Array((object.line + "\n").utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
      guard written >= 0 || errno == EINTR else { throw SystemError(call: "write", path: path, code: errno) }
      bytes = bytes.dropFirst(max(0, written))
    }
  }
}

// Within a type that has a `write` of its own, the unqualified name means that.
private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, start, count)
}
