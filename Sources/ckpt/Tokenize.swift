import ArgumentParser
import Pretrained

struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Show how a model's tokenizer cuts texts into tokens.",
    discussion: "Needs no weights. Offsets count Unicode scalars of the text.")

  @Argument(help: "The model, or a folder with its tokenizer.")
  var model: String

  @OptionGroup var input: InputOptions

  @Flag(help: "One JSON object a text.")
  var json = false

  @Flag(help: "Leave out [CLS] and [SEP].")
  var noSpecialTokens = false

  @Option(help: ArgumentHelp("Cut to this many tokens, special tokens included.", valueName: "n"))
  var maxLength: Int?

  func run() throws {
    let tokenizer = try WordPieceTokenizer(
      ModelFolder(pathOrRepository: ModelSource.path(model, needing: .tokenizer)))
    let truncation = maxLength.map { Truncation.longestFirst(maxLength: $0) } ?? .none
    var isFirst = true
    try input.forEach { input in
      let encoding = try tokenizer.encode(
        input.text, pair: input.pair, addSpecialTokens: !noSpecialTokens, truncation: truncation)
      if json {
        try Terminal.print(encoding.json.line)
      } else {
        if !isFirst { try Terminal.print() }
        for line in Self.lines(encoding) { try Terminal.print(line) }
      }
      isFirst = false
    }
  }

  /// Tokens above their ids, as wide as the terminal allows.
  private static func lines(_ encoding: Encoding) -> [String] {
    var table = Table([.right, .left, .left, .right], indent: 0)
    table.add("id", "token", "offsets", "type")
    for index in encoding.inputIDs.indices {
      let range = encoding.offsets[index]
      let isSpecial = encoding.specialTokensMask[index] == 1
      table.add(
        "\(encoding.inputIDs[index])", encoding.tokens[index],
        isSpecial ? "" : "\(range.lowerBound)..\(range.upperBound)", "\(encoding.tokenTypeIDs[index])")
    }
    return table.lines + [encoding.count.counted("token")]
  }
}

extension Encoding {
  fileprivate var json: JSONValue {
    [
      "input_ids": .integers(inputIDs), "token_type_ids": .integers(tokenTypeIDs),
      "attention_mask": .integers(attentionMask), "tokens": .strings(tokens),
      "offsets": .array(offsets.map { .integers([$0.lowerBound, $0.upperBound]) }),
    ]
  }
}
