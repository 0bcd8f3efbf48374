import ModelFiles
import Pretrained
import Testing

/// The main job on the real checkpoint, against recorded runs of PyTorch and transformers with the same seed.
///
/// The bounds are a few times what PyTorch itself moves by: its losses differ by 1e-6 between one and two threads.
@Suite("a seeded run is the Python stack's run", .enabled(if: RealCheckpoint.path != nil))
struct SeededRunTests {
  static let runs: [(name: String, dropout: Double, dialect: RandomDialect)] = [
    ("iris_torch2.15_tf5.23_dropout0.1_threads1", 0.1, .torch215),
    ("iris_torch2.15_tf5.23_dropout0.0_threads1", 0.0, .torch215),
    ("iris_torch2.2.2_tf4.38.2_dropout0.1_threads1", 0.1, .torch22),
  ]

  @Test("split, head, losses, norms, evaluations and predictions", arguments: runs.indices)
  func wholeRun(index: Int) throws {
    let run = Self.runs[index]
    let golden = try GoldenRun(run.name)
    let checkpoint = try Checkpoint(try #require(RealCheckpoint.path))
    var configuration = try checkpoint.bertConfiguration()
    configuration.hiddenDropoutProb = run.dropout
    configuration.attentionProbsDropoutProb = run.dropout

    let data = try TextDataset.iris().trainValidationTest(seed: 42)
    #expect(data.train.texts == (try golden.strings("train_rows")))
    #expect(data.validation.texts == (try golden.strings("val_rows")))
    #expect(data.test.texts == (try golden.strings("test_rows")))

    let (model, report) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: configuration, labels: data.train.labelNames, seed: 42)
    #expect(report.newlyInitialised == ["classifier.weight", "classifier.bias"])
    let head = try #require(model.weights.first { $0.name == "classifier.weight" })
    let headValues = try model.weights.withFloats(of: head.name) { Array($0) }
    #expect(headValues == (try golden.numbers("head_init")).map(Float.init))

    var arguments = TrainingArguments()
    arguments.numTrainEpochs = 15
    arguments.learningRate = 2e-5
    arguments.weightDecay = 0.01
    arguments.loggingStrategy = .steps(50)
    arguments.evalStrategy = .epoch
    arguments.saveStrategy = .epoch
    arguments.dialect = run.dialect
    let trainer = try Trainer(
      model, tokenizer: checkpoint.tokenizer(), arguments: arguments,
      truncation: .longestFirst(maxLength: 512))
    var steps: [StepRecord] = []
    let output = try trainer.train(on: data.train, evaluating: data.validation) { event in
      if case .step(let record) = event { steps.append(record) }
      return .continue
    }

    let losses = try golden.numbers("per_step_loss")
    #expect(steps.count == losses.count)
    for (step, loss) in zip(steps, losses) {
      #expect(abs(Double(step.loss) - loss) < 2e-5, "step \(step.step)")
    }
    let history = trainer.state.logHistory
    let logged = try golden.log("loss", "learning_rate", "grad_norm", "epoch", "step")
    let ourLogs = history.filter { $0["loss"] != nil }
    #expect(ourLogs.count == logged.count)
    // The older stack logs four decimals: two values next to a rounding edge are one unit apart. The steps above are
    // what is compared in full.
    let lossBound = run.dialect == .torch22 ? 1.0001e-4 : 1e-5
    for (found, expected) in zip(ourLogs, logged) {
      #expect(abs(try #require(found["loss"]) - expected[0]) < lossBound)
      #expect(found["learning_rate"] == expected[1])
      #expect(abs(try #require(found["grad_norm"]) - expected[2]) < 1e-4 * expected[2])
      #expect(found["epoch"] == expected[3])
      #expect(found["step"] == expected[4])
    }
    let evaluated = try golden.log("eval_loss", "eval_accuracy", "eval_f1", "eval_precision", "eval_recall")
    let ourEvaluations = history.filter { $0["eval_loss"] != nil }
    #expect(ourEvaluations.count == evaluated.count)
    for (found, expected) in zip(ourEvaluations, evaluated) {
      #expect(abs(try #require(found["eval_loss"]) - expected[0]) < 1e-5)
      #expect(
        [found["eval_accuracy"], found["eval_f1"], found["eval_precision"], found["eval_recall"]]
          == expected.dropFirst().map { $0 })
    }
    #expect(trainer.state.totalFLOs == (try #require(golden.document["total_flos"]?.doubleValue)))
    let trainLoss = try #require(golden.document["train_loss"]?.doubleValue)
    #expect(abs(output.trainingLoss - trainLoss) < 1e-5)

    let prediction = try trainer.predict(data.test)
    let logits = try golden.numbers("test_logits")
    let found = prediction.logits.flatMap { $0 }
    #expect(found.count == logits.count)
    #expect(zip(found, logits).allSatisfy { abs(Double($0) - $1) < 1e-4 })
    let goldenClasses = stride(from: 0, to: logits.count, by: 3).map { row in
      (0..<3).reduce(0) { logits[row + $1] > logits[row + $0] ? $1 : $0 }
    }
    #expect(prediction.predicted == goldenClasses)
    for key in ["test_accuracy", "test_f1", "test_precision", "test_recall"] {
      #expect(prediction.metrics[key] == golden.document["predict_metrics"]?[key]?.doubleValue, "\(key)")
    }
  }
}
