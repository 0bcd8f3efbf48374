#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The few file operations the libraries need, on plain paths.
package enum FileSystem {
  /// Whether anything is at `path`, symbolic links followed.
  package static func exists(_ path: String) -> Bool { kind(of: path) != nil }

  /// Whether something has the name, be it a link to nothing.
  package static func isTaken(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  package static func isDirectory(_ path: String) -> Bool { kind(of: path) == S_IFDIR }

  package static func isRegularFile(_ path: String) -> Bool { kind(of: path) == S_IFREG }

  /// The length of the file in bytes, or nil when there is none.
  package static func byteCount(of path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
  }

  /// The names in a folder without `.` and `..`, sorted by their UTF-8 bytes.
  package static func list(_ folder: String) throws(SystemError) -> [String] {
    guard let stream = opendir(folder) else { throw .last("opendir", folder) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Creates a folder and those it lies in; one that exists already is no error.
  package static func createFolder(_ path: String) throws(SystemError) {
    if isDirectory(path) { return }
    let outer = parent(of: path)
    if outer != path && !isDirectory(outer) { try createFolder(outer) }
    guard mkdir(path, 0o777) == 0 || (errno == EEXIST && isDirectory(path)) else {
      throw .last("mkdir", path)
    }
  }

  /// Removes a file, a link or an empty folder; nothing there is no error.
  package static func remove(_ path: String) throws(SystemError) {
    var status = stat()
    let isFolder = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    guard (isFolder ? rmdir(path) : unlink(path)) == 0 || errno == ENOENT else { throw .last("remove", path) }
  }

  /// Removes a folder with all it holds. Links inside are removed, what they point to is not.
  package static func removeTree(_ path: String) throws(SystemError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in try list(path) { try removeTree(join(path, name)) }
    }
    try remove(path)
  }

  package static func rename(_ path: String, to destination: String) throws(SystemError) {
    #if canImport(Darwin)
      let result = Darwin.rename(path, destination)
    #elseif canImport(Musl)
      let result = Musl.rename(path, destination)
    #else
      let result = Glibc.rename(path, destination)
    #endif
    guard result == 0 else { throw .last("rename", destination) }
  }

  /// Puts a finished folder in the place of another, or where none is.
  ///
  /// At no moment is half a folder at `path`. An older one is moved aside before it is removed.
  package static func replaceFolder(_ path: String, by folder: String) throws(SystemError) {
    synchroniseFolder(folder)
    let aside = exists(path) ? temporaryName(beside: path) : nil
    if let aside { try rename(path, to: aside) }
    try rename(folder, to: path)
    synchroniseFolder(parent(of: path))
    if let aside { try removeTree(aside) }
  }

  /// Removes a folder so that at no moment half of it is left at `path`.
  package static func removeFolder(_ path: String) throws(SystemError) {
    let aside = temporaryName(beside: path)
    try rename(path, to: aside)
    try removeTree(aside)
  }

  /// Bytes that may still be written below `path`, which need not exist yet; nil when that cannot be told.
  package static func availableBytes(at path: String) -> Int? {
    var path = path
    while !exists(path), path != "." && path != "/" { path = parent(of: path) }
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    return Int(
      clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
  }

  /// The whole file.
  ///
  /// - Parameter limit: the most bytes to accept; a longer file is an error before anything is allocated.
  package static func read(_ path: String, limit: Int = 1 << 30) throws(SystemError) -> [UInt8] {
    let (descriptor, byteCount) = try openRegularFile(path)
    defer { close(descriptor) }
    guard byteCount <= limit else { throw SystemError(call: "read", path: path, code: EFBIG) }
    var failure: SystemError?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      do throws(SystemError) {
        if let start = buffer.baseAddress {
          try readFully(descriptor, into: start, count: byteCount, path: path)
        }
        count = byteCount
      } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Creates a fresh folder beside `path`, on the same file system, and returns its path.
  package static func createTemporaryFolder(beside path: String) throws(SystemError) -> String {
    while true {
      let folder = temporaryName(beside: path)
      if mkdir(folder, 0o777) == 0 { return folder }
      if errno != EEXIST { throw .last("mkdir", folder) }
    }
  }

  /// A name nothing has yet, in the folder of `path`; hidden, and short whatever the length of the name.
  static func temporaryName(beside path: String) -> String {
    join(parent(of: path), ".\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp")
  }

  /// Makes the entries of a folder durable. File systems that cannot are left to their own ways.
  package static func synchroniseFolder(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  /// The path with links resolved, or nil when there is nothing.
  package static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// The file a write to `path` should replace: what a symbolic link points to, through any number of them,
  /// whether or not it exists yet.
  static func writeTarget(_ path: String) throws(SystemError) -> String {
    var target = path
    for _ in 0..<40 {  // the limit of Linux
      let length = Int(PATH_MAX)
      let link = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
        guard let start = buffer.baseAddress else { return }
        count = max(
          0, start.withMemoryRebound(to: CChar.self, capacity: length) { readlink(target, $0, length) })
      }
      if link.isEmpty { return target }  // not a link, or not there
      let text = String(decoding: link, as: UTF8.self)
      target = text.utf8.first == slash ? text : join(parent(of: target), text)
    }
    throw SystemError(call: "readlink", path: path, code: ELOOP)
  }

  // Paths are taken apart by their bytes: a slash with a combining mark behind it is one character with it.

  private static let slash = UInt8(ascii: "/")

  package static func join(_ folder: String, _ name: String) -> String {
    folder.isEmpty ? name : folder.utf8.last == slash ? folder + name : folder + "/" + name
  }

  /// The folder `path` lies in; `.` for a bare name, `/` for the root.
  package static func parent(of path: String) -> String { split(path).folder }

  /// The last component of `path`, without trailing slashes.
  package static func name(of path: String) -> String { split(path).name }

  private static func split(_ path: String) -> (folder: String, name: String) {
    func trimmed(_ bytes: Substring.UTF8View) -> Substring.UTF8View {
      var bytes = bytes
      while bytes.count > 1, bytes.last == slash { bytes.removeLast() }
      return bytes
    }
    let rest = trimmed(path[...].utf8)
    guard let last = rest.lastIndex(of: slash) else { return (".", String(Substring(rest))) }
    let name = rest[rest.index(after: last)...]
    let folder = trimmed(rest[..<last])
    return (folder.isEmpty ? "/" : String(Substring(folder)), String(Substring(name)))
  }

  private static func kind(of path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
  }
}
