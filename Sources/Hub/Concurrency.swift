import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Calls `body` with every item, on up to `width` threads; returns when all are done.
///
/// Threads of their own rather than tasks: what they do is wait for the network, which would block the few threads that
/// tasks share. After the first error no further item is begun.
///
/// - Throws: the first error.
func concurrently<Item: Sendable>(
  _ items: [Item], width: Int, _ body: @escaping @Sendable (Item) throws -> Void
) throws {
  guard items.count > 1, width > 1 else { return try items.forEach(body) }
  let work = Work(items, body)
  // When the system refuses threads, fewer do the same.
  let threads = (1..<min(width, items.count)).compactMap { _ in startThread { work.run() } }
  work.run()
  for thread in threads { pthread_join(thread, nil) }
  if let error = work.error { throw error }
}

private final class Work<Item: Sendable>: Sendable {
  private struct State {
    var next = 0
    var error: (any Error)?
  }

  private let items: [Item]
  private let body: @Sendable (Item) throws -> Void
  private let state = Mutex(State())

  init(_ items: [Item], _ body: @escaping @Sendable (Item) throws -> Void) {
    (self.items, self.body) = (items, body)
  }

  var error: (any Error)? { state.withLock { $0.error } }

  func run() {
    while let item = take() {
      do { try body(item) } catch { state.withLock { if $0.error == nil { $0.error = error } } }
    }
  }

  private func take() -> Item? {
    state.withLock { state in
      guard state.error == nil, state.next < items.count else { return nil }
      state.next += 1
      return items[state.next - 1]
    }
  }
}

/// What a thread does, for the trip through C.
private final class ThreadBody {
  let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Starts a thread; nil when the system refuses.
private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
  let argument = Unmanaged.passRetained(ThreadBody(body))
  #if canImport(Darwin)
    var handle: pthread_t?
    let status = pthread_create(
      &handle, nil,
      {
        Unmanaged<ThreadBody>.fromOpaque($0).takeRetainedValue().body()
        return nil
      }, argument.toOpaque())
  #else
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      {
        if let argument = $0 { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, argument.toOpaque())
    let handle: pthread_t? = thread
  #endif
  guard status == 0 else {
    argument.release()
    return nil
  }
  return handle
}

/// Lets this thread sleep.
func sleepSeconds(_ seconds: Int) {
  var left = timespec(tv_sec: time_t(seconds), tv_nsec: 0)
  var rest = timespec()
  while nanosleep(&left, &rest) != 0 && errno == EINTR { left = rest }
}
