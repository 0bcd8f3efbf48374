/// Which failures are worth another attempt, and after how long.
///
/// Reference: `http_backoff` of huggingface_hub, and the hub's documentation of its rate limits.
package struct RetryPolicy: Sendable {
  /// Attempts in all that may follow one another without getting a byte further.
  package var attempts: Int

  package init(attempts: Int) { self.attempts = attempts }

  package static let standard = RetryPolicy(attempts: 5)
  /// For what must not be done twice, and for what something else can stand in for.
  package static let none = RetryPolicy(attempts: 1)

  /// Answers that another attempt may change.
  package static let transientStatuses: Set = [408, 429, 500, 502, 503, 504]

  /// The longest wait that a limit may ask for: its windows are of five minutes.
  private static let longestWait = 330

  /// Seconds to wait after the failed attempt `number`, counted from 0: 1, 2, 4, 8, 8….
  package static func pause(after number: Int) -> Int { number > 2 ? 8 : 1 << max(number, 0) }

  /// The seconds that a rate limit asks for; nil when the answer says nothing of it.
  ///
  /// `RateLimit: "resolvers";r=0;t=55` is over in 55 seconds and counts before `Retry-After`.
  package static func wait(_ response: HTTPResponse) -> Int? {
    guard response.status == 429 else { return response.headers["retry-after"].flatMap(seconds) }
    if let limit = response.headers["ratelimit"] {
      let fields = limit.split(separator: ";").map { $0.drop { $0 == " " } }
      if let rest = fields.first(where: { $0.hasPrefix("t=") })?.dropFirst(2),
        let time = seconds(String(rest))
      {
        return time + 1
      }
    }
    return response.headers["retry-after"].flatMap(seconds)
  }

  private static func seconds(_ text: String) -> Int? {
    Int(text).flatMap { (0...longestWait).contains($0) ? $0 : nil }
  }
}
