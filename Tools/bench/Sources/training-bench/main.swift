import Measuring
import Pretrained

// training-bench --model FOLDER [--shapes 8x14,32xragged] [--threads 2] [--warm-up 3] [--seconds 2] [--least 3] [--most 50]
//
// Fine-tunes the checkpoint on made-up texts and prints one JSON object: for each shape the seconds of each step and the
// page faults of one, and the peak of resident memory.

let options = Options(
  Budget.defaults(warmUp: 3, most: 50).merging(["model": "", "shapes": "8x14", "threads": "2"]) { $1 })
let budget = Budget(options)
var results: [(String, Measurement)] = []
for name in options.list("shapes") {
  results.append((name, try steps(Shape(name))))
}
printResults(results)

/// Times the steps of one run.
@MainActor func steps(_ shape: Shape) throws -> Measurement {
  let budget = budget
  let checkpoint = try Checkpoint(options["model"])
  let tokenizer = try checkpoint.tokenizer()
  let words = Words((0..<tokenizer.vocabulary.count).map { tokenizer.vocabulary[$0] ?? "" })
  let (model, _) = try BERTForSequenceClassification.load(
    from: checkpoint, threads: options.integer("threads"))
  let labels = model.configuration.labels
  let rows = 0..<shape.batchSize * (budget.warmUp + budget.most)
  let data = TextDataset(
    texts: rows.map { words.text(shape, row: $0) }, labels: rows.map { $0 % labels.count }, labelNames: labels
  )

  var training = TrainingArguments()
  training.maxSteps = budget.warmUp + budget.most
  training.batchSize = shape.batchSize
  training.learningRate = 2e-5
  training.weightDecay = 0.01
  training.saveStrategy = .never
  let trainer = try Trainer(model, tokenizer: tokenizer, arguments: training, truncation: .none)

  var measurement = Measurement(room: budget.most)
  var (last, started, faults) = (now(), now(), 0)
  _ = try trainer.train(on: data) { event in
    if case .began = event { last = now() }
    guard case .step(let record) = event else { return .continue }
    let time = now()
    measurement.seconds.append(time - last)
    measurement.faults = minorFaults() - faults
    // The warm-up takes the same path, whose code is read from the disk then.
    if record.step <= budget.warmUp {
      measurement.seconds.removeAll(keepingCapacity: true)
      (started, faults) = (time, minorFaults())
    }
    last = now()
    return budget.isSpent(measurement.seconds.count, time - started) ? .stop : .continue
  }
  return measurement
}
