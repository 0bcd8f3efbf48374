#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Memory that could not be had.
@nonexhaustive
public enum MemoryError: Error, Equatable, CustomStringConvertible {
  /// The system refused a block: how large, and the `errno` it left.
  case refused(byteCount: Int, code: Int32)

  public var description: String {
    switch self {
    case .refused(let byteCount, let code):
      "the system refused \(byteCount) bytes of memory (\(String(cString: strerror(code)).lowercased())); "
        + "use a smaller batch or a smaller model, or free some memory"
    }
  }
}

/// Zero-filled memory from the system, in huge pages where it has them.
///
/// Pages are taken when they are first touched; huge ones cost one fault and one translation for 2 MB. The memory
/// goes back to the system with the object.
package final class MemoryBlock: @unchecked Sendable {
  /// The first byte, aligned to 2 MB in blocks of that size and more, else to a page.
  package let start: UnsafeMutableRawPointer
  /// As asked for; what lies beyond, up to the end of a page, is not for use.
  package let byteCount: Int
  private let mapping: UnsafeMutableRawPointer
  private let mappedByteCount: Int

  private static let hugePage = 2 << 20

  /// - Throws: ``MemoryError/refused(byteCount:code:)``.
  package init(byteCount: Int) throws(MemoryError) {
    precondition(byteCount >= 0)
    // Room to move the start to a multiple of a huge page.
    let slack = byteCount >= Self.hugePage ? Self.hugePage : 0
    let (padded, overflow) = max(byteCount, 1).addingReportingOverflow(slack)
    guard !overflow else { throw .refused(byteCount: byteCount, code: ENOMEM) }
    // Large address ranges are often touched in part only, so nothing is reserved for them.
    #if canImport(Darwin)
      let flags = MAP_PRIVATE | MAP_ANON | MAP_NORESERVE
    #else
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    #endif
    guard let mapping = mmap(nil, padded, PROT_READ | PROT_WRITE, flags, -1, 0), mapping != MAP_FAILED else {
      throw .refused(byteCount: byteCount, code: errno)
    }
    (self.mapping, mappedByteCount, self.byteCount) = (mapping, padded, byteCount)
    start = slack > 0 ? mapping.alignedUp(toMultipleOf: Self.hugePage) : mapping
    #if os(Linux) || os(Android)
      // Advice only: without huge pages the block works, slower.
      if slack > 0 { _ = madvise(start, byteCount, MADV_HUGEPAGE) }
    #endif
  }

  deinit {
    munmap(mapping, mappedByteCount)
  }

  /// Floats inside the block.
  ///
  /// - Parameters:
  ///   - offset: floats from the start.
  ///   - count: how many will be used; checked against the size of the block.
  package func floats(at offset: Int, count: Int) -> UnsafeMutablePointer<Float> {
    precondition(
      offset >= 0 && count >= 0 && (offset + count) * MemoryLayout<Float>.stride <= byteCount,
      "a range of floats reaches beyond its memory block")
    return start.assumingMemoryBound(to: Float.self) + offset
  }
}
