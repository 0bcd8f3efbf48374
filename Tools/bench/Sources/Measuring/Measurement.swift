#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Page faults of this process so far that read no disk.
public func minorFaults() -> Int { usage().ru_minflt }

/// The most memory that was resident at once, mapped files included.
public func peakBytes() -> Int {
  #if canImport(Darwin)
    usage().ru_maxrss
  #else
    usage().ru_maxrss * 1024
  #endif
}

private func usage() -> rusage {
  var usage = rusage()
  #if canImport(Glibc)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  #else
    getrusage(RUSAGE_SELF, &usage)
  #endif
  return usage
}

/// Seconds since some moment.
public func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// How long calls took, and the page faults of one.
public struct Measurement {
  public var seconds: [Double] = []
  public var faults = 0
  /// Fields of the result beyond the time, as JSON values.
  public var others: [String: String] = [:]

  /// - Parameter room: for so many calls; memory that has been touched, so that no fault is ours.
  public init(room: Int) {
    seconds = [Double](repeating: -1, count: room)
    seconds.removeAll(keepingCapacity: true)
  }

  /// The middle of the times.
  public var median: Double {
    let sorted = seconds.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  fileprivate var json: String {
    var fields = [
      "\"seconds\":\(seconds)", "\"median\":\(median)",
      "\"minor_faults\":\(Double(faults) / Double(max(seconds.count, 1)))",
    ]
    fields += others.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
    return "{" + fields.joined(separator: ",") + "}"
  }
}

/// When timed calls are enough. Peers decide in the same way, in common.py.
public struct Budget {
  public var warmUp, least, most: Int
  public var seconds: Double

  /// The names and defaults that ``Options`` needs for a budget.
  public static func defaults(warmUp: Int = 2, least: Int = 3, most: Int = 200, seconds: Double = 2)
    -> [String: String]
  {
    ["warm-up": "\(warmUp)", "least": "\(least)", "most": "\(most)", "seconds": "\(seconds)"]
  }

  public init(_ options: Options) {
    (warmUp, least) = (options.integer("warm-up"), options.integer("least"))
    (most, seconds) = (options.integer("most"), options.double("seconds"))
  }

  /// Whether `count` timed calls that took `elapsed` seconds are enough.
  public func isSpent(_ count: Int, _ elapsed: Double) -> Bool {
    count >= most || count >= least && elapsed >= seconds
  }

  /// Times calls of `body` after those of the warm-up.
  public func measure(_ body: () throws -> Void) rethrows -> Measurement {
    for _ in 0..<warmUp { try body() }
    var measurement = Measurement(room: most)
    let (faults, started) = (minorFaults(), now())
    repeat {
      let start = now()
      try body()
      measurement.seconds.append(now() - start)
    } while !isSpent(measurement.seconds.count, now() - started)
    measurement.faults = minorFaults() - faults
    return measurement
  }
}

/// Prints the one JSON object of a contestant.
public func printResults(_ results: [(String, Measurement)]) {
  let fields = results.map { "\"\($0)\":\($1.json)" }.joined(separator: ",")
  print("{\"results\":{\(fields)},\"peak_rss_bytes\":\(peakBytes())}")
}
