import ArgumentParser
import Pretrained

struct FillMaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fill-mask", abstract: "Find the words that [MASK] most likely stands for.")

  @Argument(help: "The model, a masked language model.")
  var model: String

  @OptionGroup var input: InputOptions
  @OptionGroup var truncation: TruncationOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var form: WeightsOption

  @Flag(help: "One JSON object a text.")
  var json = false

  @Option(help: ArgumentHelp("How many tokens for each mask, the likeliest first.", valueName: "n"))
  var topK = 5

  func validate() throws {
    if topK < 1 { throw ValidationError("--top-k is \(topK); give at least 1") }
  }

  func run() throws {
    let fill = try FillMask(
      ModelSource.path(model), threads: compute.threads, linearWeights: form.weights.linearWeights)
    let cut = truncation.truncation(for: fill.tokenizer)
    var isFirst = true
    try input.forEach { input in
      guard input.pair == nil else { throw InputError.unexpectedPair }
      let masks = try fill(input.text, topK: topK, truncation: cut)
      if json {
        let object: JSONValue = [
          "text": .string(input.text), "masks": .array(masks.map { ["predictions": .array($0.map(\.json))] }),
        ]
        try Terminal.print(object.line)
        return
      }
      if !isFirst { try Terminal.print() }
      isFirst = false
      try Terminal.print(Terminal.bold(input.text))
      for (index, mask) in masks.enumerated() {
        var table = Table([.left, .left, .left])
        for (rank, prediction) in mask.enumerated() {
          let heading = masks.count > 1 && rank == 0 ? "mask \(index + 1)" : ""
          table.add(
            masks.count > 1
              ? [heading, prediction.score.fixed(4), prediction.token]
              : [prediction.score.fixed(4), prediction.token, prediction.sequence])
        }
        for line in table.lines { try Terminal.print(line) }
      }
    }
  }
}

extension FillMask.Prediction {
  fileprivate var json: JSONValue {
    ["id": .number(id), "token": .string(token), "score": .number(score), "sequence": .string(sequence)]
  }
}
