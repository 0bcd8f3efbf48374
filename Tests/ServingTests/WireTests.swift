#if Serving
  import ModelFiles
  import Pretrained
  import Serving
  import Testing

  /// A server for as long as `body` runs.
  func withServer(
    _ model: String = "classifier", _ configuration: InferenceServer.Configuration = .testing(),
    compute: Batcher.Compute? = nil, _ body: (InferenceServer, String) async throws -> Void
  ) async throws {
    let model = try Models.open(model)
    let server = try InferenceServer(model, configuration: configuration, compute: compute ?? model.rows)
    let url = try server.start()
    do { try await body(server, url) } catch {
      await server.stop(within: .zero)
      throw error
    }
    await server.stop(within: .seconds(5))
  }

  @Suite("a server answers on loopback")
  struct ServingTests {
    @Test("as the client expects, and keeps the connection")
    func answers() async throws {
      try await withServer { _, url in
        let client = try WireClient(url)
        for _ in 0..<3 {
          await client.post("/", #"{"inputs": "5.1 3.5 1.4 0.2", "parameters": {"top_k": 1}}"#)
          let answer = try #require(try await client.answer())
          #expect(answer.status == 200 && answer.fields["content-type"] == "application/json")
          #expect(answer.fields["connection"] == nil)
          #expect(try answer.json()[0]?[0]?["label"]?.stringValue != nil)
        }
      }
    }

    @Test("tells of itself")
    func about() async throws {
      try await withServer("embedder") { _, url in
        let client = try WireClient(url)
        for (path, type) in [
          ("/", "application/json"), ("/info", "application/json"), ("/health", "application/json"),
          ("/metrics", "text/plain; version=0.0.4; charset=utf-8"), ("/openapi.json", "application/json"),
        ] {
          await client.get(path)
          let answer = try #require(try await client.answer())
          #expect(answer.status == 200 && answer.fields["content-type"] == type, "\(path)")
          await client.get(path, method: "HEAD")
          let head = try #require(try await client.answer(hasBody: false))
          // Metrics have changed meanwhile.
          #expect(path == "/metrics" || head.fields["content-length"] == answer.fields["content-length"])
          if path == "/" { #expect(try answer.json()["task"]?.stringValue == "feature-extraction") }
        }
      }
    }

    @Test("requests sent at once are answered in order")
    func pipelining() async throws {
      try await withServer { _, url in
        let client = try WireClient(url)
        let body = #"{"inputs": "a"}"#
        let post =
          "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n\(body)"
        await client.send(
          "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n\(post)GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        var found: [Int] = []
        for _ in 0..<3 { found.append(try #require(try await client.answer()).status) }
        #expect(found == [200, 200, 404])
      }
    }

    @Test("chunks, and a client that waits to be told to go on")
    func bodies() async throws {
      try await withServer { _, url in
        let client = try WireClient(url)
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        await client.send("\(head)Transfer-Encoding: chunked\r\n\r\n7\r\n{\"input\r\n")
        await client.send("8\r\ns\": \"a\"}\r\n0\r\n\r\n")
        #expect(try await client.answer()?.status == 200)
        await client.send("\(head)Expect: 100-continue\r\nContent-Length: 15\r\n\r\n")
        #expect(try await client.answer()?.status == 100)
        await client.send(#"{"inputs": "a"}"#)
        #expect(try await client.answer()?.status == 200)
        await client.send(
          "\(head)Expect: 100-continue\r\nContent-Length: 15000000\r\n\r\n")
        #expect(try await client.answer()?.status == 413)
        #expect(await client.isClosed())
      }
    }

    @Test("many clients at once get what each would get alone")
    func parallel() async throws {
      let classifier = try TextClassifier(Models.path("classifier"), threads: 1)
      try await withServer { _, url in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<12 {
            group.addTask {
              let client = try WireClient(url)
              for turn in 0..<5 {
                let text = [String](repeating: "\(number)", count: 1 + (number * 7 + turn) % 6).joined(
                  separator: " ")
                await client.post("/", #"{"inputs": "\#(text)"}"#)
                let found = try #require(try await client.answer()?.json()[0]?[0])
                let expected = try classifier(text)[0]
                #expect(found["label"]?.stringValue == expected.label)
                #expect(abs((found["score"]?.doubleValue ?? .nan) - Double(expected.score)) < 1e-5)
              }
            }
          }
          try await group.waitForAll()
        }
      }
    }

    @Test("clients without the token learn only that the server lives")
    func token() async throws {
      let token = try BearerToken("a-token-of-24-characters")
      try await withServer("classifier", .testing { $0.token = token }) { _, url in
        for (path, field, status) in [
          ("/health", "", 200), ("/metrics", "", 401), ("/", "", 401), ("/nowhere", "", 401),
          ("/metrics", "Authorization: Bearer wrong\r\n", 401),
          ("/metrics", "Authorization: Bearer a-token-of-24-characters\r\n", 200),
        ] {
          let client = try WireClient(url)
          await client.get(path, fields: field)
          let answer = try #require(try await client.answer())
          #expect(answer.status == status, "\(path) \(field)")
          #expect((answer.fields["www-authenticate"] == "Bearer") == (status == 401))
        }
        // The body of a stranger is not read.
        let client = try WireClient(url)
        await client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        #expect(try await client.answer()?.status == 401)
      }
    }

    @Test("the configuration is checked before anything listens")
    func configuration() throws {
      let model = try Models.open("classifier")
      for (error, change) in [
        (ServingError.unprotected(host: "0.0.0.0"), { $0.host = "0.0.0.0" }),
        (.unprotected(host: "::"), { $0.host = "::" }),
        (.badHost("example.org"), { $0.host = "example.org" }),
        (.badLimit(name: "maxBatchTokens", value: 0, least: 1), { $0.maxBatchTokens = 0 }),
        (.badLimit(name: "maxLength", value: 2, least: 3), { $0.maxLength = 2 }),
      ] as [(ServingError, (inout InferenceServer.Configuration) -> Void)] {
        #expect(throws: error) { try InferenceServer(model, configuration: .testing(change)) }
      }
      for (host, isLoopback) in [
        ("localhost", true), ("127.1.2.3", true), ("::1", true), ("0.0.0.0", false), ("::", false),
        ("10.0.0.1", false), ("::ffff:127.0.0.1", false),
      ] { #expect(try ListeningAddress(host: host).isLoopback == isLoopback, "\(host)") }
    }

    @Test("a port that is taken is named")
    func taken() async throws {
      try await withServer { _, url in
        let port = try #require(UInt16(url.split(separator: ":").last ?? ""))
        let other = try InferenceServer(Models.open("classifier"), configuration: .testing { $0.port = port })
        let error = #expect(throws: ServingError.self) { try other.start() }
        #expect("\(error.map { "\($0)" } ?? "")".contains("port \(port)"))
        await other.stop()
      }
    }

    @Test("numbers that are not finite are not sent as if they were an answer")
    func notFinite() async throws {
      try await withServer(compute: { $0.map { _ in [.nan, 0, 0] } }) { _, url in
        let client = try WireClient(url)
        await client.post("/", #"{"inputs": "a"}"#)
        #expect(try await client.answer()?.status == 500)
      }
    }
  }

  @Suite("the interface is described")
  struct OpenAPITests {
    @Test("with every path that is served, and every reference resolved", arguments: InferenceTask.allCases)
    func document(task: InferenceTask) throws {
      for hasToken in [true, false] {
        let document = OpenAPIDescription(
          model: "m", task: task, limits: .init(texts: 8, length: 512, truncates: false), hasToken: hasToken
        ).document
        #expect(document["openapi"]?.stringValue == "3.1.0")
        let paths = document["paths"]?.members?.map(\.key) ?? []
        let extra: [InferenceTask: [String]] = [
          .textClassification: ["/predict"], .featureExtraction: ["/embed", "/similarity"], .fillMask: [],
        ]
        #expect(paths == ["/", "/info", "/health", "/metrics", "/openapi.json"] + (extra[task] ?? []))
        let schemas = Set(document["components"]?["schemas"]?.members?.map(\.key) ?? [])
        let text = document.compactText()
        for part in text.split(separator: "#/components/schemas/").dropFirst() {
          let name = String(part.prefix { $0 != "\"" })
          #expect(schemas.contains(name), "\(name)")
        }
        #expect((document["security"] != nil) == hasToken)
      }
    }
  }
#endif
