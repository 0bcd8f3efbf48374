/// Shows how far long work is: a line drawn over and over on a terminal; else how long it will take once that can be
/// told, and then a plain line every 30 seconds.
struct Progress {
  private let total: Int
  /// What was done before the clock began.
  private let first: Int
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var lastShown: ContinuousClock.Instant
  private var isDrawn = false
  private var isEstimated: Bool

  /// The time between plain lines.
  private static let interval = Duration.seconds(30)
  /// The time between redrawn lines.
  private static let frame = Duration.milliseconds(100)
  /// The time that must have passed before an estimate is worth something; nobody asks for one sooner.
  private static let patience = Duration.seconds(2)
  /// The steps after which an estimate is worth something.
  private static let sample = 3

  /// - Parameters:
  ///   - total: how many steps there are.
  ///   - done: of these, the ones that were done before.
  ///   - estimates: whether to say how long it will take where no line is drawn.
  init(total: Int, done: Int = 0, estimates: Bool = true) {
    (self.total, first, isEstimated) = (total, done, !estimates)
    start = clock.now
    lastShown = start
  }

  /// Shows that `done` of the steps are done.
  ///
  /// - Parameter detail: what else to say, such as the loss.
  mutating func show(_ done: Int, _ label: String, detail: @autoclosure () -> String) {
    let now = clock.now
    let left = (now - start) * (Double(total - done) / Double(max(done - first, 1)))
    if !Terminal.canRedraw && !isEstimated && done - first >= Self.sample && now - start >= Self.patience {
      isEstimated = true
      if left > Self.interval { Terminal.complain("about \(left.text) to go") }
    }
    guard now - lastShown >= (Terminal.canRedraw ? Self.frame : Self.interval) else { return }
    lastShown = now
    if Terminal.canRedraw {
      let bar = Self.bar(done, total, width: 16)
      let line = "  \(label)  \(bar)  \(left.text) left  \(detail())"
      Terminal.draw("\r\(line.prefix(Terminal.width - 1))\u{1B}[K")
      isDrawn = true
    } else {
      Terminal.complain("\(label)  \(left.text) left  \(detail())")
    }
  }

  /// Takes the drawn line away, so that something else can be printed in its place.
  mutating func clear() {
    guard isDrawn else { return }
    Terminal.draw("\r\u{1B}[K")
    isDrawn = false
  }

  private static func bar(_ done: Int, _ total: Int, width: Int) -> String {
    let filled = total == 0 ? width : min(width, done * width / total)
    return String(repeating: "━", count: filled) + String(repeating: "─", count: width - filled)
  }
}
