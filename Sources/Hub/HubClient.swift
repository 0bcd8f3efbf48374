import ModelFiles
import Synchronization

/// A hub, and the cache of what came from it.
///
/// ```swift
/// let hub = try HubClient()
/// let snapshot = try hub.pull(ModelReference("google-bert/bert-base-uncased"))
/// print(snapshot.folder)
/// ```
///
/// Calls wait until they are done, and may come from several threads. What happens meanwhile is told by events.
/// Reference: huggingface_hub, whose cache and whose protocol these are.
public struct HubClient: Sendable {
  public let environment: HubEnvironment
  let http: HTTPClient
  let report: @Sendable (HubEvent) -> Void
  /// Whose token is used; nil without one.
  let tokenSource: String?

  /// How many files are sent or received at a time.
  static let width = 4
  /// Seconds that a hub may think about a commit or about the parts of a file.
  static let patience = 180

  /// - Parameters:
  ///   - environment: where the hub and the cache are, and who asks.
  ///   - signsIn: whether the token is used even where the environment wants reading to go without.
  ///   - report: told what happens.
  /// - Throws: ``HubError/invalidAddress(_:reason:)``, ``HubError/malformedToken(source:)``.
  public init(
    _ environment: HubEnvironment = HubEnvironment(), signsIn: Bool = false,
    report: @escaping @Sendable (HubEvent) -> Void = { _ in }
  ) throws {
    try self.init(
      environment, signsIn: signsIn,
      transport: CurlTransport(
        userAgent: "swift-pretrained; hub", timeout: environment.timeout, authorities: environment.authorities
      ),
      pause: sleepSeconds, report: report)
  }

  package init(
    _ environment: HubEnvironment, signsIn: Bool = false, transport: any HTTPTransport,
    pause: @escaping @Sendable (Int) -> Void, report: @escaping @Sendable (HubEvent) -> Void
  ) throws {
    let origin = try WebAddress(environment.endpoint).origin
    let token = environment.readsAnonymously && !signsIn ? nil : environment.token
    let turn = Turn()
    let report: @Sendable (HubEvent) -> Void = { event in turn.take { report(event) } }
    (self.environment, self.report, tokenSource) = (environment, report, token?.source)
    http = try HTTPClient(
      transport, credential: token.map { .init($0, for: origin) }, pause: pause, report: report)
  }

  /// One event at a time.
  private final class Turn: Sendable {
    private let mutex = Mutex(())
    func take(_ body: () -> Void) { mutex.withLock { _ in body() } }
  }

  // MARK: Asking

  /// What an answer is about, for errors.
  struct Subject {
    var name: String
    var revision = "main"
    var file: String?
  }

  /// An address of the hub.
  func address(_ path: String) throws(HubError) -> WebAddress { try WebAddress(environment.endpoint + path) }

  /// An address that the hub gave; a mirror gives those of the hub that it mirrors.
  func address(given text: String) throws(HubError) -> WebAddress {
    let isPublic = text.hasPrefix(HubEnvironment.publicEndpoint + "/")
    let address = try WebAddress(
      isPublic ? environment.endpoint + text.dropFirst(HubEnvironment.publicEndpoint.count) : text)
    guard address.origin.scheme == "https" || environment.endpoint.lowercased().hasPrefix("http:") else {
      throw .insecureRedirect(from: environment.endpoint, to: address.description)
    }
    return address
  }

  /// `/api/models/org/name` and what follows.
  func api(_ name: String, _ rest: String = "") throws(HubError) -> WebAddress {
    try address("/api/models/\(WebAddress.escaped(name, keeping: "/"))\(rest)")
  }

  /// Where a file is downloaded from.
  func fileAddress(_ name: String, _ revision: String, _ file: String) throws(HubError) -> WebAddress {
    try address(
      "/\(WebAddress.escaped(name, keeping: "/"))/resolve/\(WebAddress.escaped(revision))/"
        + WebAddress.escaped(file, keeping: "/"))
  }

  /// A successful answer's document.
  ///
  /// - Throws: ``HubError``.
  func json(
    _ subject: Subject, retries: RetryPolicy = .standard, _ request: HTTPRequest
  ) throws -> (document: JSONValue, response: HTTPResponse) {
    let response = try http.send(retries: retries) { request }
    try check(response, request.address, subject)
    do { return (try JSONValue(parsing: response.body), response) } catch {
      throw HubError.notAHub(address: request.address.description, reason: "its answer is no JSON")
    }
  }

  /// A request with a document.
  func post(_ address: WebAddress, _ document: JSONValue, type: String = "application/json") -> HTTPRequest {
    HTTPRequest(
      .post, address, headers: ["content-type": type, "accept": type],
      body: .bytes(Array(document.compactText().utf8)))
  }

  /// - Throws: ``HubError/offline(name:variable:cache:)`` when the network may not be used.
  func requireNetwork(for name: String) throws(HubError) {
    if let variable = environment.offlineVariable {
      throw .offline(name: name, variable: variable, cache: environment.cache)
    }
  }

  /// - Throws: what the hub means by an answer that is no success.
  func check(_ response: HTTPResponse, _ address: WebAddress, _ subject: Subject) throws {
    guard !response.isSuccess else { return }
    let document = try? JSONValue(parsing: response.body)
    let (code, message) = (response.headers["x-error-code"], Self.message(response, document))
    let isSignedIn = tokenSource != nil
    switch (response.status, code) {
    case (_, "GatedRepo"):
      let page = try self.address("/" + subject.name).description
      throw HubError.gated(name: subject.name, address: page, isSignedIn: isSignedIn)
    case (401, _) where message.contains("Invalid credentials") || message.contains("Invalid user token"):
      throw tokenSource.map { HubError.invalidToken(source: $0) } ?? .noToken
    case (_, "RepoNotFound"), (401, _):
      throw HubError.repositoryNotFound(name: subject.name, isSignedIn: isSignedIn)
    case (_, "RevisionNotFound"):
      let near = nearestNames(to: subject.revision, in: revisions(of: subject.name))
      throw HubError.revisionNotFound(name: subject.name, revision: subject.revision, nearest: near)
    case (_, "EntryNotFound"):
      throw HubError.fileNotFound(
        name: subject.name, revision: subject.revision, file: subject.file ?? "", nearest: [])
    case (403, _):
      throw HubError.forbidden(name: subject.name, message: message, source: tokenSource)
    case (429, _): throw HubError.rateLimited(seconds: RetryPolicy.wait(response))
    default:
      throw HubError.refused(
        address: address.description, status: response.status, message: message,
        requestID: response.headers["x-request-id"])
    }
  }

  /// What the hub says for people, wherever it says it.
  static func message(_ response: HTTPResponse, _ document: JSONValue?) -> String {
    let errors =
      document?["errors"]?.arrayValue?.compactMap { $0["message"]?.stringValue ?? $0.stringValue } ?? []
    let error =
      document?["error"]?.stringValue
      ?? document?["error"]?.arrayValue?.compactMap(\.stringValue).joined(separator: "; ")
    return response.headers["x-error-message"] ?? error ?? errors.joined(separator: "; ")
  }

  /// Branches and tags, to name those that may have been meant; none when they cannot be had.
  private func revisions(of name: String) -> [String] {
    guard let address = try? api(name, "/refs"),
      let (document, _) = try? json(Subject(name: name), retries: .none, HTTPRequest(.get, address))
    else { return [] }
    return ["branches", "tags"].flatMap { document[$0]?.arrayValue ?? [] }.compactMap {
      $0["name"]?.stringValue
    }
  }
}
