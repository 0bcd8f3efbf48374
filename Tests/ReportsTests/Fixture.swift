import Foundation
import ModelFiles
import Testing

/// The reference numbers of Fixtures/reports, and the models of Fixtures/command.
enum Fixture {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures")

  static func json(_ name: String) throws -> JSONValue {
    try JSONValue(path: folder.appending(path: "reports/\(name)").path, acceptsNonFinite: true)
  }

  static func model(_ name: String) -> String { folder.appending(path: "command/\(name)").path }
}

extension JSONValue {
  var numbers: [Double] { (arrayValue ?? []).map { $0.doubleValue ?? .nan } }
}

func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 1e-12) -> Bool {
  a == b || abs(a - b) <= tolerance || a.isNaN && b.isNaN
}

/// A folder that is removed with the value.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  var path: String { url.path }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: url.appending(path: name))
  }

  func bytes(_ path: String) throws -> [UInt8] { try Array(Data(contentsOf: URL(filePath: path))) }
}

/// A run as `ckpt finetune` leaves it, small.
func writeRun(
  in folder: TemporaryFolder, labels: [String] = ["setosa", "versicolor", "virginica"],
  train: [String] = ["5.1 3.5 1.4 0.2", "6.3 3.3 6.0 2.5", "5.5 2.3 4.0 1.3"],
  test: [(text: String, label: Int, logits: [Double])] = [
    ("5.0 3.4 1.5 0.2", 0, [2, 0.5, -1]), ("5.9 3.0 5.1 1.8", 2, [-1, 1, 0.8]),
    ("5.7 2.8 4.1 1.3", 1, [-1, 1.5, 0.5]),
  ], steps: Int = 12
) throws {
  let names = JSONValue.object(labels.enumerated().map { .init("\($0)", .string($1)) })
  try folder.write((["id2label": names] as JSONValue).compactText(), to: "config.json")
  var log =
    (["train_rows": .strings(train), "validation_rows": [], "test_rows": .strings(test.map(\.text))]
    as JSONValue)
    .compactText() + "\n"
  for step in 0..<steps {
    log +=
      "{\"step\": \(step + 1), \"loss\": \(1 / Double(step + 1)), \"grad_norm\": 1.5, \"learning_rate\": 1e-05}\n"
  }
  try folder.write(log, to: "training_log.jsonl")
  let rows = test.map { row -> String in
    let best = row.logits.indices.reduce(0) { row.logits[$1] > row.logits[$0] ? $1 : $0 }
    let object: JSONValue = [
      "text": .string(row.text), "label": .string(labels[row.label]), "predicted": .string(labels[best]),
      "logits": .array(row.logits.map { .number($0) }),
    ]
    return object.compactText() + "\n"
  }
  try folder.write(rows.joined(), to: "predictions.jsonl")
  try folder.write(
    """
    {"global_step": \(steps), "best_global_step": null, "log_history": [
      {"epoch": 1.0, "eval_loss": 0.9, "eval_accuracy": 0.5, "eval_runtime": 0.1, "step": \(steps / 2)},
      {"epoch": 2.0, "eval_loss": 0.7, "eval_accuracy": 0.75, "eval_runtime": 0.1, "step": \(steps)},
      {"epoch": 2.0, "train_runtime": 3.5, "train_loss": 0.8, "step": \(steps)}]}
    """, to: "trainer_state.json")
}
