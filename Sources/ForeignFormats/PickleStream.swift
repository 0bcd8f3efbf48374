import ModelFiles

/// Reads pickles in a file, whose lengths nobody knows in advance.
///
/// A window is read and doubled for as long as the pickle runs out of it and the file has more.
struct PickleStream {
  let file: MappedFile
  /// Of the next pickle.
  var offset = 0
  /// Where the pickles must end.
  let end: Int

  init(_ file: MappedFile, in range: Range<Int>? = nil) {
    self.file = file
    (offset, end) = range.map { ($0.lowerBound, $0.upperBound) } ?? (0, file.byteCount)
  }

  private static let firstWindow = 1 << 14

  /// Reads the next pickle and moves behind it.
  ///
  /// - Throws: `PickleError`, with offsets from the start of this pickle; `SystemError`.
  mutating func next() throws -> PickleGraph {
    var window = Self.firstWindow
    while true {
      let (bytes, isAll) = try bytes(window)
      do throws(PickleError) {
        let graph = try PickleMachine.read(bytes, allowingMore: true)
        offset += graph.bytes.count
        return graph
      } catch {
        guard !isAll, error.fault.isEarlyEnd else { throw error }
        guard window < PickleMachine.byteLimit else {
          throw PickleError(at: error.offset, .tooLong(limit: PickleMachine.byteLimit))
        }
      }
      window *= 2
    }
  }

  /// Scans the next pickle and moves behind what could be scanned of it.
  mutating func scan() throws -> PickleScan {
    var window = Self.firstWindow
    while true {
      let (bytes, isAll) = try bytes(window)
      let scan = PickleScan(bytes)
      if isAll || window >= PickleMachine.byteLimit || scan.fault?.fault.isEarlyEnd != true {
        offset += scan.end
        return scan
      }
      window *= 2
    }
  }

  /// The next eight bytes as a little-endian integer, or nil when there are fewer.
  mutating func int64() throws -> Int64? {
    guard end - offset >= 8 else { return nil }
    defer { offset += 8 }
    return try file.withUnshrunkBytes(in: offset..<offset + 8) { bytes in
      Int64(littleEndian: bytes.unsafeLoadUnaligned(as: Int64.self))
    }
  }

  private func bytes(_ count: Int) throws -> ([UInt8], isAll: Bool) {
    let stop = min(end, offset + count)
    return (try file.withUnshrunkBytes(in: offset..<stop) { $0.withUnsafeBytes { Array($0) } }, stop == end)
  }
}

extension PickleError.Fault {
  /// Whether more bytes might have made it right.
  var isEarlyEnd: Bool {
    switch self {
    case .missingStop, .lengthBeyondInput: true
    default: false
    }
  }
}
