import Pretrained

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file of JSON lines, each there as soon as it is known.
final class LineFile {
  private let path: String
  private let descriptor: Int32

  /// Begins a file.
  ///
  /// - Parameters:
  ///   - path: of the file; one that is there is replaced.
  ///   - lines: what it begins with; appears whole or not at all.
  init(path: String, _ lines: [JSONValue]) throws {
    try AtomicFile.write(lines.map { $0.line + "\n" }.joined(), to: path)
    self.path = path
    descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(call: "open", path: path, code: errno) }
  }

  deinit { close(descriptor) }

  func append(_ object: JSONValue) throws(SystemError) {
    var bytes = Array((object.line + "\n").utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard written >= 0 || errno == EINTR else { throw SystemError(call: "write", path: path, code: errno) }
      bytes = bytes.dropFirst(max(0, written))
    }
  }
}
