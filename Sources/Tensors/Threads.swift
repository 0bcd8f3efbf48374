import CKernels
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

// The few things that pthreads spell differently from platform to platform.

/// A pthread, for handing it on.
package struct SystemThread: @unchecked Sendable {
  fileprivate let handle: pthread_t
}

/// What a thread does, for the trip through C.
final class ThreadBody {
  private let body: () -> Void

  init(_ body: @escaping () -> Void) { self.body = body }

  /// The argument of a thread that will call ``run(_:)``.
  fileprivate func retained() -> UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

  fileprivate static func release(_ argument: UnsafeMutableRawPointer) {
    Unmanaged<ThreadBody>.fromOpaque(argument).release()
  }

  fileprivate static func run(_ argument: UnsafeMutableRawPointer) {
    Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
  }
}

/// Starts a thread; nil when the system refuses.
package func startThread(_ body: @escaping @Sendable () -> Void) -> SystemThread? {
  let argument = ThreadBody(body).retained()
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  // Kernels keep packed panels on the stack; musl's default of 128 kB would be tight.
  pthread_attr_setstacksize(&attributes, 1 << 20)
  #if canImport(Darwin)
    var handle: pthread_t?
    let status = pthread_create(
      &handle, &attributes,
      {
        ThreadBody.run($0); return nil
      }, argument)
  #else
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      {
        if let argument = $0 { ThreadBody.run(argument) }; return nil
      }, argument)
    let handle: pthread_t? = thread
  #endif
  guard status == 0, let handle else {
    ThreadBody.release(argument)
    return nil
  }
  return SystemThread(handle: handle)
}

/// Waits until a thread has ended; once for each thread.
package func joinThread(_ thread: SystemThread) { pthread_join(thread.handle, nil) }

/// Lets a thread go that nobody will wait for.
package func detachThread(_ thread: SystemThread) { pthread_detach(thread.handle) }

func yieldProcessor() { sched_yield() }

/// Nanoseconds of a clock that only goes forward.
func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Spins for a while.
struct Spinner {
  private var turns = 0
  private var deadline: UInt64 = 0
  private let time: UInt64

  /// - Parameter time: nanoseconds.
  init(_ time: UInt64) { self.time = time }

  /// Pauses for a moment; false once the time is over.
  mutating func spin() -> Bool {
    relax_processor()
    turns += 1
    // Looking at the clock costs as much as a pause.
    guard turns % 32 == 0 else { return true }
    let now = monotonicNanoseconds()
    if deadline == 0 { deadline = now + time }
    return now < deadline
  }
}

/// Where threads sleep until there is something to do.
package final class Parking: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let sleepers = Atomic<Int>(0)

  package init() {
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Sleeps until `isOver`, which whoever calls ``wakeAll()`` has made true before.
  package func sleep(until isOver: () -> Bool) {
    pthread_mutex_lock(mutex)
    // Counted before the last look, so that a waker who is not seen here sees the sleeper there.
    sleepers.add(1, ordering: .sequentiallyConsistent)
    while !isOver() { pthread_cond_wait(condition, mutex) }
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }

  /// Wakes every sleeper; costs one load when there is none.
  package func wakeAll() {
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
