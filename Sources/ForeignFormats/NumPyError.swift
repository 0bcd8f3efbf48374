public import ModelFiles

/// Why a file of NumPy arrays could not be read or written.
public struct NumPyError: Error, Hashable, Sendable {
  public var path: String
  /// The name of the array at fault, if it is one.
  public var array: String?
  public var fault: Fault

  public init(path: String, array: String? = nil, _ fault: Fault) {
    (self.path, self.array, self.fault) = (path, array, fault)
  }

  /// What is wrong; offsets count bytes from the start of the array's `.npy` file.
  @nonexhaustive
  public enum Fault: Error, Hashable, Sendable {
    /// The file begins neither as a `.npy` nor as a `.npz` file, or the array not as a `.npy` file.
    case notNumPy
    /// The version of the header is not 1.0, 2.0 or 3.0.
    case unknownVersion(major: UInt8, minor: UInt8)
    /// The header claims more bytes than NumPy reads without being told to.
    case headerTooLong(byteCount: Int, limit: Int)
    /// The array ends before its header does.
    case headerBeyondFile(byteCount: Int, available: Int)
    /// The header is not the dictionary it must be; `expected` says what should be at `offset`.
    case malformedHeader(offset: Int, expected: String)
    case unknownKey(String)
    case duplicateKey(String)
    case missingKey(String)

    /// The elements are Python objects, which only running a pickle could bring back.
    case pickledObjects
    /// The elements are records of several fields, or arrays.
    case structuredType
    /// The elements are of a type that no tensor has: text, dates, and numbers of unusual sizes.
    case unsupportedType(String)
    case tooManyDimensions(Int, limit: Int)
    /// The number of bytes that the shape asks for does not fit a machine word.
    case shapeOverflow([Int])
    /// Header, shape and type ask for another number of bytes than there are.
    case wrongByteCount(expected: Int, found: Int)

    // Writing
    /// There is a file already, and overwriting it was not asked for.
    case destinationExists
    /// NumPy has no type for the elements.
    case inexpressible(ElementType)
    /// Two arrays have the same name.
    case duplicateName
    /// The name is too long for a zip file, or holds a NUL.
    case invalidName
    case negativeDimension([Int])
    /// The bytes produced are more or fewer than the shape asks for.
    case wrongProducedByteCount(expected: Int, found: Int)
  }
}

extension NumPyError: CustomStringConvertible {
  public var description: String {
    if let array { "\(path): array '\(array)': \(fault)" } else { "\(path): \(fault)" }
  }
}

extension NumPyError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notNumPy: "neither a .npy nor a .npz file of NumPy; is this another format?"
    case .unknownVersion(let major, let minor):
      "the header is of version \(major).\(minor), versions 1.0, 2.0 and 3.0 are known; save it again with NumPy"
    case .headerTooLong(let count, let limit):
      "the header claims \(count) bytes, at most \(limit) are allowed; save the array again with NumPy"
    case .headerBeyondFile(let count, let available):
      "the header takes \(count) bytes, \(available) are there; the file was cut short, fetch it again"
    case .malformedHeader(let offset, let expected):
      "malformed header: expected \(expected) at byte \(offset); save the array again with NumPy"
    case .unknownKey(let key): "the header holds the unknown key '\(key)'; save the array again with NumPy"
    case .duplicateKey(let key): "the header holds '\(key)' twice; save the array again with NumPy"
    case .missingKey(let key): "the header lacks '\(key)'; save the array again with NumPy"
    case .pickledObjects:
      "the elements are Python objects in a pickle, which can run any program and is never read; "
        + "save the file again without this array"
    case .structuredType:
      "the elements are records or arrays; save each field as an array of its own"
    case .unsupportedType(let type):
      "elements of the type '\(type)' are no tensor's; convert the array, or save the file again without it"
    case .tooManyDimensions(let count, let limit):
      "the shape has \(count) dimensions, at most \(limit) are allowed; reshape the array"
    case .shapeOverflow(let shape):
      "the shape \(shape) holds more elements than any machine can; save the array again with NumPy"
    case .wrongByteCount(let expected, let found):
      "header, shape and type take \(expected) bytes, there are \(found); fetch the file again"
    case .destinationExists: "there is a file already; choose another name or ask for it to be overwritten"
    case .inexpressible(let type):
      "NumPy has no type for \(type.rawValue) elements; convert them to F32 or F16 first"
    case .duplicateName: "two arrays have this name; rename one"
    case .invalidName: "the name is too long or holds a NUL; rename the array"
    case .negativeDimension(let shape): "the shape \(shape) has a negative dimension; correct it"
    case .wrongProducedByteCount(let expected, let found):
      "shape and type take \(expected) bytes, \(found) were produced; nothing was written"
    }
  }
}
