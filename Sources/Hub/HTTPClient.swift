import Synchronization

/// Follows redirects, tries again, waits for rate limits, and shows the token to the hub alone.
package final class HTTPClient: Sendable {
  /// A token, and the only origin that may see it.
  package struct Credential: Sendable {
    package var token: HubEnvironment.Token
    package var origin: WebAddress.Origin

    package init(_ token: HubEnvironment.Token, for origin: WebAddress.Origin) {
      (self.token, self.origin) = (token, origin)
    }
  }

  private let transport: any HTTPTransport
  private let credential: Credential?
  private let pause: @Sendable (Int) -> Void
  private let report: @Sendable (HubEvent) -> Void
  private let state = Mutex(State())

  private struct State {
    /// Whether there has been an answer: until then a connection that cannot be made will not be made later either.
    var hasAnswer = false
    /// What the hub has warned of, so that it is said once.
    var warnings: Set<String> = []
  }

  /// The most redirects that are followed.
  static let redirectLimit = 20

  /// - Parameters:
  ///   - transport: asks one question.
  ///   - credential: goes along wherever the address has its origin, and nowhere else.
  ///   - pause: waits a number of seconds.
  ///   - report: told of waits and of what the hub warns of.
  /// - Throws: ``HubError/malformedToken(source:)`` when the token could not stand in a header.
  package init(
    _ transport: any HTTPTransport, credential: Credential?, pause: @escaping @Sendable (Int) -> Void,
    report: @escaping @Sendable (HubEvent) -> Void
  ) throws(HubError) {
    if let token = credential?.token, !token.secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
      throw .malformedToken(source: token.source)
    }
    (self.transport, self.credential, self.pause, self.report) = (transport, credential, pause, report)
  }

  /// Asks until there is an answer that another attempt would not change.
  ///
  /// - Parameters:
  ///   - retries: how often.
  ///   - sink: takes the body of the last answer.
  ///   - sent: called with the bytes of the body that have been sent.
  ///   - isFollowed: whether a redirect to an address is followed; one that is not is the answer.
  ///   - request: made anew for every attempt, so that it can ask for the rest of what has come already.
  /// - Throws: ``HubError/unreachable(address:reason:)`` and the other errors of a connection; what the sink throws.
  package func send(
    retries: RetryPolicy = .standard, to sink: (any HTTPSink)? = nil, sent: ((Int) -> Void)? = nil,
    follow isFollowed: (WebAddress) -> Bool = { _ in true }, _ request: () throws -> HTTPRequest
  ) throws -> HTTPResponse {
    var failures = 0
    while true {
      let (request, before) = (try request(), sink?.furthestPosition)
      let (wait, reason): (Int?, String)
      do {
        let response = try exchange(request, sink, sent, isFollowed)
        failures += 1
        guard RetryPolicy.transientStatuses.contains(response.status), failures < retries.attempts else {
          return response
        }
        (wait, reason) = (RetryPolicy.wait(response), "\(request.address) answers \(response.status)")
      } catch let failure as TransportFailure {
        let isHopeless = failure.kind == .noConnection && !state.withLock { $0.hasAnswer }
        failures = sink?.furthestPosition == before ? failures + 1 : 1
        guard failure.kind == .broken || failure.kind == .noConnection, !isHopeless,
          failures < retries.attempts
        else {
          throw HubError(failure, request.address)
        }
        (wait, reason) = (nil, "\(request.address): \(failure.reason)")
      }
      self.wait(seconds: wait ?? RetryPolicy.pause(after: failures - 1), reason: reason)
    }
  }

  /// Waits before another attempt, and says so.
  func wait(seconds: Int, reason: String) {
    report(.waiting(seconds: seconds, reason: reason))
    pause(seconds)
  }

  /// One attempt, redirects followed.
  private func exchange(
    _ request: HTTPRequest, _ sink: (any HTTPSink)?, _ sent: ((Int) -> Void)?,
    _ isFollowed: (WebAddress) -> Bool
  ) throws -> HTTPResponse {
    var request = request
    var redirects: [HTTPHeaders] = []
    let given = request.headers
    while true {
      request.headers = given
      if request.isAuthorised, let credential, request.address.origin == credential.origin {
        request.headers.add("authorization", "Bearer \(credential.token.secret)")
      }
      var response = try transport.send(request, to: sink, sent: sent)
      state.withLock { $0.hasAnswer = true }
      response.headers.values("x-hf-warning").forEach(warn)
      response.redirects = redirects
      // What is asked by POST is not repeated elsewhere unless the answer says that it should be.
      guard let location = response.location, request.method != .post || response.status > 306 else {
        return response
      }
      let next = try request.address.resolving(location)
      guard next.origin.scheme == "https" || request.address.origin.scheme == "http" else {
        throw HubError.insecureRedirect(from: request.address.description, to: next.description)
      }
      guard isFollowed(next) else { return response }
      redirects.append(response.headers)
      guard redirects.count <= Self.redirectLimit else {
        throw HubError.tooManyRedirects(address: request.address.description)
      }
      request.address = next
    }
  }

  /// `topic; message`, said once a topic.
  private func warn(_ text: String) {
    let parts = text.split(separator: ";", maxSplits: 1)
    guard state.withLock({ $0.warnings.insert(String(parts.first ?? "")).inserted }) else { return }
    report(.notice(HubError.oneLine(String(parts.last ?? ""))))
  }
}

extension HubError {
  fileprivate init(_ failure: TransportFailure, _ address: WebAddress) {
    self =
      switch failure.kind {
      case .untrusted: .untrusted(address: address.description, reason: failure.reason)
      default: .unreachable(address: address.description, reason: failure.reason)
      }
  }
}
