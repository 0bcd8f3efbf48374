import ModelFiles
import Serving
import Synchronization
import Testing

/// A text of so many tokens.
private func sequence(_ length: Int, _ id: Int32 = 1) -> TokenSequence {
  TokenSequence(
    inputIDs: [Int32](repeating: id, count: length), tokenTypeIDs: [Int32](repeating: 0, count: length))
}

@Suite("what waits is put together")
struct BatchQueueTests {
  private func queue(_ requests: [[Int]], tokens: Int = 1000, sequences: Int = 100) -> BatchQueue {
    var queue = BatchQueue(limits: .init(batchTokens: tokens, batchSequences: sequences))
    for (ticket, lengths) in requests.enumerated() { queue.append(ticket, lengths.map { sequence($0) }) }
    return queue
  }

  /// Every batch: who is in it, with which lengths.
  private func batches(_ queue: BatchQueue) -> [[String]] {
    var queue = queue
    var batches: [[String]] = []
    while true {
      let members = queue.next()
      if members.isEmpty { break }
      batches.append(members.map { "\($0.ticket):\($0.sequence.length)" })
    }
    #expect(queue.isEmpty && queue.tokenCount == 0 && queue.sequenceCount == 0)
    return batches
  }

  @Test("a lone text is a batch")
  func alone() { #expect(batches(queue([[7]])) == [["0:7"]]) }

  @Test("everything there is, if it fits")
  func all() { #expect(batches(queue([[10], [12], [9]])) == [["0:10", "1:12", "2:9"]]) }

  @Test("the budget counts tokens, not padding")
  func budget() {
    #expect(
      batches(queue([[100], [100], [100], [100]], tokens: 300)) == [["0:100", "1:100", "2:100"], ["3:100"]])
    #expect(batches(queue([[100], [5], [5]], tokens: 110)) == [["0:100", "1:5", "2:5"]])
    // What does not fit is passed over, not waited for.
    #expect(batches(queue([[100], [90], [40]], tokens: 150)) == [["0:100", "2:40"], ["1:90"]])
  }

  @Test("a text over the budget is computed alone")
  func overBudget() { #expect(batches(queue([[500], [5]], tokens: 100)) == [["0:500"], ["1:5"]]) }

  @Test("each request gives the longest of its texts that fits")
  func longestFirst() {
    #expect(batches(queue([[60, 5], [30, 70]], tokens: 100)) == [["0:60", "1:30", "0:5"], ["1:70"]])
  }

  @Test("no more texts than the limit")
  func count() {
    #expect(batches(queue([[4, 4, 4], [4]], sequences: 2)) == [["0:4", "1:4"], ["0:4", "0:4"]])
  }

  @Test("one text need not wait for all of a long list before it")
  func fairness() {
    let long = [Int](repeating: 10, count: 7)
    let found = batches(queue([long, [10], [10]], tokens: 40))
    #expect(found == [["0:10", "1:10", "2:10", "0:10"], ["0:10", "0:10", "0:10", "0:10"], ["0:10"]])
  }

  @Test("a long list goes to the end of the line after each batch")
  func rotation() {
    var queue = queue([[10, 10, 10]], tokens: 10)
    #expect(queue.next().map(\.ticket) == [0])
    queue.append(1, [sequence(10)])
    #expect(queue.next().map(\.ticket) == [0])
    #expect(queue.next().map(\.ticket) == [1])
    #expect(queue.next().map(\.ticket) == [0])
  }

  @Test("texts keep their places within the request")
  func places() {
    var queue = queue([[3, 9, 6]])
    let members = queue.next()
    #expect(members.map(\.index).sorted() == [0, 1, 2])
    #expect(members.allSatisfy { $0.sequence.length == [3, 9, 6][$0.index] })
  }

  @Test("who leaves the line takes the tokens along")
  func removal() {
    var queue = queue([[10, 20], [5]])
    #expect(queue.tokenCount == 35 && queue.sequenceCount == 3)
    queue.remove(0)
    queue.remove(7)
    #expect(queue.tokenCount == 5 && queue.sequenceCount == 1 && queue.tickets == [1])
  }
}

@Suite("requests are computed in batches")
struct BatcherTests {
  private func batcher(
    queuedSequences: Int = 100, queuedTokens: Int = 1000, compute: @escaping Batcher.Compute
  ) throws -> Batcher {
    try Batcher(
      limits: .init(
        batch: .init(batchTokens: 100, batchSequences: 16), queuedSequences: queuedSequences,
        queuedTokens: queuedTokens), metrics: Metrics(), compute: compute)
  }

  private static let echo: Batcher.Compute = { $0.map { [Float($0.inputIDs[0])] } }

  @Test("each request gets its own rows, in its own order")
  func rows() async throws {
    let batcher = try batcher(queuedSequences: 1000, queuedTokens: 10_000, compute: Self.echo)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for request in 0..<50 {
        group.addTask {
          let ids = (0..<request % 7 + 1).map { Int32(request * 10 + $0) }
          let lengths = ids.map { Int($0) * 7 % 30 + 1 }
          let rows = try await batcher.results(of: zip(lengths, ids).map { sequence($0, $1) })
          #expect(rows == ids.map { [Float($0)] })
        }
      }
      try await group.waitForAll()
    }
    batcher.drain()
  }

  @Test("what comes during a batch is the next batch")
  func batches() async throws {
    let (gate, sizes) = (Gate(), Counter<[Int]>([]))
    let batcher = try batcher { sequences in
      sizes.change { $0.append(sequences.count) }
      gate.pass()
      return try Self.echo(sequences)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await batcher.results(of: [sequence(3)]) }
      await gate.waitForArrivals()
      for _ in 0..<5 { group.addTask { _ = try await batcher.results(of: [sequence(3)]) } }
      #expect(try await eventually { batcher.depth.sequences == 5 })
      gate.open()
      try await group.waitForAll()
    }
    #expect(sizes.value == [1, 5])
  }

