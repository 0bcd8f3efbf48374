import ModelFiles

/// A temporary folder whose files come to where they belong once all of them are whole.
///
/// It is on the disk of the destination: beside it, or within a folder that is there, which may be a link or a mount.
/// Nothing that is there is touched before all is written and nothing is in the way; what would be read in place of the new
/// files is removed after they are there.
struct StagedFolder {
  /// Where everything is written first.
  let path: String
  private let destination: String
  /// Whether the destination is there; else ``path`` becomes it.
  private let isThere: Bool

  /// Makes the temporary folder, and those that the destination lies in.
  ///
  /// - Parameter destination: a folder, which need not be there.
  /// - Throws: `SystemError`.
  init(for destination: String) throws(SystemError) {
    self.destination = destination
    isThere = FileSystem.exists(destination)
    if !isThere { try FileSystem.createFolder(FileSystem.parent(of: destination)) }
    path = try FileSystem.createTemporaryFolder(
      beside: isThere ? FileSystem.join(destination, "any") : destination)
  }

  /// Removes what has not been moved.
  func clean() { try? FileSystem.removeTree(path) }

  /// What may be where a file is to come.
  enum Obstacle {
    /// A folder, which cannot give way.
    case folder(String)
    /// A file or a link, which would be replaced.
    case file(String)
  }

  /// What is where files are to come, folders first.
  ///
  /// - Throws: `SystemError`.
  func obstacles() throws(SystemError) -> [Obstacle] {
    guard isThere else { return FileSystem.isTaken(destination) ? [.file(destination)] : [] }
    let (folders, files) = try contents(of: "")
    var found: [Obstacle] = []
    for path in files.map({ FileSystem.join(destination, $0) }) where FileSystem.isTaken(path) {
      found.append(FileSystem.isDirectory(path) ? .folder(path) : .file(path))
    }
    for path in folders.map({ FileSystem.join(destination, $0) })
    where FileSystem.isTaken(path) && !FileSystem.isDirectory(path) {
      found.append(.folder(path))
    }
    return found.filter { if case .folder = $0 { true } else { false } }
      + found.filter { if case .file = $0 { true } else { false } }
  }

  /// Moves everything to where it belongs.
  ///
  /// - Parameter isSuperseded: of the names of files that are in the folder and were not written, those to remove.
  /// - Returns: what was written at the top of the destination: files and folders.
  /// - Throws: `SystemError`.
  @discardableResult
  func move(removing isSuperseded: (String) -> Bool = { _ in false }) throws(SystemError) -> [String] {
    let names = try FileSystem.list(path)
    if isThere {
      let (folders, files) = try contents(of: "")
      for name in folders { try FileSystem.createFolder(FileSystem.join(destination, name)) }
      for name in files {
        try FileSystem.rename(FileSystem.join(path, name), to: FileSystem.join(destination, name))
      }
      FileSystem.synchroniseFolder(destination)
      for name in try FileSystem.list(destination) where !names.contains(name) && isSuperseded(name) {
        try FileSystem.remove(FileSystem.join(destination, name))
      }
    } else {
      try FileSystem.rename(path, to: destination)
      FileSystem.synchroniseFolder(FileSystem.parent(of: destination))
    }
    return names.map { FileSystem.join(destination, $0) }
  }

  /// The paths below a folder of ``path``, relative to that; a folder comes before what is in it.
  private func contents(of inner: String) throws(SystemError) -> (folders: [String], files: [String]) {
    var (folders, files) = ([String](), [String]())
    for name in try FileSystem.list(FileSystem.join(path, inner)) {
      let name = FileSystem.join(inner, name)
      if FileSystem.isDirectory(FileSystem.join(path, name)) {
        let found = try contents(of: name)
        folders += [name] + found.folders
        files += found.files
      } else {
        files.append(name)
      }
    }
    return (folders, files)
  }
}
