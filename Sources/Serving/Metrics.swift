import Synchronization

/// What has happened, counted, in the text format of Prometheus.
///
/// Source: the exposition format 0.0.4. Names follow its conventions: base units, `_total` for counters.
package final class Metrics: Sendable {
  /// Why a request was not answered.
  package enum Rejection: String, Sendable, CaseIterable {
    case queueFull = "queue_full"
    case draining = "draining"
    case tooLarge = "too_large"
    case tooLong = "too_long"
    case tooSlow = "too_slow"
    case malformed = "malformed"
    case unauthorized = "unauthorized"
    case connections = "connections"
    case memory = "memory"
  }

  private struct State {
    var requests: [RequestKey: Int] = [:]
    var durations: [String: Histogram] = [:]
    var rejections: [Rejection: Int] = [:]
    var queueTime = Histogram(Histogram.seconds)
    var batchTime = Histogram(Histogram.seconds)
    var batchSequences = Histogram([1, 2, 4, 8, 16, 32, 64, 128, 256])
    var batchTokens = Histogram([16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768])
    var tokens = 0
    var abandoned = 0
  }

  private struct RequestKey: Hashable {
    var route: String
    var status: Int
  }

  private let state = Mutex(State())

  package init() {}

  /// A request was answered.
  ///
  /// - Parameters:
  ///   - route: one of the routes, or `other`; never what a client made up, or there were no end of them.
  ///   - status: the code of the answer.
  ///   - time: from the first byte of the request to the answer, the sending of which is not counted.
  package func answered(_ route: String, status: Int, in time: Duration) {
    state.withLock { state in
      state.requests[RequestKey(route: route, status: status), default: 0] += 1
      state.durations[route, default: Histogram(Histogram.seconds)].observe(time.seconds)
    }
  }

  /// A request, or a connection, was turned away.
  package func rejected(_ reason: Rejection) { state.withLock { $0.rejections[reason, default: 0] += 1 } }

  /// A client went away before its answer.
  package func abandoned() { state.withLock { $0.abandoned += 1 } }

  /// A sequence begins to be computed.
  func waited(since start: ContinuousClock.Instant?) {
    guard let start else { return }
    let time = start.duration(to: .now).seconds
    state.withLock { $0.queueTime.observe(time) }
  }

  /// A batch was computed.
  func computed(sequences: Int, tokens: Int, in time: Duration) {
    state.withLock { state in
      state.batchSequences.observe(Double(sequences))
      state.batchTokens.observe(Double(tokens))
      state.batchTime.observe(time.seconds)
      state.tokens += tokens
    }
  }

  /// What else is told, as it is at the moment.
  package struct Gauges: Sendable {
    package var task = ""
    package var model = ""
    package var queuedSequences = 0
    package var queuedTokens = 0
    package var connections = 0

    package init() {}
  }

  /// All of it, one line a value.
  package func text(_ gauges: Gauges) -> String {
    let state = state.withLock { $0 }
    var text = MetricsText()
    text.family("ckpt_model_info", "gauge", "The model in memory.")
    text.line("ckpt_model_info", [("model", gauges.model), ("task", gauges.task)], "1")
    text.family("ckpt_requests_total", "counter", "Requests answered, by route and status.")
    for (key, count) in state.requests.sorted(by: {
      ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status)
    }) {
      text.line("ckpt_requests_total", [("route", key.route), ("status", "\(key.status)")], "\(count)")
    }
    text.family(
      "ckpt_request_duration_seconds", "histogram", "From a request's first byte to its answer, by route.")
    for (route, histogram) in state.durations.sorted(by: { $0.key < $1.key }) {
      text.histogram("ckpt_request_duration_seconds", [("route", route)], histogram)
    }
    text.family("ckpt_rejected_total", "counter", "Requests and connections turned away, by reason.")
    for reason in Rejection.allCases {
      text.line("ckpt_rejected_total", [("reason", reason.rawValue)], "\(state.rejections[reason] ?? 0)")
    }
    text.value(
      "ckpt_abandoned_total", "counter", "Requests whose client left before the answer.", state.abandoned)
    text.value("ckpt_connections", "gauge", "Open connections.", gauges.connections)
    text.value("ckpt_queue_sequences", "gauge", "Texts that wait to be computed.", gauges.queuedSequences)
    text.value("ckpt_queue_tokens", "gauge", "Tokens that wait to be computed.", gauges.queuedTokens)
    text.family("ckpt_queue_wait_seconds", "histogram", "How long a text waited to be computed.")
    text.histogram("ckpt_queue_wait_seconds", [], state.queueTime)
    text.family("ckpt_batch_duration_seconds", "histogram", "How long a batch was computed.")
    text.histogram("ckpt_batch_duration_seconds", [], state.batchTime)
    text.family("ckpt_batch_sequences", "histogram", "Texts in a batch.")
    text.histogram("ckpt_batch_sequences", [], state.batchSequences)
    text.family("ckpt_batch_tokens", "histogram", "Tokens in a batch.")
    text.histogram("ckpt_batch_tokens", [], state.batchTokens)
    text.value("ckpt_tokens_total", "counter", "Tokens computed.", state.tokens)
    return text.text
  }
}

/// How often values were at most each of some bounds.
package struct Histogram: Sendable, Equatable {
  /// From half a millisecond to half a minute.
  package static let seconds = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
  ]

  package let bounds: [Double]
  /// Those within each bound and above the one before; the last has no bound.
  package private(set) var counts: [Int]
  package private(set) var sum = 0.0

  /// - Parameter bounds: ascending.
  package init(_ bounds: [Double]) {
    self.bounds = bounds
    counts = [Int](repeating: 0, count: bounds.count + 1)
  }

  package mutating func observe(_ value: Double) {
    counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
    sum += value
  }
}

/// Lines of the exposition format.
private struct MetricsText {
  var text = ""

  mutating func family(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  mutating func value(_ name: String, _ type: String, _ help: String, _ value: Int) {
    family(name, type, help)
    line(name, [], "\(value)")
  }

  mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
    let pairs = labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",")
    text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(pairs)} \(value)\n"
  }

  mutating func histogram(_ name: String, _ labels: [(String, String)], _ histogram: Histogram) {
    var total = 0
    for (place, count) in histogram.counts.enumerated() {
      total += count
      let bound = place < histogram.bounds.count ? "\(histogram.bounds[place])" : "+Inf"
      line("\(name)_bucket", labels + [("le", bound)], "\(total)")
    }
    line("\(name)_sum", labels, "\(histogram.sum)")
    line("\(name)_count", labels, "\(total)")
  }

  private func escaped(_ value: String) -> String {
    value.reduce(into: "") { text, character in
      switch character {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.append(character)
      }
    }
  }
}
