import ArgumentParser
import Pretrained

enum Version {
  static let number = "0.1.0"

  /// The version, and what it computes with.
  ///
  /// - Throws: exit code 1 when the self-test fails.
  static func print() throws {
    let report = ComputeReport()
    let others = report.availableSets.filter { $0 != report.instructionSet }
    var table = Table([.left, .left], indent: 0)
    table.add("ckpt", number)
    table.add("products", report.products)
    table.add(
      "kernels", report.instructionSet + (others.isEmpty ? "" : "; also \(others.joined(separator: ", "))"))
    table.add("threads", "\(report.threadCount)")
    table.add("self-test", report.isCorrect ? "passed" : "failed")
    for line in table.lines { try Terminal.print(line) }
    if !report.isCorrect { throw ExitCode.failure }
  }
}
