import BERT
import ModelFiles
import Tensors
import Testing

@Suite("BERT against float64 PyTorch")
struct GoldenTests {
  /// `expectedGradients` against ours, each by the bar.
  private func check(
    _ checkpoint: TinyCheckpoint, loss: Float, gradients: [(name: String, gradient: Tensor)]
  ) throws {
    let expected = checkpoint.expected
    let trueLoss = try #require(expected["loss_f64"]?.doubleValue)
    let lossBar = bar(try #require(expected["loss_f32_abs_err"]?.doubleValue))
    #expect(abs(Double(loss) - trueLoss) <= lossBar)
    #expect(!gradients.isEmpty)
    for (name, gradient) in gradients {
      let torchError = try #require(expected["grad_f32_max_abs_err"]?[name]?.doubleValue, "\(name)")
      let error = largestError(gradient.values, try checkpoint.gradient(name))
      #expect(error <= bar(torchError), "\(name): \(error), torch \(torchError)")
    }
  }

  private func checkLogits(_ checkpoint: TinyCheckpoint, _ logits: Tensor, _ key: String = "logits") throws {
    let torchError = try #require(checkpoint.expected["logits_f32_max_abs_err"]?[key]?.doubleValue)
    let trueLogits = try TinyCheckpoint.numbers(checkpoint.expected["logits_f64"]?[key])
    #expect(logits.values.count == trueLogits.count)
    let error = largestError(logits.values, trueLogits)
    #expect(error <= bar(torchError), "\(key): \(error), torch \(torchError)")
  }

  @Test(
    "sequence classification: logits, loss and every gradient, for every loss and activation",
    arguments: [
      "SequenceClassification_single", "SequenceClassification_regression1",
      "SequenceClassification_regression3",
      "SequenceClassification_multilabel", "SequenceClassification_act_gelu_new",
      "SequenceClassification_act_relu", "SequenceClassification_act_gelu_pytorch_tanh",
      "SequenceClassification_unpadded", "SequenceClassification_uneven",
      "SequenceClassification_label_smoothing",
    ])
  func sequenceClassification(name: String) throws {
    let checkpoint = try TinyCheckpoint(name)
    let (model, report) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    #expect(report.newlyInitialised.isEmpty)
    try checkLogits(checkpoint, try model.logits(checkpoint.inputs()))
    let smoothing = try #require(checkpoint.expected["label_smoothing"]?.doubleValue)
    let (loss, gradients) = try model.lossAndGradients(
      checkpoint.inputs(), labels: checkpoint.sequenceLabels(),
      options: .init(labelSmoothing: Float(smoothing)))
    try check(checkpoint, loss: loss, gradients: gradients)
  }

  @Test(
    "token classification: logits, loss and every gradient",
    arguments: ["TokenClassification", "TokenClassification_label_smoothing"])
  func tokenClassification(name: String) throws {
    let checkpoint = try TinyCheckpoint(name)
    let (model, _) = try BERTForTokenClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    try checkLogits(checkpoint, try model.logits(checkpoint.inputs()))
    let smoothing = try #require(checkpoint.expected["label_smoothing"]?.doubleValue)
    let (loss, gradients) = try model.lossAndGradients(
      checkpoint.inputs(), labels: checkpoint.integers("labels", "labels"),
      options: .init(labelSmoothing: Float(smoothing)))
    try check(checkpoint, loss: loss, gradients: gradients)
  }

  @Test("masked language model: logits, loss and every gradient, the tied table's included")
  func maskedLM() throws {
    let checkpoint = try TinyCheckpoint("MaskedLM")
    let (model, _) = try BERTForMaskedLM.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    let logits = try model.logits(checkpoint.inputs())
    try checkLogits(checkpoint, logits)
    let some = try model.logits(checkpoint.inputs(), at: [8, 1])
    let vocabulary = checkpoint.configuration.vocabSize
    // The same rows, computed among fewer: equal but for the rounding of another cut of the product.
    for (row, position) in [8, 1].enumerated() {
      let expected = logits.values[position * vocabulary..<(position + 1) * vocabulary].map(Double.init)
      #expect(largestError(Array(some.values[row * vocabulary..<(row + 1) * vocabulary]), expected) <= 1e-5)
    }
    let (loss, gradients) = try model.lossAndGradients(
      checkpoint.inputs(), labels: checkpoint.integers("labels", "labels"))
    try check(checkpoint, loss: loss, gradients: gradients)
  }

  @Test("next sentence prediction: logits")
  func nextSentence() throws {
    let checkpoint = try TinyCheckpoint("NextSentencePrediction")
    let (model, _) = try BERTForNextSentencePrediction.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    try checkLogits(checkpoint, try model.logits(checkpoint.inputs()))
  }

  @Test("question answering: start and end logits")
  func questionAnswering() throws {
    let checkpoint = try TinyCheckpoint("QuestionAnswering")
    let (model, _) = try BERTForQuestionAnswering.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    let (start, end) = try model.logits(checkpoint.inputs())
    try checkLogits(checkpoint, start, "start_logits")
    try checkLogits(checkpoint, end, "end_logits")
  }

  @Test("a pre-training checkpoint serves both of its heads")
  func preTraining() throws {
    let checkpoint = try TinyCheckpoint("PreTraining")
    let (masked, _) = try BERTForMaskedLM.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    try checkLogits(checkpoint, try masked.logits(checkpoint.inputs()), "prediction_logits")
    let (next, _) = try BERTForNextSentencePrediction.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    try checkLogits(checkpoint, try next.logits(checkpoint.inputs()), "seq_relationship_logits")
  }

  @Test("the bare model: every hidden state, the pooled token, and the mean over the tokens")
  func bareModel() throws {
    let checkpoint = try TinyCheckpoint("Embedding_mean")
    let inputs = try checkpoint.inputs()
    let (model, _) = try BERTModel.load(from: checkpoint.weights, configuration: checkpoint.configuration)
    let states = try model.hiddenStates(inputs)
    #expect(states.count == checkpoint.configuration.numHiddenLayers + 1)
    for (layer, state) in states.enumerated() {
      let torchError = try #require(checkpoint.expected["hidden_states_f32_max_abs_err"]?[layer]?.doubleValue)
      let expected = try TinyCheckpoint.numbers(checkpoint.expected["hidden_states_f64"]?[layer])
      // Padded rows mean nothing; only the tokens' own are compared.
      let columns = checkpoint.configuration.hiddenSize
      for token in 0..<inputs.tokenCount where inputs.attentionMask?[token] != 0 {
        let row = token * columns..<(token + 1) * columns
        #expect(
          largestError(Array(state.values[row]), Array(expected[row])) <= bar(torchError), "layer \(layer)")
      }
    }
    let errors = checkpoint.expected["pooled_f32_max_abs_err"]
    for (key, found) in [("pooled", try model(inputs).pooled), ("mean_pooled", try model.meanPooled(inputs))]
    {
      let expected = try TinyCheckpoint.numbers(checkpoint.expected["pooled_f64"]?[key])
      #expect(largestError(found.values, expected) <= bar(try #require(errors?[key]?.doubleValue)), "\(key)")
    }
  }
}
