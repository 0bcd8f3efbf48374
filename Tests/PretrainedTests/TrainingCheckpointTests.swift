import BERT
import Foundation
import ForeignFormats
import ModelFiles
import Pretrained
import Testing

@Suite("checkpoint-N folders")
struct TrainingCheckpointTests {
  private static let fixtures = Fixture.folder.deletingLastPathComponent()
  private static let tiny = fixtures.appending(path: "golden/tiny/SequenceClassification_single")

  /// Six steps an epoch on the rows of Fixtures/trainer; token `wN` has id N.
  private struct Setup {
    let golden: JSONValue
    let run: JSONValue
    let dialect: RandomDialect

    init(version: Int) throws {
      golden = try JSONValue(path: fixtures.appending(path: "trainer/transformers-\(version).json").path)
      run = try #require(golden["cases"]?[version == 5 ? "dropout and padding" : "plain"])
      dialect = version == 5 ? .torch215 : .torch22
    }

    func dataset(_ part: String) throws -> TextDataset {
      let rows = try #require(golden["rows"]?[part]?.arrayValue)
      return TextDataset(
        texts: rows.compactMap { $0["text"]?.stringValue }, labels: rows.compactMap { $0["label"]?.intValue },
        labelNames: ["LABEL_0", "LABEL_1", "LABEL_2"])
    }

    var arguments: TrainingArguments {
      var arguments = TrainingArguments()
      arguments.numTrainEpochs = 2
      arguments.learningRate = 2e-3
      arguments.weightDecay = 0.1
      (arguments.batchSize, arguments.evalBatchSize) = (4, 4)
      arguments.loggingStrategy = .steps(3)
      arguments.evalStrategy = .epoch
      arguments.saveStrategy = .steps(4)
      arguments.dialect = dialect
      return arguments
    }

    func trainer(_ weights: any WeightSource) throws -> Trainer {
      var configuration = try BERTConfiguration(JSONValue(path: tiny.appending(path: "config.json").path))
      let dropout = run["dropout"]?.doubleValue ?? 0
      (configuration.hiddenDropoutProb, configuration.attentionProbsDropoutProb) = (dropout, dropout)
      let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
      return try Trainer(
        BERTForSequenceClassification.load(from: weights, configuration: configuration).model,
        tokenizer: WordPieceTokenizer(vocabulary: Vocabulary(tokens: special + (5..<120).map { "w\($0)" })),
        arguments: arguments, truncation: .none)
    }
  }

  private func bytes(_ name: String, in source: any WeightSource) throws -> [UInt8] {
    try source.withBytes(of: name) { $0.withUnsafeBytes { Array($0) } }
  }

