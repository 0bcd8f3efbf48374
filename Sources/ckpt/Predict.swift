import ArgumentParser
import Pretrained

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Classify texts with a fine-tuned model.",
    discussion: "Scores are those of pipeline(\"text-classification\") in transformers.")

  @Argument(help: "The fine-tuned model.")
  var model: String

  @OptionGroup var input: InputOptions
  @OptionGroup var truncation: TruncationOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var form: WeightsOption

  @Flag(help: "One JSON object a text, with the scores of all labels and the logits.")
  var json = false

  @Option(help: ArgumentHelp("How many labels to show, the best first.", valueName: "n"))
  var topK: Int?

  func validate() throws {
    if let topK, topK < 1 { throw ValidationError("--top-k is \(topK); give at least 1") }
  }

  func run() throws {
    let classifier = try TextClassifier(
      ModelSource.path(model), threads: compute.threads, linearWeights: form.weights.linearWeights)
    let cut = truncation.truncation(for: classifier.tokenizer)
    let labelWidth = classifier.labels.map(\.displayWidth).max() ?? 0
    let textWidth = input.texts.map(\.displayWidth).max() ?? 0
    let shown = topK ?? (json ? classifier.labels.count : min(3, classifier.labels.count))
    try input.forEach { input in
      let answer = try classifier.answers([input.text], pairs: input.pair.map { [$0] }, truncation: cut)[0]
      let best = answer.predictions.prefix(shown)
      if json {
        try Terminal.print(Self.object(input, best, answer).line)
      } else {
        let text = input.text + (input.pair.map { " ⇥ " + $0 } ?? "")
        let scores = best.enumerated().map { index, prediction in
          let label = prediction.label.padded(to: labelWidth)
          return index == 0
            ? "\(Terminal.bold(label)) \(prediction.score.fixed(3))"
            : Terminal.dim("\(label) \(prediction.score.fixed(3))")
        }
        try Terminal.print("\(text.padded(to: textWidth))  \(scores.joined(separator: "  "))")
      }
    }
  }

  private static func object(
    _ input: InputText, _ predictions: ArraySlice<TextClassifier.Prediction>, _ answer: TextClassifier.Answer
  ) -> JSONValue {
    var object: JSONValue = ["text": .string(input.text)]
    if let pair = input.pair { object.set("text_pair", .string(pair)) }
    if let best = predictions.first {
      object.set("label", .string(best.label))
      object.set("score", .number(best.score))
    }
    object.set(
      "scores", .array(predictions.map { ["label": .string($0.label), "score": .number($0.score)] }))
    object.set("logits", .numbers(answer.logits))
    return object
  }
}

/// What a model computes with.
struct ComputeOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Threads to compute with; all cores unless given.", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads); give at least 1") }
  }
}
