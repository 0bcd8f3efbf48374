#if Serving
  import Serving
  import Testing

  @Suite("a server under load says so, and ends in order")
  struct OverloadTests {
    private let body = #"{"inputs": "a"}"#

    @Test("when the line is full, later requests are told when to come again")
    func full() async throws {
      let gate = Gate()
      let model = try Models.open("classifier")
      try await withServer(
        "classifier", .testing { ($0.maxQueuedTexts, $0.maxTexts) = (1, 1) },
        compute: { sequences in
          gate.pass()
          return try model.rows(sequences)
        }
      ) { _, url in
        let clients = try (0..<3).map { _ in try WireClient(url) }
        await clients[0].post("/", body)
        await gate.waitForArrivals()
        await clients[1].post("/", body)
        let watcher = try WireClient(url)
        var waits = false
        while !waits {
          await watcher.get("/metrics")
          waits = try #require(try await watcher.answer()).body.contains("ckpt_queue_sequences 1\n")
        }
        await clients[2].post("/", body)
        let refused = try #require(try await clients[2].answer())
        #expect(refused.status == 429 && refused.fields["retry-after"] == "1")
        gate.open()
        for client in clients.prefix(2) { #expect(try await client.answer()?.status == 200) }
        await clients[2].post("/", body)
        #expect(try await clients[2].answer()?.status == 200)
      }
    }

    @Test("a client that leaves takes its work along")
    func leaving() async throws {
      let (gate, sizes) = (Gate(), Counter<[Int]>([]))
      let model = try Models.open("classifier")
      try await withServer(compute: { sequences in
        sizes.change { $0.append(sequences[0].length) }
        gate.pass()
        return try model.rows(sequences)
      }) { _, url in
        let first = try WireClient(url)
        await first.post("/", body)
        await gate.waitForArrivals()
        var leaving: WireClient? = try WireClient(url)
        await leaving?.post(
          "/", #"{"inputs": "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a"}"#)
        let watcher = try WireClient(url)
        var waits = false
        while !waits {
          await watcher.get("/metrics")
          waits = try #require(try await watcher.answer()).body.contains("ckpt_queue_sequences 1\n")
        }
        leaving = nil
        gate.open()
        #expect(try await first.answer()?.status == 200)
        await first.post("/", body)
        #expect(try await first.answer()?.status == 200)
        #expect(sizes.value == [3, 3])
      }
    }

    @Test("stopping answers what was asked, and nothing more")
    func stopping() async throws {
      let gate = Gate()
      let model = try Models.open("classifier")
      let server = try InferenceServer(
        model, configuration: .testing(),
        compute: { sequences in
          gate.pass()
          return try model.rows(sequences)
        })
      let url = try server.start()
      let (asking, resting, late) = (try WireClient(url), try WireClient(url), try WireClient(url))
      await resting.get("/health")
      #expect(try await resting.answer()?.status == 200)
      // It has begun a request when the server begins to stop.
      await late.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Le")
      await asking.post("/", body)
      await gate.waitForArrivals()
      let stopping = Task { await server.stop(within: .seconds(10)) }
      #expect(await resting.isClosed())
      await late.send("ngth: \(body.count)\r\n\r\n\(body)")
      #expect(try await late.answer()?.status == 503)
      gate.open()
      let answer = try #require(try await asking.answer())
      #expect(answer.status == 200 && answer.fields["connection"] == "close")
      await stopping.value
      #expect(throws: (any Error).self) { try WireClient(url) }
    }

    @Test("stopping lets go of what takes too long")
    func bounded() async throws {
      let gate = Gate()
      let server = try InferenceServer(
        Models.open("classifier"), configuration: .testing(),
        compute: { sequences in
          gate.pass()
          return sequences.map { _ in [0, 0, 0] }
        })
      let url = try server.start()
      let client = try WireClient(url)
      await client.post("/", body)
      await gate.waitForArrivals()
      let stopping = Task { await server.stop(within: .milliseconds(20)) }
      #expect(await client.isClosed())
      gate.open()  // a batch that has begun is finished
      await stopping.value
    }
  }
#endif
