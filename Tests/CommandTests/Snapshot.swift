import Foundation
import Testing

/// One command and everything it prints, kept in Fixtures/command/snapshots.
///
/// `RECORD_SNAPSHOTS=1 swift test --filter CommandTests` writes the files anew; look at what changed before keeping it.
struct Snapshot: CustomTestStringConvertible {
  let name: String
  let arguments: [String]
  var input = ""

  var testDescription: String {
    "ckpt "
      + arguments.map { $0.contains(/[^\w\/.=$-]/) || $0.isEmpty ? "'\($0)'" : $0 }.joined(separator: " ")
  }

  init(_ name: String, _ arguments: String..., input: String = "") {
    (self.name, self.arguments, self.input) = (name, arguments, input)
  }

  /// Runs the command; `$TMP` in its arguments stands for `folder`.
  func check(in folder: TemporaryFolder, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let command = try Command(
      arguments.map { $0.replacing("$TMP", with: folder.url.path) }, input: Data(input.utf8))
    try command.process.run()
    let result = try command.wait()
    var text = "$ \(testDescription)\n"
    if !input.isEmpty { text += input.split(separator: "\n").map { "< \($0)\n" }.joined() }
    text += result.output
    if !result.errors.isEmpty { text += "--- standard error\n\(result.errors)" }
    text += "--- exit \(result.exitCode)\n"
    text = Self.masked(text.replacing(folder.url.path, with: "$TMP"))

    let file = Command.folder.appending(path: "snapshots/\(name).txt")
    if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] != nil { try Data(text.utf8).write(to: file) }
    let expected = try? String(contentsOf: file, encoding: .utf8)
    #expect(text == expected, "snapshots/\(name).txt", sourceLocation: sourceLocation)
  }

  /// Times are masked, and long decimals cut to three, since their last digits differ between processors.
  private static func masked(_ text: String) -> String {
    text.replacing(/\b\d+(\.\d+)? (s|min \d\d s)\b/) { _ in "# s" }
      .replacing(/[\d.]+ rows a second/) { _ in "# rows a second" }
      .replacing(/("[a-z]+_(?:runtime|samples_per_second|steps_per_second)": )[\d.]+/) { "\($0.1)#" }
      .replacing(/-?\d+\.\d{4,}(e-?\d+)?/) { match in
        String(format: "%.3f", Double(String(match.0)) ?? .nan) + "…"
      }
  }
}
