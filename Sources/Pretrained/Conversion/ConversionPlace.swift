import ModelFiles

/// Where the files of a conversion are made, and how they come to where they belong.
///
/// Nothing that is there is touched before all is written and nothing can be in the way; what would be read in place of
/// the new weights is removed after they are there.
struct ConversionPlace {
  /// Where everything is written first.
  let staging: String
  private let conversion: Conversion
  /// The folder that the files come into; nil when ``staging`` becomes it.
  private let folder: String?

  /// Makes the temporary folder, on the disk of the destination: beside it, or within a folder that is there, which may be
  /// a link or a mount.
  ///
  /// - Throws: `SystemError`.
  init(_ conversion: Conversion) throws(SystemError) {
    self.conversion = conversion
    let destination = conversion.destination
    let outer = FileSystem.parent(of: destination)
    try FileSystem.createFolder(outer)
    folder = conversion.isFile ? outer : FileSystem.resolved(destination)
    staging = try FileSystem.createTemporaryFolder(
      beside: folder.map { FileSystem.join($0, "any") } ?? destination)
  }

  /// Removes what has not been moved.
  func clean() { try? FileSystem.removeTree(staging) }

  /// Moves what was written to where it belongs.
  ///
  /// - Returns: the files and folders at the destination that were written.
  /// - Throws: before anything is moved, ``ConversionError/folderInTheWay(path:)`` and, unless `overwriting`,
  ///   ``ConversionError/destinationExists(path:)``; `SystemError`.
  func move(overwriting: Bool) throws -> [String] {
    let names = try FileSystem.list(staging)
    let shown = conversion.isFile ? FileSystem.parent(of: conversion.destination) : conversion.destination
    guard let folder else {
      try FileSystem.rename(staging, to: conversion.destination)
      FileSystem.synchroniseFolder(FileSystem.parent(of: conversion.destination))
      return names.map { FileSystem.join(shown, $0) }
    }
    let (folders, files) = try contents(of: "")
    for path in files.map({ FileSystem.join(folder, $0) }) where FileSystem.isTaken(path) {
      if FileSystem.isDirectory(path) { throw ConversionError.folderInTheWay(path: path) }
      if !overwriting { throw ConversionError.destinationExists(path: path) }
    }
    for path in folders { try FileSystem.createFolder(FileSystem.join(folder, path)) }
    for path in files {
      try FileSystem.rename(FileSystem.join(staging, path), to: FileSystem.join(folder, path))
    }
    FileSystem.synchroniseFolder(folder)
    if !conversion.isFile {
      for name in try FileSystem.list(folder) where !names.contains(name) && shadows(name) {
        try FileSystem.remove(FileSystem.join(folder, name))
      }
    }
    return names.map { FileSystem.join(shown, $0) }
  }

  /// The paths below a folder of ``staging``, relative to that; a folder comes before what is in it.
  private func contents(of path: String) throws -> (folders: [String], files: [String]) {
    var (folders, files) = ([String](), [String]())
    for name in try FileSystem.list(FileSystem.join(staging, path)) {
      let path = FileSystem.join(path, name)
      if FileSystem.isDirectory(FileSystem.join(staging, path)) {
        let inner = try contents(of: path)
        folders += [path] + inner.folders
        files += inner.files
      } else {
        files.append(path)
      }
    }
    return (folders, files)
  }

  /// Whether a file in the folder would be found beside or before the new weights.
  private func shadows(_ name: String) -> Bool {
    switch conversion.target {
    case .safetensors:
      name.hasPrefix("model") && (name.hasSuffix(".safetensors") || name == "model.safetensors.index.json")
    case .pytorch:
      name.hasPrefix("pytorch_model") && (name.hasSuffix(".bin") || name.hasSuffix(".bin.index.json"))
    default: false
    }
  }
}
