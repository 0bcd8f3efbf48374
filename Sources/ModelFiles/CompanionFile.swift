/// A small file beside the weights: on disk, or in memory where a container brought it along.
package struct CompanionFile: Sendable {
  /// Named in errors.
  package let path: String
  private let contents: [UInt8]?

  /// A file on disk, read when it is asked for.
  package init(path: String) { (self.path, contents) = (path, nil) }

  /// What a container holds under this path.
  package init(path: String, contents: [UInt8]) { (self.path, self.contents) = (path, contents) }

  /// The bytes of the file.
  ///
  /// - Parameter limit: the most bytes to accept.
  /// - Throws: ``SystemError``.
  package func read(limit: Int) throws(SystemError) -> [UInt8] {
    guard let contents else { return try FileSystem.read(path, limit: limit) }
    guard contents.count <= limit else { throw .tooLarge(path) }
    return contents
  }
}

extension JSONValue {
  /// Reads the document in a file.
  ///
  /// - Throws: ``JSONError`` with the path, or ``SystemError``.
  package init(_ file: CompanionFile, limit: Int = 256 << 20, acceptsNonFinite: Bool = false) throws {
    do {
      try self.init(parsing: file.read(limit: limit), acceptsNonFinite: acceptsNonFinite)
    } catch var error as JSONError {
      error.path = file.path
      throw error
    }
  }
}
