#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A failed system call: which call, on which file, and the `errno` it left.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  public var call: String
  public var path: String
  public var code: Int32

  public init(call: String, path: String, code: Int32) {
    (self.call, self.path, self.code) = (call, path, code)
  }

  /// The error a system call has just left in `errno`.
  package static func last(_ call: String, _ path: String) -> SystemError {
    SystemError(call: call, path: path, code: errno)
  }

  /// The file at `path` is longer than it may be.
  static func tooLarge(_ path: String) -> SystemError {
    SystemError(call: "read", path: path, code: EFBIG)
  }

  /// `errno` for a file that does not exist.
  package static var notFound: Int32 { ENOENT }

  /// Whether the file does not exist.
  public var isNotFound: Bool { code == ENOENT }

  public var description: String {
    let advice =
      switch code {
      case ENOENT: "; check the spelling of the path"
      case EACCES, EPERM: "; check the permissions"
      case ENOSPC, EDQUOT: "; free some space or choose another folder"
      case EISDIR: "; name a file inside it"
      default: ""
      }
    return "\(path): \(String(cString: strerror(code)).lowercased()) (\(call))\(advice)"
  }
}
