/// What a file is, from its first bytes.
enum PyTorchKind: Equatable {
  case zip, legacyStream, tar
  /// A pickle that torch.save did not write.
  case barePickle
  /// In words: `a GGUF file`.
  case other(String)

  /// The number that torch.save begins a stream with (`torch/serialization.py`, `MAGIC_NUMBER`), as LONG1 writes it.
  static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  /// - Parameter prefix: the first 512 bytes of the file, or all.
  init(_ prefix: [UInt8]) {
    func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool { prefix.dropFirst(offset).starts(with: bytes) }
    func begins(_ text: String) -> Bool { prefix.starts(with: text.utf8) }

    if begins([0x50, 0x4B, 3, 4]) {
      self = .zip
    } else if prefix.first == PickleOpcode.proto.rawValue {
      // The number stands at byte 4, or a little later in the protocols with frames.
      self = (2..<24).contains { begins(Self.magic, at: $0) } ? .legacyStream : .barePickle
    } else if begins(Array("ustar".utf8), at: 257) {
      self = .tar
    } else {
      let found: String =
        if prefix.isEmpty {
          "an empty file"
        } else if begins("version https://git-lfs") {
          "a Git LFS pointer, not the file it points to"
        } else if prefix.drop(while: { $0 <= 0x20 }).starts(with: "<".utf8) {
          "an HTML or XML page"
        } else if begins("GGUF") {
          "a GGUF file"
        } else if begins([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]) {
          "a 7z archive"
        } else if begins([0x1F, 0x8B]) {
          "a gzip file"
        } else if begins([0x89] + Array("HDF".utf8)) {
          "an HDF5 file"
        } else if begins([0x93] + Array("NUMPY".utf8)) {
          "a NumPy file"
        } else if prefix.count > 8, prefix[8] == UInt8(ascii: "{"), prefix[4..<8].allSatisfy({ $0 == 0 }) {
          "a safetensors file"
        } else if prefix.drop(while: { $0 <= 0x20 }).starts(with: "{".utf8) {
          "JSON"
        } else {
          "something unknown"
        }
      self = .other(found)
    }
  }
}
