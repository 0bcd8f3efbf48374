import Foundation
import ModelFiles

/// Where `Fixtures/` is, from the place of this file.
let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures")
  .standardized.path

/// The path of a fixture.
func fixture(_ name: String) -> String { fixtures + "/" + name }

/// A folder that is removed with the last reference to it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "foreignformats-\(UUID())").path
    try FileSystem.createFolder(path)
  }

  deinit { try? FileSystem.removeTree(path) }

  /// The path of a file in the folder.
  func callAsFunction(_ name: String) -> String { path + "/" + name }

  /// Writes a file into the folder and returns its path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try FileSystem.createFolder(FileSystem.parent(of: self(name)))
    try AtomicFile.write(bytes, to: self(name))
    return self(name)
  }

  /// Cuts a file short in place, as no careful program does.
  func truncate(_ name: String, to byteCount: UInt64) throws {
    let handle = try FileHandle(forWritingTo: URL(filePath: self(name)))
    try handle.truncate(atOffset: byteCount)
    try handle.close()
  }
}

extension WeightSource {
  /// A copy of a tensor's bytes.
  func bytes(of name: String) throws -> [UInt8] {
    try withBytes(of: name) { span in span.withUnsafeBytes { Array($0) } }
  }
}
