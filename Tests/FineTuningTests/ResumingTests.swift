import BERT
import FineTuning
import Foundation
import ModelFiles
import RandomStreams
import Testing
import WordPiece

/// Tensors in memory, as they were when they were copied.
private struct Copies: WeightSource {
  let tensors: [TensorInfo]
  let bytes: [String: [UInt8]]

  init(_ source: some WeightSource) throws {
    tensors = source.tensors
    var bytes: [String: [UInt8]] = [:]
    for info in source.tensors {
      bytes[info.name] = try source.withBytes(of: info.name) { $0.withUnsafeBytes { Array($0) } }
    }
    self.bytes = bytes
  }

  func tensor(named name: String) -> TensorInfo? { tensors.first { $0.name == name } }

  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    let found = try #require(bytes[name])
    return try body(found.span.bytes)
  }
}

@Suite("a run that is left and taken up again")
struct ResumingTests {
  /// What a run amounts to, but for the time it took.
  private struct Record {
    var steps: [StepRecord] = []
    var log: [LogRecord] = []
    var checkpoints: [Int: (weights: Copies, state: TrainingState)] = [:]
    var final: Copies?
    var state = TrainerState()
    var output: TrainOutput?

    static func untimed(_ record: LogRecord) -> [String] {
      record.entries.filter { !$0.name.contains("runtime") && !$0.name.contains("per_second") }
        .map { "\($0.name) \($0.value)" }
    }
  }

  /// One run, or the rest of one.
  private static func run(
    _ source: TrainerGolden, _ golden: JSONValue, from start: (weights: Copies, state: TrainingState)? = nil,
    best: Copies? = nil, stoppingAt last: Int? = nil, _ change: (inout TrainingArguments) -> Void = { _ in }
  ) throws -> Record {
    var arguments = try source.arguments(golden)
    change(&arguments)
    var model = try TrainerGolden.model(dropout: try #require(golden["dropout"]?.doubleValue))
    if let start {
      model = try BERTForSequenceClassification.load(
        from: start.weights, configuration: model.configuration
      ).model
    }
    let trainer = try Trainer(
      model, tokenizer: TrainerGolden.tokenizer(), arguments: arguments, truncation: .none,
      computeMetrics: TrainerTests.accuracy)
    var state = start?.state
    state?.bestWeights = best
    var record = Record()
    record.output = try trainer.train(
      on: source.dataset("train"), evaluating: source.dataset("validation"), resuming: state
    ) { event in
      switch event {
      case .step(let step):
        record.steps.append(step)
        return step.step == last ? .stop : .continue
      case .checkpoint(let step):
        var state = try #require(trainer.trainingState)
        state.optimizer.moments = try Copies(state.optimizer.moments)
        // As they come back from their files.
        state.trainer = try TrainerState(state.trainer.document(trainer.arguments))
        state.progress = try state.progress.map { try TrainingProgress($0.document) }
        record.checkpoints[step] = (try Copies(trainer.model.network.store), state)
      default: break
      }
      return .continue
    }
    record.log = trainer.state.logHistory
    record.final = try Copies(trainer.model.network.store)
    record.state = trainer.state
    return record
  }

  @Test(
    "ends, wherever it was stopped, as one that was never stopped, bit for bit",
    arguments: TrainerGolden.cases, [RandomDialect.torch215, .torch22])
  func everyStep(name: String, dialect: RandomDialect) throws {
    let source = try (dialect == .torch215 ? TrainerGolden.current : TrainerGolden.older).get()
    let golden = try #require(source.document["cases"]?[name])
    let whole = try Self.run(source, golden)
    let last = try #require(whole.steps.last?.step)
    for stop in 1..<last {
      let first = try Self.run(source, golden, stoppingAt: stop)
      #expect(first.output?.wasStopped == true && first.steps.last?.step == stop)
      let checkpoint = try #require(first.checkpoints[stop], "no checkpoint at step \(stop)")
      let best = checkpoint.state.trainer.bestGlobalStep.flatMap { first.checkpoints[$0]?.weights }
      let rest = try Self.run(source, golden, from: checkpoint, best: best)
      #expect(first.steps + rest.steps == whole.steps, "stopped at \(stop)")
      #expect(
        rest.log.map(Record.untimed) == whole.log.map(Record.untimed), "the log after a stop at \(stop)")
      #expect(rest.final?.bytes == whole.final?.bytes, "the weights after a stop at \(stop)")
      #expect(rest.output?.trainingLoss == whole.output?.trainingLoss)
      #expect(rest.output?.wasStopped == false)
      #expect(rest.state.totalFLOs == whole.state.totalFLOs)
    }
  }

