/// Why a GGUF file could not be read or written.
public struct GGUFError: Error, Hashable, Sendable {
  public var path: String
  public var fault: Fault

  public init(path: String, _ fault: Fault) { (self.path, self.fault) = (path, fault) }

  /// What is wrong. Offsets count bytes from the start of the file.
  @nonexhaustive
  public enum Fault: Error, Hashable, Sendable {
    // The frame
    /// The file does not begin with `GGUF`.
    case notGGUF(found: [UInt8])
    /// A version that this package does not read; it reads 2 and 3.
    case unsupportedVersion(UInt32)
    /// The header asks for more bytes at `offset` than follow there.
    case truncated(offset: Int, needed: UInt64, available: Int)
    /// The header goes on beyond what any header may take.
    case headerTooLong(limit: Int)
    /// So many things, whatever they are, cannot lie in the bytes that are left.
    case impossibleCount(of: String, count: UInt64, offset: Int, available: Int)

    // Metadata
    /// A key or a name that is not UTF-8.
    case invalidText(offset: Int)
    /// A key has no bytes or more than ``GGUFFile/maximumKeyByteCount``.
    case invalidKeyLength(offset: Int, byteCount: UInt64)
    case duplicateKey(String)
    case unknownValueType(key: String, found: UInt32)
    /// An array holds arrays.
    case nestedArray(key: String)
    /// A truth value is a byte other than 0 and 1.
    case invalidBool(key: String, found: UInt8)
    /// `general.alignment` is no u32, no power of two, or beyond ``GGUFFile/maximumAlignment``.
    case invalidAlignment(found: String)

    // Tensors
    /// A name has more bytes than ggml stores.
    case nameTooLong(offset: Int, byteCount: UInt64, limit: Int)
    case duplicateName(String)
    /// More than four dimensions.
    case tooManyDimensions(tensor: String, found: UInt64)
    /// A dimension of 2^63 or more.
    case dimensionTooLarge(tensor: String, found: UInt64)
    case negativeDimension(tensor: String, shape: [Int])
    /// The number of elements or bytes does not fit a machine word, dimensions of zero left out.
    case shapeOverflow(tensor: String, shape: [Int])
    case unknownTensorType(tensor: String, found: UInt32)
    /// The rows do not consist of whole blocks.
    case partialBlock(tensor: String, rowLength: Int, type: GGUFTensorType)
    /// The data does not begin at a multiple of the alignment; `offset` counts from the start of the data section.
    case misalignedTensor(String, offset: UInt64, alignment: Int)
    /// The data of two tensors shares bytes.
    case overlappingTensors(String, String)
    /// The data of a tensor goes beyond the end of the file; `end` counts from the start of the file.
    case dataBeyondFile(tensor: String, end: UInt64, fileByteCount: Int)

    // Writing
    /// There is a file already, and overwriting it was not asked for.
    case destinationExists
    /// This package cannot encode the type.
    case unwritableType(tensor: String, type: GGUFTensorType)
    /// `general.alignment` of the metadata is another than that asked for.
    case contradictoryAlignment(expected: Int, found: String)
    /// The bytes produced for a tensor are more or fewer than its shape asks for.
    case wrongByteCount(tensor: String, expected: Int, found: Int)
  }
}

extension GGUFError: CustomStringConvertible {
  public var description: String { "\(path): \(fault)" }
}

extension GGUFError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notGGUF(let found):
      "not a GGUF file: it begins with the bytes \(found) rather than 'GGUF'; is this another format?"
    case .unsupportedVersion(let version):
      "GGUF version \(version) is not read, only 2 and 3 are; convert the file with a current llama.cpp"
    case .truncated(let offset, let needed, let available):
      "the header asks for \(needed) bytes at byte \(offset), only \(available) follow; "
        + "the download stopped early, fetch it again"
    case .headerTooLong(let limit):
      "the header takes more than \(limit) bytes, no sound one does; fetch the file from its origin"
    case .impossibleCount(let things, let count, let offset, let available):
      "\(count) \(things) are announced at byte \(offset) and cannot lie in the \(available) bytes that follow; "
        + "the file is damaged, fetch it again"
    case .invalidText(let offset):
      "the text at byte \(offset) is not UTF-8, keys and names must be; write the file again"
    case .invalidKeyLength(let offset, let count):
      "the key at byte \(offset) has \(count) bytes, it must have 1 to \(GGUFFile.maximumKeyByteCount); "
        + "write the file again"
    case .duplicateKey(let key):
      "the metadata holds '\(key)' twice, so which one is meant cannot be told; write the file again"
    case .unknownValueType(let key, let found):
      "metadata '\(key)': the value has the unknown type \(found); known are 0 to 12"
    case .nestedArray(let key): "metadata '\(key)': an array holds arrays; write it flat"
    case .invalidBool(let key, let found):
      "metadata '\(key)': a truth value is the byte \(found); write 0 or 1"
    case .invalidAlignment(let found):
      "general.alignment is \(found); it must be a u32 and a power of two up to \(GGUFFile.maximumAlignment)"
    case .nameTooLong(let offset, let count, let limit):
      "the tensor name at byte \(offset) has \(count) bytes, ggml stores \(limit); shorten it"
    case .duplicateName(let name):
      "two tensors are named '\(name)', so which one is meant cannot be told; write the file again"
    case .tooManyDimensions(let name, let found):
      "tensor '\(name)': it has \(found) dimensions, GGUF has 4 at most; flatten some"
    case .dimensionTooLarge(let name, let found):
      "tensor '\(name)': a dimension is \(found), beyond what any machine can hold; write the file again"
    case .negativeDimension(let name, let shape):
      "tensor '\(name)': the shape \(shape) has a negative dimension; correct it"
    case .shapeOverflow(let name, let shape):
      "tensor '\(name)': the shape \(shape) holds more elements than any machine can; write the file again"
    case .unknownTensorType(let name, let found):
      "tensor '\(name)': unknown type \(found), so what follows cannot be checked; "
        + "is the file newer than this program, or older than 2024?"
    case .partialBlock(let name, let length, let type):
      "tensor '\(name)': rows of \(length) elements are no whole blocks of \(type.blockElementCount), "
        + "which \(type.name) needs; use F16 for it"
    case .misalignedTensor(let name, let offset, let alignment):
      "tensor '\(name)': the data begins at \(offset), which is no multiple of the alignment \(alignment); "
        + "write the file again"
    case .overlappingTensors(let a, let b):
      "tensors '\(a)' and '\(b)' share bytes of the file; write it again"
    case .dataBeyondFile(let name, let end, let count):
      "tensor '\(name)': the data ends at byte \(end) and the file at \(count); "
        + "the download stopped early, fetch it again"
    case .destinationExists: "there is a file already; choose another name or ask for it to be overwritten"
    case .unwritableType(let name, let type):
      "tensor '\(name)': \(type.name) cannot be written here; "
        + "write F16 and quantise with llama.cpp, or use Q8_0, Q5_1, Q5_0, Q4_1 or Q4_0"
    case .contradictoryAlignment(let expected, let found):
      "general.alignment is \(found) and \(expected) was asked for; leave it out of the metadata"
    case .wrongByteCount(let name, let expected, let found):
      "tensor '\(name)': shape and type take \(expected) bytes, \(found) were produced; nothing was written"
    }
  }
}
