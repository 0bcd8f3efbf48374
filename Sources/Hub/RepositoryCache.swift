package import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The folder of one model in the cache, shared with Python.
///
/// ```
/// .locks/models--org--name/<blob>.lock      held while a blob is written; never removed
/// models--org--name/refs/main               the commit, 40 digits and nothing else
///                   blobs/<blob>            named by its checksum; .incomplete while it comes
///                   snapshots/<commit>/…    relative links to blobs
/// ```
/// Reference: `file_download.py` of huggingface_hub.
package struct RepositoryCache: Sendable {
  /// The folder of the repository.
  package let folder: String
  private let root: String
  private let name: String

  /// - Parameters:
  ///   - root: the folder of the cache.
  ///   - name: `org/name`.
  package init(root: String, name: String) {
    (self.root, self.name) = (root, HubCache.folderName(ofRepository: name))
    folder = FileSystem.join(root, self.name)
  }

  // MARK: Reading

  /// The commit that was last known under a revision, or nil.
  package func commit(of revision: String) -> String? {
    if isHexadecimal(revision, 40) { return revision }
    let path = FileSystem.join(folder, "refs/\(revision)")
    guard let bytes = try? FileSystem.read(path, limit: 4096) else { return nil }
    let commit = String(String(decoding: bytes, as: UTF8.self).prefix { !$0.isWhitespace })
    return isHexadecimal(commit, 40) ? commit : nil
  }

  package func snapshot(_ commit: String) -> String { FileSystem.join(folder, "snapshots/\(commit)") }

  /// The path of a blob, whether or not it is there.
  package func blob(_ blob: BlobName) -> String { FileSystem.join(folder, "blobs/\(blob.text)") }

  /// Whether a blob is there in its full length; it may be a link to a store that repositories share.
  package func has(_ file: RemoteFile) -> Bool { FileSystem.byteCount(of: blob(file.blob)) == file.byteCount }

  // MARK: Writing

  /// Makes the folders.
  ///
  /// No `CACHEDIR.TAG` in the cache: huggingface_hub writes one from version 2 on, and before takes it for damage.
  package func create() throws {
    for name in ["blobs", "refs", "snapshots"] { try FileSystem.createFolder(FileSystem.join(folder, name)) }
  }

  /// Writes down which commit a revision stands for. A commit stands for itself.
  package func setReference(_ revision: String, to commit: String) throws {
    let path = FileSystem.join(folder, "refs/\(revision)")
    if isHexadecimal(revision, 40) || (try? FileSystem.read(path, limit: 4096)) == Array(commit.utf8) {
      return
    }
    try FileSystem.createFolder(FileSystem.parent(of: path))
    // Without a newline: Python takes the whole file for the commit.
    try AtomicFile.write(commit, to: path)
  }

  /// Puts a file into a snapshot.
  ///
  /// - Parameters:
  ///   - file: whose blob is there.
  ///   - commit: names the snapshot.
  ///   - copying: copies where links are not wanted; where they are not possible it is done anyway.
  package func link(_ file: RemoteFile, commit: String, copying: Bool) throws {
    let path = FileSystem.join(snapshot(commit), file.path)
    let blob = blob(file.blob)
    try FileSystem.createFolder(FileSystem.parent(of: path))
    if let there = FileSystem.resolved(path), there == FileSystem.resolved(blob) { return }
    let depth = file.path.utf8.count { $0 == UInt8(ascii: "/") } + 2
    let target = String(repeating: "../", count: depth) + "blobs/\(file.blob.text)"
    if !copying, try replaceLink(path, target) { return }
    try FileSystem.remove(path)  // so that a link is replaced rather than what it leads to
    try FileCopy.copy(blob, to: path)
  }

  /// Makes or replaces a link; whether this file system has such.
  private func replaceLink(_ path: String, _ target: String) throws -> Bool {
    while true {
      if symlink(target, path) == 0 { return true }
      guard errno == EEXIST else { break }
      try FileSystem.remove(path)
    }
    if [EPERM, ENOTSUP, EOPNOTSUPP, ENOSYS].contains(errno) { return false }
    throw SystemError.last("symlink", path)
  }

  /// Waits until nobody else writes a blob, and keeps others from it as long as the lock is held.
  ///
  /// - Parameter waiting: called once when somebody else does.
  package func lock(_ blob: BlobName, waiting: () -> Void) throws -> FileLock {
    let locks = FileSystem.join(root, ".locks/\(name)")
    try FileSystem.createFolder(locks)
    return try FileLock(FileSystem.join(locks, "\(blob.text).lock"), waiting: waiting)
  }
}

/// A lock that Python's filelock understands: `flock` on a file that stays.
package struct FileLock: ~Copyable {
  private let descriptor: Int32

  /// Waits for the lock.
  ///
  /// - Parameters:
  ///   - path: of the file, which is made where it is missing.
  ///   - waiting: called once when somebody else holds it.
  /// - Throws: `SystemError`.
  package init(_ path: String, waiting: () -> Void) throws(SystemError) {
    descriptor = try Self.open(path)
    var isTold = false
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else { return }  // not on every file system
      if !isTold { waiting() }
      isTold = true
      usleep(100_000)
    }
  }

  /// Takes the lock if nobody holds it.
  package init?(ifFree path: String) throws(SystemError) {
    descriptor = try Self.open(path)
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else { return nil }
  }

  deinit { close(descriptor) }

  /// Gives the lock back, which otherwise happens when the value is no longer used.
  package consuming func release() {}

  private static func open(_ path: String) throws(SystemError) -> Int32 {
    let descriptor = systemOpen(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o664)
    guard descriptor >= 0 else { throw .last("open", path) }
    return descriptor
  }
}

// Within a type that has an `open` of its own, the unqualified name means that.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }

/// Copies a file of any length.
enum FileCopy {
  static func copy(_ source: String, to destination: String) throws {
    let file = try MappedFile(path: source, access: .pread)
    var copy = try AtomicFile(replacing: destination)
    var position = 0
    while position < file.byteCount {
      let end = min(file.byteCount, position + (4 << 20))
      try file.withBytes(in: position..<end) { try copy.append($0) }
      position = end
    }
    try copy.commit()
  }
}
