public import ModelFiles

/// The arrays of a `.npz` file, as `numpy.savez` and `savez_compressed` write it, or the one of a `.npy` file.
///
/// Opening reads the headers only. Checksums of a `.npz` file's arrays are compared, and compressed ones are unpacked,
/// when their elements are first used. Arrays in Fortran order and big-endian ones are rearranged while they are read.
/// Pickles are never read.
public struct NumPyFile: Sendable, StoredWeightSource {
  package let weights: StoredWeights
  /// The members of a `.npz` file that are no arrays, and why.
  public let leftOut: [(name: String, reason: String)]
  /// What was assumed and cannot be told from the file.
  public let notes: [String]

  /// Opens a file. An array of a `.npz` file is named as its member without `.npy`, that of a `.npy` file as the file
  /// without its extension.
  ///
  /// - Throws: ``NumPyError`` when it is none, or an array's header is malformed, does not fit its size, or is of
  ///   elements that no tensor has; ``ZipError``; ``StoredWeightsError`` when names are not unique; `SystemError`.
  public init(path: String, access: FileAccess = .mapped) throws {
    let file = try MappedFile(path: path, access: access)
    let window = try file.bytes(in: 0..<min(file.byteCount, NumPyHeader.windowByteCount))
    var (stored, leftOut, notes): ([StoredTensor], [(String, String)], [String]) = ([], [], [])

    func add(_ name: String, _ window: [UInt8], _ storage: LazyBytes) throws {
      let header: NumPyHeader
      do throws(NumPyError.Fault) {
        header = try NumPyHeader(window, fileByteCount: storage.byteCount)
      } catch { throw NumPyError(path: path, array: name, error) }
      let info = TensorInfo(name: name, elementType: header.elementType, shape: header.shape)
      stored.append(StoredTensor(info, in: storage, header.layout))
      if header.elementType == .bfloat16 {
        notes.append("array '\(name)' is of two-byte elements without a type (V2), taken for BF16")
      }
    }

    if ZipArchive.isZip(window) {
      let archive = try ZipArchive(file)
      for entry in archive.entries {
        guard let name = entry.name.dropping(suffix: ".npy") else {
          // A folder holds nothing by itself.
          if entry.name.utf8.last != UInt8(ascii: "/") { leftOut.append((entry.name, "not a .npy file")) }
          continue
        }
        let window = try archive.uncheckedPrefix(of: entry, count: NumPyHeader.windowByteCount)
        try add(name, window, archive.lazyBytes(of: entry))
      }
    } else {
      guard window.starts(with: NumPyHeader.magic) else { throw NumPyError(path: path, .notNumPy) }
      try add(
        Self.stem(of: path), window, LazyBytes(MappedBytes(file: file, range: 0..<file.byteCount)))
    }
    weights = try StoredWeights(path: path, stored)
    (self.leftOut, self.notes) = (leftOut, notes)
  }

  /// The name of a file without what follows the last dot.
  private static func stem(of path: String) -> String {
    let name = FileSystem.name(of: path)
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return name }
    return String(decoding: name.utf8[..<dot], as: UTF8.self)
  }
}

extension String {
  /// The string without the bytes of `suffix` at its end, or nil when it ends otherwise.
  fileprivate func dropping(suffix: String) -> String? {
    let rest = utf8.count - suffix.utf8.count
    guard rest >= 0, utf8.dropFirst(rest).elementsEqual(suffix.utf8) else { return nil }
    return String(decoding: utf8.prefix(rest), as: UTF8.self)
  }
}
