import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The lines of standard input, each when it has arrived. Lines end in LF or CR LF.
struct LineReader {
  /// The number of the last line, counted from 1.
  private(set) var number = 0
  private var buffer: [UInt8] = []
  private var start = 0
  private var isAtEnd = false

  /// The next line without its end, or nil when there is none.
  ///
  /// - Throws: ``InputError/notUTF8(line:)``; `SystemError` when reading fails.
  mutating func next() throws -> String? {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return try line(start..<end)
      }
      searched = buffer.count
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        return try line(start..<buffer.count)
      }
      searched -= start
      buffer.removeFirst(start)
      start = 0
      try fill()
    }
  }

  private mutating func line(_ range: Range<Int>) throws -> String {
    number += 1
    let bytes = buffer[range]
    let text = String(validating: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, as: UTF8.self)
    guard let text else { throw InputError.notUTF8(line: number) }
    return text
  }

  private mutating func fill() throws(SystemError) {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    var count = read(STDIN_FILENO, &chunk, chunk.count)
    while count < 0 && errno == EINTR { count = read(STDIN_FILENO, &chunk, chunk.count) }
    guard count >= 0 else { throw SystemError(call: "read", path: "standard input", code: errno) }
    isAtEnd = count == 0
    buffer += chunk[..<count]
  }
}
