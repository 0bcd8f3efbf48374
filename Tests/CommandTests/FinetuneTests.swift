import Foundation
import ModelFiles
import Testing

@Suite("a run of finetune")
struct FinetuneTests {
  private func finetune(_ folder: TemporaryFolder, _ options: String...) throws -> Command.Result {
    let command = try Command(
      ["finetune", "--base", "embedder", "--dataset", "iris", "--out", folder.path("out")] + options)
    try command.process.run()
    return try command.wait()
  }

  @Test("writes the model, the checkpoints, the logs and the predictions")
  func files() throws {
    let folder = try TemporaryFolder()
    #expect(try finetune(folder, "--epochs", "2").exitCode == 0)
    let model = [
      "config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json",
      "tokenizer_config.json",
      "trainer_state.json", "vocab.txt",
    ]
    let run = [
      "README.md", "checkpoint-14", "checkpoint-28", "metrics.jsonl", "predict_results.json",
      "predictions.jsonl",
      "run.json", "runs", "training_log.jsonl",
    ]
    #expect(try folder.names("out") == (model + run).sorted())
    let state = [
      "optimizer.pt", "rng_state.pth", "scheduler.pt", "training_args.json", "training_progress.json",
    ]
    #expect(try folder.names("out/checkpoint-14") == (model + state).sorted())
    #expect(try folder.json("out/checkpoint-14/trainer_state.json")["global_step"]?.intValue == 14)
    // The last checkpoint is the exported model.
    #expect(
      try Data(contentsOf: folder.url("out/checkpoint-28/model.safetensors"))
        == Data(contentsOf: folder.url("out/model.safetensors")))
  }

  @Test("goes on when it is resumed for more epochs than it had")
  func moreEpochs() throws {
    let folder = try TemporaryFolder()
    #expect(try finetune(folder, "--epochs", "1").exitCode == 0)
    let result = try finetune(folder, "--epochs", "2", "--resume", "--json")
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(try result.json().last?["steps"]?.intValue == 28)
    #expect(try folder.names("out").contains("checkpoint-28"))
  }

  @Test("that is stopped keeps the checkpoint it goes on from, beside the best")
  func stopped() throws {
    let folder = try TemporaryFolder()
    let command = try Command([
      "finetune", "--base", "embedder", "--dataset", "iris", "--out", folder.path("out"), "--epochs", "2000",
      "--load-best-model-at-end", "--save-total-limit", "1",
    ])
    try command.process.run()
    func isPastEvaluation() -> Bool {
      (try? folder.names("out"))?.contains { $0.hasPrefix("checkpoint-") } == true
    }
    while command.process.isRunning, !isPastEvaluation() { Thread.sleep(forTimeInterval: 0.005) }
    command.process.interrupt()
    let result = try command.wait()
    #expect(result.exitCode == 2)
    let words = result.errors.split(whereSeparator: { !$0.isNumber && !$0.isLetter })
    let place = try #require(words.firstRange(of: ["after", "step"]))
    #expect(try folder.names("out").contains("checkpoint-\(words[place.upperBound])"), "\(result.errors)")
  }

  @Test("whose numbers are none says so in JSON that can be read")
  func notANumber() throws {
    let folder = try TemporaryFolder()
    let result = try finetune(folder, "--epochs", "1", "--learning-rate", "1e30", "--json")
    let summary = try #require(try result.json().last)
    #expect(summary["eval"]?["eval_loss"] == .null, "\(result.output) \(result.errors)")
  }

  @Test("logs how it began and every step")
  func log() throws {
    let folder = try TemporaryFolder()
    _ = try finetune(folder, "--epochs", "2")
    let lines = try folder.jsonLines("out/training_log.jsonl")
    let start = try #require(lines.first)
    #expect(start["initial_head"]?.arrayValue?.count == 3 * 16 + 3)
    #expect(start["initial_head"]?.arrayValue?.suffix(3).allSatisfy { $0.doubleValue == 0 } == true)
    #expect(start["train_rows"]?.arrayValue?.count == 105)
    #expect(start["train_rows"]?[0]?.stringValue == "5.0 3.4 1.6 0.4")
    #expect(start["validation_rows"]?.arrayValue?.count == 22)
    #expect(start["test_rows"]?.arrayValue?.count == 23)
    #expect(lines.dropFirst().compactMap { $0["step"]?.intValue } == Array(1...28))
    for key in ["loss", "grad_norm", "learning_rate"] {
      #expect(lines.dropFirst().allSatisfy { $0[key]?.doubleValue?.isFinite == true }, "\(key)")
    }
  }

  @Test("keeps the test split's predictions, which are the exported model's")
  func predictions() throws {
    let folder = try TemporaryFolder()
    _ = try finetune(folder, "--epochs", "2")
    let rows = try folder.jsonLines("out/predictions.jsonl")
    let results = try folder.json("out/predict_results.json")
    let right = rows.filter { $0["label"] == $0["predicted"] }.count
    #expect(results["test_accuracy"]?.doubleValue == Double(right) / 23)
    #expect(
      results.members?.map(\.key) == [
        "test_accuracy", "test_f1", "test_loss", "test_precision", "test_recall", "test_runtime",
        "test_samples_per_second", "test_steps_per_second",
      ])
    let answers = try ckpt(
      "predict", folder.path("out"), "--json",
      input: rows.compactMap { $0["text"]?.stringValue }.joined(separator: "\n")
    ).json()
    #expect(answers.count == rows.count)
    for (answer, row) in zip(answers, rows) {
      #expect(answer["label"] == row["predicted"])
      for (a, b) in zip(answer["logits"]?.arrayValue ?? [], row["logits"]?.arrayValue ?? []) {
        #expect(abs((a.doubleValue ?? .nan) - (b.doubleValue ?? .nan)) < 1e-5)
      }
    }
  }

  @Test("is the same with any number of threads")
  func threads() throws {
    let (one, two) = try (TemporaryFolder(), TemporaryFolder())
    _ = try finetune(one, "--epochs", "1", "--threads", "1")
    _ = try finetune(two, "--epochs", "1", "--threads", "2")
    for name in ["model.safetensors", "predictions.jsonl", "training_log.jsonl"] {
      #expect(
        try Data(contentsOf: one.url("out/\(name)")) == Data(contentsOf: two.url("out/\(name)")), "\(name)")
    }
  }

  @Test("is replaced with --force, and what is not of a run stays")
  func force() throws {
    let folder = try TemporaryFolder()
    _ = try finetune(folder, "--epochs", "2")
    try folder.write("mine", to: "out/notes.txt")
    #expect(try finetune(folder, "--epochs", "1").exitCode == 2)
    #expect(try folder.names("out").contains("checkpoint-28"))
    #expect(try finetune(folder, "--epochs", "1", "--force").exitCode == 0)
    let names = try folder.names("out")
    #expect(names.contains("notes.txt"))
    #expect(names.contains("checkpoint-14"))
    #expect(!names.contains("checkpoint-28"))
  }

  @Test("keeps as many checkpoints as it may, the best among them")
  func limit() throws {
    let folder = try TemporaryFolder()
    // The loss falls at every epoch, so that the last is the best.
    let options = ["--epochs", "4", "--learning-rate", "1e-3", "--save-total-limit", "2"]
    let command = try Command(
      ["finetune", "--base", "embedder", "--dataset", "iris", "--out", folder.path("out")] + options)
    try command.process.run()
    #expect(try command.wait().exitCode == 0)
    #expect(
      try folder.names("out").filter { $0.hasPrefix("checkpoint") } == ["checkpoint-42", "checkpoint-56"])
  }

  @Test("can end with the best weights, and early")
  func best() throws {
    let folder = try TemporaryFolder()
    // Nothing is learnt at this rate, so that no evaluation is better than the first.
    let result = try finetune(
      folder, "--epochs", "9", "--learning-rate", "0", "--load-best-model-at-end", "--metric-for-best-model",
      "accuracy", "--early-stopping-patience", "2", "--save-total-limit", "1", "--json")
    let summary = try #require(result.json().first)
    #expect(summary["steps"]?.intValue == 42)
    #expect(summary["best_step"]?.intValue == 14)
    #expect(summary["stopped"]?.boolValue == false)
    #expect(try folder.names("out").filter { $0.hasPrefix("checkpoint") } == ["checkpoint-14"])
  }

  @Test("takes parts from files of their own, with a template and pairs")
  func partFiles() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<12).map { "\($0).5,\($0 % 2 == 0 ? "even" : "odd")" }
    try folder.write("n,kind\n" + rows.joined(separator: "\n") + "\n", to: "train.csv")
    try folder.write("n,kind\n3.5,odd\n4.5,even\n", to: "test.csv")
    let result = try ckpt(
      "finetune", "--base", "embedder", "--train", folder.path("train.csv"), "--test",
      folder.path("test.csv"),
      "--text", "n {n}", "--text-pair", "n", "--label", "kind", "--epochs", "1", "--out", folder.path("out"))
    #expect(result.exitCode == 0, "\(result.errors)")
    let predictions = try folder.jsonLines("out/predictions.jsonl")
    #expect(predictions.map { $0["text"]?.stringValue } == ["n 3.5", "n 4.5"])
    #expect(predictions.map { $0["text_pair"]?.stringValue } == ["3.5", "4.5"])
    #expect(try folder.json("out/config.json")["id2label"] == ["0": "even", "1": "odd"])
  }

  @Test("keeps every log entry as it comes, in one line each")
  func metrics() throws {
    let folder = try TemporaryFolder()
    _ = try finetune(folder, "--epochs", "2", "--logging-steps", "10")
    let state = try folder.json("out/trainer_state.json")
    let lines = try folder.jsonLines("out/metrics.jsonl")
    #expect(lines.count == 5)
    #expect(lines == state["log_history"]?.arrayValue)
  }

  @Test("writes nothing when dry, however few the steps are", arguments: ["2", "100"])
  func dry(steps: String) throws {
    let folder = try TemporaryFolder()
    let result = try finetune(folder, "--max-steps", steps, "--dry-run")
    #expect(result.exitCode == 0 && result.output.contains("steps"))
    #expect(try folder.names("").isEmpty)
  }

  @Test("goes on with --resume, to the same end")
  func resume() throws {
    let (whole, part) = try (TemporaryFolder(), TemporaryFolder())
    let saving = ["--epochs", "3", "--save-strategy", "steps", "--save-steps", "10"]
    func finetune(_ folder: TemporaryFolder, _ options: String...) throws -> Command.Result {
      let command = try Command(
        ["finetune", "--base", "embedder", "--dataset", "iris", "--out", folder.path("out")] + saving
          + options)
      try command.process.run()
      return try command.wait()
    }
    #expect(try finetune(whole).exitCode == 0)
    // As after a kill: a later checkpoint was never finished, and lines of the log are there beyond the last one.
    try FileManager.default.copyItem(at: whole.url("out"), to: part.url("out"))
    for name in ["checkpoint-20", "checkpoint-30", "checkpoint-40", "checkpoint-42", "model.safetensors"] {
      try FileManager.default.removeItem(at: part.url("out/\(name)"))
    }
    try FileManager.default.createDirectory(
      at: part.url("out/.1a2b3c.tmp"), withIntermediateDirectories: true)
    try part.write("half", to: "out/.1a2b3c.tmp/model.safetensors")
    #expect(try finetune(part).exitCode == 2)
    let result = try finetune(part, "--resume")
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.errors.contains("checkpoint-10, after step 10"))
    for name in [
      "model.safetensors", "training_log.jsonl", "predictions.jsonl", "checkpoint-42/optimizer.pt",
      "checkpoint-42/rng_state.pth",
    ] {
      #expect(
        try Data(contentsOf: whole.url("out/\(name)")) == Data(contentsOf: part.url("out/\(name)")), "\(name)"
      )
    }
    #expect(try part.names("out") == whole.names("out"))
    // What is newer than the checkpoint is not replaced by mistake, and other data are not trained on.
    let old = try finetune(part, "--resume", part.path("out/checkpoint-20"))
    #expect(old.exitCode == 2 && old.errors.contains("checkpoint-42 is newer than checkpoint-20"))
    let kept = try part.names("out")
    let other = try finetune(part, "--resume", "--seed", "43")
    #expect(try part.names("out") == kept)
    #expect(other.exitCode == 2 && other.errors.contains("the train data differ from those of the run"))
    let nothing = try finetune(try TemporaryFolder(), "--resume")
    #expect(nothing.exitCode == 2 && nothing.errors.contains("no checkpoint to resume from"))
  }

  @Test("stops at Ctrl-C after the step, with everything saved")
  func interrupt() throws {
    let folder = try TemporaryFolder()
    let command = try Command([
      "finetune", "--base", "embedder", "--dataset", "iris", "--epochs", "100000", "--save-strategy", "no",
      "--out",
      folder.path("out"),
    ])
    try command.process.run()
    func wait(until condition: () -> Bool) {
      let deadline = Date().addingTimeInterval(60)
      while !condition(), command.process.isRunning, Date() < deadline { usleep(10_000) }
    }
    wait { command.output.contains("No log") }
    command.process.interrupt()
    wait { false }
    if command.process.isRunning { kill(command.process.processIdentifier, SIGKILL) }
    let result = try command.wait()
    #expect(result.exitCode == 2)
    #expect(command.process.terminationReason == .exit)
    let step = try #require(folder.jsonLines("out/training_log.jsonl").last?["step"]?.intValue)
    #expect(result.errors.contains("stopped after step \(step) of 1400000"))
    #expect(result.errors.contains("--out \(folder.path("out")) --resume\n"))
    #expect(try folder.names("out").filter { $0.hasPrefix("checkpoint") } == ["checkpoint-\(step)"])
    #expect(try folder.json("out/trainer_state.json")["global_step"]?.intValue == step)
    #expect(try ckpt("predict", folder.path("out"), "5.1 3.5 1.4 0.2").exitCode == 0)
  }
}