  @Test("no more may wait than there is room for")
  func full() async throws {
    let gate = Gate()
    let batcher = try batcher(queuedSequences: 2, queuedTokens: 10) {
      gate.pass()
      return try Self.echo($0)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await batcher.results(of: [sequence(3)]) }
      await gate.waitForArrivals()
      group.addTask { _ = try await batcher.results(of: [sequence(8)]) }
      #expect(try await eventually { batcher.depth.tokens == 8 })
      for lengths in [[3], [1, 1]] {
        await #expect(throws: Refusal.full(retryAfter: 1)) {
          try await batcher.results(of: lengths.map { sequence($0) })
        }
      }
      group.addTask { _ = try await batcher.results(of: [sequence(2)]) }
      #expect(try await eventually { batcher.depth.tokens == 10 })
      gate.open()
      try await group.waitForAll()
    }
  }

  @Test("a request larger than the room is taken when nothing waits")
  func large() async throws {
    let batcher = try batcher(queuedSequences: 2, queuedTokens: 10, compute: Self.echo)
    #expect(try await batcher.results(of: [sequence(50), sequence(50), sequence(50)]).count == 3)
  }

  @Test("what nobody waits for is not computed", arguments: [true, false])
  func cancelled(byTask: Bool) async throws {
    let (gate, computed) = (Gate(), Counter<[Int32]>([]))
    let batcher = try batcher { sequences in
      computed.change { $0 += sequences.map { $0.inputIDs[0] } }
      gate.pass()
      return try Self.echo(sequences)
    }
    let first = Task { try await batcher.results(of: [sequence(3, 1)]) }
    await gate.waitForArrivals()
    let left = Counter(false)
    let second = Task { try await batcher.results(of: [sequence(3, 2)], isAbandoned: { left.value }) }
    let third = Task { try await batcher.results(of: [sequence(3, 3)]) }
    #expect(try await eventually { batcher.depth.sequences == 2 })
    if byTask { second.cancel() } else { left.change { $0 = true } }
    if byTask { #expect(try await eventually { batcher.depth.sequences == 1 }) }
    gate.open()
    await #expect(throws: CancellationError.self) { try await second.value }
    _ = try await (first.value, third.value)
    #expect(computed.value == [1, 3])
  }

  @Test("an error of the model is told to those of its batch only")
  func failure() async throws {
    let batcher = try batcher { sequences in
      if sequences.contains(where: { $0.inputIDs[0] == 13 }) { throw ServingError.noThread }
      return try Self.echo(sequences)
    }
    await #expect(throws: ServingError.noThread) { try await batcher.results(of: [sequence(3, 13)]) }
    #expect(try await batcher.results(of: [sequence(3, 4)]) == [[4]])
  }

  @Test("a request that the model fails on takes no other of its batch along")
  func failureAmongOthers() async throws {
    let (gate, failures) = (Gate(), Counter(0))
    let batcher = try batcher { sequences in
      gate.pass()
      if sequences.contains(where: { $0.inputIDs[0] == 13 }) {
        failures.change { $0 += 1 }
        throw ServingError.noThread
      }
      return try Self.echo(sequences)
    }
    let first = Task { try await batcher.results(of: [sequence(3, 0)]) }
    await gate.waitForArrivals()
    let others = [[1, 2], [13, 4], [5]].map { ids in
      Task { try await batcher.results(of: ids.map { sequence(3, $0) }) }
    }
    #expect(try await eventually { batcher.depth.sequences == 5 })
    gate.open()
    _ = try await first.value
    #expect(try await others[0].value == [[1], [2]])
    await #expect(throws: ServingError.noThread) { try await others[1].value }
    #expect(try await others[2].value == [[5]])
    // In the batch, and alone.
    #expect(failures.value == 2)
    #expect(try await batcher.results(of: [sequence(3, 6)]) == [[6]])
  }

  @Test("at the end what waits is computed, and nothing more is taken")
  func draining() async throws {
    let gate = Gate()
    let batcher = try batcher {
      gate.pass()
      return try Self.echo($0)
    }
    let first = Task { try await batcher.results(of: [sequence(3, 0)]) }
    await gate.waitForArrivals()
    let others = (1..<3).map { id in Task { try await batcher.results(of: [sequence(3, Int32(id))]) } }
    #expect(try await eventually { batcher.depth.sequences == 2 })
    batcher.refuse()
    await #expect(throws: Refusal.draining) { try await batcher.results(of: [sequence(3)]) }
    gate.open()
    await onThread { batcher.drain() }
    for task in [first] + others { _ = try await task.value }
  }
}

