import Pretrained
import Reports

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What the system says of this machine, and of this moment.
enum Machine {
  /// Seconds since 1970.
  static var time: Double {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
  }

  /// When and where something is written.
  static var moment: EventMoment {
    let time = time
    var (seconds, local) = (time_t(time), tm())
    localtime_r(&seconds, &local)
    return EventMoment(
      time: time, utcOffset: Int(local.tm_gmtoff), host: host, process: Int(getpid()))
  }

  /// The machine's name.
  static var host: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return text(name)
  }

  /// The processor's name, where the system tells it.
  static var processor: String? {
    #if canImport(Darwin)
      var size = 0
      guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 0 else { return nil }
      var name = [CChar](repeating: 0, count: size + 1)
      guard sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0) == 0 else { return nil }
      return text(name)
    #else
      guard let file = try? FileSystem.read("/proc/cpuinfo") else { return nil }
      let lines = String(decoding: file, as: UTF8.self).split(separator: "\n")
      let line = lines.first { $0.hasPrefix("model name") }
      let words = line?.split(separator: ":", maxSplits: 1).last?.split(whereSeparator: \.isWhitespace)
      return words.map { $0.joined(separator: " ") }
    #endif
  }

  /// The system's name and version, and the architecture.
  static var system: String? {
    var name = utsname()
    guard uname(&name) == 0 else { return nil }
    func text(_ field: some Any) -> String {
      withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    return "\(text(name.sysname)) \(text(name.release)) \(text(name.machine))"
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
