import CArchive
import CChecksums
import ModelFiles

/// Unpacks deflated entries with libarchive.
///
/// libarchive gets the packed bytes behind a header made here, never the entry's own: of that, all that counts has been
/// checked, and nothing else can mislead it.
enum ZipInflation {
  /// The first unpacked bytes of an entry: `count` or all there are. Nothing is checked but that they unpack.
  ///
  /// - Throws: ``ZipError``, `SystemError`.
  static func prefix(of entry: ZipArchive.Entry, of file: MappedFile, count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    if count > 0 {
      _ = try unpack(entry, of: file, pieceByteCount: count) { piece in
        bytes += piece.prefix(count - bytes.count)
        return bytes.count < count
      }
    }
    return bytes
  }

  /// Hands the unpacked bytes of an entry to `sink`, a piece at a time, and no more of them than promised.
  ///
  /// What `sink` got is to be thrown away when this throws.
  ///
  /// - Throws: ``ZipError`` when the packed bytes are damaged, unpack to another number of bytes than promised, or to
  ///   others; `SystemError`; what `sink` throws.
  static func unpack(
    _ entry: ZipArchive.Entry, of file: MappedFile, sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var crc: UInt32 = 0
    let count = try unpack(entry, of: file, pieceByteCount: 1 << 20) { piece in
      crc = checksum_crc32(crc, piece.baseAddress, piece.count)
      try sink(piece)
      return true
    }
    guard count == entry.byteCount else {
      throw ZipError(
        path: file.path,
        .wrongUnpackedByteCount(entry: entry.name, expected: entry.byteCount, found: count))
    }
    guard crc == entry.crc32 else {
      throw ZipError(
        path: file.path, .wrongChecksum(entry: entry.name, expected: entry.crc32, found: crc))
    }
  }

  /// - Parameter sink: gets at most `pieceByteCount` bytes, and returns whether it wants more.
  /// - Returns: how many bytes `sink` got.
  private static func unpack(
    _ entry: ZipArchive.Entry, of file: MappedFile, pieceByteCount: Int,
    sink: (UnsafeRawBufferPointer) throws -> Bool
  ) throws -> Int {
    func fault(_ fault: ZipError.Fault) -> ZipError { ZipError(path: file.path, fault) }
    let source = PackedEntry(entry, of: file)
    guard carchive_load() else { throw fault(.noInflater(entry: entry.name)) }
    guard let archive = carchive_read_new() else {
      throw fault(.damaged(entry: entry.name, reason: "libarchive has no memory left"))
    }
    defer { carchive_read_free(archive) }
    func failure() throws -> ZipError {
      if let error = source.failure { throw error }
      // Some of its messages end with a line break.
      let words = carchive_error_string(archive).map {
        String(cString: $0).split(whereSeparator: \.isWhitespace)
      }
      let reason = words.map { $0.joined(separator: " ") } ?? "libarchive cannot read it"
      return fault(.damaged(entry: entry.name, reason: reason))
    }

    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceByteCount, alignment: 64)
    defer { buffer.deallocate() }
    var done = 0
    try withExtendedLifetime(source) {
      guard carchive_read_support_format_zip_streamable(archive) == ARCHIVE_OK,
        // libarchive would keep the last piece back without saying what the checksum is; it is compared below.
        carchive_read_set_format_option(archive, "zip", "ignorecrc32", "1") == ARCHIVE_OK,
        carchive_read_open(archive, Unmanaged.passUnretained(source).toOpaque(), nil, nextPiece, nil)
          == ARCHIVE_OK
      else { throw try failure() }
      var header: OpaquePointer?
      guard carchive_read_next_header(archive, &header) == ARCHIVE_OK else { throw try failure() }
      while true {
        let count = carchive_read_data(archive, buffer.baseAddress, buffer.count)
        guard count >= 0 else { throw try failure() }
        if count == 0 { break }
        let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        guard count <= entry.byteCount - done else {
          throw fault(
            .wrongUnpackedByteCount(entry: entry.name, expected: entry.byteCount, found: entry.byteCount + 1))
        }
        done += count
        guard try sink(piece) else { break }
      }
    }
    return done
  }

  /// What libarchive calls for more bytes.
  private static let nextPiece:
    @convention(c) (
      OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?
    ) -> la_ssize_t = { _, source, piece in
      guard let source, let piece else { return la_ssize_t(ARCHIVE_FATAL) }
      return Unmanaged<PackedEntry>.fromOpaque(source).takeUnretainedValue().next(&piece.pointee)
    }
}

/// A local header and the packed bytes behind it, a piece at a time.
private final class PackedEntry {
  private let file: MappedFile
  private let header: [UInt8]
  private var rest: Range<Int>
  private var isAfterHeader = false
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  /// Why the file could not be read, if it could not.
  private(set) var failure: (any Error)?

  init(_ entry: ZipArchive.Entry, of file: MappedFile) {
    self.file = file
    rest = entry.dataRange
    header =
      ZipLocalHeader(
        name: [UInt8(ascii: "x")], method: 8, crc32: entry.crc32, packedByteCount: entry.packedByteCount,
        byteCount: entry.byteCount
      ).bytes
  }

  deinit { buffer.deallocate() }

  /// Points `piece` at the next bytes, which stay until the next call, and returns how many they are; 0 at the end.
  func next(_ piece: inout UnsafeRawPointer?) -> Int {
    piece = UnsafeRawPointer(buffer.baseAddress)
    guard isAfterHeader else {
      isAfterHeader = true
      buffer.copyBytes(from: header)
      return header.count
    }
    let range = rest.lowerBound..<min(rest.upperBound, rest.lowerBound + buffer.count)
    do {
      try file.withUnshrunkBytes(in: range) { $0.withUnsafeBytes { buffer.copyMemory(from: $0) } }
    } catch {
      failure = error
      return Int(ARCHIVE_FATAL)
    }
    rest = range.upperBound..<rest.upperBound
    return range.count
  }
}
