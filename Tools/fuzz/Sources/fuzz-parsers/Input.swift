import CFuzzing
import Glibc
import ModelFiles

/// What a parser is fed with.
struct Input {
  let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var array: [UInt8] { Array(bytes) }

  /// Both ways are taken. Ranges that are read are in buffers of their length, whose ends the address sanitizer
  /// watches; ranges of a mapped file are not.
  var access: FileAccess { bytes.count % 2 == 0 ? .pread : .mapped }

  /// The path of a file with the bytes; it is the same for every input.
  func file() -> String { MemoryFile.shared.write(bytes) }

  /// The path of a file with the bytes in a folder of its own, where copies of some fixtures are too.
  ///
  /// - Parameters:
  ///   - name: of the file.
  ///   - fixtures: folders of `Fixtures`, whose files are there.
  func file(named name: String, beside fixtures: [String]) -> String {
    _ = MemoryFile.shared.write(bytes)
    return FileSystem.join(SharedFolder.holding(name, fixtures), name)
  }
}

/// A file that takes no disk.
private struct MemoryFile {
  static let shared = MemoryFile()
  let path: String
  private let descriptor = fuzzing_memory_file()

  private init() {
    precondition(descriptor >= 0, "no file in memory can be made")
    path = "/proc/self/fd/\(descriptor)"
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> String {
    let isWritten =
      ftruncate(descriptor, 0) == 0 && pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count
    precondition(isWritten, "the file in memory cannot be written")
    return path
  }
}

/// A folder in TMPDIR of links to fixtures, and one to the ``MemoryFile``.
private enum SharedFolder {
  /// There is one parser in a process, and so one folder.
  private nonisolated(unsafe) static var path: String?

  static func holding(_ name: String, _ fixtures: [String]) -> String {
    if let path { return path }
    let root = (0..<5).reduce(#filePath) { path, _ in FileSystem.parent(of: path) }
    let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    do {
      let folder = try FileSystem.createTemporaryFolder(beside: FileSystem.join(temporary, "inputs"))
      symlink(MemoryFile.shared.path, FileSystem.join(folder, name))
      for fixture in fixtures {
        let source = FileSystem.join(root, "Fixtures/" + fixture)
        for name in try FileSystem.list(source) {
          symlink(FileSystem.join(source, name), FileSystem.join(folder, name))
        }
      }
      path = folder
      return folder
    } catch { preconditionFailure("\(error)") }
  }
}
