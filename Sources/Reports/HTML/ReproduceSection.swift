import ModelFiles

extension Report {
  /// What it takes to run this again.
  var reproduceSection: String {
    let description = run.description
    var html = ""
    if !description.command.isEmpty {
      let command = description.command.map(Self.shellQuoted).joined(separator: " ")
      html += "<pre data-copy>\(escaped(command))</pre>\n"
    }
    var facts: [(String, String)] = []
    func add(_ name: String, _ value: String?) {
      if let value, !value.isEmpty { facts.append((name, value)) }
    }
    add("Base model", description.baseModel.name ?? description.baseModel.path)
    add("Its fingerprint", description.baseModel.rootHash)
    add("Files", description.data.files.joined(separator: ", "))
    add("Texts too long", description.truncation)
    add("Begun", description.started)
    add("Took", description.wallSeconds.map(durationText))
    add("Version", description.toolVersion.map { "swift-pretrained \($0)" })
    add("Processor", description.machine.processor)
    add(
      "Computed with",
      [description.machine.threads.map { $0.counted("thread") }, description.machine.instructionSet]
        .compactMap(\.self)
        .joined(separator: ", "))
    add("System", description.machine.system)
    if !facts.isEmpty {
      html += "<dl class=\"facts\">"
      html +=
        facts.map { "<dt>\($0.0)</dt><dd>\(escaped(shortened($0.1, to: 600)))</dd>" }.joined() + "</dl>\n"
    }
    let arguments = (description.hyperparameters.members ?? []).filter { !$0.value.isNull }
    if !arguments.isEmpty {
      var table = HTMLTable("Training arguments", [.text("Argument"), .text("Value")])
      for argument in arguments {
        table.add([
          "<code>\(escaped(argument.key))</code>", escaped(shortened(argument.value.shown, to: 200)),
        ])
      }
      html += table.twin("Training arguments")
    }
    if !run.configuration.isNull {
      html +=
        "<details class=\"twin\"><summary>config.json</summary><pre>"
        + "\(escaped(shortened(run.configuration.pythonText(ensureASCII: false), to: 50_000)))</pre></details>\n"
    }
    return html
  }

  /// A word as a shell reads it back.
  private static func shellQuoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy {
        $0.isASCII && ($0.isLetter || $0.isNumber || "-_./+=:@%,".contains($0))
      }
    return isPlain
      ? word : "'\(word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
  }
}