  @Test("evaluates at the end of an epoch what was saved right before")
  func evaluationIsDue() throws {
    let source = try TrainerGolden.current.get()
    // Six steps an epoch: the second save comes before the evaluation of the first two epochs' end.
    let golden: JSONValue = [
      "dropout": 0.1, "arguments": ["num_train_epochs": 3, "save_steps": 6],
    ]
    let whole = try Self.run(source, golden)
    let saved = try #require(whole.checkpoints[12])
    #expect(saved.state.trainer.logHistory.count { $0["eval_loss"] != nil } == 1)
    for progress in [saved.state.progress, nil] {
      var start = saved
      start.state.progress = progress
      let rest = try Self.run(source, golden, from: start)
      #expect(rest.steps == Array(whole.steps.dropFirst(12)))
      #expect(rest.final?.bytes == whole.final?.bytes)
      #expect(rest.log.compactMap { $0["eval_loss"] } == whole.log.compactMap { $0["eval_loss"] })
    }
  }

  @Test(
    "logs at the end of an epoch what was saved right before, as a run that was never left",
    arguments: [RandomDialect.torch215, .torch22], [true, false])
  func logIsDue(dialect: RandomDialect, evaluates: Bool) throws {
    let source = try (dialect == .torch215 ? TrainerGolden.current : TrainerGolden.older).get()
    // Six steps an epoch: the saves at 6, 12 and 18 come before what is due at an epoch's end.
    let golden: JSONValue = [
      "dropout": 0.1, "arguments": ["num_train_epochs": 3, "save_steps": 6],
    ]
    func run(from start: (weights: Copies, state: TrainingState)? = nil) throws -> Record {
      try Self.run(source, golden, from: start) {
        $0.loggingStrategy = .epoch
        if !evaluates { $0.evalStrategy = .never }
      }
    }
    let whole = try run()
    #expect(whole.log.count { $0["grad_norm"] ?? 0 > 0 } == 3)
    for step in [6, 12, 18] {
      var start = try #require(whole.checkpoints[step])
      let rest = try run(from: start)
      #expect(rest.log.map(Record.untimed) == whole.log.map(Record.untimed), "step \(step)")
      #expect(rest.final?.bytes == whole.final?.bytes)
      // A file from before the norm was kept.
      let progress = try #require(start.state.progress?.document.members)
      start.state.progress = try TrainingProgress(.object(progress.filter { $0.key != "grad_norm" }))
      let older = try run(from: start)
      #expect(older.log.compactMap { $0["loss"] } == whole.log.compactMap { $0["loss"] })
      #expect(older.log.compactMap { $0["learning_rate"] } == whole.log.compactMap { $0["learning_rate"] })
    }
  }

  @Test("that has come to its end does nothing more")
  func ended() throws {
    let source = try TrainerGolden.current.get()
    let golden = try #require(source.document["cases"]?["plain"])
    let whole = try Self.run(source, golden)
    let last = try #require(whole.steps.last?.step)
    let again = try Self.run(source, golden, from: whole.checkpoints[last])
    #expect(again.steps.isEmpty)
    #expect(again.final?.bytes == whole.final?.bytes)
    // Unless there is more to do now.
    let longer = try Self.run(source, golden, from: whole.checkpoints[last]) { $0.numTrainEpochs += 1 }
    #expect(longer.steps.first?.step == last + 1)
    #expect(longer.final?.bytes != whole.final?.bytes)
  }

  @Test("that lost its patience goes on when it has more")
  func patience() throws {
    let source = try TrainerGolden.current.get()
    let golden = try #require(source.document["cases"]?["plain"])
    func run(_ patience: Int, from start: (weights: Copies, state: TrainingState)? = nil) throws -> Record {
      try Self.run(source, golden, from: start, best: start?.weights) {
        ($0.numTrainEpochs, $0.evalStrategy, $0.saveStrategy) = (4, .epoch, .epoch)
        ($0.loadBestModelAtEnd, $0.metricForBestModel) = (true, "loss")
        // No loss is as much better as this.
        ($0.earlyStoppingPatience, $0.earlyStoppingThreshold) = (patience, 1e9)
      }
    }
    let impatient = try run(1)
    let last = try #require(impatient.steps.last?.step)
    let start = try #require(impatient.checkpoints[last])
    #expect(try run(1, from: start).steps.isEmpty)
    #expect(try run(5, from: start).steps.first?.step == last + 1)
  }

