#if Hub
  import Hub
  import Synchronization

  /// Shows how far files are on their way from the hub or to it, and what stands in theirs.
  final class HubMeter: Sendable {
    private struct State {
      var progress: Progress?
      /// What the bar counts; another phase has another.
      var label = ""
      var total = 0
    }

    private let label: String
    private let state = Mutex(State())

    /// - Parameter label: what is being done.
    init(_ label: String) { self.label = label }

    /// Takes an event of a `HubClient`.
    var show: @Sendable (HubEvent) -> Void { { self.take($0) } }

    private func take(_ event: HubEvent) {
      switch event {
      case .hashed(let done, let total): draw("reading", done, total)
      case .transferred(let done, let total, _): draw(label, done, total)
      case .resolved(_, let count, let total, let missing):
        if missing > 0 {
          let rest = missing == total ? "" : ", \(missing.bytesText) of it to come"
          say("\(count.counted("file")), \(total.bytesText)\(rest)")
        }
      case .waiting(let seconds, let reason): say("\(reason); trying again in \(seconds) s")
      case .waitingForLock(let file): say("\(file): waiting for another program that writes it")
      case .notice(let text): say("the hub says: \(text)")
      case .cached(_, let reason): say("warning: \(reason); taking what is in the cache")
      case .restarted(let file, let reason): say("\(file): \(reason); it begins anew")
      case .rebased(let reason): say("\(reason); looking at the repository again")
      }
    }

    private func draw(_ label: String, _ done: Int, _ total: Int) {
      state.withLock { state in
        if state.progress == nil || state.label != label || state.total != total {
          state.progress?.clear()
          (state.progress, state.label, state.total) = (Progress(total: total), label, total)
        }
        state.progress?.show(done, label, detail: "\(done.bytesText) of \(total.bytesText)")
      }
    }

    private func say(_ line: String) {
      state.withLock { state in
        state.progress?.clear()
        Terminal.complain(line)
      }
    }

    /// Takes the bar away.
    func clear() { state.withLock { $0.progress?.clear() } }
  }
#endif
