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

  /// The path of a file with the bytes in a folder with the shards of the fixtures.
  func fileAmongShards() -> String {
    _ = MemoryFile.shared.write(bytes)
    return ShardFolder.shared.index
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

/// A folder in TMPDIR of links to the shards of the fixtures, and one to the ``MemoryFile``.
private struct ShardFolder {
  static let shared = ShardFolder()
  let index: String

  private init() {
    let root = (0..<5).reduce(#filePath) { path, _ in FileSystem.parent(of: path) }
    let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    do {
      let folder = try FileSystem.createTemporaryFolder(beside: FileSystem.join(temporary, "shards"))
      for source in ["Fixtures/safetensors/sharded", "Fixtures/pytorch/sharded"] {
        let source = FileSystem.join(root, source)
        for name in try FileSystem.list(source) where !name.hasSuffix(".json") {
          symlink(FileSystem.join(source, name), FileSystem.join(folder, name))
        }
      }
      index = FileSystem.join(folder, "model.safetensors.index.json")
      symlink(MemoryFile.shared.path, index)
    } catch { preconditionFailure("\(error)") }
  }
}
