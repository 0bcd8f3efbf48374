import ArgumentParser
import Pretrained

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a checkpoint holds; reads headers only.")

  @Argument(help: "The model.")
  var path: String

  @Flag(help: "List every tensor.")
  var tensors = false

  @Flag(help: "One JSON object; offsets are bytes from the start of the file.")
  var json = false

  func run() throws {
    let checkpoint = try Checkpoint(path)
    if json {
      try Terminal.print(try Inspection(checkpoint).json.line)
    } else {
      for line in try Inspection(checkpoint).lines(path, listingTensors: tensors) { try Terminal.print(line) }
    }
  }
}
