import ArgumentParser
import Pretrained

struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Turn texts into vectors.",
    discussion: """
      Pools and normalises as the model's sentence-transformers files say; without them, takes the mean over a text's \
      tokens.
      """)

  @Argument(help: "The model.")
  var model: String

  @OptionGroup var input: InputOptions
  @OptionGroup var truncation: TruncationOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var form: WeightsOption

  @Flag(help: "One JSON object a text.")
  var json = false

  @Flag(inversion: .prefixedNo, help: "Scale vectors to length 1, whatever the model's files say.")
  var normalize: Bool?

  func run() throws {
    let embedder = try TextEmbedder(
      ModelSource.path(model), normalizes: normalize, threads: compute.threads,
      linearWeights: form.weights.linearWeights)
    let cut = truncation.truncation(for: embedder.tokenizer)
    try input.forEach { input in
      guard input.pair == nil else { throw InputError.unexpectedPair }
      let vector = try embedder(input.text, truncation: cut)
      if json {
        let object: JSONValue = ["text": .string(input.text), "embedding": .numbers(vector)]
        try Terminal.print(object.line)
      } else {
        try Terminal.print(vector.map { JSONValue.number($0).line }.joined(separator: " "))
      }
    }
  }
}
