import FineTuning
import ModelFiles
import Pretrained
import Reports
import Testing

@Suite("the record of a run")
struct RunRecordTests {
  @Test("has everything that the folder holds")
  func complete() throws {
    let folder = try TemporaryFolder()
    try writeRun(in: folder)
    let run = try RunRecord(path: folder.path)
    #expect(run.labels == ["setosa", "versicolor", "virginica"])
    #expect(run.steps.map(\.number) == Array(1...12))
    #expect(run.evaluations.map(\.loss) == [0.9, 0.7])
    #expect(run.evaluations[1].metrics.map(\.name) == ["accuracy"])
    #expect(run.predictions.map(\.label) == [0, 2, 1])
    #expect(run.predictions.map(\.predicted) == [0, 1, 1])
    #expect(run.trainTexts.count == 3)
    #expect(run.notes == [])
  }

  @Test("run.json is read as it was written")
  func description() throws {
    var run = RunDescription(labels: ["a", "b\u{202E}"])
    (run.toolVersion, run.started, run.wallSeconds) = ("1", RunDescription.timestamp(1_795_634_258), 2.5)
    run.command = ["ckpt", "finetune", "it's"]
    run.baseModel = .init(name: "a/b", path: "/x", rootHash: "00ff")
    (run.data.name, run.data.origin, run.data.template) = ("d", "seed 1", "{x} {y}")
    (run.data.files, run.data.columns) = (["f"], ["x", "y"])
    run.data.parts = [
      .init(name: "train", rowCount: 2, classCounts: [1, 1], lineNumbers: [1, 2], labels: [0, 1])
    ]
    run.hyperparameters = TrainingArguments().hyperparameters
    (run.truncation, run.plannedSteps, run.wasStopped) = ("none", 9, true)
    (run.machine.threads, run.machine.processor) = (2, "p")
    (run.machine.instructionSet, run.machine.system) = ("avx2", "Linux")
    #expect(run.started == "2026-11-25T19:17:38Z")
    let folder = try TemporaryFolder()
    try run.write(to: folder.path)
    #expect(try RunDescription(JSONValue(path: folder.path + "/run.json")) == run)
  }

  @Test("lines that cannot be read are passed over and counted")
  func cutShort() throws {
    let folder = try TemporaryFolder()
    try writeRun(in: folder)
    try folder.write(
      """
      {"step": 2, "loss": NaN, "grad_norm": "x"}
      {"step": -1}
      [1]
      {"step": 1, "loss": 3}
      {"step": 2, "loss": 4}
      {"step": 3, "lo
      """, to: "training_log.jsonl")
    let run = try RunRecord(path: folder.path)
    // The second step was logged twice; the last time counts.
    #expect(run.steps.map(\.number) == [1, 2])
    #expect(run.steps.map(\.loss) == [3, 4])
    #expect(run.notes == ["training_log.jsonl: 3 lines passed over that cannot be read, the first is 2"])
  }

  @Test(
    "hostile files make notes, not crashes",
    arguments: [
      ("config.json", "{\"id2label\": {\"0\": 1, \"99999999999999999999\": \"x\", \"-1\": \"y\"}}"),
      ("config.json", "[]"), ("config.json", "{"), ("run.json", "[1]"),
      ("run.json", "{\"labels\": 3, \"data\": []}"),
      (
        "run.json",
        "{\"data\": {\"parts\": [{\"name\": 1}, {\"name\": \"test\", \"rows\": -4, \"labels\": [1e999]}]}}"
      ),
      (
        "trainer_state.json",
        "{\"log_history\": [1, null, {\"loss\": \"x\", \"step\": 1e400}, {\"eval_loss\": []}]}"
      ),
      ("trainer_state.json", "7"), ("training_log.jsonl", "\u{0}\n\n\r\n{}"),
      (
        "predictions.jsonl",
        "{\"text\": \"a\", \"label\": \"setosa\", \"predicted\": \"nobody\", \"logits\": [1]}"
      ),
      (
        "predictions.jsonl",
        "{\"text\": \"a\", \"label\": \"setosa\", \"predicted\": \"setosa\", \"logits\": [NaN, NaN, Infinity]}"
      ),
      ("predict_results.json", "\"x\""),
    ])
  func hostile(file: String, text: String) throws {
    let folder = try TemporaryFolder()
    try writeRun(in: folder)
    try folder.write(text, to: file)
    let run = try RunRecord(path: folder.path)
    let report = try Report(run, comparedTo: run, classifier: nil)
    #expect(report.html.hasSuffix("</html>\n"))
    #expect(try JSONValue(parsing: report.document.compactText())["verdict"]?.stringValue != nil)
    #expect(report.charts.allSatisfy { $0.document().hasSuffix("</svg>\n") })
  }

  @Test("a folder without a run says what is missing")
  func nothing() throws {
    let folder = try TemporaryFolder()
    #expect(throws: RunRecordError.noRun(path: folder.path, notes: [])) { try RunRecord(path: folder.path) }
    #expect(throws: RunRecordError.notAFolder(path: "/nowhere/x")) { try RunRecord(path: "/nowhere/x") }
  }
}
