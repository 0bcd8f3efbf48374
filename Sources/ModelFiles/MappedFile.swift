#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How the bytes of a file are brought into memory.
public enum FileAccess: Sendable, Hashable {
  /// Shared pages, read from disk when first touched. Another process that shortens the file in place takes
  /// pages away: touching them then ends this process with SIGBUS.
  case mapped
  /// A private copy, read at once. Costs the file's size in memory; nothing that later happens to the file
  /// can be seen. For folders that other programs write to.
  case copied
  /// Nothing is kept in memory: every range that is asked for is read from disk into a buffer of its own. Slower, and
  /// safe against files that change: one that has become shorter is an error.
  case pread
}

/// The bytes of a whole file, released with the last reference to it.
///
/// Mapped, opening a 400 MB file costs microseconds. Writers in this package replace files by renaming, never
/// in place, so a mapping stays valid while its file is saved over.
package final class MappedFile: Sendable {
  package let path: String
  /// The length of the file when it was opened.
  package let byteCount: Int
  package let access: FileAccess
  /// The first byte; valid for `byteCount` bytes unless ``access`` is `pread`. Page-aligned, except that an empty
  /// file has a dummy address.
  nonisolated(unsafe) let base: UnsafeRawPointer
  /// Kept open for mapped files, so that shrinking can be noticed, and for those that are read; -1 otherwise.
  private let descriptor: Int32

  /// Opens a regular file.
  ///
  /// - Throws: ``SystemError`` when it is no regular file, or cannot be opened, mapped or read.
  package init(path: String, access: FileAccess = .mapped) throws(SystemError) {
    let (descriptor, byteCount) = try openRegularFile(path)
    var keepOpen = false
    defer { if !keepOpen { close(descriptor) } }

    switch access {
    case _ where byteCount == 0:  // mmap refuses an empty range
      base = UnsafeRawPointer(emptyFileDummy)
    case .pread:
      base = UnsafeRawPointer(emptyFileDummy)
      keepOpen = true
    case .mapped:
      guard let address = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0), address != MAP_FAILED
      else { throw .last("mmap", path) }
      base = UnsafeRawPointer(address)
      keepOpen = true
    case .copied:
      // Anonymous pages rather than malloc: a size the machine cannot hold is an error here, not a trap.
      guard
        let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0),
        address != MAP_FAILED
      else { throw .last("mmap", path) }
      do { try readFully(descriptor, into: address, count: byteCount, path: path) } catch {
        munmap(address, byteCount)
        throw error
      }
      base = UnsafeRawPointer(address)
    }
    (self.path, self.byteCount, self.access) = (path, byteCount, access)
    self.descriptor = keepOpen ? descriptor : -1
  }

  /// - Parameters:
  ///   - base: of a mapping that this file owns from now on; nil when there is none.
  ///   - descriptor: as the property; owned from now on.
  private init(path: String, byteCount: Int, access: FileAccess, base: UnsafeRawPointer?, descriptor: Int32) {
    (self.path, self.byteCount, self.access, self.descriptor) = (path, byteCount, access, descriptor)
    self.base = base ?? UnsafeRawPointer(emptyFileDummy)
  }

  deinit {
    if byteCount > 0 && access != .pread { munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Calls `body` with the bytes of `range` where they lie; the span must not outlive the call.
  ///
  /// - Precondition: `range` lies within `0..<byteCount`, and the file is in memory, that is not opened with
  ///   ``FileAccess/pread``.
  package func withMemory<Result: ~Copyable, Failure: Error>(
    in range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(access != .pread, "the file is not in memory")
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the file")
    return try body(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count).bytes)
  }

  /// Calls `body` with the bytes of `range`; the span must not outlive the call.
  ///
  /// - Throws: ``SystemError`` when the file became shorter than that since it was opened, or cannot be read; what
  ///   `body` throws.
  /// - Precondition: `range` lies within `0..<byteCount`.
  package func withBytes<Result>(
    in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the file")
    guard access == .pread, !range.isEmpty else {
      return try body(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count).bytes)
    }
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: range.count, alignment: 64)
    defer { buffer.deallocate() }
    try readFully(descriptor, into: buffer, count: range.count, at: range.lowerBound, path: path)
    return try body(UnsafeRawBufferPointer(start: buffer, count: range.count).bytes)
  }

  /// As ``withBytes(in:_:)``, but a mapped file that has become shorter than `range` since it was opened is an error
  /// rather than the end of the process; costs one system call.
  ///
  /// - Throws: as ``withBytes(in:_:)``.
  package func withUnshrunkBytes<Result>(
    in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    if let found = shrunkByteCount(), found < range.upperBound {
      throw SystemError(call: "read after the file was shortened", path: path, code: EIO)
    }
    return try withBytes(in: range, body)
  }

  /// A copy of the bytes of `range`.
  ///
  /// - Throws: as ``withBytes(in:_:)``.
  /// - Precondition: as ``withBytes(in:_:)``.
  package func bytes(in range: Range<Int>) throws -> [UInt8] {
    try withBytes(in: range) { $0.withUnsafeBytes { Array($0) } }
  }

  /// Brings the pages of `range` into memory and into this process before they are touched, where the system can; they
  /// would come one by one when they are. Returns when they are there; does nothing for a file that is not mapped.
  ///
  /// - Precondition: `range` lies within `0..<byteCount`.
  package func populate(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the file")
    #if os(Linux)
      guard access == .mapped, !range.isEmpty else { return }
      let page = Int(getpagesize())
      // Other threads that map memory wait for each call.
      let step = 1 << 21
      var start = range.lowerBound / page * page
      while start < range.upperBound {
        let count = min(step - start % step, range.upperBound - start)
        // Fails before Linux 5.14, and where the file has become shorter.
        let address = UnsafeMutableRawPointer(mutating: base + start)
        guard madvise(address, count, Self.populateRead) == 0 || errno == EINTR else { return }
        start += count
      }
    #endif
  }

  /// Lets go of the pages of `range` in this process, which come back from the file when they are touched again. For
  /// what has been copied and will hardly be read once more; does nothing for a file that is not mapped.
  ///
  /// - Precondition: `range` lies within `0..<byteCount`.
  package func release(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the file")
    guard access == .mapped else { return }
    let page = Int(getpagesize())
    // Whole pages alone: others hold bytes of neighbours.
    let start = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound == byteCount ? byteCount : range.upperBound / page * page
    guard start < end else { return }
    _ = madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
  }

  /// Where a pointer points to in the file; nil when that is elsewhere.
  package func offset(of pointer: UnsafeRawPointer) -> Int? {
    let offset = pointer - base
    return 0..<byteCount ~= offset ? offset : nil
  }

  /// MADV_POPULATE_READ, which older headers lack.
  private static let populateRead: Int32 = 22

  /// Copies the bytes of `range` to `target`. Those of a mapped file come without its pages being touched, which is
  /// faster where they are read once.
  ///
  /// - Throws: ``SystemError`` when the file became shorter than that since it was opened, or cannot be read.
  /// - Precondition: `range` lies within `0..<byteCount`, and `target` has room for it.
  package func read(_ range: Range<Int>, into target: UnsafeMutableRawPointer) throws(SystemError) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the file")
    guard descriptor >= 0 else {
      target.copyMemory(from: base + range.lowerBound, byteCount: range.count)
      return
    }
    try readFully(descriptor, into: target, count: range.count, at: range.lowerBound, path: path)
  }

  /// The length the file has now, if it was not copied and has since become shorter; nil when all its bytes can
  /// be read. One system call.
  ///
  /// A file shortened between this call and the reading of its bytes still ends the process; only
  /// ``FileAccess/copied`` excludes that.
  package func shrunkByteCount() -> Int? {
    guard descriptor >= 0 else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size < byteCount else { return nil }
    return Int(status.st_size)
  }
}

