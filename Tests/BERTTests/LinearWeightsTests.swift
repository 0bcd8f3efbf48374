import BERT
import ModelFiles
import Testing

@Suite("forms of linear weights")
struct LinearWeightsTests {
  static let models = [
    "SequenceClassification_single", "SequenceClassification_act_gelu_new", "SequenceClassification_act_relu",
    "SequenceClassification_unpadded", "SequenceClassification_uneven",
  ]

  private func load(_ checkpoint: TinyCheckpoint, _ form: LinearWeights, threads: Int? = nil) throws
    -> BERTForSequenceClassification
  {
    try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration, threads: threads, linearWeights: form
    ).model
  }

  @Test("logits stay within what each form promises", arguments: models, LinearWeights.allCases)
  func logits(name: String, form: LinearWeights) throws {
    let checkpoint = try TinyCheckpoint(name)
    let exact = try TinyCheckpoint.numbers(checkpoint.expected["logits_f64"]?["logits"])
    let torchError = try #require(checkpoint.expected["logits_f32_max_abs_err"]?["logits"]?.doubleValue)
    let found = try load(checkpoint, form).logits(checkpoint.inputs()).values
    let range = (exact.max() ?? 0) - (exact.min() ?? 0)
    // Random models of 32 hidden units, which average little out and so magnify rounding about ten times as much as
    // trained ones do.
    let bound =
      switch form {
      case .float32, .packed: bar(torchError)
      case .float16: 5e-3 * range
      case .int8: (name.hasSuffix("uneven") ? 0.2 : 0.04) * range
      }
    #expect(largestError(found, exact) <= bound)
  }

  @Test("runs and numbers of threads give the same bits", arguments: LinearWeights.allCases)
  func sameBits(form: LinearWeights) throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_single")
    let model = try load(checkpoint, form, threads: 1)
    let first = try model.logits(checkpoint.inputs())
    #expect(try model.logits(checkpoint.inputs()) == first)
    #expect(try load(checkpoint, form, threads: 3).logits(checkpoint.inputs()) == first)
  }

  @Test("every head takes every form", arguments: LinearWeights.allCases)
  func heads(form: LinearWeights) throws {
    func difference(_ a: Tensor, _ b: Tensor) -> Float {
      zip(a.values, b.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }
    let bound: Float = form == .int8 ? 0.5 : form == .float16 ? 1e-2 : 1e-5
    let tokens = try TinyCheckpoint("TokenClassification")
    let (source, configuration, inputs) = (tokens.weights, tokens.configuration, try tokens.inputs())
    func logits(_ form: LinearWeights) throws -> Tensor {
      try BERTForTokenClassification.load(
        from: source, configuration: configuration, linearWeights: form
      ).model.logits(inputs)
    }
    #expect(difference(try logits(form), try logits(.float32)) <= bound)
    func hidden(_ form: LinearWeights) throws -> Tensor {
      try BERTModel.load(from: source, configuration: configuration, linearWeights: form).model(inputs)
        .lastHiddenState
    }
    #expect(difference(try hidden(form), try hidden(.float32)) <= bound)
    func answers(_ form: LinearWeights) throws -> Tensor {
      try BERTForQuestionAnswering.load(
        from: source, configuration: configuration, linearWeights: form
      ).model.logits(inputs).start
    }
    #expect(difference(try answers(form), try answers(.float32)) <= bound)
    func masked(_ form: LinearWeights) throws -> Tensor {
      try BERTForMaskedLM.load(from: source, configuration: configuration, linearWeights: form).model
        .logits(inputs)
    }
    #expect(difference(try masked(form), try masked(.float32)) <= bound)
    func next(_ form: LinearWeights) throws -> Tensor {
      try BERTForNextSentencePrediction.load(
        from: source, configuration: configuration, linearWeights: form
      ).model.logits(inputs)
    }
    #expect(difference(try next(form), try next(.float32)) <= bound)
  }

  @Test("gradients are those of the weights in the file", arguments: LinearWeights.allCases)
  func gradients(form: LinearWeights) throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_single")
    let (inputs, labels) = (try checkpoint.inputs(), try checkpoint.sequenceLabels())
    let expected = try load(checkpoint, .float32).lossAndGradients(inputs, labels: labels)
    let found = try load(checkpoint, form).lossAndGradients(inputs, labels: labels)
    #expect(found.loss == expected.loss)
    #expect(found.gradients.map(\.gradient) == expected.gradients.map(\.gradient))
  }
}
