import ModelFiles

/// What a file is, told from its bytes; its name plays no part.
@nonexhaustive
public enum FileKind: Hashable, Sendable {
  // Read
  case safetensors
  /// A zip archive; what is in it decides.
  case zip
  /// PyTorch's own stream of pickles, versions 0.1.10 to 1.5.
  case legacyPyTorch
  /// A tar archive, which PyTorch wrote before version 0.1.10.
  case tar
  case gguf
  case npy
  /// The `.index` of a TensorFlow tensor bundle.
  case tensorBundleIndex
  /// A JSON document, such as an index of shards.
  case json

  // Recognised and not read
  /// A pickle that is no tensor file, such as `training_args.bin` before PyTorch 1.6.
  case pickle
  case onnx
  /// HDF5: Keras' `tf_model.h5`.
  case hdf5
  /// MessagePack: `flax_model.msgpack`.
  case messagePack
  case sevenZip
  case gzip
  case html
  /// What git leaves where the LFS file was not fetched; `sha256` and `byteCount` are those of the real file.
  case gitLFSPointer(sha256: String?, byteCount: Int?)
  /// What a git client without git-xet leaves.
  case xetPointer
  case empty
  case unknown
}

extension FileKind {
  /// The bytes that are looked at.
  static let prefixByteCount = 4096

  /// Looks at a file.
  ///
  /// - Throws: `SystemError` when it cannot be read.
  public init(path: String) throws {
    try self.init(MappedFile(path: path, access: .pread))
  }

  init(_ file: MappedFile) throws {
    let prefix = try file.bytes(in: 0..<min(file.byteCount, Self.prefixByteCount))
    let kind = Self(prefix: prefix, byteCount: file.byteCount)
    // A tensor bundle's index says what it is at its end.
    guard kind == .unknown, file.byteCount >= 48,
      try file.bytes(in: file.byteCount - 8..<file.byteCount) == Self.sortedTableMagic
    else {
      self = kind
      return
    }
    self = .tensorBundleIndex
  }

  /// The last bytes of a LevelDB table.
  private static let sortedTableMagic: [UInt8] = [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]

  /// The pickle of torch's magic number (torch/serialization.py, `MAGIC_NUMBER`).
  private static let torchMagic: [UInt8] = [
    0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  private static let magics: [(FileKind, [UInt8])] = [
    (.zip, [0x50, 0x4B, 0x03, 0x04]), (.zip, [0x50, 0x4B, 0x05, 0x06]),
    (.legacyPyTorch, torchMagic),
    (.gguf, Array("GGUF".utf8)), (.npy, [0x93] + Array("NUMPY".utf8)),
    (.hdf5, [0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A]),
    (.sevenZip, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]), (.gzip, [0x1F, 0x8B]),
  ]

  /// - Parameters:
  ///   - prefix: the first bytes of the file.
  ///   - byteCount: of the whole file.
  init(prefix: [UInt8], byteCount: Int) {
    if prefix.isEmpty {
      self = .empty
    } else if let known = Self.magics.first(where: { prefix.starts(with: $0.1) }) {
      self = known.0
    } else if prefix.count >= 265, prefix[257..<262].elementsEqual("ustar".utf8) {
      self = .tar
    } else if Self.isSafetensors(prefix, byteCount) {
      self = .safetensors
    } else if let text = Self.text(prefix) {
      self = Self.kind(ofText: text)
    } else if prefix.count > 1, prefix[0] == 0x80, (2...5).contains(prefix[1]) {
      self = .pickle
    } else if Self.isONNX(prefix) {
      self = .onnx
    } else if prefix[0] == 0xDE || prefix[0] == 0xDF || (0x81...0x8F).contains(prefix[0]) {
      self = .messagePack
    } else {
      self = .unknown
    }
  }

