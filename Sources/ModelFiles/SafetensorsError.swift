/// Why a safetensors file could not be read or written.
public struct SafetensorsError: Error, Hashable, Sendable {
  public var path: String
  public var fault: Fault

  public init(path: String, _ fault: Fault) { (self.path, self.fault) = (path, fault) }

  /// What is wrong. Every case carries what is needed to find it: a name, what was expected, what was found.
  @nonexhaustive
  public enum Fault: Error, Hashable, Sendable {
    // The frame
    /// The file holds fewer than the eight bytes of the header length.
    case fileTooShort(byteCount: Int)
    /// The header claims more bytes than any header may have.
    case headerTooLong(byteCount: UInt64, limit: Int)
    /// The header claims more bytes than follow it in the file.
    case headerBeyondFile(byteCount: UInt64, available: Int)
    /// The data of the tensors ends before or after the file does.
    case wrongFileLength(expected: Int, found: Int)

    // The header's text; `offset` counts bytes from the start of the header
    /// The header is not a JSON object in UTF-8.
    case malformedHeader(offset: Int, JSONError.Fault)
    /// An unknown field nests deeper than the limit.
    case headerTooDeep(offset: Int, limit: Int)
    /// Two entries have the same name, compared after escapes are resolved.
    case duplicateName(String)
    /// `__metadata__` holds a key twice.
    case duplicateMetadataKey(String)
    /// `__metadata__`, or the value of one of its keys, has the wrong type.
    case invalidMetadata(key: String?, found: String)

    // A tensor's entry
    /// The entry is not an object.
    case invalidEntry(tensor: String, found: String)
    case missingField(tensor: String, field: String)
    case duplicateField(tensor: String, field: String)
    case unknownElementType(tensor: String, found: String)
    /// A dimension or an offset is not a non-negative integer below 2^64, or the field is no list of them.
    case invalidNumber(tensor: String, field: String, found: String)
    /// `data_offsets` does not hold two numbers.
    case wrongOffsetCount(tensor: String, found: Int)
    case reversedOffsets(tensor: String, begin: UInt64, end: UInt64)
    /// The number of bytes that the shape asks for does not fit a machine word, dimensions of zero left out.
    case shapeOverflow(tensor: String, shape: [UInt64])
    /// The elements of a packed type do not fill whole bytes.
    case partialByte(tensor: String, bitCount: Int)
    /// The byte range disagrees with shape and element type.
    case sizeMismatch(tensor: String, expected: Int, found: UInt64)
    /// The data does not start where that of the tensor before it ends; offsets from the start of the data.
    case dataNotContiguous(tensor: String, expected: Int, found: UInt64)

    // Reading
    /// No tensor has this name; `nearest` are similar names that exist.
    case noSuchTensor(String, nearest: [String])
    /// The rows asked for do not exist, or the tensor has no rows.
    case noSuchRows(tensor: String, rows: Range<Int>, available: Int)
    /// The file became shorter since it was opened.
    case fileShrunk(expected: Int, found: Int)

    // Writing
    /// There is a file already, and overwriting it was not asked for.
    case destinationExists
    /// `__metadata__` is no name for a tensor.
    case reservedName
    case negativeDimension(tensor: String, shape: [Int])
    /// The bytes produced for a tensor are more or fewer than its shape asks for.
    case wrongByteCount(tensor: String, expected: Int, found: Int)
  }
}

extension SafetensorsError: CustomStringConvertible {
  public var description: String { "\(path): \(fault)" }
}

extension SafetensorsError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .fileTooShort(let count):
      "not a safetensors file: it has \(count) bytes and the header's length alone takes 8; fetch it again"
    case .headerTooLong(let count, let limit):
      "not a safetensors file: the header claims \(count) bytes, at most \(limit) are allowed; "
        + "is this another format?"
    case .headerBeyondFile(let count, let available):
      "the header claims \(count) bytes, only \(available) follow; the download stopped early, fetch it again"
    case .wrongFileLength(let expected, let found) where found < expected:
      "the header describes a file of \(expected) bytes, it has \(found); "
        + "the download stopped early, fetch it again"
    case .wrongFileLength(let expected, let found):
      "the header describes a file of \(expected) bytes, it has \(found); "
        + "do not trust the \(found - expected) bytes that belong to no tensor, fetch it again"
    case .malformedHeader(let offset, let fault): "malformed header at byte \(offset): \(fault)"
    case .headerTooDeep(let offset, let limit):
      "the header nests deeper than \(limit) levels at byte \(offset); fetch the file from its origin"
    case .duplicateName(let name):
      "two entries are named '\(name)', so which one is meant cannot be told; write the file again"
    case .duplicateMetadataKey(let key): "__metadata__ holds '\(key)' twice; write the file again"
    case .invalidMetadata(let key?, let found):
      "__metadata__ holds \(found) under '\(key)'; only strings are allowed, write it as one"
    case .invalidMetadata(nil, let found):
      "__metadata__ is \(found); it must be an object of strings, and no tensor may have this name"
    case .invalidEntry(let name, let found):
      "tensor '\(name)': the entry is \(found) and must be an object; write the file again"
    case .missingField(let name, let field): "tensor '\(name)': '\(field)' is missing; write the file again"
    case .duplicateField(let name, let field):
      "tensor '\(name)': '\(field)' appears twice; write the file again"
    case .unknownElementType(let name, let found):
      "tensor '\(name)': unknown dtype \(found); known are "
        + ElementType.allCases.map(\.rawValue).joined(separator: ", ")
    case .invalidNumber(let name, let field, let found):
      "tensor '\(name)': '\(field)' holds \(found); write non-negative integers"
    case .wrongOffsetCount(let name, let found):
      "tensor '\(name)': 'data_offsets' holds \(found) numbers; write two, begin and end"
    case .reversedOffsets(let name, let begin, let end):
      "tensor '\(name)': the data begins at \(begin) and ends before that, at \(end); write the file again"
    case .shapeOverflow(let name, let shape):
      "tensor '\(name)': the shape \(shape) holds more elements than any machine can; write the file again"
    case .partialByte(let name, let bits):
      "tensor '\(name)': its \(bits) bits do not fill whole bytes; pad the last dimension"
    case .sizeMismatch(let name, let expected, let found):
      "tensor '\(name)': shape and dtype take \(expected) bytes, the entry covers \(found); "
        + "write the file again"
    case .dataNotContiguous(let name, let expected, let found):
      "tensor '\(name)': the data begins at \(found) and should begin at \(expected), without gap or "
        + "overlap; write the file again"
    case .noSuchTensor(let name, let nearest):
      "no tensor is named '\(name)'"
        + (nearest.isEmpty
          ? "; list the names to see what there is"
          : "; did you mean " + nearest.map { "'\($0)'" }.joined(separator: " or ") + "?")
    case .noSuchRows(let name, let rows, let available):
      "tensor '\(name)': rows \(rows.lowerBound)..<\(rows.upperBound) were asked for; "
        + "ask within 0..<\(available)"
    case .fileShrunk(let expected, let found):
      "the file had \(expected) bytes when it was opened and now has \(found); open it again"
    case .destinationExists: "there is a file already; choose another name or ask for it to be overwritten"
    case .reservedName: "a tensor cannot be named '__metadata__'; rename it"
    case .negativeDimension(let name, let shape):
      "tensor '\(name)': the shape \(shape) has a negative dimension; correct it"
    case .wrongByteCount(let name, let expected, let found):
      "tensor '\(name)': shape and dtype take \(expected) bytes, \(found) were produced; nothing was written"
    }
  }
}
