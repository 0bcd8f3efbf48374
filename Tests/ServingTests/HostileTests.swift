#if Serving
  import ModelFiles
  import Serving
  import Testing

  @Suite("hostile clients harm nobody else")
  struct HostileTests {
    private let body = #"{"inputs": "a"}"#

    @Test(
      "what is malformed is answered, and the connection closed",
      arguments: [
        ("nonsense\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400), ("\u{16}\u{3}\u{1}\u{0}\r\n\r\n", 400),
        (
          "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400
        ),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n", 413),
        ("GET /<30000> HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nA: <30000>\r\n\r\n", 431),
        ("PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n", 405),
      ])
    func malformed(request: String, status: Int) async throws {
      try await withServer { _, url in
        let client = try WireClient(url)
        // So many letters, which would fill the log.
        await client.send(request.replacing("<30000>", with: String(repeating: "a", count: 30_000)))
        let answer = try #require(try await client.answer())
        #expect(answer.status == status)
        #expect(try answer.json()["error"]?.stringValue != nil)
        #expect(answer.fields["connection"] == "close")
        #expect(await client.isClosed())
      }
    }

    @Test(
      "what is no JSON, or too much of it, is answered, and the connection kept",
      arguments: [
        ("{", 400), ("", 400), ("\u{FEFF}{}", 400), (#"{"inputs": "a"} x"#, 400),
        (#"{"inputs": "\ud800"}"#, 400),
        ("<deep>", 400), ("<wide>", 422), (#"{"inputs": "a", "inputs": "b"}"#, 400),
        (#"{"inputs": null}"#, 422),
      ])
    func badJSON(body: String, status: Int) async throws {
      try await withServer { _, url in
        let client = try WireClient(url)
        let large = [
          "<deep>": String(repeating: "[", count: 100_000),
          "<wide>": "[" + String(repeating: "0,", count: 100_000) + "0]",
        ]
        await client.post("/", large[body] ?? body)
        #expect(try await client.answer()?.status == status)
        await client.post("/", self.body)
        #expect(try await client.answer()?.status == 200)
      }
    }

    @Test("a body that is not said to be JSON is not taken, so that no web page can send one unasked")
    func types() async throws {
      try await withServer { _, url in
        let client = try WireClient(url)
        let json = "Content-Type: application/json\r\n"
        for (types, status) in [
          ("Content-Type: text/plain\r\n", 415), ("", 415), (json + json, 415),
          ("Content-Type: application/x-www-form-urlencoded\r\n", 415), ("Content-Type: \r\n", 415),
          (json + "Content-Type: text/plain\r\n", 415), (json, 200),
          ("content-type: Application/JSON; charset=utf-8\r\n", 200),
        ] {
          for framing in [
            "Content-Length: \(body.count)\r\n\r\n\(body)",
            "Transfer-Encoding: chunked\r\n\r\nf\r\n\(body)\r\n0\r\n\r\n",
          ] {
            let client = try WireClient(url)
            await client.send("POST / HTTP/1.1\r\nHost: localhost\r\n\(types)\(framing)")
            #expect(try await client.answer()?.status == status, "\(types)")
          }
        }
        await client.get("/", method: "DELETE")
        let answer = try #require(try await client.answer())
        #expect(answer.status == 405 && answer.fields["allow"] == "GET, HEAD, POST")
      }
    }

    static let hosts: [(host: String, isOwn: Bool)] = [
      ("localhost", true), ("LocalHost:80", true), ("127.0.0.1:8080", true), ("[::1]:1", true),
      ("rebound.example", false), ("rebound.example:8080", false), ("localhost.example", false),
      ("127.0.0.1.example", false), ("localhost:80.example", false), ("localhost@example", false),
      ("", false),
    ]

    @Test("names of web pages that lead to this machine are not answered to", arguments: hosts)
    func rebinding(host: String, isOwn: Bool) async throws {
      func status(_ change: @escaping (inout InferenceServer.Configuration) -> Void) async throws -> Int {
        var found = 0
        try await withServer("classifier", .testing(change)) { _, url in
          let client = try WireClient(url)
          await client.send("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
          found = try #require(try await client.answer()).status
        }
        return found
      }
      #expect(try await status { _ in } == (isOwn ? 200 : 421))
      // Pages do not know the token; and who lets everybody in means that.
      let token = try BearerToken("a-token-of-24-characters")
      #expect(try await status { $0.token = token } == 401)
      #expect(try await status { $0.allowsUnprotected = true } == 200)
    }

    @Test("slow heads and bodies are cut off, while others are served")
    func slow() async throws {
      let configuration = InferenceServer.Configuration.testing {
        ($0.headTimeout, $0.bodyTimeout) = (.milliseconds(200), .milliseconds(200))
      }
      try await withServer("classifier", configuration) { _, url in
        let (head, body, silent) = (try WireClient(url), try WireClient(url), try WireClient(url))
        await head.send("POST / HTTP/1.1\r\nHo")
        await body.send(
          "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"
        )
        let client = try WireClient(url)
        await client.post("/", self.body)
        #expect(try await client.answer()?.status == 200)
        for slow in [head, body, silent] {
          let answer = try #require(try await slow.answer())
          #expect(answer.status == 408 && answer.fields["connection"] == "close")
          #expect(await slow.isClosed())
        }
      }
    }

    @Test("a byte now and then gains no time")
    func trickle() async throws {
      let configuration = InferenceServer.Configuration.testing { $0.headTimeout = .milliseconds(300) }
      try await withServer("classifier", configuration) { _, url in
        let client = try WireClient(url)
        // A whole request in the end, which would be answered if it might take its time.
        let sending = Task {
          for character in "GET / HTTP/1.1\r\nHost: localhost\r\n" + String(repeating: "A: b\r\n", count: 20)
            + "\r\n"
          {
            await client.send(String(character))
            try await Task.sleep(for: .milliseconds(50))
          }
        }
        #expect(try await client.answer()?.status == 408)
        sending.cancel()
      }
    }

    @Test("a connection that rests makes room for another")
    func resting() async throws {
      try await withServer("classifier", .testing { $0.maxConnections = 3 }) { _, url in
        var clients: [WireClient] = []
        for _ in 0..<8 {
          let client = try WireClient(url)
          await client.post("/", body)
          #expect(try await client.answer()?.status == 200)
          clients.append(client)
        }
        #expect(await clients[0].isClosed())
      }
    }

    @Test("silent connections lock nobody out")
    func silent() async throws {
      try await withServer("classifier", .testing { $0.maxConnections = 8 }) { _, url in
        let silent = try (0..<12).map { _ in try WireClient(url) }
        let client = try WireClient(url)
        await client.post("/", body)
        #expect(try await client.answer()?.status == 200)
        #expect(try await silent[0].answer()?.status == 408)
      }
    }

    @Test("when all connections are at work, another is told so")
    func busy() async throws {
      let gate = Gate()
      try await withServer(
        "classifier", .testing { $0.maxConnections = 1 },
        compute: { sequences in
          gate.pass()
          return sequences.map { _ in [0, 0, 0] }
        }
      ) { _, url in
        let client = try WireClient(url)
        await client.post("/", body)
        await gate.waitForArrivals()
        let other = try WireClient(url)
        let answer = try #require(try await other.answer())
        #expect(answer.status == 503 && answer.fields["retry-after"] == "1")
        gate.open()
        #expect(try await client.answer()?.status == 200)
      }
    }

    @Test("all bodies together have a limit")
    func memory() async throws {
      let configuration = InferenceServer.Configuration.testing {
        ($0.maxBodyBytes, $0.maxBodyBytesTogether) = (1000, 1500)
      }
      try await withServer("classifier", configuration) { _, url in
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        let first = try WireClient(url)
        // Told to go on, its body is being waited for.
        await first.send(head + "Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n")
        #expect(try await first.answer()?.status == 100)
        let second = try WireClient(url)
        await second.send(head + "Content-Length: 1000\r\n\r\n")
        #expect(try await second.answer()?.status == 503)
        let small = try WireClient(url)
        await small.post("/", body)
        #expect(try await small.answer()?.status == 200)
        await first.send(body + String(repeating: " ", count: 1000 - body.count))
        #expect(try await first.answer()?.status == 200)
      }
    }

    @Test("answers that nobody takes share the memory of bodies, and small ones are given meanwhile")
    func untaken() async throws {
      let configuration = InferenceServer.Configuration.testing {
        ($0.maxBodyBytes, $0.maxBodyBytesTogether, $0.writeTimeout) = (4000, 50_000, .seconds(20))
      }
      try await withServer("embedder", configuration) { _, url in
        let large =
          #"{"inputs": ["# + [String](repeating: #""a b c d""#, count: 256).joined(separator: ",") + "]}"
        let slow = try WireClient(url)
        // Far more answers than the sockets' buffers hold.
        let sending = Task { for _ in 0..<400 { await slow.post("/embed", large) } }
        let client = try WireClient(url)
        var refused: WireClient.Answer?
        let end = ContinuousClock.now + .seconds(15)
        while refused?.status != 503 && ContinuousClock.now < end {
          await client.post("/embed", large)
          refused = try await client.answer()
        }
        #expect(refused?.status == 503 && refused?.fields["retry-after"] == "1")
        await client.post("/embed", body)
        #expect(try await client.answer()?.status == 200)
        slow.end()
        await sending.value
      }
    }

    @Test("an answer that nobody takes is given up")
    func unread() async throws {
      try await withServer("embedder", .testing { $0.writeTimeout = .milliseconds(200) }) { server, url in
        let client = try WireClient(url)
        let list = [String](repeating: #""a b c d""#, count: 256).joined(separator: ",")
        // Far more answers than the sockets' buffers hold.
        let sending = Task {
          for _ in 0..<400 { await client.post("/embed", #"{"inputs": [\#(list)]}"#) }
        }
        let watcher = try WireClient(url)
        var isOver = false
        while !isOver {
          await watcher.get("/metrics")
          isOver = try #require(try await watcher.answer()).body.contains("ckpt_connections 1\n")
          try await Task.sleep(for: .milliseconds(20))
        }
        await sending.value
      }
    }
  }
#endif