  @Test("is an error when the state is not that of such a run")
  func wrongStates() throws {
    let source = try TrainerGolden.current.get()
    let golden: JSONValue = ["dropout": 0, "arguments": ["num_train_epochs": 2]]
    let whole = try Self.run(source, golden)
    let good = try #require(whole.checkpoints[6])
    func error(_ change: (inout TrainingState) throws -> Void) throws -> TrainingStateError? {
      var start = good
      try change(&start.state)
      return #expect(throws: TrainingStateError.self) { _ = try Self.run(source, golden, from: start) }
    }
    #expect(try error { $0.optimizer.stepCount = 5 } == .stepCount(run: 6, optimizer: 5))
    #expect(
      try error { $0.optimizer.moments = good.weights }
        == .parameters(
          expected: "'bert.embeddings.word_embeddings.weight.exp_avg'", found: "no such tensor"))
    let short: JSONValue = ["dropout": 0, "arguments": ["max_steps": 4]]
    #expect(throws: TrainingStateError.beyondEnd(step: 6, maxSteps: 4)) {
      _ = try Self.run(source, short, from: good)
    }
    let best: JSONValue = [
      "dropout": 0, "arguments": ["num_train_epochs": 2, "load_best_model_at_end": true],
    ]
    let kept = try #require(Self.run(source, best).checkpoints[6])
    #expect(throws: TrainingStateError.noBestWeights(step: 6)) {
      _ = try Self.run(source, best, from: kept)
    }
    #expect(throws: TorchGeneratorError.self) {
      var start = good
      start.state.generator = []
      _ = try Self.run(source, golden, from: start)
    }
  }

  @Test(
    "is an error when a file of its state lacks something, says what and where",
    arguments: [
      ("{}", "'epoch' is nothing, and a number is expected"),
      (#"{"epoch":1,"global_step":-1}"#, "'global_step' is -1, and an integer from 0 is expected"),
      (
        #"{"epoch":1,"global_step":1,"max_steps":2,"num_train_epochs":1,"total_flos":0,"log_history":7}"#,
        "'log_history' is 7, and a list is expected"
      ),
      (
        #"{"epoch":1,"global_step":1,"max_steps":2,"num_train_epochs":1e99,"total_flos":0,"log_history":[7]}"#,
        "'log_history' is the number 7, and a list of objects is expected"
      ),
      (
        #"{"epoch":1,"global_step":1,"max_steps":2,"num_train_epochs":-1e30}"#,
        "'num_train_epochs' is -1e30, and a number from 0 is expected"
      ),
      (
        #"{"epoch":1,"global_step":1,"max_steps":2,"num_train_epochs":NaN}"#,
        "'num_train_epochs' is NaN, and a number from 0 is expected"
      ),
    ])
  func trainerState(text: String, message: String) throws {
    let document = try JSONValue(parsing: Array(text.utf8), acceptsNonFinite: true)
    let error = #expect(throws: TrainingStateError.self) { try TrainerState(document) }
    #expect("\(error.map { "\($0)" } ?? "")".hasPrefix(message))
    #expect(throws: TrainingStateError.self) { try TrainingProgress(document) }
  }

  @Test(
    "is an error when its progress has a number that no run can have",
    arguments: [
      ("elapsed_seconds", "1e300", "a number from 0 to 1000000000"),
      ("elapsed_seconds", "NaN", "a number from 0 to 1000000000"),
      ("elapsed_seconds", "-1", "a number from 0 to 1000000000"), ("grad_norm", "true", "a number"),
    ])
  func progress(key: String, text: String, expected: String) throws {
    let golden: JSONValue = ["dropout": 0, "arguments": ["num_train_epochs": 1]]
    let whole = try Self.run(TrainerGolden.current.get(), golden)
    var document = try #require(whole.checkpoints[6]?.state.progress?.document)
    document.set(key, try JSONValue(parsing: Array(text.utf8), acceptsNonFinite: true))
    #expect(throws: TrainingStateError.value(key: key, expected: expected, found: text)) {
      try TrainingProgress(document)
    }
  }

  @Test("is an error when more batches wait than its arguments let wait", arguments: [1, 3])
  func waitingBatches(count: Int) throws {
    let source = try TrainerGolden.current.get()
    let golden: JSONValue = [
      "dropout": 0, "arguments": ["num_train_epochs": 2, "gradient_accumulation_steps": 4],
    ]
    let whole = try Self.run(source, golden)
    var start = try #require(whole.checkpoints[2])
    var document = try #require(start.state.progress?.document)
    document.set("pending_batches", .number(count))
    start.state.progress = try TrainingProgress(document)
    let error = #expect(throws: TrainingStateError.self) { try Self.run(source, golden, from: start) }
    #expect("\(error.map { "\($0)" } ?? "")".hasPrefix("'pending_batches' is \(count), and 0 after 6"))
  }
}
