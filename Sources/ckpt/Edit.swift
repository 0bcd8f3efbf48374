import ArgumentParser
import ModelFiles
import Pretrained

struct Edit: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit",
    abstract: "Change the metadata of a safetensors file.",
    discussion: """
      Where the header has room, only the header is written over; else the file is written anew and renamed over the \
      old one. No tensor changes. `--reserve` leaves room for later edits.
      """)

  @Argument(help: "A safetensors file, or a folder with one.")
  var path: String

  @Option(name: .customLong("set-metadata"), help: .init("Set a key; repeatable.", valueName: "key=value"))
  var setting: [String] = []

  @Option(name: .customLong("remove-metadata"), help: .init("Remove a key; repeatable.", valueName: "key"))
  var removing: [String] = []

  @Option(help: .init("Bytes of room to leave in the header; the file is written anew.", valueName: "bytes"))
  var reserve: Int?

  @Flag(help: "Say what would be done, and change nothing.")
  var dryRun = false

  @Flag(help: "One JSON object.")
  var json = false

  func validate() throws {
    guard !setting.isEmpty || !removing.isEmpty || reserve != nil else {
      throw ValidationError("Nothing to do; add --set-metadata or --remove-metadata.")
    }
    for text in setting where !text.contains("=") || text.hasPrefix("=") {
      throw ValidationError("--set-metadata \(text): write KEY=VALUE.")
    }
    if let reserve, !(0...10_000_000).contains(reserve) {
      throw ValidationError("--reserve must be from 0 to 10000000.")
    }
  }

  func run() throws {
    let checkpoint = try Checkpoint(path, access: .pread)
    guard checkpoint.container.format == .safetensors else {
      throw EditError.notEditable(
        path: checkpoint.container.path, format: checkpoint.container.format.rawValue)
    }
    let file = checkpoint.container.path
    // The path may lead there by way of the current folder or of links.
    let real = FileSystem.resolved(file).flatMap(HubCache.repositoryName(ofPath:))
    guard checkpoint.repository == nil, real == nil else { throw EditError.inCache(path: file) }

    var edit = SafetensorsMetadataEdit(
      setting: setting.map { text in
        let place = text.firstIndex(of: "=") ?? text.endIndex
        return (String(text[..<place]), String(text[place...].dropFirst()))
      }, removing: removing)
    if let reserve { (edit.reservedByteCount, edit.alwaysRewrites) = (reserve, true) }
    let missing = removing.filter { key in !checkpoint.container.metadata.contains { $0.key == key } }
    for key in missing { Terminal.complain("warning: there is no metadata '\(key)' to remove") }

    let metadata = edit.applied(to: checkpoint.container.metadata)
    let outcome = dryRun ? nil : try edit.apply(toFile: file)
    if json {
      let answer: JSONValue = [
        "path": .string(file),
        "outcome": outcome.map { .string("\($0)") } ?? .null,
        "metadata": .object(metadata.map { .init($0.key, .string($0.value)) }),
      ]
      try Terminal.print(answer.line)
      return
    }
    for member in metadata { try Terminal.print("  \(member.key) = \(member.value)") }
    switch outcome {
    case nil: try Terminal.print("nothing was changed (--dry-run)")
    case .unchanged: try Terminal.print("\(file): the metadata was so already")
    case .inPlace: try Terminal.print("\(file): changed in place")
    case .rewritten: try Terminal.print("\(file): written anew")
    }
  }
}

/// Why metadata was not changed.
private enum EditError: Error, CustomStringConvertible {
  case notEditable(path: String, format: String)
  case inCache(path: String)

  var description: String {
    switch self {
    case .notEditable(let path, let format):
      "\(path): \(format); only a single safetensors file has metadata to edit; name one, or convert first"
    case .inCache(let path):
      "\(path): this file belongs to the Hugging Face cache, whose files go by their checksums; copy it first"
    }
  }
}
