import Foundation
import Hub
import ModelFiles
import Synchronization
import Testing

@Suite("pushing")
struct PushTests {
  /// A hub that takes what is pushed, as much of one as the steps of a push need.
  final class Receiver: Sendable {
    struct State: Sendable {
      var exists = true
      var head = String(repeating: "0", count: 40)
      /// Name and checksum of what is there.
      var files: [String: String] = [:]
      var stored: [String: [UInt8]] = [:]
      var commits: [[JSONValue]] = []
      /// What the next commits are answered with, before and after they are applied.
      var failures: [(status: Int, isApplied: Bool)] = []
    }

    let state: Mutex<State>
    let role: String

    init(role: String = "write", _ change: (inout State) -> Void = { _ in }) {
      var initial = State()
      change(&initial)
      self.role = role
      state = Mutex(initial)
    }

    func answer(_ request: HTTPRequest, _ number: Int) throws -> Answer {
      let target = request.address.target
      var document = JSONValue.null
      if case .bytes(let bytes) = request.body, !target.contains("/commit/") {
        document = try JSONValue(parsing: bytes)
      }
      if request.address.origin.host == "store.test" { return try store(request) }
      return try state.withLock { state in
        if target == "/api/whoami-v2" {
          return .json([
            "name": "me", "orgs": [["name": "team"]], "auth": ["accessToken": ["role": .string(role)]],
          ])
        }
        if target == "/api/validate-yaml" { return .json(["errors": [], "warnings": []]) }
        if target == "/api/repos/create" {
          state.exists = true
          return .json(["url": "x"])
        }
        guard state.exists else { return .json([:], status: 404, ["X-Error-Code": "RepoNotFound"]) }
        if target.contains("/revision/") { return .json(["sha": .string(state.head), "private": false]) }
        if target.contains("/tree/") {
          return .json(
            .array(
              state.files.sorted { $0.key < $1.key }.map {
                ["type": "file", "path": .string($0.key), "size": 5, "oid": .string($0.value)]
              }))
        }
        if target.contains("/preupload/") {
          let files = (document["files"]?.arrayValue ?? []).map { file -> JSONValue in
            let isLarge = file["path"]?.stringValue?.hasSuffix(".bin") == true
            return ["path": file["path"] ?? .null, "uploadMode": isLarge ? "lfs" : "regular"]
          }
          return .json(["files": .array(files)])
        }
        if target.hasSuffix("/info/lfs/objects/batch") {
          let objects = (document["objects"]?.arrayValue ?? []).map { object -> JSONValue in
            var answer = object
            let oid = object["oid"]?.stringValue ?? ""
            if state.stored[oid] == nil {
              let verify: JSONValue = ["href": "https://hub.test/me/x.git/info/lfs/objects/verify"]
              answer.set(
                "actions",
                ["upload": ["href": .string("http://store.test/\(oid)?signature=s")], "verify": verify])
            }
            return answer
          }
          return .json(["objects": .array(objects)])
        }
        if target.hasSuffix("/verify") { return .status(200) }
        #expect(target.contains("/commit/"))
        return try commit(request, &state)
      }
    }

    private func store(_ request: HTTPRequest) throws -> Answer {
      #expect(request.headers["authorization"] == nil)
      guard case .file(let path, let range) = request.body else { return .status(411) }
      let oid = String(request.address.target.dropFirst().prefix { $0 != "?" })
      let bytes = Array(try FileSystem.read(path)[range])
      state.withLock { $0.stored[oid] = bytes }
      return .status(200, ["ETag": "\"x\""])
    }

