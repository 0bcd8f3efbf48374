#if Hub
  import ArgumentParser
  import Hub
  import Pretrained

  struct Push: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "push",
      abstract: "Upload a model to the Hugging Face Hub.",
      discussion: """
        Before anything is sent, the token, the files and the card are checked. What the hub has already is not sent \
        again, so that a push that broke is taken up by the same command. There is one commit, or none. Left out are \
        checkpoint-* folders, and what belongs to git or to this machine.

        The token is HF_TOKEN's, or the one that `hf auth login` has stored; it needs the role write.
        """)

    @Argument(help: "The folder of the model.")
    var folder: String

    @Argument(help: .init("Where to: ORG/NAME; a NAME alone is your own.", valueName: "name"))
    var name: String

    @OptionGroup var options: PushArguments

    @Option(help: .init("The title of the commit.", valueName: "text"))
    var message = "Upload model with swift-pretrained"

    @Flag(help: "Check everything and say what would be sent; send nothing.")
    var dryRun = false

    @Flag(help: "One JSON object.")
    var json = false

    func run() throws {
      let run = try PushRun(to: name, options.value(message: message))
      let plan = try run.plan(folder)
      let report = PushReport(plan)
      if dryRun {
        if json { return try Terminal.print(report.json(nil).line) }
        for line in report.lines + report.fileLines { try Terminal.print(line) }
        return
      }
      for line in report.lines { Terminal.complain(line) }
      let result = try run.push(plan)
      try Terminal.print(json ? report.json(result).line : report.outcome(result))
    }
  }

  struct PushArguments: ParsableArguments {
    @Flag(name: .customLong("private"), help: "If the repository has to be made, make it private.")
    var isPrivate = false

    @Flag(help: "Open a pull request rather than commit.")
    var createPr = false

    func value(message: String) -> PushOptions {
      var options = PushOptions()
      (options.isPrivate, options.createsPullRequest, options.message) = (isPrivate, createPr, message)
      return options
    }
  }

  /// One push, in steps: what can be known beforehand, what would be sent, and sending it.
  struct PushRun {
    private let hub: HubClient
    private let reference: ModelReference
    private let options: PushOptions
    private let meter: HubMeter

    /// - Parameters:
    ///   - name: `ORG/NAME`, or a name alone.
    ///   - options: how it is pushed.
    /// - Throws: `HubError`.
    init(to name: String, _ options: PushOptions) throws {
      reference = try ModelReference(name)
      let meter = HubMeter("sending")
      (self.options, self.meter) = (options, meter)
      hub = try HubClient(signsIn: true, report: meter.show)
    }

    /// Whether a push later on can succeed; for before a training.
    ///
    /// - Parameter card: what the card will be, or its front matter.
    /// - Throws: `HubError`, which says what to put right.
    func check(card: String?) throws -> PushCheck {
      try hub.checkPush(to: reference, card: card, options: options)
    }

    func plan(_ folder: String) throws -> PushPlan {
      defer { meter.clear() }
      return try hub.planPush(folder, to: reference, options: options)
    }

    func push(_ plan: PushPlan) throws -> PushResult {
      defer { meter.clear() }
      return try hub.push(plan)
    }
  }

  /// What `push` says.
  struct PushReport {
    private let plan: PushPlan

    init(_ plan: PushPlan) { self.plan = plan }

    var lines: [String] {
      let check = plan.check
      var table = Table([.left, .left])
      table.add(
        "account",
        "\(check.account.name) (token from \(check.account.tokenSource), role \(check.account.role))")
      table.add("card", plan.hasCard ? "ok" : "none")
      let kind = plan.options.isPrivate && !check.exists ? ", private" : ""
      table.add(
        "model", check.exists ? check.reference.description : "\(check.reference), to be created\(kind)")
      table.add("files", files)
      for (index, left) in plan.leftOut.enumerated() {
        table.add(index == 0 ? "left out" : "", "\(left.name): \(left.reason)")
      }
      for (index, warning) in plan.warnings.enumerated() { table.add(index == 0 ? "notes" : "", warning) }
      return table.lines
    }

    private var files: String {
      let wanted = plan.files.filter { !$0.isThere }
      guard !wanted.isEmpty else { return "\(plan.files.count.counted("file")), all there already" }
      let large = wanted.filter(\.isLarge)
      let there = plan.files.count - wanted.count
      return "\(wanted.count.counted("file")), \(wanted.reduce(0) { $0 + $1.byteCount }.bytesText): "
        + "\(large.count) large, \(wanted.count - large.count) inline"
        + (there == 0 ? "" : "; \(there) there already")
    }

    var fileLines: [String] {
      var table = Table([.left, .right, .left], indent: 4)
      for file in plan.files {
        table.add(
          file.name, file.byteCount.bytesText, file.isThere ? "there" : file.isLarge ? "large" : "inline")
      }
      return table.lines
    }

    func outcome(_ result: PushResult) -> String {
      guard result.isNew else { return "nothing to push, the hub has every file as it is: \(result.address)" }
      let sent = result.sentByteCount == 0 ? "" : ", \(result.sentByteCount.bytesText) of large files sent"
      return "\(result.files.count.counted("file")) committed\(sent): \(result.pullRequest ?? result.address)"
    }

    /// - Parameter result: nil when nothing was sent.
    func json(_ result: PushResult?) -> JSONValue {
      let check = plan.check
      var answer: JSONValue = [
        "name": .string(check.reference.name), "revision": .string(check.reference.revision),
        "account": .string(check.account.name), "role": .string(check.account.role),
        "token": .string(check.account.tokenSource), "exists": .bool(check.exists),
        "card": .bool(plan.hasCard),
        "files": .array(
          plan.files.map {
            [
              "name": .string($0.name), "bytes": .number($0.byteCount), "large": .bool($0.isLarge),
              "there": .bool($0.isThere),
            ]
          }),
        "left_out": .array(
          plan.leftOut.map { ["name": .string($0.name), "reason": .string($0.reason)] }),
        "notes": .strings(plan.warnings),
      ]
      guard let result else { return answer }
      answer.set("commit", .string(result.commit))
      answer.set("url", .string(result.address))
      answer.set("pull_request", result.pullRequest.map { .string($0) } ?? .null)
      answer.set("committed", .strings(result.isNew ? result.files : []))
      answer.set("sent_bytes", .number(result.sentByteCount))
      return answer
    }
  }
#endif
