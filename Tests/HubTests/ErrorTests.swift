import Hub
import ModelFiles
import Testing

@Suite("what goes wrong")
struct ErrorTests {
  struct Case: Sendable {
    var answer: Answer
    var error: HubError
    var token: String? = "hf_secret"
  }

  private static func coded(_ status: Int, _ code: String) -> Answer {
    .json(["error": "no"], status: status, ["X-Error-Code": code, "X-Error-Message": "no"])
  }

  static let cases: [Case] = [
    Case(answer: coded(404, "RepoNotFound"), error: .repositoryNotFound(name: "org/model", isSignedIn: true)),
    Case(
      answer: .json(["error": "Invalid username or password."], status: 401),
      error: .repositoryNotFound(name: "org/model", isSignedIn: false), token: nil),
    Case(
      answer: .json([:], status: 401, ["X-Error-Message": "Invalid credentials in Authorization header"]),
      error: .invalidToken(source: "HF_TOKEN")),
    Case(
      answer: coded(403, "GatedRepo"),
      error: .gated(name: "org/model", address: "http://hub.test/org/model", isSignedIn: true)),
    Case(
      answer: coded(401, "GatedRepo"),
      error: .gated(name: "org/model", address: "http://hub.test/org/model", isSignedIn: false), token: nil),
    Case(
      answer: .json(["error": "Forbidden: write"], status: 403),
      error: .forbidden(name: "org/model", message: "Forbidden: write", source: "HF_TOKEN")),
    Case(answer: .status(429, ["RateLimit": #""api";r=0;t=2"#]), error: .rateLimited(seconds: 3)),
    Case(
      answer: .json(
        ["errors": [["message": "a"], ["message": "b"]]], status: 400, ["X-Request-Id": "Root=1"]),
      error: .refused(
        address: "http://hub.test/api/models/org/model/revision/main", status: 400, message: "a; b",
        requestID: "Root=1")),
    Case(
      answer: Answer(body: Array("<html>a portal</html>".utf8)),
      error: .notAHub(
        address: "http://hub.test/api/models/org/model/revision/main", reason: "its answer is no JSON")),
    Case(
      answer: .json(["sha": "../../x"]),
      error: .notAHub(
        address: "http://hub.test/api/models/org/model/revision/main", reason: "it names no commit")),
  ]

  @Test("has a name, whatever the hub answers", arguments: cases.indices)
  func answers(index: Int) throws {
    let (answer, error) = (Self.cases[index].answer, Self.cases[index].error)
    let client = try TestClient(token: Self.cases[index].token) { _, _ in answer }
    #expect(throws: error) { try client.hub.info(ModelReference("org/model")) }
  }

  @Test("names revisions that may have been meant")
  func revisions() throws {
    let client = try TestClient { request, _ in
      request.address.target.hasSuffix("/refs")
        ? .json(["branches": [["name": "main"]], "tags": [["name": "v1.0"]]])
        : Self.coded(404, "RevisionNotFound")
    }
    #expect(throws: HubError.revisionNotFound(name: "org/model", revision: "v1.1", nearest: ["v1.0"])) {
      try client.hub.info(ModelReference("org/model@v1.1"))
    }
  }

  @Test("is said in one line that ends with what to do, and holds no server's control characters")
  func descriptions() {
    let errors: [HubError] =
      Self.cases.map(\.error) + [
        .offline(name: "org/model", variable: "HF_HUB_OFFLINE", cache: "/c"),
        .unreachable(address: "http://hub.test/x", reason: "a\r\n\u{1B}[31mb"), .noToken,
        .readOnlyToken(account: "me", source: "HF_TOKEN"),
        .notYours(owner: "org", account: "me", organisations: ["a"]),
        .damaged(file: "x", expected: "a", found: "b"), .noSpace(folder: "/c", needed: 2, available: 1),
        .invalidCard(path: "README.md", problems: ["x"]), .conflict(name: "org/model"),
        .unconfirmed(name: "org/model", reason: "a\nb"),
        .notCached(name: "a/b", nearest: ["a/c"]), .insecureRedirect(from: "https://a", to: "http://b"),
      ]
    for error in errors {
      let text = "\(error)"
      #expect(!text.contains { $0.isNewline || $0 == "\u{1B}" }, "\(text)")
      #expect(text.contains(";") || text.contains("?"), "\(text)")
      #expect(!text.contains("hf_secret"))
    }
  }

  @Test(
    "is not asked of the network when a variable forbids it",
    arguments: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
  func offline(variable: String) throws {
    let client = try TestClient(offline: variable) { _, _ in .status(200) }
    let cache = client.folder("hub")
    #expect(throws: HubError.offline(name: "org/model", variable: variable, cache: cache)) {
      try client.hub.pull(ModelReference("org/model"))
    }
    #expect(client.transport.requests.isEmpty)
  }
}
