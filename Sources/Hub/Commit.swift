import ModelFiles

/// A file that is ready to be committed.
struct PreparedFile: Sendable {
  var file: LocalFile
  /// Whether it is stored outside of git.
  var isLarge: Bool
  /// Its SHA-256; empty for a small one, which needs none.
  var sha256: String
}

/// How a commit went.
enum CommitOutcome {
  case made(commit: String, address: String?, pullRequest: String?)
  /// The repository is no longer what the commit was made for; it was not applied.
  case stale
  /// No answer came: it may have been applied.
  case unknown(reason: String)
}

extension HubClient {
  /// The most files that one question may name.
  private static let batchSize = 256
  /// The bytes of a file from which the hub guesses what it is.
  private static let sampleSize = 512

  /// Asks how the hub wants each file that it does not have, and computes the checksums of those outside of git.
  func prepare(_ plan: PushPlan, _ reference: ModelReference) throws -> [PreparedFile] {
    let files = plan.state.files.filter { !plan.state.isUnchanged($0.name) }
    var large: Set<String> = []
    var ignored: Set<String> = []
    let query = plan.options.createsPullRequest ? "?create_pr=1" : ""
    let address = try api(reference.name, "/preupload/\(WebAddress.escaped(reference.revision))\(query)")
    for batch in files.chunked(Self.batchSize) {
      let entries = try batch.map { file -> JSONValue in
        let sample = try FileSystem.readPrefix(file.path, byteCount: Self.sampleSize)
        return [
          "path": .string(file.name), "sample": .string(Base64.encode(sample)),
          "size": .number(file.byteCount),
        ]
      }
      let subject = Subject(name: reference.name, revision: reference.revision)
      let (document, _) = try json(subject, post(address, ["files": .array(entries)]))
      var answered: Set<String> = []
      for answer in document["files"]?.arrayValue ?? [] {
        guard let name = answer["path"]?.stringValue else { continue }
        answered.insert(name)
        if answer["uploadMode"]?.stringValue == "lfs" { large.insert(name) }
        if answer["shouldIgnore"]?.boolValue == true { ignored.insert(name) }
      }
      if let forgotten = batch.first(where: { !answered.contains($0.name) }) {
        throw HubError.uploadRefused(file: forgotten.name, reason: "the hub does not say how it wants it")
      }
    }
    let wanted = files.filter { !ignored.contains($0.name) }
    // Object stores take no empty files.
    let isLarge = { (file: LocalFile) in large.contains(file.name) && file.byteCount > 0 }
    let total = wanted.filter(isLarge).reduce(0) { $0 + $1.byteCount }
    var done = 0
    return try wanted.map { file in
      guard isLarge(file) else { return PreparedFile(file: file, isLarge: false, sha256: "") }
      let sha256 = try plan.state.digest(of: file, isLarge: true) { count in
        done += count
        report(.hashed(byteCount: done, of: total))
      }
      return PreparedFile(file: file, isLarge: true, sha256: sha256)
    }
  }

  /// Commits the files in one request, which is applied whole or not at all.
  func commit(
    _ files: [PreparedFile], _ plan: PushPlan, _ reference: ModelReference, parent: String
  ) throws -> CommitOutcome {
    let payload = try CommitPayload.lines(files, message: plan.options.message, parent: parent)
    let query = plan.options.createsPullRequest ? "?create_pr=1" : ""
    let address = try api(reference.name, "/commit/\(WebAddress.escaped(reference.revision))\(query)")
    var request = HTTPRequest(
      .post, address, headers: ["content-type": "application/x-ndjson", "accept": "application/json"],
      body: .bytes(payload))
    request.timeout = Self.patience
    let subject = Subject(name: reference.name, revision: reference.revision)
    let sent = request
    do {
      // Once only: whether it took place is found out before it is tried again.
      let response = try http.send(retries: .none) { sent }
      if response.status == 412 { return .stale }
      try check(response, address, subject)
      guard let document = try? JSONValue(parsing: response.body),
        let commit = document["commitOid"]?.stringValue, isHexadecimal(commit, 40)
      else { return .unknown(reason: "the hub names no commit") }
      // Only what is an address is shown as one.
      func shown(_ key: String) -> String? {
        document[key]?.stringValue.flatMap { try? WebAddress($0).description }
      }
      return .made(
        commit: commit, address: shown("commitUrl"), pullRequest: shown("pullRequestUrl"))
    } catch let error as HubError where error.isOutage {
      // A second pull request could not be told from the first.
      if plan.options.createsPullRequest { throw error }
      return .unknown(reason: "\(error)")
    }
  }
}

/// A commit as the hub takes it: one JSON document a line.
package enum CommitPayload {
  static func lines(_ files: [PreparedFile], message: String, parent: String) throws -> [UInt8] {
    var bytes = header(message: message, parent: parent)
    for prepared in files {
      try prepared.file.checkUnchanged()
      if prepared.isLarge {
        bytes += largeFile(prepared.file.name, sha256: prepared.sha256, byteCount: prepared.file.byteCount)
      } else {
        bytes += file(prepared.file.name, try FileSystem.read(prepared.file.path))
      }
      try prepared.file.checkUnchanged()
    }
    return bytes
  }

  package static func header(message: String, parent: String) -> [UInt8] {
    line("header", ["summary": .string(message), "description": "", "parentCommit": .string(parent)])
  }

  package static func file(_ name: String, _ contents: [UInt8]) -> [UInt8] {
    line(
      "file", ["content": .string(Base64.encode(contents)), "path": .string(name), "encoding": "base64"])
  }

  package static func largeFile(_ name: String, sha256: String, byteCount: Int) -> [UInt8] {
    line(
      "lfsFile",
      ["path": .string(name), "algo": "sha256", "oid": .string(sha256), "size": .number(byteCount)])
  }

  private static func line(_ key: String, _ value: JSONValue) -> [UInt8] {
    let document: JSONValue = ["key": .string(key), "value": value]
    return Array(document.compactText().utf8) + [UInt8(ascii: "\n")]
  }
}

/// RFC 4648, with padding.
package enum Base64 {
  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  package static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
      var quartet = [UInt8](repeating: UInt8(ascii: "="), count: 4)
      for place in (0..<4).reversed() {
        if place <= group.count { quartet[place] = letters[Int(bits & 63)] }
        bits >>= 6
      }
      text += quartet
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension FileSystem {
  /// The first bytes of a file, or all of a shorter one.
  static func readPrefix(_ path: String, byteCount: Int) throws -> [UInt8] {
    let file = try MappedFile(path: path, access: .pread)
    let count = min(byteCount, file.byteCount)
    guard count > 0 else { return [] }
    return try file.withBytes(in: 0..<count) { span in span.withUnsafeBytes { Array($0) } }
  }
}

extension Array {
  /// Pieces of up to `count` elements.
  func chunked(_ count: Int) -> [[Element]] {
    stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
  }
}
