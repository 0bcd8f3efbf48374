import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Standard output for results, standard error for everything else.
enum Terminal {
  /// Writes a line of the result.
  ///
  /// - Throws: `SystemError` when it cannot be written, as on a full disk.
  static func print(_ line: String = "") throws(SystemError) { try write(line + "\n", to: STDOUT_FILENO) }

  /// Writes a line about the result: a warning, a note, an error.
  static func complain(_ line: String) { try? write(line + "\n", to: STDERR_FILENO) }

  /// Writes to standard error as it is.
  static func draw(_ text: String) { try? write(text, to: STDERR_FILENO) }

  /// Whether standard error is a terminal on which a line can be drawn over.
  static let canRedraw = isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb"

  /// Whether standard output may be styled.
  static let hasStyle =
    isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR") == nil && variable("TERM") != "dumb"

  /// Whether the locale's encoding and the terminal show more than ASCII.
  static let showsUnicode: Bool = {
    guard variable("TERM") != "dumb" else { return false }
    let locale = variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? ""
    return locale.uppercased().contains("UTF-8") || locale.uppercased().contains("UTF8")
  }()

  /// Whether standard output is a terminal, and no file or other program.
  static let writesTerminal = isatty(STDOUT_FILENO) == 1

  /// Whether standard input is a terminal, at which somebody may be waiting for a prompt.
  static let readsTerminal = isatty(STDIN_FILENO) == 1

  /// The columns of standard error; 80 when it does not say.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Emphasised, on a terminal.
  static func bold(_ text: String) -> String { hasStyle ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  /// Set back, on a terminal.
  static func dim(_ text: String) -> String { hasStyle ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

  private static func variable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  private static func write(_ text: String, to descriptor: Int32) throws(SystemError) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
      if written >= 0 {
        bytes = bytes.dropFirst(written)
      } else if errno != EINTR {
        throw SystemError(
          call: "write", path: descriptor == STDOUT_FILENO ? "standard output" : "standard error", code: errno
        )
      }
    }
  }
}

// Within a type that has a `write` of its own, the unqualified name means that.
private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, start, count)
}
