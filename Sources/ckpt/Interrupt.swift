import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Ctrl-C, or the SIGTERM that a machine sends before it is taken away, as a wish that long work looks at: once is
/// noticed, twice ends the process as usual.
enum Interrupt {
  private static let wasAsked = Atomic(false)

  /// Whether Ctrl-C was pressed, or SIGTERM sent, since ``watch()``.
  static var isPending: Bool { wasAsked.load(ordering: .relaxed) }

  /// From now on the first of either only sets ``isPending``.
  static func watch() {
    _ = isPending  // so that the handler finds the flag made
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interrupt.wasAsked.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
    // Whoever started this process may have left the signal blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }
}
