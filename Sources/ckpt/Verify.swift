import ArgumentParser
import Pretrained

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check that a checkpoint is sound and its files agree.",
    discussion: """
      Reads everything once: the container's structure and checksums, NaN and infinity, and whether configuration, \
      tensors, tokenizer and labels agree. Exits with 1 when the checkpoint must not be used.
      """)

  @Argument(help: "The model.")
  var path: String

  @Flag(help: "One JSON object.")
  var json = false

  @OptionGroup var access: AccessOption

  func run() throws {
    var meter: ByteMeter?
    let verification = try Verification(ModelSource.path(path), access: access.value) { done, total in
      if meter == nil { meter = ByteMeter(total: total, label: "reading") }
      meter?.show(done)
    }
    meter?.clear()
    if json {
      try Terminal.print(Self.json(verification).line)
    } else {
      for line in Self.lines(verification, path) { try Terminal.print(line) }
    }
    if !verification.isSound { throw ExitCode(1) }
  }

  private static func json(_ verification: Verification) -> JSONValue {
    [
      "sound": .bool(verification.isSound),
      "findings": .array(
        verification.findings.map { finding in
          [
            "severity": .string(finding.severity.rawValue), "code": .string(finding.code),
            "message": .string(finding.message), "place": .string(finding.place),
          ]
        }),
    ]
  }

  private static func lines(_ verification: Verification, _ path: String) -> [String] {
    var table = Table([.left, .left, .left])
    for check in verification.checks where check.isPassed { table.add("ok", check.name, check.summary) }
    var lines = table.lines
    for finding in verification.findings.sorted(by: { $0.severity > $1.severity }) {
      // The readers' own messages begin with the path already.
      let place = finding.message.hasPrefix(finding.place) ? "" : "\(finding.place): "
      lines.append("  \(finding.severity.rawValue)  \(place)\(finding.message)")
    }
    let errors = verification.findings.filter { $0.severity == .error }.count
    lines.append("\(path): \(verification.isSound ? "sound" : "not sound, \(errors.counted("error"))")")
    return lines
  }
}
