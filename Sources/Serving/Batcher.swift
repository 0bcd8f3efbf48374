import Tensors

/// Computes what many requests ask for, in batches, on one thread that owns the model.
///
/// There is no waiting for a batch to fill: the thread takes what is there as soon as it is free, so a request that
/// comes alone is computed at once and alone, and under load the batch is whatever came during the one before.
package final class Batcher: Sendable {
  /// How much may wait and how much is computed at once.
  package struct Limits: Sendable, Equatable {
    package var batch: BatchQueue.Limits
    /// The sequences that may wait.
    package var queuedSequences: Int
    /// The tokens that may wait.
    package var queuedTokens: Int

    package init(batch: BatchQueue.Limits, queuedSequences: Int, queuedTokens: Int) {
      (self.batch, self.queuedSequences, self.queuedTokens) = (batch, queuedSequences, queuedTokens)
    }
  }

  /// What the model makes of a batch: one row of floats for each sequence.
  package typealias Compute = @Sendable ([TokenSequence]) throws -> [[Float]]

  private struct Job {
    let continuation: CheckedContinuation<[[Float]], any Error>
    let isAbandoned: @Sendable () -> Bool
    let since: ContinuousClock.Instant
    var results: [[Float]]
    var missing: Int
  }

  private struct State {
    var queue: BatchQueue
    var jobs: [BatchQueue.Ticket: Job] = [:]
    var nextTicket = 0
    /// Takes no more, computes what there is.
    var isDraining = false
    /// Tokens a second, of late.
    var speed: Double?
    /// Those of a batch that is being computed.
    var computing = 0
  }

  private let limits: Limits
  private let metrics: Metrics
  private let monitor: Monitor<State>
  private let thread: SystemThread?

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - limits: of batches and of what waits for them.
  ///   - metrics: told of every batch.
  ///   - compute: called on the thread only, with one batch after another.
  /// - Throws: ``ServingError/noThread`` when the system has none.
  package init(limits: Limits, metrics: Metrics, compute: @escaping Compute) throws(ServingError) {
    self.limits = limits
    self.metrics = metrics
    let monitor = Monitor(State(queue: BatchQueue(limits: limits.batch)))
    self.monitor = monitor
    thread = startThread { Self.work(monitor, metrics, compute) }
    guard thread != nil else { throw .noThread }
  }

  deinit {
    // The thread holds the monitor, not the batcher.
    refuse()
    monitor.signal()
  }

  /// What waits.
  package var depth: (sequences: Int, tokens: Int) {
    monitor.withLock { ($0.queue.sequenceCount, $0.queue.tokenCount) }
  }

  /// Waits for the results of a request's sequences.
  ///
  /// - Parameters:
  ///   - sequences: at least one.
  ///   - isAbandoned: whether nobody waits for the results any more; asked on the thread, before the work is done.
  /// - Returns: the model's row for each sequence, in their order.
  /// - Throws: ``Refusal`` when there is no room or the batcher is draining; `CancellationError` when the task was
  ///   cancelled or the request abandoned; what the model throws.
  package func results(
    of sequences: [TokenSequence], isAbandoned: @escaping @Sendable () -> Bool = { false }
  ) async throws -> [[Float]] {
    let ticket = monitor.withLock { state in
      state.nextTicket += 1
      return state.nextTicket
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let job = Job(
          continuation: continuation, isAbandoned: isAbandoned, since: .now,
          results: [[Float]](repeating: [], count: sequences.count), missing: sequences.count)
        if let refusal = admit(ticket, job, sequences) {
          continuation.resume(throwing: refusal)
        } else if Task.isCancelled {
          cancel(ticket)  // which may have been asked for before there was anything to cancel
        }
      }
    } onCancel: {
      cancel(ticket)
    }
  }

  private func admit(_ ticket: BatchQueue.Ticket, _ job: Job, _ sequences: [TokenSequence]) -> Refusal? {
    let tokens = sequences.reduce(0) { $0 + $1.length }
    let (refusal, abandoned) = monitor.withLock { state -> (Refusal?, [Job]) in
      guard !state.isDraining else { return (.draining, []) }
      var abandoned: [Job] = []
      if !hasRoom(state, sequences.count, tokens) { abandoned = Self.removeAbandoned(&state) }
      guard hasRoom(state, sequences.count, tokens) else {
        return (.full(retryAfter: Self.waitingTime(state)), abandoned)
      }
      state.jobs[ticket] = job
      state.queue.append(ticket, sequences)
      return (nil, abandoned)
    }
    for job in abandoned { job.continuation.resume(throwing: CancellationError()) }
    if refusal == nil { monitor.signal() }
    return refusal
  }

  /// Whether there is room for a request; when nothing waits there is for any.
  private func hasRoom(_ state: State, _ sequences: Int, _ tokens: Int) -> Bool {
    state.queue.isEmpty
      || (state.queue.sequenceCount + sequences <= limits.queuedSequences
        && state.queue.tokenCount + tokens <= limits.queuedTokens)
  }

  /// In how many seconds what waits now will have been computed, at the speed of late.
  private static func waitingTime(_ state: State) -> Int {
    guard let speed = state.speed, speed > 0 else { return 1 }
    return min(60, max(1, Int((Double(state.queue.tokenCount + state.computing) / speed).rounded(.up))))
  }

  private func cancel(_ ticket: BatchQueue.Ticket) {
    let job = monitor.withLock { state in
      state.queue.remove(ticket)
      return state.jobs.removeValue(forKey: ticket)
    }
    job?.continuation.resume(throwing: CancellationError())
  }

  private static func removeAbandoned(_ state: inout State) -> [Job] {
    var removed: [Job] = []
    for ticket in state.queue.tickets where state.jobs[ticket]?.isAbandoned() == true {
      state.queue.remove(ticket)
      if let job = state.jobs.removeValue(forKey: ticket) { removed.append(job) }
    }
    return removed
  }

  /// Takes no further request and waits until those that are there are done. May be called once.
  package func drain() {
    monitor.withLock { $0.isDraining = true }
    monitor.signal()
    if let thread { joinThread(thread) }
  }

  /// Takes no further request.
  package func refuse() { monitor.withLock { $0.isDraining = true } }

  /// Lets go of everything that waits.
  package func cancelAll() {
    let jobs = monitor.withLock { state in
      for ticket in state.queue.tickets { state.queue.remove(ticket) }
      defer { state.jobs = [:] }
      return state.jobs.values.map(\.continuation)
    }
    for continuation in jobs { continuation.resume(throwing: CancellationError()) }
  }

  // MARK: The thread

  private static func work(_ monitor: Monitor<State>, _ metrics: Metrics, _ compute: Compute) {
    while true {
      let (members, abandoned, isOver) = monitor.withLock(when: { !$0.queue.isEmpty || $0.isDraining }) {
        state -> ([BatchQueue.Member], [Job], Bool) in
        let abandoned = removeAbandoned(&state)
        let members = state.queue.next()
        state.computing = tokenCount(members)
        for member in members { metrics.waited(since: state.jobs[member.ticket]?.since) }
        return (members, abandoned, members.isEmpty && state.queue.isEmpty && state.isDraining)
      }
      for job in abandoned { job.continuation.resume(throwing: CancellationError()) }
      if isOver { return }
      guard !members.isEmpty else { continue }
      let (outcome, time) = outcome(of: members, metrics, compute)
      if case .failure = outcome, case let requests = byRequest(members), requests.count > 1 {
        // It may be the fault of one of them, which the others must not suffer for.
        for members in requests {
          let (outcome, time) = Self.outcome(of: members, metrics, compute)
          finish(members, outcome, time, monitor)
        }
      } else {
        finish(members, outcome, time, monitor)
      }
    }
  }

  private static func outcome(
    of members: [BatchQueue.Member], _ metrics: Metrics, _ compute: Compute
  ) -> (Result<[[Float]], any Error>, Duration) {
    let start = ContinuousClock.now
    let outcome = Result { try compute(members.map(\.sequence)) }
    let time = start.duration(to: .now)
    metrics.computed(sequences: members.count, tokens: tokenCount(members), in: time)
    return (outcome, time)
  }

  private static func tokenCount(_ members: [BatchQueue.Member]) -> Int {
    members.reduce(0) { $0 + $1.sequence.length }
  }

  /// The members of each request, in the order of their tickets.
  private static func byRequest(_ members: [BatchQueue.Member]) -> [[BatchQueue.Member]] {
    Dictionary(grouping: members, by: \.ticket).sorted { $0.key < $1.key }.map(\.value)
  }

  private static func finish(
    _ members: [BatchQueue.Member], _ outcome: Result<[[Float]], any Error>, _ time: Duration,
    _ monitor: Monitor<State>
  ) {
    let done = monitor.withLock { state -> [(Job, Result<[[Float]], any Error>)] in
      let tokens = tokenCount(members)
      let latest = Double(tokens) / max(time.seconds, 1e-9)
      state.speed = state.speed.map { 0.8 * $0 + 0.2 * latest } ?? latest
      state.computing -= tokens
      switch outcome {
      case .failure(let error):
        return Set(members.map(\.ticket)).compactMap { ticket in
          state.queue.remove(ticket)
          return state.jobs.removeValue(forKey: ticket).map { ($0, .failure(error)) }
        }
      case .success(let rows):
        var done: [(Job, Result<[[Float]], any Error>)] = []
        for (member, row) in zip(members, rows) {
          state.jobs[member.ticket]?.results[member.index] = row
          state.jobs[member.ticket]?.missing -= 1
          if state.jobs[member.ticket]?.missing == 0, let job = state.jobs.removeValue(forKey: member.ticket)
          {
            done.append((job, .success(job.results)))
          }
        }
        return done
      }
    }
    for (job, result) in done { job.continuation.resume(with: result) }
  }
}

/// Why a request is not taken.
package enum Refusal: Error, Equatable {
  /// As much waits as may; seconds after which there should be room again.
  case full(retryAfter: Int)
  /// The server is stopping.
  case draining
}

extension Duration {
  /// As a number.
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
