import Hub
import Testing

@Suite("requests")
struct ClientTests {
  static let origin = WebAddress.Origin(scheme: "http", host: "hub.test", port: 80)

  private func client(_ transport: FakeTransport, _ diary: Diary = Diary()) throws -> HTTPClient {
    try HTTPClient(
      transport, credential: .init(.init(secret: "hf_secret", source: "HF_TOKEN"), for: Self.origin),
      pause: { _ in }, report: diary.note)
  }

  private func get(_ text: String = "http://hub.test/x") throws -> HTTPRequest {
    HTTPRequest(.get, try WebAddress(text))
  }

  @Test(
    "the token goes to the hub and nowhere else, on whatever way",
    arguments: [
      ["http://cdn.test/a"], ["/elsewhere", "http://cdn.test/a"],
      ["http://cdn.test/a", "http://hub.test/back"],
      ["https://hub.test/other-scheme"], ["http://hub.test:8080/other-port"], ["//hub.test.evil.test/x"],
    ])
  func authorization(hops: [String]) throws {
    let transport = FakeTransport { _, number in number < hops.count ? .redirect(hops[number]) : .status(200)
    }
    let response = try client(transport).send { try get() }
    #expect(response.status == 200)
    #expect(response.redirects.count == hops.count)
    #expect(transport.requests.count == hops.count + 1)
    for request in transport.requests {
      #expect((request.headers["authorization"] != nil) == (request.address.origin == Self.origin))
    }
  }

  @Test("a signed address gets no token, even on the hub")
  func signed() throws {
    let transport = FakeTransport { _, _ in .status(200) }
    var request = try get()
    request.isAuthorised = false
    let sent = request
    _ = try client(transport).send { sent }
    #expect(transport.requests[0].headers["authorization"] == nil)
  }

  @Test(
    "a token that would break out of its header is refused, and not shown", arguments: ["a\r\nb", "a b", "ü"])
  func malformedToken(secret: String) {
    #expect(throws: HubError.malformedToken(source: "HF_TOKEN")) {
      try HTTPClient(
        FakeTransport { _, _ in .status(200) },
        credential: .init(.init(secret: secret, source: "HF_TOKEN"), for: Self.origin), pause: { _ in },
        report: { _ in })
    }
  }

  @Test("redirects end: by a limit, and where encryption would")
  func badRedirects() throws {
    let circle = FakeTransport { _, _ in .redirect("/x") }
    #expect(throws: HubError.tooManyRedirects(address: "http://hub.test/x")) {
      try client(circle).send { try get() }
    }
    #expect(circle.requests.count == 21)
    let plain = FakeTransport { _, _ in .redirect("http://cdn.test/") }
    #expect(throws: HubError.insecureRedirect(from: "https://hub.test/x", to: "http://cdn.test/")) {
      try client(plain).send { try get("https://hub.test/x") }
    }
  }

  @Test("a redirect that is not wanted is the answer")
  func unfollowed() throws {
    let transport = FakeTransport { _, number in .redirect(number == 0 ? "/y" : "http://cdn.test/") }
    let response = try client(transport).send(follow: { $0.origin == Self.origin }, { try get() })
    #expect(response.status == 302)
    #expect(transport.requests.count == 2)
  }

  @Test(
    "what may pass is tried five times, after 1, 2, 4 and 8 seconds",
    arguments: [408, 429, 500, 502, 503, 504])
  func retries(status: Int) throws {
    let (diary, transport) = (Diary(), FakeTransport { _, _ in .status(status) })
    #expect(try client(transport, diary).send { try get() }.status == status)
    #expect(diary.waits == [1, 2, 4, 8])
  }

  @Test("what will not pass is asked once", arguments: [400, 401, 403, 404, 409, 412, 416, 501])
  func noRetries(status: Int) throws {
    let transport = FakeTransport { _, _ in .status(status) }
    #expect(try client(transport).send { try get() }.status == status)
    #expect(transport.requests.count == 1)
  }

  static let limits: [(headers: HTTPHeaders, status: Int, wait: Int)] = [
    (["RateLimit": #""resolvers";r=0;t=55"#], 429, 56),
    (["RateLimit": #""api";r=0;t=3"#, "Retry-After": "9"], 429, 4),
    (["Retry-After": "7"], 429, 7), (["Retry-After": "7"], 503, 7),
    (["Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"], 429, 1), (["Retry-After": "99999"], 429, 1),
    (["RateLimit": "t=x"], 429, 1), (["RateLimit": #""api";r=9;t=200"#], 503, 1),
  ]

  @Test("a rate limit says how long to wait", arguments: limits.indices)
  func rateLimits(index: Int) throws {
    let limit = Self.limits[index]
    let diary = Diary()
    let transport = FakeTransport { _, number in
      number == 0 ? .status(limit.status, limit.headers) : .status(200)
    }
    #expect(try client(transport, diary).send { try get() }.status == 200)
    #expect(diary.waits == [limit.wait])
  }

  @Test("a hub that cannot be reached is tried again only when it has been reached before")
  func noConnection() throws {
    let refused = TransportFailure(.noConnection, "connection refused")
    let down = FakeTransport { _, _ in Answer(failure: refused) }
    #expect(throws: HubError.unreachable(address: "http://hub.test/x", reason: "connection refused")) {
      try client(down).send { try get("http://hub.test/x?token=secret") }
    }
    #expect(down.requests.count == 1)
    let flaky = FakeTransport { _, number in number == 1 ? Answer(failure: refused) : .status(200) }
    let steady = try client(flaky)
    for _ in 0..<2 { #expect(try steady.send { try get() }.status == 200) }
    #expect(flaky.requests.count == 3)
  }

  @Test("a certificate that is not trusted is no matter of patience")
  func untrusted() throws {
    let transport = FakeTransport { _, _ in Answer(failure: .init(.untrusted, "self-signed")) }
    #expect(throws: HubError.untrusted(address: "http://hub.test/x", reason: "self-signed")) {
      try client(transport).send { try get() }
    }
    #expect(transport.requests.count == 1)
  }

  @Test("what the hub warns of is said once a topic")
  func warnings() throws {
    let diary = Diary()
    let transport = FakeTransport { _, _ in .status(200, ["X-HF-Warning": "Old; your client is old"]) }
    let warned = try client(transport, diary)
    for _ in 0..<2 { _ = try warned.send { try get() } }
    #expect(diary.events == [.notice("your client is old")])
  }
}
