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
    try write([
      "initial_head": .numbers(head), "train_rows": .strings(data.train.texts),
      "validation_rows": .strings(data.validation?.texts ?? []),
      "test_rows": .strings(data.test?.texts ?? []),
    ])
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