  @Test("of Trainer are gone on from, with Trainer's losses", arguments: [5, 4])
  func fromTrainer(version: Int) throws {
    let setup = try Setup(version: version)
    let folder = Self.fixtures.appending(path: "trainer/checkpoint-\(version)")
    let weights = try SafetensorsFile(path: folder.appending(path: "model.safetensors").path)
    let trainer = try setup.trainer(weights)
    let checkpoint = try TrainingCheckpoint(folder.path, configuration: trainer.model.configuration)
    #expect(checkpoint.arguments == nil && checkpoint.state.progress == nil)
    var losses: [Double] = []
    _ = try trainer.train(
      on: setup.dataset("train"), evaluating: setup.dataset("validation"), resuming: checkpoint.state
    ) { event in
      if case .step(let record) = event { losses.append(Double(record.loss)) }
      return .continue
    }
    let expected = try #require(setup.run["batch_losses"]?.arrayValue).compactMap(\.doubleValue).dropFirst(4)
    #expect(losses.count == expected.count)
    // As for whole runs: a learning rate of 2e-3 doubles a rounding error every few steps.
    for (loss, value) in zip(losses, expected) { #expect(abs(loss - value) < 2e-5) }
  }

  @Test("hold what Trainer's hold, and are read as they were written", arguments: [5, 4])
  func roundTrip(version: Int) throws {
    let setup = try Setup(version: version)
    let folder = try TemporaryFolder()
    let weights = try SafetensorsFile(path: Self.tiny.appending(path: "model.safetensors").path)
    let trainer = try setup.trainer(weights)
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    let tokenizer = try WordPieceTokenizer(vocabulary: Vocabulary(tokens: special))
    let path = folder.path("checkpoint-4")
    _ = try trainer.train(on: setup.dataset("train"), evaluating: setup.dataset("validation")) { event in
      guard case .checkpoint(let step) = event, step == 4 else { return .continue }
      // Twice: what is there is replaced.
      for _ in 0..<2 {
        let state = try #require(trainer.trainingState)
        try TrainingCheckpoint.write(
          ModelExport(trainer.model, tokenizer: tokenizer), state: state, arguments: setup.arguments, to: path
        )
      }
      let read = try TrainingCheckpoint(path, configuration: trainer.model.configuration)
      let state = try #require(trainer.trainingState)
      #expect(read.state.generator == state.generator)
      #expect(read.arguments == setup.arguments.document)
      #expect(read.state.optimizer.stepCount == 4)
      #expect(read.state.optimizer.groups == state.optimizer.groups)
      #expect(read.state.optimizer.learningRate == state.optimizer.learningRate)
      #expect(read.state.progress?.document["last_logged_step"] == 3)
      for info in state.optimizer.moments.tensors {
        #expect(
          try bytes(info.name, in: read.state.optimizer.moments)
            == bytes(info.name, in: state.optimizer.moments))
      }
      // What Trainer itself saved at this step of this run has the same parts and the same numbers.
      let theirs = Self.fixtures.appending(path: "trainer/checkpoint-\(version)").path
      for file in ["scheduler.pt", "rng_state.pth"] {
        let (ours, theirs) = try (
          PyTorchDocument(path: path + "/" + file), PyTorchDocument(path: theirs + "/" + file)
        )
        #expect(ours.root == theirs.root, "\(file)")
        for info in theirs.tensors { #expect(try bytes(info.name, in: ours) == bytes(info.name, in: theirs)) }
      }
      let (ours, reference) = try (
        PyTorchDocument(path: path + "/optimizer.pt").root,
        PyTorchDocument(path: theirs + "/optimizer.pt").root
      )
      for index in 0..<2 {
        let found = ours["param_groups"]?.elements?[index]
        let expected = reference["param_groups"]?.elements?[index]
        #expect(found?["params"] == expected?["params"])
        for key in ["lr", "initial_lr", "weight_decay", "betas", "eps"] {
          #expect(found?[key] == expected?[key], "\(key)")
        }
      }
      return .stop
    }
    #expect(try folder.names() == ["checkpoint-4"])
    #expect(try TrainingCheckpoint.latest(in: folder.url.path) == path)
  }

  @Test("say which file is missing or damaged")
  func errors() throws {
    let folder = try TemporaryFolder()
    let configuration = try BERTConfiguration(
      JSONValue(path: Self.tiny.appending(path: "config.json").path))
    let copy = folder.path("checkpoint-4")
    try FileManager.default.copyItem(
      at: Self.fixtures.appending(path: "trainer/checkpoint-5"), to: URL(filePath: copy))
    func message() -> String {
      do {
        _ = try TrainingCheckpoint(copy, configuration: configuration)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message() == "")
    var other = configuration
    other.numHiddenLayers = 1
    #expect(throws: TrainingCheckpointError.self) { try TrainingCheckpoint(copy, configuration: other) }
    try folder.write("{}", to: "checkpoint-4/training_progress.json")
    #expect(message().contains("training_progress.json: 'format_version' is nothing"))
    try FileManager.default.removeItem(atPath: copy + "/training_progress.json")
    let random = copy + "/rng_state.pth"
    try FileManager.default.removeItem(atPath: random)
    #expect(message().contains("'rng_state.pth' is missing"))
    try PyTorchWriter.write(.dictionary(["cpu": .integer(1)]), to: random)
    #expect(message().contains("rng_state.pth: 'cpu' is something else"))
    #expect(try TrainingCheckpoint.latest(in: folder.url.path) != nil)
    try FileManager.default.removeItem(atPath: copy + "/trainer_state.json")
    #expect(try TrainingCheckpoint.latest(in: folder.url.path) == nil)
  }
}
