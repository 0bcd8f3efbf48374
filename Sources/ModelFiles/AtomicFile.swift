#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file that appears whole or not at all.
///
/// Bytes go to a temporary file in the destination's folder; ``commit()`` makes it durable and renames it
/// over the destination. Dropped without that, the temporary file is removed and the destination is as it
/// was. The new file has mode `0666 & ~umask`; a destination that is a symbolic link keeps being one, and
/// what it points to is replaced.
package struct AtomicFile: ~Copyable {
  /// The file that will be replaced.
  package let path: String
  /// The number of bytes appended so far.
  package private(set) var byteCount = 0
  private let temporaryPath: String
  private let descriptor: Int32
  /// Bytes whose way to the disk has begun.
  private var begunByteCount = 0

  /// So many bytes are sent on their way at a time: few enough that handing them over is short and the disk is never idle,
  /// so that little is left to wait for at the end.
  package static let stretch = 4 << 20

  /// Starts a file that will replace `path`.
  ///
  /// - Parameter byteCount: how many bytes will be appended, if that is known. Room for them is then set aside at once,
  ///   where the file system can, which makes writing them faster; the file must not be committed with fewer.
  /// - Throws: ``SystemError`` when the folder does not exist or cannot be written to, or the disk has no room.
  package init(replacing path: String, reserving byteCount: Int = 0) throws(SystemError) {
    // Computed first: a noncopyable value cannot throw half-initialised.
    let (target, temporary, descriptor) = try Self.open(path)
    do { try Self.reserve(byteCount, descriptor, path) } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    (self.path, self.temporaryPath, self.descriptor) = (target, temporary, descriptor)
  }

  deinit {
    close(descriptor)
    unlink(temporaryPath)
  }

  /// Appends `bytes`.
  ///
  /// - Parameter isSentOn: whether to have the system begin to write once enough has come together; otherwise somebody
  ///   else does, with ``Appended/sendOn(_:)``.
  /// - Throws: ``SystemError``, naming the destination rather than the temporary file.
  package mutating func append(_ bytes: RawSpan, isSentOn: Bool = true) throws(SystemError) {
    try bytes.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) throws(SystemError) in
      try writeFully(descriptor, buffer, path: path)
    }
    byteCount += bytes.byteCount
    guard isSentOn, byteCount - begunByteCount >= Self.stretch else { return }
    appended.sendOn(begunByteCount..<byteCount)
    begunByteCount = byteCount
  }

  /// What has been appended, for another thread to look at.
  package struct Appended: Sendable {
    fileprivate let descriptor: Int32
    fileprivate let path: String

    /// Copies bytes that have been appended to `target`.
    ///
    /// - Throws: ``SystemError``, naming the destination.
    package func read(_ range: Range<Int>, into target: UnsafeMutableRawPointer) throws(SystemError) {
      try readFully(descriptor, into: target, count: range.count, at: range.lowerBound, path: path)
    }

    /// Has the system begin to write bytes to the disk, and does not wait until they are there. Pages that are not on
    /// the disk yet stay in memory, so what is read back right after is still there.
    package func sendOn(_ range: Range<Int>) {
      #if os(Linux)
        posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_DONTNEED)
      #endif
    }
  }

  /// Valid until the file is committed or dropped.
  package var appended: Appended { Appended(descriptor: descriptor, path: path) }

  /// Replaces bytes that have been appended already, for what is known only after what follows it: a checksum, a size.
  ///
  /// - Precondition: `offset` and all of `bytes` lie within what has been appended.
  /// - Throws: ``SystemError``, naming the destination rather than the temporary file.
  package mutating func overwrite(_ bytes: RawSpan, at offset: Int) throws(SystemError) {
    precondition(
      offset >= 0 && offset + bytes.byteCount <= byteCount, "only what was appended can be replaced")
    try bytes.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) throws(SystemError) in
      guard let start = buffer.baseAddress else { return }
      var done = 0
      while done < buffer.count {
        let written = pwrite(descriptor, start + done, buffer.count - done, off_t(offset + done))
        if written >= 0 {
          done += written
        } else if errno != EINTR {
          throw .last("pwrite", path)
        }
      }
    }
  }

  /// Makes the bytes durable and puts the file in its place.
  package consuming func commit() throws(SystemError) {
    guard fsync(descriptor) == 0 else { throw .last("fsync", path) }
    try FileSystem.rename(temporaryPath, to: path)
    FileSystem.synchroniseFolder(FileSystem.parent(of: path))
  }

  /// Replaces the file at `path` by `bytes`.
  package static func write(_ bytes: RawSpan, to path: String) throws(SystemError) {
    var file = try AtomicFile(replacing: path)
    try file.append(bytes)
    try file.commit()
  }

  /// Replaces the file at `path` by `bytes`.
  package static func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
    try write(bytes.span.bytes, to: path)
  }

  /// Replaces the file at `path` by the UTF-8 bytes of `text`.
  package static func write(_ text: String, to path: String) throws(SystemError) {
    try write(Array(text.utf8), to: path)
  }

  private static func reserve(_ byteCount: Int, _ descriptor: Int32, _ path: String) throws(SystemError) {
    #if os(Linux)
      guard byteCount > 0 else { return }
      var code: Int32
      repeat { code = posix_fallocate(descriptor, 0, off_t(byteCount)) } while code == EINTR
      // Whatever else is in the way, writing will say.
      if code == ENOSPC || code == EFBIG { throw SystemError(call: "fallocate", path: path, code: code) }
    #endif
  }

  private static func open(_ path: String) throws(SystemError) -> (String, String, Int32) {
    let target = try FileSystem.writeTarget(path)
    if FileSystem.isDirectory(target) { throw SystemError(call: "open", path: target, code: EISDIR) }
    while true {
      let temporary = FileSystem.temporaryName(beside: target)
      let descriptor = systemOpen(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (target, temporary, descriptor) }
      if errno != EEXIST { throw .last("open", path) }
    }
  }
}

// Within a type that has an `open` of its own, the unqualified name means that.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
