import ArgumentParser
import Pretrained
import Reports

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write what a fine-tuning run amounts to as one HTML page.",
    discussion: """
      RUN is a folder that finetune wrote. The page needs no network and no other file: curves, confusion matrix, \
      calibration, every test row with its tokens, probes of the finished model, the state of the data, and how to run \
      it again. With OTHER, a second run, both are compared.
      """)

  @Argument(help: ArgumentHelp("The folder of the run.", valueName: "run"))
  var folder: String

  @Argument(help: "A second run, to compare it with.")
  var other: String?

  @Option(help: ArgumentHelp("The page to write; RUN/report.html unless given.", valueName: "file"))
  var out: String?

  @Option(help: ArgumentHelp("A folder for the charts as SVG files, one each.", valueName: "folder"))
  var svg: String?

  @Option(
    parsing: .singleValue, help: ArgumentHelp("A text to ask the model about; repeatable.", valueName: "text")
  )
  var probe: [String] = []

  @Option(help: ArgumentHelp("Values along each side of the map of answers; 0 draws none.", valueName: "n"))
  var grid = 31

  @OptionGroup var compute: ComputeOptions

  @Flag(help: "Print all numbers as one JSON object; write the page only with --out.")
  var json = false

  @Flag(help: "Replace files that are there.")
  var force = false

  func validate() throws {
    if !(0...101).contains(grid) { throw ValidationError("--grid is \(grid); give a number from 0 to 101") }
  }

  func run() throws {
    let page = out ?? (json ? nil : FileSystem.join(folder, "report.html"))
    if let page, !force, FileSystem.exists(page) { throw ReportCommandError.exists(path: page) }
    let record = try RunRecord(path: folder)
    let second = try other.map { try RunRecord(path: $0) }
    var options = Report.Options()
    (options.probes, options.gridSize) = (probe, grid)
    let report = try Report(record, comparedTo: second, classifier: classifier(), options: options)
    var written: [String] = []
    if let svg { written += try write(report.charts, to: svg) }
    if let page {
      try AtomicFile.write(report.html, to: page)
      written.append(page)
    }
    if json {
      try Terminal.print(report.document.line)
    } else {
      try Terminal.print(report.verdict)
      if let comparison = report.comparisonVerdict { try Terminal.print(comparison) }
    }
    for path in written { Terminal.complain("wrote \(path)") }
    for note in report.notes { Terminal.complain("note: \(note)") }
  }

  /// The run's model; nil when only its logs are there.
  private func classifier() throws -> TextClassifier? {
    do { return try TextClassifier(folder, threads: compute.threads) } catch {
      Terminal.complain(
        "note: the model is not asked, since it cannot be opened: \(InputError.explained(error))")
      return nil
    }
  }

  private func write(_ charts: [any SVGChart], to folder: String) throws -> [String] {
    try FileSystem.createFolder(folder)
    let files = charts.map { (chart: $0, path: FileSystem.join(folder, $0.name + ".svg")) }
    if !force, let old = files.first(where: { FileSystem.exists($0.path) }) {
      throw ReportCommandError.exists(path: old.path)
    }
    for file in files { try AtomicFile.write(file.chart.document(), to: file.path) }
    return files.map(\.path)
  }
}

enum ReportCommandError: Error, CustomStringConvertible {
  case exists(path: String)

  var description: String {
    switch self {
    case .exists(let path): "\(path): is there already; choose another name, or add --force to replace it"
    }
  }
}
