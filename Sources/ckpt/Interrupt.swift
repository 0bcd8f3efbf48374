import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Ctrl-C as a wish that long work looks at: once is noticed, twice ends the process as usual.
enum Interrupt {
  private static let wasAsked = Atomic(false)

  /// Whether Ctrl-C was pressed since ``watch()``.
  static var isPending: Bool { wasAsked.load(ordering: .relaxed) }

  /// From now on the first Ctrl-C only sets ``isPending``.
  static func watch() {
    _ = isPending  // so that the handler finds the flag made
    signal(SIGINT) { _ in
      Interrupt.wasAsked.store(true, ordering: .relaxed)
      signal(SIGINT, SIG_DFL)
    }
    // Whoever started this process may have left the signal blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }
}