/// A value that threads share.
final class Counter<Value: Sendable>: Sendable {
  private let mutex: Mutex<Value>

  init(_ value: Value) { mutex = Mutex(value) }

  var value: Value { mutex.withLock { $0 } }

  func change(_ body: (inout Value) -> Void) { mutex.withLock { body(&$0) } }
}

@Suite("what has happened is counted")
struct MetricsTests {
  @Test("as Prometheus reads it")
  func text() throws {
    let metrics = Metrics()
    metrics.answered("/", status: 200, in: .milliseconds(3))
    metrics.answered("/", status: 200, in: .seconds(100))
    metrics.answered("/", status: 422, in: .zero)
    metrics.rejected(.queueFull)
    var gauges = Metrics.Gauges()
    (gauges.model, gauges.task, gauges.queuedTokens) = ("a\"\\\n", "fill-mask", 7)
    let text = metrics.text(gauges)
    let lines = text.split(separator: "\n")
    for line in [
      #"ckpt_model_info{model="a\"\\\n",task="fill-mask"} 1"#,
      #"ckpt_requests_total{route="/",status="200"} 2"#, #"ckpt_requests_total{route="/",status="422"} 1"#,
      #"ckpt_request_duration_seconds_bucket{route="/",le="0.0025"} 1"#,
      #"ckpt_request_duration_seconds_bucket{route="/",le="0.005"} 2"#,
      #"ckpt_request_duration_seconds_bucket{route="/",le="+Inf"} 3"#,
      #"ckpt_request_duration_seconds_count{route="/"} 3"#, #"ckpt_rejected_total{reason="queue_full"} 1"#,
      #"ckpt_rejected_total{reason="draining"} 0"#, "ckpt_queue_tokens 7",
    ] { #expect(lines.contains(Substring(line)), "\(line)") }
    // Every family has its help and type, once, before its values.
    let families = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
    #expect(Set(families).count == families.count)
    for line in lines where !line.hasPrefix("#") {
      #expect(families.contains { line.hasPrefix($0) }, "\(line)")
    }
    #expect(text.hasSuffix("\n"))
  }

  @Test("a bound belongs to what is below it")
  func histogram() {
    var histogram = Histogram([1, 2])
    for value in [0.5, 1, 1.5, 2, 3] { histogram.observe(value) }
    #expect(histogram.counts == [2, 2, 1] && histogram.sum == 8)
  }
}

@Suite("tokens")
struct BearerTokenTests {
  @Test("are recognised, and nothing else is")
  func comparison() throws {
    let token = try BearerToken(" 0123456789abcdef\n")
    for field in ["Bearer 0123456789abcdef", "bearer  0123456789abcdef "] {
      #expect(token.isCarried(by: field))
    }
    for field in [
      nil, "", "Bearer", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef", "Bearer 0123456789abcdeF",
      "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer 0123456789abcdef x",
    ] { #expect(!token.isCarried(by: field), "\(field ?? "nil")") }
  }

  @Test("are not printed")
  func hidden() throws {
    let token = try BearerToken("0123456789abcdef")
    var dumped = ""
    dump(token, to: &dumped)
    #expect(!"\(token)\(String(reflecting: token))\(dumped)".contains("0123"))
  }

  @Test(
    "must be hard to guess and fit a header",
    arguments: ["", "short", "0123456789 abcdef", "0123456789abcdefé"])
  func refused(text: String) { #expect(throws: ServingError.self) { try BearerToken(text) } }
}
