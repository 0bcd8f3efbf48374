internal import Crypto
import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The name of a file's contents: git's SHA-1 of a small file, the SHA-256 of a large one. It is a checksum and, in the
/// cache, the name of a file; so nothing else is accepted.
package struct BlobName: Sendable, Hashable {
  package let text: String

  /// - Parameter text: 40 or 64 lower-case hexadecimal digits; anything else gives nil.
  package init?(_ text: String) {
    guard isHexadecimal(text, 40) || isHexadecimal(text, 64) else { return nil }
    self.text = text
  }

  /// Whether it is a SHA-256, that is of a file that lies outside of git.
  package var isLarge: Bool { text.utf8.count == 64 }
}

/// Computes one or both names of contents that come piece by piece.
package struct BlobDigest {
  private var sha1: Insecure.SHA1?
  private var sha256: SHA256?

  /// - Parameters:
  ///   - isLarge: whether the SHA-256 is wanted, else git's SHA-1.
  ///   - byteCount: of all of it; git's SHA-1 begins with it.
  package init(isLarge: Bool, byteCount: Int) {
    if isLarge {
      sha256 = SHA256()
    } else {
      var hash = Insecure.SHA1()
      hash.update(data: Array("blob \(byteCount)\0".utf8))
      sha1 = hash
    }
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    sha1?.update(bufferPointer: bytes)
    sha256?.update(bufferPointer: bytes)
  }

  /// In hexadecimal digits.
  package func finished() -> String {
    if let sha1 { return Self.hexadecimal(Array(sha1.finalize())) }
    return sha256.map { Self.hexadecimal(Array($0.finalize())) } ?? ""
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  /// Adds the first bytes of an open file.
  ///
  /// - Parameters:
  ///   - descriptor: of the file.
  ///   - byteCount: how many.
  ///   - path: named in errors.
  ///   - progress: called with the bytes of each piece.
  /// - Throws: `SystemError`, ``HubError/fileChanged(path:)`` when there are fewer.
  mutating func update(
    _ descriptor: Int32, byteCount: Int, path: String, progress: (Int) -> Void = { _ in }
  ) throws {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var position = 0
    while position < byteCount {
      let wanted = min(buffer.count, byteCount - position)
      let count = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, wanted, off_t(position)) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw SystemError.last("read", path) }
      guard count > 0 else { throw HubError.fileChanged(path: path) }
      buffer.withUnsafeBytes { update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      position += count
      progress(count)
    }
  }
}