  /// A header length that fits, and the first character of an object behind it.
  private static func isSafetensors(_ prefix: [UInt8], _ byteCount: Int) -> Bool {
    guard prefix.count > 8 else { return false }
    let length = prefix[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let first = prefix.dropFirst(8).first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return first == UInt8(ascii: "{") && length <= UInt64(SafetensorsFile.maximumHeaderByteCount)
      && (prefix[8] == UInt8(ascii: "{") || length <= UInt64(byteCount))
  }

  /// The bytes as text, when nothing in them is binary.
  private static func text(_ prefix: [UInt8]) -> String? {
    guard !prefix.contains(where: { $0 < 0x20 && ![0x09, 0x0A, 0x0C, 0x0D].contains($0) }) else { return nil }
    return String(decoding: prefix, as: UTF8.self)
  }

  private static func kind(ofText text: String) -> FileKind {
    let trimmed = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    let start = trimmed.prefix(200).lowercased()
    if start.hasPrefix("version https://git-lfs") {
      func field(_ name: String) -> Substring? {
        text.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + " ") }?.dropFirst(name.count + 1)
      }
      let sha256 = field("oid").flatMap { $0.hasPrefix("sha256:") ? String($0.dropFirst(7)) : nil }
      return .gitLFSPointer(sha256: sha256, byteCount: field("size").flatMap { Int($0) })
    }
    if start.hasPrefix("# xet version") { return .xetPointer }
    if ["<!doctype html", "<html", "<head", "<?xml"].contains(where: start.hasPrefix) { return .html }
    return start.hasPrefix("{") || start.hasPrefix("[") ? .json : .unknown
  }

  /// A ModelProto begins with its `ir_version`, field 1, and as a rule with the producer's name, field 2.
  private static func isONNX(_ prefix: [UInt8]) -> Bool {
    guard prefix.count > 4, prefix[0] == 0x08, (1...32).contains(prefix[1]) else { return false }
    return [0x12, 0x1A, 0x22, 0x2A, 0x32, 0x3A, 0x42].contains(prefix[2])
  }
}

extension FileKind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .safetensors: "a safetensors file"
    case .zip: "a zip archive"
    case .legacyPyTorch: "a PyTorch file of the legacy stream format"
    case .tar: "a tar archive"
    case .gguf: "a GGUF file"
    case .npy: "a NumPy array"
    case .tensorBundleIndex: "the index of a TensorFlow checkpoint"
    case .json: "a JSON document"
    case .pickle: "a Python pickle"
    case .onnx: "an ONNX model"
    case .hdf5: "an HDF5 file (Keras, tf_model.h5)"
    case .messagePack: "a MessagePack file (flax_model.msgpack)"
    case .sevenZip: "a 7z archive"
    case .gzip: "a gzip-compressed file"
    case .html: "an HTML page"
    case .gitLFSPointer: "a Git LFS pointer, the stand-in for a file that was not fetched"
    case .xetPointer: "a Xet pointer, the stand-in for a file that was not fetched"
    case .empty: "an empty file"
    case .unknown: "of no kind that is known here"
    }
  }

  /// What somebody who wanted weights should do instead.
  public var remedy: String {
    switch self {
    case .pickle: "only its globals can be listed; nothing in it is ever run"
    case .onnx: "ONNX is written and not read: its tensors have lost their names; fetch model.safetensors"
    case .hdf5, .messagePack: "fetch model.safetensors or pytorch_model.bin of the same repository"
    case .sevenZip, .gzip: "unpack it first, and name what comes out"
    case .html: "the download got an error or sign-in page; fetch the file again"
    case .gitLFSPointer(let sha256, let byteCount):
      "fetch the real file with `git lfs pull`"
        + (byteCount.map { ", \($0) bytes" } ?? "") + (sha256.map { ", SHA-256 \($0.prefix(12))…" } ?? "")
    case .xetPointer: "fetch the real file with git-xet or `hf download`"
    case .empty: "the download never began; fetch the file again"
    case .json: "name the folder, or the index of shards"
    default: "name a safetensors, PyTorch, TensorFlow 1, NumPy or GGUF file, or a folder with one"
    }
  }
}
