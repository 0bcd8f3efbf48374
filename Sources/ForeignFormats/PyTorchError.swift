/// Why a PyTorch file could not be read or written.
public struct PyTorchError: Error, Hashable, Sendable {
  public var path: String
  public var fault: Fault

  public init(path: String, _ fault: Fault) { (self.path, self.fault) = (path, fault) }

  @nonexhaustive
  public enum Fault: Error, Hashable, Sendable {
    // The container
    /// The file is something else; `found` says what, in words.
    case notPyTorch(found: String)
    /// The archive holds a program, not only weights.
    case torchScript
    /// The archive has no record of this name under its folder.
    case missingRecord(String)
    /// The entry lies in no folder, or in another one than the rest of the archive.
    case wrongFolder(entry: String)
    /// The record `version` holds something else than a version that torch reads, 1 to 10.
    case unsupportedVersion(String)
    /// The record `byteorder` holds neither `little` nor `big`.
    case unknownByteOrder(String)
    /// A stream does not begin as it must; `part` says which of its pickles is not as expected.
    case malformedStream(part: String, found: String)
    /// A header of the tar file is damaged, or of a kind that torch never wrote.
    case malformedTar(offset: Int)
    /// The file ends within the data of a storage or tensor.
    case endsWithin(String)
    /// A pickle is damaged or asks for more than weights need.
    case pickle(record: String, PickleError)

    // Storages
    /// A persistent identifier is not that of a storage; `found` says what is wrong with it.
    case invalidPersistentID(found: String)
    /// The pickle names a storage that the file does not hold.
    case missingStorage(key: String)
    /// The file holds a storage twice, or one that the pickle does not name.
    case unexpectedStorage(key: String)
    /// A storage has another number of bytes than the pickle says.
    case storageSizeMismatch(key: String, expected: Int, found: Int)
    /// A view of a storage does not lie within it.
    case viewOutOfBounds(key: String, view: String)

    // Tensors
    /// The arguments of a tensor are not what torch writes; `reason` says which.
    case invalidTensor(name: String, reason: String)
    /// Shape and strides have different lengths.
    case rankMismatch(name: String, shape: [Int], strides: [Int])
    /// An offset, a dimension or a stride is negative, or elements lie outside of the storage.
    case tensorOutOfBounds(name: String, offset: Int, shape: [Int], strides: [Int], available: Int)
    /// The tensor repeats the elements of its storage beyond the limit, or has more than a machine can address.
    case tensorTooLarge(name: String, shape: [Int], limit: Int)
    /// Two entries of a dictionary have this key.
    case duplicateKey(String)
    /// Dictionaries and lists nest deeper than the limit, perhaps without end.
    case nestedTooDeep(name: String, limit: Int)
    /// The same values are reached in more ways than the limit allows.
    case expansionLimit(name: String, limit: Int)

    // Writing
    /// There is a file already, and overwriting it was not asked for.
    case destinationExists
    /// torch has no such element type.
    case unsupportedElementType(name: String, type: String)
    case negativeDimension(name: String, shape: [Int])
    /// The bytes of the tensor cannot be counted.
    case shapeOverflow(name: String, shape: [Int])
    case duplicateName(String)
    /// A tensor shall share the storage of another that is not written, shares one itself, or differs in type or size.
    case invalidTie(name: String, holder: String)
    /// The bytes produced for a tensor are more or fewer than its shape asks for.
    case wrongByteCount(name: String, expected: Int, found: Int)
    /// A value that was read as text because it is of a kind unknown here.
    case unwritableValue(String)
  }
}

extension PyTorchError: CustomStringConvertible {
  public var description: String { "\(path): \(fault)" }
}

extension PyTorchError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notPyTorch(let found):
      "this is \(found), and a file of torch.save is expected; fetch the right file, or open it as what it is"
    case .torchScript:
      "this is a TorchScript program, not only weights; load it with torch.jit.load and save its state_dict()"
    case .missingRecord(let name):
      "the archive has no record '\(name)', which every file of torch.save has; fetch it again"
    case .wrongFolder(let entry):
      "the entry '\(entry)' should lie in the one folder that holds all of the archive; save the file with torch.save"
    case .unsupportedVersion(let found):
      "the archive's version is '\(found)'; versions 1 to 10 are known, save the file with another torch"
    case .unknownByteOrder(let found):
      "the archive's byte order is '\(found)', and must be 'little' or 'big'; save the file again"
    case .malformedStream(let part, let found):
      "the \(part) of the stream is \(found); fetch the file again, or save it with another torch"
    case .malformedTar(let offset):
      "the tar header at byte \(offset) is damaged or not one that torch wrote; fetch the file again"
    case .endsWithin(let part): "the file ends within \(part); the download stopped early, fetch it again"
    case .pickle(let record, let error): "\(record), \(error)"
    case .invalidPersistentID(let found):
      "a storage is named by \(found), and ('storage', class, key, device, count) is expected; do not trust this file"
    case .missingStorage(let key): "the storage '\(key)' is missing; the file is not complete, fetch it again"
    case .unexpectedStorage(let key):
      "the storage '\(key)' is there twice, or no tensor uses it; fetch the file again"
    case .storageSizeMismatch(let key, let expected, let found):
      "the storage '\(key)' should take \(expected) bytes and takes \(found); fetch the file again"
    case .viewOutOfBounds(let key, let view):
      "the view '\(view)' does not lie within the storage '\(key)'; do not trust this file"
    case .invalidTensor(let name, let reason):
      "tensor '\(name)': \(reason); save the file again with torch.save"
    case .rankMismatch(let name, let shape, let strides):
      "tensor '\(name)': the shape \(shape) and the strides \(strides) differ in length; do not trust this file"
    case .tensorOutOfBounds(let name, let offset, let shape, let strides, let available):
      "tensor '\(name)': the shape \(shape) with strides \(strides) from element \(offset) on does not lie within "
        + "the \(available) elements of its storage; do not trust this file"
    case .tensorTooLarge(let name, let shape, let limit):
      "tensor '\(name)': the shape \(shape) repeats a small storage to more than \(limit) elements; "
        + "do not trust this file, or save the tensor with .contiguous()"
    case .duplicateKey(let name):
      "two entries are named '\(name)', so which one is meant cannot be told; save the file again"
    case .nestedTooDeep(let name, let limit):
      "values nest deeper than \(limit) levels, at '\(name)'; do not trust this file"
    case .expansionLimit(let name, let limit):
      "the same values are repeated beyond \(limit) entries, at '\(name)'; do not trust this file"
    case .destinationExists: "there is a file already; choose another name or ask for it to be overwritten"
    case .unsupportedElementType(let name, let type):
      "tensor '\(name)': torch has no element type for \(type); convert the tensor first"
    case .negativeDimension(let name, let shape):
      "tensor '\(name)': the shape \(shape) has a negative dimension; correct it"
    case .shapeOverflow(let name, let shape):
      "tensor '\(name)': the shape \(shape) holds more elements than any machine can; correct it"
    case .duplicateName(let name): "two tensors are named '\(name)'; rename one"
    case .invalidTie(let name, let holder):
      "tensor '\(name)' shall share the storage of '\(holder)', which must be written, hold its own storage, and "
        + "have the same type and number of elements; correct the ties"
    case .wrongByteCount(let name, let expected, let found):
      "tensor '\(name)': shape and type take \(expected) bytes, \(found) were produced; nothing was written"
    case .unwritableValue(let text):
      "the value \(text) is of a kind that is only read; leave it out or replace it"
    }
  }
}