extension MappedFile {
  /// Bytes that are computed once and then used like a file's, such as those of a packed one.
  ///
  /// Up to 4 MiB of them are kept in memory. More go to a file in `TMPDIR`, or `/tmp`, that has no name any more and
  /// is gone when the last reference to it is; no more of it is in memory than is used.
  ///
  /// - Parameters:
  ///   - byteCount: how many bytes `fill` gives.
  ///   - path: what errors, and ``path``, name.
  ///   - access: `pread` for a file that is not mapped either.
  ///   - fill: hands the bytes, in order and in any number of pieces, to the function it gets.
  /// - Throws: ``SystemError`` when there is no room for them; what `fill` throws.
  package static func temporary(
    byteCount: Int, path: String, access: FileAccess = .mapped, smallest: Int = 1 << 22,
    fill: ((RawSpan) throws -> Void) throws -> Void
  ) throws -> MappedFile {
    precondition(byteCount >= 0, "no number of bytes")
    if byteCount <= smallest { return try inMemory(byteCount: byteCount, path: path, fill: fill) }
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    let descriptor = try createUnnamedFile(in: folder.isEmpty ? "/tmp" : folder)
    var isKept = false
    defer { if !isKept { close(descriptor) } }
    var done = 0
    try fill { bytes in
      try bytes.withUnsafeBytes { buffer in
        precondition(buffer.count <= byteCount - done, "more bytes than promised")
        try writeFully(descriptor, buffer, path: path)
        done += buffer.count
      }
    }
    precondition(done == byteCount, "fewer bytes than promised")
    var address: UnsafeMutableRawPointer?
    if access != .pread {
      address = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0)
      if address == MAP_FAILED { throw SystemError.last("mmap", path) }
    }
    isKept = true
    return MappedFile(
      path: path, byteCount: byteCount, access: access == .pread ? .pread : .mapped,
      base: address.map { UnsafeRawPointer($0) }, descriptor: descriptor)
  }

  private static func inMemory(
    byteCount: Int, path: String, fill: ((RawSpan) throws -> Void) throws -> Void
  ) throws -> MappedFile {
    var address: UnsafeMutableRawPointer?
    if byteCount > 0 {
      address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
      if address == MAP_FAILED { throw SystemError.last("mmap", path) }
    }
    // Owns the pages at once, so that they go when `fill` throws.
    let file = MappedFile(
      path: path, byteCount: byteCount, access: .copied, base: address.map { UnsafeRawPointer($0) },
      descriptor: -1)
    var done = 0
    try fill { bytes in
      bytes.withUnsafeBytes { buffer in
        precondition(buffer.count <= byteCount - done, "more bytes than promised")
        if let start = buffer.baseAddress {
          address?.advanced(by: done).copyMemory(from: start, byteCount: buffer.count)
        }
        done += buffer.count
      }
    }
    precondition(done == byteCount, "fewer bytes than promised")
    return file
  }

  private static func createUnnamedFile(in folder: String) throws(SystemError) -> Int32 {
    while true {
      let name = FileSystem.temporaryName(beside: FileSystem.join(folder, "unpacked"))
      let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if descriptor >= 0 {
        unlink(name)
        return descriptor
      }
      if errno != EEXIST { throw .last("open", folder) }
    }
  }
}

