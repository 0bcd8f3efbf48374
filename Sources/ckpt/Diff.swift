import ArgumentParser
import Pretrained

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two checkpoints, of any formats, tensor by tensor.",
    discussion: """
      Tensors are matched by their canonical names, so that prefixes, old spellings, TensorFlow's transposes and tied \
      copies make no difference. Without --bits, values are compared whatever their types. Exits with 1 when they \
      differ.
      """)

  @Argument(help: "A model.")
  var first: String

  @Argument(help: "Another.")
  var second: String

  @Flag(help: "Every bit, and so the types, must be the same.")
  var bits = false

  @Option(help: .init("The largest difference of two values that counts as none.", valueName: "number"))
  var tolerance = 0.0

  @Flag(help: "List every tensor that changed, not only the ten that changed most.")
  var all = false

  @Flag(help: "One JSON object.")
  var json = false

  @OptionGroup var access: AccessOption

  func validate() throws {
    guard tolerance >= 0 else { throw ValidationError("--tolerance must not be negative.") }
    guard !bits || tolerance == 0 else { throw ValidationError("--bits leaves no room for a --tolerance.") }
  }

  func run() throws {
    let a = try Checkpoint(ModelSource.path(first), access: access.value)
    let b = try Checkpoint(ModelSource.path(second), access: access.value)
    var progress: Progress?
    let comparison = try CheckpointComparison(a, b, criterion: bits ? .bits : .tolerance(tolerance)) {
      done, total in
      if progress == nil { progress = Progress(total: total) }
      progress?.show(done, "comparing", detail: "\(done.grouped) of \(total.grouped) elements")
    }
    progress?.clear()
    let report = DiffReport(comparison, showsAll: all)
    if json {
      try Terminal.print(report.json.line)
    } else {
      for line in report.lines(first, a, second, b) { try Terminal.print(line) }
    }
    if !comparison.isIdentical { throw ExitCode(1) }
  }
}
