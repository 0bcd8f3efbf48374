// Regions are laid out as in the documents.
// swift-format-ignore-file
import Pretrained

// Compiled, never run: the folders they name are not there.

private func readmeAsking() throws {
  // README.md 1
  let classifier = try TextClassifier("bert-iris")
  for prediction in try classifier("5.1 3.5 1.4 0.2") {
    print(prediction.label, prediction.score)
  }
  // end
}

private func readmeTraining() throws {
  // README.md 2
  let checkpoint = try Checkpoint("all-MiniLM-L6-v2")  // a folder, a .safetensors file, or a name in the Hugging Face cache
  for tensor in checkpoint.weights { print(tensor.name, tensor.elementType, tensor.shape) }

  let data = try TextDataset.iris().trainValidationTest(seed: 42)  // 105, 22 and 23 rows, those that `datasets` draws
  let (model, report) = try BERTForSequenceClassification.load(
    from: checkpoint, labels: data.train.labelNames, seed: 42)
  print(report)  // what was loaded, renamed, newly initialised; a missing encoder weight is an error

  var arguments = TrainingArguments()
  arguments.numTrainEpochs = 15
  arguments.learningRate = 2e-5
  arguments.weightDecay = 0.01
  arguments.evalStrategy = .epoch
  let trainer = try Trainer(
    model, tokenizer: checkpoint.tokenizer(), arguments: arguments, truncation: .longestFirst(maxLength: 512))
  let output = try trainer.train(on: data.train, evaluating: data.validation) { event in
    if case .evaluated(let metrics, _) = event { print(metrics["eval_loss"] ?? .nan) }
    return .continue  // or .stop, which finishes the step
  }
  print(output.trainingLoss, try trainer.predict(data.test).metrics["test_accuracy"] ?? .nan)
  try trainer.model.export(to: "bert-iris", tokenizer: checkpoint.tokenizer())  // re-opened and compared before it returns
  // end
}

private func landingPage() throws {
  // Pretrained.md 1
  let classifier = try TextClassifier("bert-iris")
  for prediction in try classifier("5.1 3.5 1.4 0.2", topK: 3) {
    print(prediction.label, prediction.score)
  }
  // end
}

private func openingCheckpoints() throws {
  // OpeningCheckpoints.md 1
  let checkpoint = try Checkpoint("sentence-transformers/all-MiniLM-L6-v2")
  print(checkpoint.weights.parameterCount, checkpoint.configuration["hidden_size"] ?? .null)
  for tensor in checkpoint.weights where tensor.name.hasSuffix("LayerNorm.weight") {
    print(tensor.name, tensor.elementType, tensor.shape)
  }
  // end

  // OpeningCheckpoints.md 2
  let (model, report) = try BERTForMaskedLM.load(from: checkpoint)
  print(report)  // loaded, renamed, newly initialised, unused
  print(model.configuration.hiddenSize, model.weights.count)
  // end

  // OpeningCheckpoints.md 3
  let embedder = try TextEmbedder(checkpoint)
  let vector = try embedder("a long text", truncation: .longestFirst(maxLength: 256))
  print(vector.count == embedder.dimension)
  // end
}

private func fineTuningAClassifier() throws {
  // FineTuningAClassifier.md 1
  let reviews = try TextDataset(path: "reviews.csv", text: "{title}: {review}", label: "stars")
  let parts = try reviews.trainValidationTest(heldOut: 0.2, test: 0.5, seed: 42)
  for warning in parts.train.warnings(heldOut: parts.test) { print(warning) }
  // end

  // FineTuningAClassifier.md 2
  let checkpoint = try Checkpoint("sentence-transformers/all-MiniLM-L6-v2")
  let tokenizer = try checkpoint.tokenizer()
  let (model, _) = try BERTForSequenceClassification.load(
    from: checkpoint, labels: parts.train.labelNames, seed: 42)

  var arguments = TrainingArguments()
  arguments.numTrainEpochs = 3
  arguments.learningRate = 2e-5
  arguments.evalStrategy = .epoch
  arguments.saveStrategy = .epoch
  arguments.loadBestModelAtEnd = true

  let trainer = try Trainer(
    model, tokenizer: tokenizer, arguments: arguments, truncation: .longestFirst(maxLength: 128))
  let output = try trainer.train(on: parts.train, evaluating: parts.validation) { event in
    switch event {
    case .step(let step): print(step.step, step.loss, step.gradNorm)
    case .evaluated(let metrics, _): print(metrics["eval_f1"] ?? .nan)
    default: break
    }
    return .continue
  }
  print(output.trainingLoss, try trainer.predict(parts.test).metrics["test_accuracy"] ?? .nan)
  // end

  // FineTuningAClassifier.md 3
  var card = ModelCard(name: "reviews-bert", of: trainer.model)
  card.baseModel = checkpoint.repository
  try trainer.model.export(
    to: "reviews-bert", tokenizer: tokenizer, card: card, trainerState: trainer.state.document(arguments))
  // end

  // FineTuningAClassifier.md 4
  let last = try TrainingCheckpoint.latest(in: "reviews-run") ?? "trainer_output/checkpoint-500"
  let (saved, _) = try BERTForSequenceClassification.load(
    from: Checkpoint(last), labels: parts.train.labelNames, seed: 42)
  let state = try TrainingCheckpoint(last, configuration: saved.configuration).state
  let second = try Trainer(
    saved, tokenizer: tokenizer, arguments: arguments, truncation: .longestFirst(maxLength: 128))
  _ = try second.train(on: parts.train, evaluating: parts.validation, resuming: state) { event in
    if case .checkpoint(let step) = event, let state = second.trainingState {
      try TrainingCheckpoint.write(
        ModelExport(second.model, tokenizer: tokenizer), state: state, arguments: arguments,
        to: "reviews-run/checkpoint-\(step)")
    }
    return .continue
  }
  // end
}