/// What an empty file's `base` points at; never read.
private nonisolated(unsafe) let emptyFileDummy = UnsafeMutableRawPointer.allocate(
  byteCount: 64, alignment: 64)

/// Opens a regular file for reading and returns its descriptor and length.
func openRegularFile(_ path: String) throws(SystemError) -> (descriptor: Int32, byteCount: Int) {
  // O_NONBLOCK: opening a named pipe must fail below, not wait for somebody to write to it.
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw .last("open", path) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    let error = SystemError.last("fstat", path)
    close(descriptor)
    throw error
  }
  guard status.st_mode & S_IFMT == S_IFREG else {
    close(descriptor)
    throw SystemError(call: "open", path: path, code: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
  }
  return (descriptor, Int(status.st_size))
}

/// Reads exactly `count` bytes of a file from `offset`; a file that ends earlier is an error.
func readFully(
  _ descriptor: Int32, into address: UnsafeMutableRawPointer, count: Int, at offset: Int = 0, path: String
) throws(SystemError) {
  var done = 0
  while done < count {
    // Darwin refuses single reads of 2 GiB and more.
    let got = pread(descriptor, address + done, min(count - done, 1 << 30), off_t(offset + done))
    if got > 0 {
      done += got
    } else if got == 0 {
      throw SystemError(call: "pread", path: path, code: EIO)
    } else if errno != EINTR {
      throw .last("pread", path)
    }
  }
}

/// Appends all bytes to a file.
func writeFully(
  _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, path: String
) throws(SystemError) {
  guard let start = bytes.baseAddress else { return }
  var done = 0
  while done < bytes.count {
    // Darwin refuses single writes of 2 GiB and more.
    let written = write(descriptor, start + done, min(bytes.count - done, 1 << 30))
    if written >= 0 {
      done += written
    } else if errno != EINTR {
      throw .last("write", path)
    }
  }
}
