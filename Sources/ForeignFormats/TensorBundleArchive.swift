import ModelFiles

/// Bundles in zip files, as Google published BERT: `uncased_L-12_H-768_A-12/bert_model.ckpt.index` and so on, deflated.
extension TensorBundle {
  /// The prefixes of the bundles in a zip file, in the order of the file. An index without any data file is none.
  package static func prefixes(in archive: ZipArchive) -> [String] {
    // As bytes: two names that differ by their form in Unicode are two.
    var withData: Set<[UInt8]> = []
    for entry in archive.entries {
      if !isMetadata(entry.name), let prefix = prefix(ofFile: entry.name) {
        withData.insert(Array(prefix.utf8))
      }
    }
    return archive.entries.compactMap { entry in
      guard isIndex(entry.name), let prefix = prefix(ofFile: entry.name),
        withData.contains(Array(prefix.utf8)),
        // What macOS packs beside every file.
        !entry.name.utf8.starts(with: "__MACOSX/".utf8)
      else { return nil }
      return prefix
    }
  }

  /// Opens a bundle in a zip file. Data files that are deflated are unpacked when a tensor is first used.
  ///
  /// - Parameters:
  ///   - prefix: one of ``prefixes(in:)``.
  ///   - path: of the zip file, for errors.
  /// - Throws: ``TensorBundleError``, ``ZipError``, `SystemError`.
  package init(archive: ZipArchive, prefix: String, path: String) throws {
    let path = FileSystem.join(path, prefix)
    guard let index = archive[prefix + ".index"] else {
      throw TensorBundleError(path: path, .missingIndex(FileSystem.name(of: prefix) + ".index"))
    }
    try self.init(path: path, index: archive.bytes(of: index, limit: 1 << 28)) { suffix in
      archive[prefix + suffix].map { archive.lazyBytes(of: $0) }
    }
  }

  private static func isIndex(_ name: String) -> Bool { name.utf8.suffix(6).elementsEqual(".index".utf8) }

  /// Whether the name is that of an index or of a graph.
  private static func isMetadata(_ name: String) -> Bool {
    isIndex(name) || name.utf8.suffix(5).elementsEqual(".meta".utf8)
  }
}
