import Serving
import Testing

@Suite("requests are read from bytes")
struct HTTPRequestParserTests {
  /// What a parser finds in bytes that come in pieces of `size`.
  private func events(
    _ text: String, size: Int = .max, limits: HTTPLimits = HTTPLimits()
  ) throws(HTTPFault) -> [HTTPRequestParser.Event] {
    var parser = HTTPRequestParser(limits: limits)
    var bytes = Array(text.utf8)[...]
    var events: [HTTPRequestParser.Event] = []
    while !bytes.isEmpty {
      parser.append(bytes.prefix(size))
      bytes = bytes.dropFirst(size)
      while true {
        let event = try parser.next()
        if event == .needsBytes { break }
        events.append(event)
      }
    }
    return events
  }

  @Test("a request and what it asks of the connection")
  func plain() throws {
    let events = try events("POST /embed?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nX-Y:  z\t\r\n\r\n{}")
    guard case .head(let head)? = events.first else { throw HTTPFault.malformed("no head") }
    #expect(head.method == "POST" && head.path == "/embed" && head.query == "a=b")
    #expect(head[field: "x-y"] == "z" && head[field: "host"] == "x" && head[field: "absent"] == nil)
    #expect(head.framing == .length(2) && head.keepsAlive && !head.expectsContinue)
    #expect(events.dropFirst().elementsEqual([.body(Array("{}".utf8))]))
  }

  static let several =
    "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"
    + "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    + "3\r\nabc\r\n10;ext=1\r\n0123456789abcdef\r\n0\r\nTrailer: t\r\n\r\n"
    + "POST http://host:80/b HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\n\r\n\r\n"

  @Test("cut anywhere, bytes mean the same", arguments: [1, 2, 3, 7, 64, .max])
  func pieces(size: Int) throws {
    let found = try events(Self.several, size: size)
    #expect(found == (try events(Self.several)))
    let bodies = found.compactMap {
      if case .body(let body) = $0 { String(decoding: body, as: UTF8.self) } else { nil }
    }
    #expect(bodies == ["", "abc0123456789abcdef", "\r\n\r\n"])
    let paths = found.compactMap { if case .head(let head) = $0 { head.path } else { nil } }
    #expect(paths == ["/", "/a", "/b"])
  }

  @Test(
    "whether the connection stays",
    arguments: [
      ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: Close\r\n", false),
      ("HTTP/1.1", "Connection: x, close\r\n", false), ("HTTP/1.0", "Host: x\r\n", false),
      ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
    ])
  func keepAlive(version: String, field: String, expected: Bool) throws {
    let host = version == "HTTP/1.1" ? "Host: x\r\n" : ""
    guard case .head(let head)? = try events("GET / \(version)\r\n\(host)\(field)\r\n").first else {
      throw HTTPFault.malformed("no head")
    }
    #expect(head.keepsAlive == expected)
  }

  // Each line is a request that some server somewhere reads otherwise than another.
  static let hostile: [(String, Int)] = [
    ("nonsense\r\n\r\n", 400),
    ("GET /\r\n\r\n", 400),
    ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400),
    ("GET / HTTP/1.1\nHost: x\n\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\n\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: \u{0}\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
    ("G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("GET /é HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    ("GET / FTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", 417),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\nab\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", 413),
  ]

  @Test("what is in doubt is refused", arguments: hostile)
  func refuses(text: String, status: Int) throws {
    for size in [1, .max] {
      let fault = #expect(throws: HTTPFault.self) { try events(text, size: size) }
      #expect(fault?.status.code == status, "\(text), by \(size)")
    }
  }

  @Test("whatever comes, cut anywhere, is read or refused alike", arguments: 0..<8)
  func mutations(seed: UInt64) throws {
    var generator = SplitMix(state: seed)
    let seeds = [Self.several] + Self.hostile.map(\.0)
    let pieces = [
      "\r\n", "\n", " ", ":", "0", "chunked", "Content-Length: 3\r\n", "\u{0}", "\r\n\r\n", "f", ",",
    ]
    var limits = HTTPLimits(body: 64)
    limits.head = 160
    for _ in 0..<400 {
      var text = Array((seeds.randomElement(using: &generator) ?? "").utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0...text.count, using: &generator)
        let end = min(text.count, place + Int.random(in: 0...3, using: &generator))
        text.replaceSubrange(place..<end, with: (pieces.randomElement(using: &generator) ?? "").utf8)
      }
      let whole = outcome(text, size: .max, limits)
      for size in [1, 5] { #expect(outcome(text, size: size, limits) == whole, "\(text), by \(size)") }
    }
  }

  /// What is found until the end or the fault, and whether there was one. Which fault may depend on how much has come.
  private func outcome(_ bytes: [UInt8], size: Int, _ limits: HTTPLimits) -> Outcome {
    var parser = HTTPRequestParser(limits: limits)
    var rest = bytes[...]
    var outcome = Outcome()
    do {
      while !rest.isEmpty {
        parser.append(rest.prefix(size))
        rest = rest.dropFirst(size)
        while true {
          let event = try parser.next()
          if event == .needsBytes { break }
          outcome.events.append(event)
        }
      }
    } catch { outcome.isRefused = true }
    return outcome
  }

  private struct Outcome: Equatable {
    var events: [HTTPRequestParser.Event] = []
    var isRefused = false
  }

  @Test("limits hold before memory is taken")
  func limits() throws {
    var limits = HTTPLimits(body: 10)
    (limits.head, limits.target, limits.fields) = (200, 50, 3)
    let start = "GET / HTTP/1.1\r\nHost: x\r\n"
    let cases: [(String, Int)] = [
      ("GET /" + String(repeating: "a", count: 60) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
      ("GET /" + String(repeating: "a", count: 1000), 414),
      (start + "A: " + String(repeating: "a", count: 1000), 431),
      (start + String(repeating: "A: b\r\n", count: 4) + "\r\n", 431),
      ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 413),
      ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n3\r\n", 413),
      (
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          + String(repeating: "1", count: 400), 400
      ),
      (
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
          + String(repeating: "A: b\r\n", count: 60), 431
      ),
    ]
    for (text, status) in cases {
      let fault = #expect(throws: HTTPFault.self) { try events(text, limits: limits) }
      #expect(fault?.status.code == status, "\(text)")
    }
  }

  @Test("a date is written as HTTP writes it")
  func date() { #expect(httpDate(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT") }

  @Test("an answer has its length, and no body when none is asked for")
  func response() {
    let response = HTTPResponse.error(.tooManyRequests, "Overloaded", "wait").adding("retry-after", "2")
    let text = String(decoding: response.bytes(closes: true, date: 0), as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 429 Too Many Requests\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"))
    #expect(text.hasSuffix(#"{"error":"wait","error_type":"Overloaded"}"#))
    #expect(text.contains("content-length: 42\r\nretry-after: 2\r\nconnection: close\r\n\r\n{"))
    #expect(response.bytes(closes: true, includesBody: false, date: 0).count == text.utf8.count - 42)
  }
}

/// Random numbers that are the same each time (Steele, Lea and Flood 2014).
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
