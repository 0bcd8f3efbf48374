#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension RawSpan {
  /// Whether both hold the same bytes.
  func hasSameBytes(as other: RawSpan) -> Bool {
    withUnsafeBytes { a in
      other.withUnsafeBytes { b in
        guard a.count == b.count else { return false }
        guard let left = a.baseAddress, let right = b.baseAddress else { return true }
        return memcmp(left, right, a.count) == 0
      }
    }
  }
}
