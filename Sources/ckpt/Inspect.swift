import ArgumentParser
import ForeignFormats
import Pretrained

#if Hub
  import Hub
#endif

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what a checkpoint holds; reads headers only, unless asked for --stats.",
    discussion: """
      PATH may be of any format. Of a Python pickle that holds no tensors, such as training_args.bin, the globals it \
      names are listed; nothing in it is ever run.
      """)

  @Argument(help: "The model.")
  var path: String

  @Flag(help: "List every tensor.")
  var tensors = false

  @Flag(
    help:
      "Read every tensor: mean, deviation, range, zeros, NaN and infinity, and which are equal bit for bit.")
  var stats = false

  @Flag(help: "Show every layer for itself.")
  var noFold = false

  @Flag(help: "One JSON object; offsets are bytes from the start of the file.")
  var json = false

  @OptionGroup var access: AccessOption

  func run() throws {
    #if Hub
      // Of a model on the hub, only headers are read; values are another matter.
      if !stats, let headers = try ModelSource.headers(path) {
        Terminal.complain(
          "\(path) at \(headers.commit.prefix(12)) on the hub: headers alone, "
            + "\(headers.downloadedByteCount.bytesText) read")
        return try show(headers.folder)
      }
    #endif
    try show(ModelSource.path(path))
  }

  private func show(_ file: String) throws {
    let checkpoint: Checkpoint
    do { checkpoint = try Checkpoint(file, access: stats ? access.value : access.valueForHeaders) } catch {
      try PickleInspection(of: file, after: error).print(json: json)
      throw ExitCode.couldNotBeDone
    }
    let inspection = try Inspection(
      checkpoint, statistics: stats ? InspectionStatistics(checkpoint.weights) : nil)
    if json {
      try Terminal.print(inspection.json.line)
    } else {
      for line in inspection.lines(path, listingTensors: tensors, folding: !noFold) {
        try Terminal.print(line)
      }
    }
    // What could be read has been shown; that the rest must not be used is an error all the same.
    if let problem = inspection.problem { throw problem }
  }
}

/// The globals of a pickle that cannot be opened as a checkpoint.
private struct PickleInspection {
  private let path: String
  private let globals: [PickleGlobals.Global]
  private let error: any Error

  /// - Throws: `error` when what is at `path` is no pickle, or names no global that says why it cannot be opened.
  init(of path: String, after error: any Error) throws {
    guard let found = try? PickleGlobals.list(path: path) else { throw error }
    let globals = found.pickles.flatMap(\.globals)
    guard globals.contains(where: { !$0.isAllowed }) else { throw error }
    (self.path, self.globals, self.error) = (path, globals, error)
  }

  func print(json: Bool) throws {
    if json {
      let answer: JSONValue = [
        "pickle": .string(path), "error": .string("\(error)"),
        "globals": .array(
          globals.map {
            ["name": .string($0.name), "offset": .number($0.offset), "allowed": .bool($0.isAllowed)]
          }),
      ]
      try Terminal.print(answer.line)
    } else {
      try Terminal.print("\(path)  a Python pickle; to load it would run what it names:")
      var table = Table([.left, .left, .right])
      table.add("global", "", "at byte")
      for global in globals {
        table.add(global.name, global.isAllowed ? "part of tensors" : "refused", global.offset.grouped)
      }
      for line in table.lines { try Terminal.print(line) }
    }
    Terminal.complain("error: \(error)")
  }
}
