package import ModelFiles
import Synchronization

/// Bytes that are found, unpacked or checked when they are first used, and not before.
///
/// Reading the names and shapes of a container stays as cheap as its header that way, while no byte of a tensor is
/// handed out whose checksum was not found right.
package final class LazyBytes: Sendable {
  /// How many bytes there will be.
  package let byteCount: Int
  private let found: Mutex<MappedBytes?>
  /// The bytes before they are checked, where they lie in the file as they are.
  package let stored: StoredBytes?
  private let find: @Sendable () throws -> MappedBytes

  /// - Parameters:
  ///   - byteCount: how many bytes `find` gives.
  ///   - stored: the same bytes unchecked, where they need no unpacking.
  ///   - find: finds, unpacks and checks the bytes; called until it does not throw.
  package init(
    byteCount: Int, stored: StoredBytes? = nil, find: @escaping @Sendable () throws -> MappedBytes
  ) {
    (self.byteCount, self.stored, self.find) = (byteCount, stored, find)
    found = Mutex(nil)
  }

  /// A range of a file, used as it is.
  package convenience init(_ bytes: MappedBytes) {
    self.init(byteCount: bytes.range.count, stored: StoredBytes(bytes)) { bytes }
  }

  /// The bytes.
  ///
  /// - Throws: what finding or checking them throws.
  package func bytes() throws -> MappedBytes {
    try found.withLock { found in
      if let found { return found }
      let bytes = try find()
      precondition(bytes.range.count == byteCount, "another number of bytes than promised")
      found = bytes
      return bytes
    }
  }

  /// Calls `body` with a part of the bytes, counted from the first.
  ///
  /// - Throws: what finding the bytes throws; `SystemError` when the file became shorter; what `body` throws.
  package func withBytes<Result>(in range: Range<Int>, _ body: (RawSpan) throws -> Result) throws -> Result {
    let bytes = try bytes()
    let start = bytes.range.lowerBound
    return try bytes.file.withUnshrunkBytes(in: start + range.lowerBound..<start + range.upperBound, body)
  }
}
