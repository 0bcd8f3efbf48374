import CKernels
import Synchronization

/// Threads that share loops; the caller is one of them.
///
/// Between loops the threads spin for a moment, then sleep. While tasks run, subnormal numbers are flushed to zero,
/// on the caller too, whose own mode is restored.
package final class WorkerPool: Sendable {
  /// Threads that take part in a loop, the caller included.
  package let threadCount: Int
  private let shared = Shared()
  private let threads: [SystemThread]

  /// - Parameter threadCount: at least 1. When the system refuses a thread, the pool makes do with those it has.
  package init(threadCount: Int) {
    precondition(threadCount >= 1, "a pool needs at least one thread")
    var threads: [SystemThread] = []
    for _ in 1..<max(threadCount, 1) {
      guard let thread = startThread({ [shared] in shared.work() }) else { break }
      threads.append(thread)
    }
    self.threads = threads
    self.threadCount = threads.count + 1
  }

  deinit {
    shared.stop()
    for thread in threads { joinThread(thread) }
  }

  /// Runs `body` for 0 ..< count, each index once, on any thread and in any order, and waits for all.
  ///
  /// A call that finds the pool busy, because it comes from inside a task or from another thread at the same time,
  /// runs all indices itself. Nothing is allocated but the box of a few words that Swift gives the closure.
  package func forEach(_ count: Int, _ body: (Int) -> Void) {
    let mode = floating_point_mode()
    flush_denormals(true)
    defer { set_floating_point_mode(mode) }
    guard count > 1, threadCount > 1, shared.enter() else {
      for index in 0..<max(count, 0) { body(index) }
      return
    }
    withoutActuallyEscaping(body) { shared.run(count, $0) }
    shared.leave()
  }

  /// Cuts 0 ..< count at the multiples of `grain` and runs `body` for each piece.
  ///
  /// The pieces do not depend on the number of threads.
  package func forEachRange(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    let grain = max(grain, 1)
    forEach((count + grain - 1) / grain) { index in
      body(index * grain..<min((index + 1) * grain, count))
    }
  }
}

/// What the threads of a pool share.
///
/// A loop is open while `generation` is odd. A worker first counts itself `inside` and then looks whether the loop is
/// still open; the caller first closes the loop and then waits until nobody is inside. With sequentially consistent
/// operations one of them sees the other, so no worker touches a loop that is over.
private final class Shared: @unchecked Sendable {
  private let generation = Atomic<UInt64>(0)
  private let next = Atomic<Int>(0)
  private let inside = Atomic<Int>(0)
  private let isBusy = Atomic<Bool>(false)
  private let isStopping = Atomic<Bool>(false)
  private let parking = Parking()
  // The loop; written while nobody is inside, read by those who are.
  private var count = 0
  private var body: (Int) -> Void = { _ in }

  /// How long an idle thread spins before it sleeps, and the caller before it yields, in nanoseconds.
  static let spinTime: UInt64 = 50_000

  /// Takes the pool for one caller.
  func enter() -> Bool {
    isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
  }

  func leave() {
    isBusy.store(false, ordering: .releasing)
  }

  func run(_ count: Int, _ body: @escaping (Int) -> Void) {
    (self.count, self.body) = (count, body)
    next.store(0, ordering: .relaxed)
    generation.add(1, ordering: .sequentiallyConsistent)
    parking.wakeAll()
    takeTasks()
    generation.add(1, ordering: .sequentiallyConsistent)
    var spinner = Spinner(Self.spinTime)
    while inside.load(ordering: .sequentiallyConsistent) > 0 {
      // A worker may have lost its processor in the middle of a task; it needs ours to finish.
      if !spinner.spin() { yieldProcessor() }
    }
    self.body = { _ in }
  }

  private func takeTasks() {
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      body(index)
    }
  }

  /// The life of a worker.
  func work() {
    flush_denormals(true)
    var seen: UInt64 = 0
    while waitForLoop(after: seen) {
      inside.add(1, ordering: .sequentiallyConsistent)
      let current = generation.load(ordering: .sequentiallyConsistent)
      if current % 2 == 1 { takeTasks() }
      inside.subtract(1, ordering: .sequentiallyConsistent)
      seen = current
    }
  }

  /// Waits for an open loop later than `seen`; false when the pool is going away.
  private func waitForLoop(after seen: UInt64) -> Bool {
    func isOver() -> Bool {
      let current = generation.load(ordering: .sequentiallyConsistent)
      return isStopping.load(ordering: .sequentiallyConsistent) || (current % 2 == 1 && current != seen)
    }
    var spinner = Spinner(Self.spinTime)
    while !isOver() {
      if !spinner.spin() { parking.sleep(until: isOver) }
    }
    return !isStopping.load(ordering: .sequentiallyConsistent)
  }

  func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    parking.wakeAll()
  }
}
