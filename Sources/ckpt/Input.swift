import ArgumentParser
import Pretrained

/// Texts from the command line, or lines from standard input.
struct InputOptions: ParsableArguments {
  @Argument(
    help:
      "The texts; without any, each line of standard input is one. Write -- before texts that begin with -.")
  var texts: [String] = []

  @Flag(help: "Each text is a pair, its two parts separated by a tab.")
  var pairs = false

  @Flag(help: "Each line is a JSON string, or an object with text and text_pair.")
  var jsonl = false

  /// Calls `body` with each text in turn; lines are read as they come.
  ///
  /// - Throws: ``InputError`` naming the line; what `body` throws, with the line before it.
  func forEach(_ body: (InputText) throws -> Void) throws {
    if !texts.isEmpty {
      for (index, text) in texts.enumerated() {
        let place = texts.count == 1 ? nil : "text \(index + 1)"
        try InputError.locating(place) { try body(parse(text)) }
      }
      return
    }
    if Terminal.readsTerminal {
      Terminal.complain("reading texts from the terminal, one a line; Ctrl-D ends")
    }
    var lines = LineReader()
    while let line = try lines.next() {
      try InputError.locating("standard input, line \(lines.number)") { try body(parse(line)) }
    }
  }

  private func parse(_ line: String) throws -> InputText {
    if jsonl {
      let value = try JSONValue(parsing: line)
      if let text = value.stringValue { return InputText(text: text) }
      guard let text = value["text"]?.stringValue else { throw InputError.notText(found: value.kind) }
      let pair = value["text_pair"] ?? .null
      guard pair.isNull || pair.stringValue != nil else { throw InputError.notText(found: pair.kind) }
      return InputText(text: text, pair: pair.stringValue)
    }
    guard pairs else { return InputText(text: line) }
    let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw InputError.notAPair(partCount: parts.count) }
    return InputText(text: String(parts[0]), pair: String(parts[1]))
  }
}

/// One text, or a pair of texts.
struct InputText {
  var text: String
  var pair: String?
}

/// What texts may be cut to.
struct TruncationOptions: ParsableArguments {
  @Flag(help: "Cut texts to the longest input of the model; otherwise a longer text is an error.")
  var truncate = false

  @Option(help: ArgumentHelp("Cut texts to this many tokens, special tokens included.", valueName: "n"))
  var maxLength: Int?

  func validate() throws {
    if let maxLength, maxLength < 1 { throw ValidationError("--max-length is \(maxLength); give at least 1") }
  }

  func truncation(for tokenizer: WordPieceTokenizer) -> Truncation {
    if let maxLength { return .longestFirst(maxLength: maxLength) }
    guard truncate, let longest = tokenizer.options.modelMaxLength else { return .none }
    return .longestFirst(maxLength: longest)
  }
}

/// What is wrong with a text that was given.
enum InputError: Error, CustomStringConvertible {
  case notText(found: String)
  case notAPair(partCount: Int)
  case unexpectedPair
  case notUTF8(line: Int)
  case located(place: String, any Error)

  /// Runs `body`; its errors say where they happened.
  static func locating(_ place: String?, _ body: () throws -> Void) throws {
    do { try body() } catch let error as SystemError { throw error } catch {
      throw place.map { InputError.located(place: $0, error) } ?? error
    }
  }

  var description: String {
    switch self {
    case .notText(let found): "found \(found); write a JSON string, or an object with text and text_pair"
    case .notAPair(let count):
      "\(count) \(count == 1 ? "part" : "parts") where a pair has two; separate them with one tab"
    case .unexpectedPair: "a pair where single texts are taken; give one text each"
    case .notUTF8(let line): "standard input, line \(line): not UTF-8; convert the text to UTF-8"
    case .located(let place, let error as JSONError): "\(place), column \(error.column): \(error.fault)"
    case .located(let place, let error): "\(place): \(Self.explained(error))"
    }
  }

  /// What to say of an error to somebody at a shell: the command's options in place of the library's.
  static func explained(_ error: any Error) -> String {
    guard case TokenizerError.tooLong(let length, let limit) = error else { return "\(error)" }
    return "\(length) tokens are more than the \(limit) the model takes; shorten it, or add --truncate"
  }
}
