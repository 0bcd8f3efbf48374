public import ModelFiles

/// A GGUF file, the format of llama.cpp, opened for reading.
///
/// Tensors of the types F32, F16, BF16, F64 and I8 to I64 are read as they are; Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1 are
/// decoded to F32 when they are read, bit for bit as gguf-py decodes them. Tensors of other types are in ``entries``
/// and in ``leftOut``, and not among `tensors`.
///
/// ```swift
/// let file = try GGUFFile(path: "all-MiniLM-L6-v2-Q8_0.gguf")
/// print(file["general.architecture"]?.stringValue ?? "")           // bert
/// print(file.tensor(named: "blk.0.attn_q.weight")?.shape ?? [])    // [384, 384]
/// ```
public struct GGUFFile: Sendable, StoredWeightSource {
  /// One tensor, how it is stored and where.
  public struct Entry: Sendable, Hashable {
    public var name: String
    /// How the elements are stored.
    public var type: GGUFTensorType
    /// Row-major, outermost dimension first, which is the reverse of the file's order; empty for a scalar.
    public var shape: [Int]
    /// In bytes from the start of the file.
    public var byteRange: Range<Int>
  }

  /// The longest header that is accepted, in bytes. Vocabularies of 250 000 tokens with their merges take a tenth of it.
  public static let maximumHeaderByteCount = 1 << 27
  /// The longest key of the metadata; the specification's limit.
  public static let maximumKeyByteCount = 65535
  /// The longest name of a tensor: `GGML_MAX_NAME`, which counts the zero at the end, less one.
  public static let maximumNameByteCount = 63
  /// The largest `general.alignment` that is accepted: a huge page.
  public static let maximumAlignment = 1 << 21

  public let path: String
  /// 2 or 3.
  public let version: Int
  public let isBigEndian: Bool
  /// Every tensor's data begins at a multiple of this, counted from the start of the file.
  public let alignment: Int
  /// In the order of the file.
  public let metadata: [(key: String, value: GGUFValue)]
  /// Every tensor in the order of the file, those of ``leftOut`` too.
  public let entries: [Entry]
  /// The tensors that cannot be read, and why.
  public let leftOut: [(name: String, reason: String)]
  /// What is sound and yet unusual about the file.
  public let findings: [Finding]
  package let weights: StoredWeights
  private let keys: NameTable

  /// Opens the file and checks its header; no byte of the data is read.
  ///
  /// - Throws: ``GGUFError`` when the header is not sound, `SystemError` when the file cannot be opened.
  public init(path: String, access: FileAccess = .mapped) throws {
    let file = try MappedFile(path: path, access: access)
    let header: GGUFHeader
    do { header = try GGUFHeader.read(file) } catch let fault as GGUFError.Fault {
      throw GGUFError(path: path, fault)
    }
    var (stored, leftOut): ([StoredTensor], [(name: String, reason: String)]) = ([], [])
    let bytes = LazyBytes(MappedBytes(file: file, range: 0..<file.byteCount))
    for entry in header.entries {
      if let tensor = Self.stored(entry, in: bytes, isBigEndian: header.isBigEndian) {
        stored.append(tensor)
      } else {
        leftOut.append((entry.name, Self.reason(entry.type)))
      }
    }
    weights = try StoredWeights(path: path, stored)
    (self.path, version, isBigEndian, alignment) = (
      path, header.version, header.isBigEndian, header.alignment
    )
    (metadata, keys, entries) = (header.metadata, header.keys, header.entries)
    (self.leftOut, findings) = (leftOut, header.findings)
  }

  /// The value of a key of the metadata, compared as UTF-8 bytes, or nil.
  public subscript(key: String) -> GGUFValue? {
    keys.number(hash: NameTable.hash(key)) { metadata[$0].key.hasSameBytes(as: key) }.map {
      metadata[$0].value
    }
  }

  /// Whether a number can be `general.alignment`.
  static func isAlignment(_ number: Int) -> Bool {
    number > 0 && number & (number - 1) == 0 && number <= maximumAlignment
  }

  private static func stored(_ entry: Entry, in bytes: LazyBytes, isBigEndian: Bool) -> StoredTensor? {
    let offset = entry.byteRange.lowerBound
    if let elementType = entry.type.elementType {
      let info = TensorInfo(name: entry.name, elementType: elementType, shape: entry.shape)
      guard isBigEndian && elementType.bitWidth > 8 else {
        return StoredTensor(info, in: bytes, .contiguous(offset: offset))
      }
      var (strides, step) = (entry.shape, 1)
      for index in strides.indices.reversed() {
        strides[index] = step
        step *= max(1, entry.shape[index])
      }
      return StoredTensor(info, in: bytes, .strided(offset: offset, strides: strides, swapping: true))
    }
    guard !isBigEndian, let code = GGUFQuantisation(entry.type) else { return nil }
    let info = TensorInfo(name: entry.name, elementType: .float32, shape: entry.shape)
    return StoredTensor(info, in: bytes, .blocks(offset: offset, code.blockCode))
  }

  private static func reason(_ type: GGUFTensorType) -> String {
    GGUFQuantisation(type) == nil
      ? "\(type.name) is not decoded here; convert the file to F16 or Q8_0 with llama.cpp"
      : "\(type.name) of a big-endian file is not decoded here; convert the file to little-endian"
  }

  /// Something that a reader accepts and a careful writer avoids.
  @nonexhaustive
  public enum Finding: Sendable, Hashable {
    /// Strings of the metadata that are not UTF-8.
    case invalidText(key: String, count: Int)
    /// A name that is empty or holds control characters; `index` is the place of the tensor in the file.
    case unusualName(String, index: Int)
    /// Bytes that belong to no tensor lie before one.
    case gap(before: String, byteCount: Int)
    /// The data lies in another order than the tensors are listed in, which llama.cpp does not read.
    case dataInAnotherOrder
    /// Bytes follow the data of the last tensor.
    case trailingBytes(Int)
  }
}

extension GGUFFile.Finding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidText(let key, let count): "\(count) strings of the metadata '\(key)' are not UTF-8"
    case .unusualName(let name, _): "the tensor name \(JSONValue.string(name).compactText()) is unusual"
    case .gap(let name, let count): "\(count) bytes that belong to no tensor lie before tensor '\(name)'"
    case .dataInAnotherOrder:
      "the data lies in another order than the tensors are listed in; llama.cpp does not read that"
    case .trailingBytes(let count): "\(count) bytes follow the data of the last tensor"
    }
  }
}
