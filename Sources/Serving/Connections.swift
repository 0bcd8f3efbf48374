import Synchronization

/// How long a client may take over each thing it does.
package struct Timeouts: Sendable, Equatable {
  /// Between two requests.
  package var idle = Duration.seconds(60)
  /// From connecting, or a request's first byte, to the end of its head.
  package var head = Duration.seconds(10)
  /// For the whole body.
  package var body = Duration.seconds(30)
  /// From the request to the answer: waiting in line and being computed.
  package var answer = Duration.seconds(60)
  /// For taking the whole answer.
  package var writing = Duration.seconds(30)
  /// For noticing that the connection is being closed.
  package var lingering = Duration.seconds(2)

  package init() {}
}

/// Every open connection: what it is doing, until when it may, and how much memory its body or answer takes.
///
/// Deadlines are of whole phases, not of single reads: a client that sends a byte now and then gains nothing. They are
/// looked at a few times a second, all together, which costs less than a timer each.
final class Connections: Sendable {
  typealias ID = Int

  enum Phase: Sendable, Equatable {
    /// Made, and silent so far.
    case connected
    /// Silent after an answer.
    case idle
    case head, body, answering, writing, lingering
  }

  struct Limits: Sendable {
    var connections: Int
    /// Of bodies being read or answered and of answers being taken, of all connections together.
    var bodyBytes: Int
    var timeouts: Timeouts
  }

  private struct Entry {
    var phase = Phase.connected
    var since: ContinuousClock.Instant
    var hasExpired = false
    var bodyBytes = 0
    var task: Task<Void, Never>?
  }

  private struct State {
    var entries: [ID: Entry] = [:]
    var nextID = 0
    var bodyBytes = 0
    var isDraining = false
  }

  private let limits: Limits
  private let state = Mutex(State())

  init(limits: Limits) { self.limits = limits }

  var count: Int { state.withLock { $0.entries.count } }

  var isDraining: Bool { state.withLock { $0.isDraining } }

  /// Starts to serve a connection, if there may be one more.
  ///
  /// At the limit, room is made by closing the one that has been silent longest, or else one that has been sending its
  /// request for more than a second: whoever holds connections open cannot lock others out.
  ///
  /// - Parameter start: starts the task of a connection, which calls ``leave(_:)`` at its end.
  /// - Returns: false when all connections are at work.
  func admit(_ start: (ID) -> Task<Void, Never>) -> Bool {
    state.withLock { state in
      guard !state.isDraining else { return false }
      if state.entries.count >= limits.connections {
        guard let victim = Self.leastDeserving(state) else { return false }
        Self.expire(victim, in: &state)
        // A burst may pass the limit by as many as are about to close, but not without end.
        guard state.entries.count < 2 * limits.connections else { return false }
      }
      let id = state.nextID
      state.nextID += 1
      state.entries[id] = Entry(since: .now)
      state.entries[id]?.task = start(id)
      return true
    }
  }

  private static func leastDeserving(_ state: State) -> ID? {
    let now = ContinuousClock.now
    func oldest(_ isMeant: (Entry) -> Bool) -> ID? {
      state.entries.filter { !$0.value.hasExpired && isMeant($0.value) }
        .min { ($0.value.since, $0.key) < ($1.value.since, $1.key) }?.key
    }
    return oldest { $0.phase == .connected || $0.phase == .idle }
      ?? oldest { ($0.phase == .head || $0.phase == .body) && $0.since.duration(to: now) > .seconds(1) }
  }

  private static func expire(_ id: ID, in state: inout State) {
    state.entries[id]?.hasExpired = true
    state.entries[id]?.task?.cancel()
  }

  /// A connection goes on to something else.
  ///
  /// - Returns: false when it should close instead, because the server is stopping.
  @discardableResult
  func enter(_ id: ID, _ phase: Phase) -> Bool {
    state.withLock { state in
      state.entries[id]?.phase = phase
      state.entries[id]?.since = .now
      return !(phase == .idle && state.isDraining)
    }
  }

  /// Whether a connection was cancelled for taking too long.
  func hasExpired(_ id: ID) -> Bool { state.withLock { $0.entries[id]?.hasExpired ?? false } }

  /// What a connection is doing.
  func phase(of id: ID) -> Phase? { state.withLock { $0.entries[id]?.phase } }

  /// Sets memory aside for a body.
  ///
  /// - Returns: false when all bodies together would take too much.
  func reserve(_ id: ID, bytes: Int) -> Bool {
    state.withLock { state in
      guard bytes <= limits.bodyBytes - state.bodyBytes else { return false }
      state.bodyBytes += bytes
      state.entries[id]?.bodyBytes += bytes
      return true
    }
  }

  /// Sets memory aside for an answer in place of the body that it answers.
  ///
  /// - Returns: false when there is no room; for one answer alone there always is, however long it is.
  func reserve(_ id: ID, answerBytes: Int) -> Bool {
    state.withLock { state in
      let others = state.bodyBytes - (state.entries[id]?.bodyBytes ?? 0)
      guard others <= 0 || answerBytes <= limits.bodyBytes - others else { return false }
      state.bodyBytes = others + answerBytes
      state.entries[id]?.bodyBytes = answerBytes
      return true
    }
  }

  /// Gives back what was set aside for a body or an answer.
  func release(_ id: ID) {
    state.withLock { state in
      state.bodyBytes -= state.entries[id]?.bodyBytes ?? 0
      state.entries[id]?.bodyBytes = 0
    }
  }

  /// A connection has been closed.
  func leave(_ id: ID) {
    release(id)
    state.withLock { _ = $0.entries.removeValue(forKey: id) }
  }

  /// Cancels every connection that has taken too long.
  func sweep() {
    let now = ContinuousClock.now
    state.withLock { state in
      for (id, entry) in state.entries
      where !entry.hasExpired && entry.since.duration(to: now) > timeout(of: entry.phase) {
        Self.expire(id, in: &state)
      }
    }
  }

  /// How often to ``sweep()``: a few times within the shortest timeout.
  var sweepInterval: Duration {
    let shortest =
      [Phase.idle, .head, .body, .answering, .writing, .lingering].map(timeout).min() ?? .seconds(1)
    return max(.milliseconds(10), min(.milliseconds(250), shortest / 4))
  }

  private func timeout(of phase: Phase) -> Duration {
    let timeouts = limits.timeouts
    return switch phase {
    case .idle: timeouts.idle
    case .connected, .head: timeouts.head
    case .body: timeouts.body
    case .answering: timeouts.answer
    case .writing: timeouts.writing
    case .lingering: timeouts.lingering
    }
  }

  /// Takes no further connection, and closes those that do nothing.
  func drain() {
    state.withLock { state in
      state.isDraining = true
      for entry in state.entries.values where entry.phase == .idle || entry.phase == .connected {
        entry.task?.cancel()
      }
    }
  }

  /// Cancels every connection.
  func cancelAll() { state.withLock { for entry in $0.entries.values { entry.task?.cancel() } } }
}
