import Foundation
import ModelFiles

/// Where `Fixtures/` is, from the place of this file.
let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures")
  .standardized.path

/// The path of a fixture.
func fixture(_ name: String) -> String { fixtures + "/" + name }

/// A fixture that is a JSON document.
func fixtureJSON(_ name: String) throws -> JSONValue {
  try JSONValue(path: fixture(name), acceptsNonFinite: true)
}

/// A folder that is removed with the last reference to it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "modelfiles-\(UUID())").path
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

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }
}

/// The bytes of a safetensors file with this header, padded to no boundary.
func safetensors(_ header: String, data: Int = 0, claiming length: UInt64? = nil) -> [UInt8] {
  safetensors(Array(header.utf8), data: data, claiming: length)
}

func safetensors(_ header: [UInt8], data: Int = 0, claiming length: UInt64? = nil) -> [UInt8] {
  withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian) { Array($0) } + header
    + [UInt8](repeating: 0, count: data)
}

extension WeightSource {
  /// A copy of a tensor's bytes.
  func bytes(of name: String) throws -> [UInt8] {
    try withBytes(of: name) { span in span.withUnsafeBytes { Array($0) } }
  }
}
