import ModelFiles

/// What torch.save wrote, taken apart: the pickle, and where the storages are that it names.
struct PyTorchParts {
  let container: PyTorchFile.Container
  let graph: PickleGraph
  let references: [PickleNode: PyTorchReference]
  let isBigEndian: Bool
  let findings: [PyTorchFile.Finding]

  /// - Parameters:
  ///   - file: in any of the three containers.
  ///   - globals: Python names that are allowed besides torch's own, in zip files.
  /// - Throws: ``PyTorchError``; ``ZipError`` for a broken archive; `SystemError`.
  init(_ file: MappedFile, globals: Set<String> = []) throws {
    switch PyTorchKind(try file.bytes(in: 0..<min(512, file.byteCount))) {
    case .zip:
      let archive = try PyTorchArchive(file, globals: globals)
      (container, graph, references, findings) = (.zip, archive.graph, archive.references, archive.findings)
      isBigEndian = archive.isBigEndian
    case .legacyStream:
      let stream = try PyTorchLegacy(file)
      (container, graph, references) = (.legacyStream, stream.graph, stream.references)
      (findings, isBigEndian) = (stream.findings, false)
    case .tar:
      let tar = try PyTorchTar(file)
      (container, graph, references) = (.tar, tar.graph, tar.references)
      (findings, isBigEndian) = ([], false)
    case .barePickle:
      throw PyTorchError(path: file.path, .notPyTorch(found: "a pickle that torch.save did not write"))
    case .other(let found): throw PyTorchError(path: file.path, .notPyTorch(found: found))
    }
  }
}
