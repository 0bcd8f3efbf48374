#if Hub
  import ArgumentParser
  import Hub
  import Pretrained

  struct Pull: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pull",
      abstract: "Download a model from the Hugging Face Hub into the cache.",
      discussion: """
        The cache is the one that Python's programs use, where HF_HUB_CACHE or HF_HOME put it. Of weights in several \
        formats one is taken, safetensors first. Every file is checked against its checksum; what was interrupted goes \
        on where it stopped. The path of the model is printed.

        HF_TOKEN, or the token that `hf auth login` has stored, opens private models; HF_ENDPOINT names a mirror; with \
        HF_HUB_OFFLINE=1 only the cache is looked at.
        """)

    @Argument(help: .init("The model: ORG/NAME, or ORG/NAME@REVISION.", valueName: "name"))
    var name: String

    @Option(
      help: .init("Only files that match; repeatable. * stands for any characters.", valueName: "pattern"))
    var include: [String] = []

    @Option(help: .init("No files that match; repeatable.", valueName: "pattern"))
    var exclude: [String] = []

    @Flag(help: "Every file, also the weights in other formats.")
    var allFiles = false

    @Flag(help: "List what would be downloaded; download nothing.")
    var dryRun = false

    @Flag(help: "One JSON object.")
    var json = false

    func run() throws {
      let reference = try ModelReference(name)
      let selection = FileSelection(include: include, exclude: exclude, isPlain: !allFiles)
      let meter = HubMeter("pulling")
      defer { meter.clear() }
      let hub = try HubClient(report: meter.show)
      if dryRun { return try show(hub.planPull(reference, selecting: selection)) }
      let snapshot = try hub.pull(reference, selecting: selection)
      meter.clear()
      if json {
        let answer: JSONValue = [
          "name": .string(reference.name), "revision": .string(reference.revision),
          "commit": .string(snapshot.commit), "folder": .string(snapshot.folder),
          "files": .strings(snapshot.files),
          "bytes": .number(snapshot.byteCount), "downloaded_bytes": .number(snapshot.downloadedByteCount),
        ]
        return try Terminal.print(answer.line)
      }
      if !snapshot.files.isEmpty {
        let came =
          snapshot.downloadedByteCount == 0 ? "all there" : "\(snapshot.downloadedByteCount.bytesText) came"
        Terminal.complain(
          "\(reference.name) at \(snapshot.commit.prefix(12)): \(snapshot.files.count.counted("file")), "
            + "\(snapshot.byteCount.bytesText), \(came)")
      }
      try Terminal.print(snapshot.folder)
    }

    private func show(_ plan: (commit: String, files: [(file: RemoteFile, isThere: Bool)])) throws {
      if json {
        let files = plan.files.map { entry -> JSONValue in
          [
            "name": .string(entry.file.path), "bytes": .number(entry.file.byteCount),
            "cached": .bool(entry.isThere),
          ]
        }
        let answer: JSONValue = [
          "name": .string(name), "commit": .string(plan.commit), "files": .array(files),
        ]
        return try Terminal.print(answer.line)
      }
      var table = Table([.left, .right, .left])
      for (file, isThere) in plan.files {
        table.add(file.path, file.byteCount.bytesText, isThere ? "in the cache" : "")
      }
      for line in table.lines { try Terminal.print(line) }
      let missing = plan.files.filter { !$0.isThere }
      let byteCount = missing.reduce(0) { $0 + $1.file.byteCount }
      try Terminal.print("  \(missing.count.counted("file")) to download, \(byteCount.bytesText)")
    }
  }
#endif
