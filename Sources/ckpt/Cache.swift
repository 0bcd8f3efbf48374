#if Hub
  import ArgumentParser
  import Hub
  import Pretrained

  struct Cache: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "cache",
      abstract: "Show what the Hugging Face cache holds, or free some of it.",
      discussion: "The cache is shared with Python's programs; what is freed, they download again.",
      subcommands: [List.self, Free.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
      static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List models, their sizes and when they were used.")

      @Flag(help: "One JSON object.")
      var json = false

      func run() throws {
        let listing = try CacheListing()
        if json { return try Terminal.print(Self.json(listing).line) }
        var table = Table([.left, .right, .right, .left, .left])
        for repository in listing.repositories {
          let references = repository.snapshots.flatMap { snapshot in
            snapshot.references.isEmpty ? [String(snapshot.commit.prefix(12))] : snapshot.references
          }
          let rest = repository.incompleteByteCount
          table.add(
            repository.name, (repository.byteCount + rest).bytesText, repository.fileCount.counted("file"),
            CalendarDate(secondsSince1970: repository.lastUsed).text,
            references.joined(separator: ", ") + (rest == 0 ? "" : "  \(rest.bytesText) incomplete"))
        }
        for line in table.lines { try Terminal.print(line) }
        try Terminal.print(
          "  \(listing.repositories.count.counted("repository", "repositories")), \(listing.byteCount.bytesText) "
            + "in \(listing.cache)")
      }

      private static func json(_ listing: CacheListing) -> JSONValue {
        [
          "cache": .string(listing.cache), "bytes": .number(listing.byteCount),
          "repositories": .array(
            listing.repositories.map { repository in
              [
                "name": .string(repository.name), "folder": .string(repository.folder),
                "bytes": .number(repository.byteCount), "files": .number(repository.fileCount),
                "incomplete_bytes": .number(repository.incompleteByteCount),
                "last_used": .number(repository.lastUsed),
                "snapshots": .array(
                  repository.snapshots.map {
                    ["commit": .string($0.commit), "references": .strings($0.references)]
                  }),
              ]
            }),
        ]
      }
    }

    struct Free: ParsableCommand {
      static let configuration = CommandConfiguration(
        commandName: "free",
        abstract: "Remove models, or what interrupted downloads left.")

      @Argument(help: "Models, as ckpt cache lists them.")
      var names: [String] = []

      @Flag(help: "Everything.")
      var all = false

      @Flag(help: "What is left of downloads that were not finished and are not under way.")
      var incomplete = false

      @Flag(help: "Say what would be removed; remove nothing.")
      var dryRun = false

      @Flag(help: "One JSON object.")
      var json = false

      func validate() throws {
        guard [!names.isEmpty, all, incomplete].count(where: { $0 }) == 1 else {
          throw ValidationError("give either names, --all or --incomplete")
        }
      }

      func run() throws {
        let listing = try CacheListing()
        let parts = all ? [.all] : incomplete ? [.incomplete] : names.map { CacheListing.Part.repository($0) }
        // All of them are looked up before any is removed.
        let removals = try parts.map { try listing.removal(of: $0) }
        if !dryRun { for removal in removals { try removal.run() } }
        let paths = removals.flatMap(\.paths)
        let byteCount = removals.reduce(0) { $0 + $1.byteCount }
        if json {
          let answer: JSONValue = [
            "removed": .bool(!dryRun), "paths": .strings(paths), "bytes": .number(byteCount),
          ]
          return try Terminal.print(answer.line)
        }
        for path in paths { try Terminal.print("  \(path)") }
        try Terminal.print("  \(byteCount.bytesText) \(dryRun ? "would be freed" : "freed")")
      }
    }
  }

  /// A day of the calendar, in Coordinated Universal Time.
  struct CalendarDate {
    let text: String

    /// - Parameter secondsSince1970: 0 stands for no time at all.
    init(secondsSince1970: Int) {
      guard secondsSince1970 > 0 else {
        text = ""
        return
      }
      // Civil from days: eras of 400 years that begin in March, so that leap days come last.
      let days = secondsSince1970 / 86_400 + 719_468
      let day = days % 146_097
      let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
      let dayOfYear = day - (365 * year + year / 4 - year / 100)
      let month = (5 * dayOfYear + 2) / 153
      let (m, d) = (month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1)
      let y = year + days / 146_097 * 400 + (m <= 2 ? 1 : 0)
      text = "\(y)-\(m < 10 ? "0" : "")\(m)-\(d < 10 ? "0" : "")\(d)"
    }
  }
#endif