    private func commit(_ request: HTTPRequest, _ state: inout State) throws -> Answer {
      guard case .bytes(let bytes) = request.body else { return .status(400) }
      let lines = try bytes.split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: Array($0)) }
      let failure = state.failures.isEmpty ? nil : state.failures.removeFirst()
      if lines.first?["value"]?["parentCommit"]?.stringValue != state.head { return .status(412) }
      if failure?.isApplied != false {
        state.commits.append(lines)
        state.head = String(repeating: "\(state.commits.count)", count: 40)
        for line in lines.dropFirst() {
          let value = line["value"]
          guard let path = value?["path"]?.stringValue else { continue }
          let contents = path == "a.txt" ? "hello" : "large"
          var digest = BlobDigest(isLarge: path.hasSuffix(".bin"), byteCount: 5)
          Array(contents.utf8).withUnsafeBytes { digest.update($0) }
          state.files[path] = digest.finished()
        }
      }
      if let failure { return .status(failure.status) }
      return .json(["commitOid": .string(state.head), "commitUrl": "http://hub.test/me/x/commit/1"])
    }
  }

  /// `a.txt` and `b.bin`, five bytes each.
  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write("model/a.txt", "hello")
    try folder.write("model/b.bin", "large")
    return folder
  }

  private func push(
    _ receiver: Receiver, _ folder: TemporaryFolder, to name: String = "me/x",
    _ options: PushOptions = .init()
  ) throws -> (result: PushResult, client: TestClient) {
    let client = try TestClient { try receiver.answer($0, $1) }
    let plan = try client.hub.planPush(folder("model"), to: ModelReference(name), options: options)
    return (try client.hub.push(plan), client)
  }

  @Test(
    "makes the repository, sends large files to the store and commits once",
    arguments: ["me/x", "x", "team/x"])
  func pushes(name: String) throws {
    let receiver = Receiver { $0.exists = false }
    let (result, client) = try push(receiver, folder(), to: name)
    #expect(result.isNew)
    #expect(result.files == ["a.txt", "b.bin"])
    #expect(result.sentByteCount == 5)
    let commits = receiver.state.withLock { $0.commits }
    try #require(commits.count == 1)
    #expect(commits[0].map { $0["key"]?.stringValue } == ["header", "file", "lfsFile"])
    #expect(commits[0][1]["value"]?["content"]?.stringValue == "aGVsbG8=")
    #expect(receiver.state.withLock { Array($0.stored.values) } == [Array("large".utf8)])
    for request in client.transport.requests {
      #expect(
        (request.headers["authorization"] != nil)
          == (request.address.origin.host == "hub.test"
            && request.address.origin.scheme == "http"))
    }
  }

  @Test("sends nothing that is there already, and makes no empty commit")
  func again() throws {
    let (receiver, folder) = (Receiver(), try folder())
    _ = try push(receiver, folder)
    let (result, client) = try push(receiver, folder)
    #expect(!result.isNew)
    #expect(result.files.isEmpty)
    #expect(!client.transport.lines.contains { $0.contains("/commit/") || $0.contains("store.test") })
    try folder.write("model/a.txt", "other")
    #expect(try push(receiver, folder).result.files == ["a.txt"])
  }

  @Test("makes one commit, however the answer to it is lost", arguments: [true, false])
  func lostAnswer(isApplied: Bool) throws {
    let receiver = Receiver { $0.failures = [(503, isApplied)] }
    let result = try push(receiver, folder()).result
    #expect(result.isNew)
    #expect(receiver.state.withLock { $0.commits.count } == 1)
  }

  @Test("looks once more after the last attempt, and does not wait for nothing")
  func lastAnswerLost() throws {
    let folder = try folder()
    let late = Receiver { $0.failures = Array(repeating: (503, false), count: 3) + [(503, true)] }
    let (result, client) = try push(late, folder)
    #expect(result.isNew && result.files == ["a.txt", "b.bin"])
    #expect(client.diary.waits == [1, 2, 4])
    #expect(late.state.withLock { $0.commits.count } == 1)
    let never = Receiver { $0.failures = Array(repeating: (503, false), count: 9) }
    let error = #expect(throws: HubError.self) { try push(never, folder) }
    guard case .unconfirmed("me/x", let reason) = error else {
      Issue.record("\(error.map { "\($0)" } ?? "nothing")")
      return
    }
    #expect(reason.contains("503"))
    #expect(never.state.withLock { $0.failures.count } == 5)
  }

  @Test("says that a commit may have been applied when the hub is gone after it")
  func goneAfterCommit() throws {
    let receiver = Receiver { $0.failures = [(503, true)] }
    let isGone = Mutex(false)
    let client = try TestClient { request, number in
      if isGone.withLock({ $0 }) { return .status(503) }
      if request.address.target.contains("/commit/") { isGone.withLock { $0 = true } }
      return try receiver.answer(request, number)
    }
    let folder = try folder()
    let plan = try client.hub.planPush(folder("model"), to: ModelReference("me/x"))
    #expect {
      try client.hub.push(plan)
    } throws: { error in
      if case HubError.unconfirmed = error { true } else { false }
    }
  }

  @Test("looks again when another commit has come between, and gives up when they keep coming")
  func stale() throws {
    let receiver = Receiver { $0.failures = [(412, false)] }
    #expect(try push(receiver, folder()).result.isNew)
    let busy = Receiver { $0.failures = Array(repeating: (412, false), count: 9) }
    #expect(throws: HubError.conflict(name: "me/x")) { try push(busy, folder()) }
    #expect(busy.state.withLock { $0.commits.isEmpty })
  }

  @Test("opens no second pull request when the answer to the first is lost")
  func lostPullRequest() throws {
    let receiver = Receiver { $0.failures = [(503, true)] }
    var options = PushOptions()
    options.createsPullRequest = true
    #expect(throws: HubError.self) { try push(receiver, folder(), options) }
    #expect(receiver.state.withLock { $0.commits.count } == 1)
  }

  static let refusals: [(role: String, name: String, error: HubError)] = [
    ("read", "me/x", .readOnlyToken(account: "me", source: "HF_TOKEN")),
    ("write", "other/x", .notYours(owner: "other", account: "me", organisations: ["team"])),
  ]

  @Test("is refused before anything is sent to whoever may not", arguments: refusals)
  func refuses(role: String, name: String, error: HubError) throws {
    #expect(throws: error) { try push(Receiver(role: role), folder(), to: name) }
  }

  @Test("does not make public what was meant to be private")
  func isPublic() throws {
    var options = PushOptions()
    options.isPrivate = true
    #expect(throws: HubError.isPublic(name: "me/x")) { try push(Receiver(), folder(), options) }
  }

  @Test("needs a token")
  func noToken() throws {
    let client = try TestClient(token: nil) { _, _ in .status(500) }
    #expect(throws: HubError.noToken) { try client.hub.checkPush(to: ModelReference("me/x"), card: nil) }
  }

  @Test("leaves out what is not the model's, and what leads out of the folder")
  func leavesOut() throws {
    let folder = try folder()
    for name in ["checkpoint-5/x.bin", ".git/config", ".DS_Store", "sub/.env", "sub/checkpoint-1/kept.txt"] {
      try folder.write("model/" + name, "x")
    }
    try folder.write("secret", "x")
    try FileManager.default.createSymbolicLink(
      atPath: folder("model/way-out"), withDestinationPath: "../secret")
    let receiver = Receiver()
    let client = try TestClient { try receiver.answer($0, $1) }
    let plan = try client.hub.planPush(folder("model"), to: ModelReference("me/x"))
    #expect(plan.files.map(\.name) == ["a.txt", "b.bin", "sub/checkpoint-1/kept.txt"])
    #expect(plan.leftOut.map(\.name) == [".DS_Store", ".git", "checkpoint-5", "sub/.env", "way-out"])
  }

  static let unsound: [(name: String, text: String)] = [
    ("config.json", "{"), ("model.safetensors", "12345678"),
    ("model.safetensors.index.json", #"{"weight_map":{"w":"model-00001-of-00001.safetensors"}}"#),
    ("README.md", "---\nbase_model: /home/me/bert\n---\n"),
  ]

  @Test("checks files and card before anything is sent", arguments: unsound)
  func soundness(name: String, text: String) throws {
    let folder = try folder()
    try folder.write("model/" + name, text)
    let receiver = Receiver { $0.exists = false }
    #expect(throws: HubError.self) { try push(receiver, folder) }
    #expect(receiver.state.withLock { !$0.exists && $0.stored.isEmpty })
  }

  static let cards: [(card: String, problems: Int)] = [
    ("# no front matter\n", 0), ("---\nlibrary_name: transformers\nbase_model: org/model\n---\n", 0),
    ("---\nbase_model: ./out\n---\n", 1), ("---\nbase_model:\n- org/model\n- \"/home/x\"\n---\n", 1),
    ("---\ndatasets:\n- iris\n- ../data\n---\n", 1), ("---\nlicense: mit\n", 1), ("---\n\ttags: x\n---\n", 1),
    (
      "---\nmodel-index:\n- name: x\n  results:\n  - task:\n      type: t\n    dataset:\n      config: null\n"
        + "      split: test\n    metrics:\n    - type: accuracy\n---\n", 1
    ),
    ("---\nmodel-index:\n- name: x\n  results:\n  - task:\n      type: t\n---\n", 1),
    ("---\nmodel-index:\n- name: x\n  results: []\n---\n", 0),
    ("---\r\nbase_model: ./out\r\n---\r\n", 1), ("---\r\nlicense: mit\r\n", 1),
    ("---\r\nbase_model: org/model\r\n---\r\n# x\r\n", 0), ("---\rbase_model: ./out\r---\r", 1),
  ]

  @Test("knows what the hub refuses in cards", arguments: cards.indices)
  func cardRules(index: Int) throws {
    let receiver = Receiver()
    let client = try TestClient { try receiver.answer($0, $1) }
    let check = { try client.hub.checkPush(to: ModelReference("me/x"), card: Self.cards[index].card) }
    if Self.cards[index].problems == 0 {
      #expect(throws: Never.self) { try check() }
    } else {
      #expect {
        try check()
      } throws: { error in
        guard case HubError.invalidCard(_, let problems) = error else { return false }
        return problems.count == Self.cards[index].problems
      }
      #expect(!client.transport.lines.contains { $0.contains("validate-yaml") })
    }
  }

  @Test("writes a commit one document a line")
  func payload() {
    let bytes =
      CommitPayload.header(message: "a\nb", parent: "p") + CommitPayload.file("a/ü", [0xFF])
      + CommitPayload.largeFile("w", sha256: "s", byteCount: 9)
    #expect(
      String(decoding: bytes, as: UTF8.self) == """
        {"key":"header","value":{"summary":"a\\nb","description":"","parentCommit":"p"}}
        {"key":"file","value":{"content":"/w==","path":"a/ü","encoding":"base64"}}
        {"key":"lfsFile","value":{"path":"w","algo":"sha256","oid":"s","size":9}}

        """)
  }

  @Test(
    "encodes as RFC 4648 does",
    arguments: zip(["", "f", "fo", "foo", "foob"], ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]))
  func base64(text: String, encoded: String) { #expect(Base64.encode(Array(text.utf8)) == encoded) }

  static let actions: [(json: String, way: UploadAction.Way?)] = [
    (#"{"oid":"x"}"#, UploadAction.Way.none),
    (#"{"actions":{"upload":{"href":"h"}}}"#, .whole(href: "h")),
    (
      #"{"actions":{"upload":{"href":"c","header":{"chunk_size":"4","10":"j","2":"b","1":"a","3":"c"}}}}"#,
      nil
    ),
    (
      #"{"actions":{"upload":{"href":"c","header":{"chunk_size":"4","2":"b","1":"a","3":"d"}}}}"#,
      .parts(size: 4, hrefs: ["a", "b", "d"], complete: "c")
    ),
    (#"{"actions":{"upload":{"href":"c","header":{"chunk_size":0,"1":"a"}}}}"#, nil),
    (
      #"{"actions":{"upload":{"href":"c","header":{"chunk_size":9223372036854775807,"1":"a"}}}}"#,
      .parts(size: .max, hrefs: ["a"], complete: "c")
    ),
    (#"{"actions":{"upload":{"href":"c","header":{"chunk_size":4,"1":"a","2":"b","4":"c"}}}}"#, nil),
    (#"{"actions":{"upload":{}}}"#, nil), (#"{"error":{"code":422,"message":"no"}}"#, nil),
  ]

  @Test("takes parts only when they make up the file", arguments: actions.indices)
  func uploadActions(index: Int) throws {
    let object = try JSONValue(parsing: Self.actions[index].json)
    let action = try? UploadAction(object, byteCount: 10, file: "f")
    #expect(action?.way == Self.actions[index].way)
  }

  @Test("does not count up parts that nobody has named")
  func countlessParts() throws {
    let object = try JSONValue(
      parsing: #"{"actions":{"upload":{"href":"c","header":{"chunk_size":1,"1":"a"}}}}"#)
    #expect(throws: HubError.self) { try UploadAction(object, byteCount: .max, file: "f") }
  }
}
