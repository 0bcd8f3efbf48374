/// Why a TensorFlow checkpoint could not be read or written.
public struct TensorBundleError: Error, Hashable, Sendable {
  /// The bundle's prefix, or the folder it was looked for in.
  public var path: String
  public var fault: Fault

  public init(path: String, _ fault: Fault) { (self.path, self.fault) = (path, fault) }

  /// What is wrong. Every case carries what is needed to find it: a name, what was expected, what was found.
  @nonexhaustive
  public enum Fault: Error, Hashable, Sendable {
    // Finding it
    /// There is no `.index` file, whose name this is.
    case missingIndex(String)
    /// The folder has no bundle.
    case emptyFolder
    /// The folder has several bundles and no file `checkpoint` that says which is meant.
    case severalBundles([String])
    /// The file `checkpoint` names no bundle.
    case malformedCheckpointFile
    /// A data file is not there.
    case missingShard(String)

    // The table of the index; offsets count from the start of the file
    /// The file does not end as a sorted table does.
    case notAnIndex(byteCount: Int)
    /// A block goes beyond the end of the file.
    case blockBeyondFile(offset: Int, byteCount: Int, available: Int)
    /// A block begins before the end of the one before it.
    case overlappingBlocks(offset: Int, previousEnd: Int)
    /// A block is not the one that was written.
    case blockChecksum(offset: Int, expected: UInt32, found: UInt32)
    case unknownCompression(offset: Int, UInt8)
    case damagedCompression(offset: Int, SnappyFault)
    /// The block at this place is as it was written, and yet not what a block looks like.
    case malformedBlock(offset: Int)
    /// The keys of the block at this place do not ascend, or do not come after those of the block before.
    case keysOutOfOrder(offset: Int)
    /// The names, which share prefixes in the file, are longer than any checkpoint's.
    case expansionLimit(byteCount: Int)

    // The header
    /// The first key of the table is not the empty one.
    case missingHeader
    case malformedHeader(ProtocolBufferFault)
    /// The file asks for a reader of this version at least, or excludes ours.
    case unsupportedVersion(Int64)
    case invalidShardCount(Int64)
    case unknownEndianness(Int64)

    // A tensor
    /// The name is not UTF-8, or reserved: empty, or beginning with a zero byte.
    case invalidName(String)
    case malformedEntry(tensor: String, ProtocolBufferFault)
    /// The tensor is stored in slices, as variables partitioned over several machines are.
    case partitioned(String)
    /// The number of the element type is none.
    case invalidType(tensor: String, Int64)
    /// A size is negative, there are more than 254, or (`nil`) the shape is not known.
    case invalidShape(tensor: String, shape: [Int64]?)
    /// The number of bytes that the shape asks for does not fit a machine word, dimensions of zero left out.
    case shapeOverflow(tensor: String, shape: [Int])
    /// The entry's number of bytes disagrees with shape and element type.
    case sizeMismatch(tensor: String, expected: Int, found: Int)
    case noSuchShard(tensor: String, shard: Int64, count: Int)
    /// The bytes begin or end where nothing can be.
    case invalidRange(tensor: String, offset: Int64, byteCount: Int64)
    /// The bytes go on beyond the end of the data file.
    case dataBeyondShard(tensor: String, end: Int, available: Int)
    /// Two tensors have bytes in common.
    case overlappingTensors(String, String)
    /// The bytes are not those that were written.
    case tensorChecksum(tensor: String, expected: UInt32, found: UInt32)

    // Writing
    /// There is a file already, and overwriting it was not asked for.
    case destinationExists(String)
    case duplicateName(String)
    /// TensorFlow has no such element type, named as safetensors names it.
    case unsupportedType(tensor: String, String)
    /// The bytes produced for a tensor are more or fewer than its shape asks for.
    case wrongByteCount(tensor: String, expected: Int, found: Int)
  }
}

extension TensorBundleError: CustomStringConvertible {
  public var description: String { "\(path): \(fault)" }
}

extension TensorBundleError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingIndex(let name):
      "there is no \(name), which lists the tensors; name a checkpoint by what its files have in common before "
        + "'.index' and '.data-…', and keep them together"
    case .emptyFolder:
      "the folder has no .index file, so no TensorFlow checkpoint; name the folder that has one"
    case .severalBundles(let names):
      "the folder has \(names.count) checkpoints; name one of " + names.prefix(20).joined(separator: ", ")
        + (names.count > 20 ? ", …" : "")
    case .malformedCheckpointFile:
      "the file 'checkpoint' has no line model_checkpoint_path: \"name\"; name the checkpoint itself"
    case .missingShard(let name):
      "the data file \(name) is missing; an index alone holds no weights, fetch all files of the checkpoint"
    case .notAnIndex(let count):
      "the \(count) bytes of the .index file do not end as a table's do; the download stopped early, fetch it again"
    case .blockBeyondFile(let offset, let count, let available):
      "the index names a block of \(count) bytes at byte \(offset), where \(available) bytes can hold blocks; "
        + "fetch it again"
    case .overlappingBlocks(let offset, let end):
      "the index names a block at byte \(offset), within the one that ends at \(end); fetch it again"
    case .blockChecksum(let offset, let expected, let found):
      "the index is damaged: its block at byte \(offset) has the checksum \(hexadecimal(found)) and should have "
        + "\(hexadecimal(expected)); fetch it again"
    case .unknownCompression(let offset, let code):
      "the index's block at byte \(offset) is compressed in the unknown way \(code); write the checkpoint again"
    case .damagedCompression(let offset, let fault):
      "the index's block at byte \(offset) cannot be unpacked: \(fault); fetch it again"
    case .malformedBlock(let offset):
      "the index's block at byte \(offset) has no right form; write the checkpoint again"
    case .keysOutOfOrder(let offset):
      "the names in the index's block at byte \(offset) are not in order, so that readers would disagree on what "
        + "is there; write the checkpoint again"
    case .expansionLimit(let count):
      "the names in the index take more than \(count) bytes when they are written out; this is no checkpoint"
    case .missingHeader:
      "the index is a table and does not begin with a bundle's header; is this another format?"
    case .malformedHeader(let fault): "the bundle's header cannot be read: \(fault); fetch it again"
    case .unsupportedVersion(let version):
      "the checkpoint asks for readers of version \(version) and excludes 1, which this one is; "
        + "write it with another TensorFlow"
    case .invalidShardCount(let count):
      "the header counts \(count) data files and there must be one at least; fetch it again"
    case .unknownEndianness(let code):
      "the header's byte order is \(code), and may be 0 (little) or 1 (big); fetch it again"
    case .invalidName(let name):
      "a tensor cannot be named '\(name)': names are UTF-8, not empty, and do not begin with a zero byte; rename it"
    case .malformedEntry(let name, let fault):
      "tensor '\(name)': its entry cannot be read: \(fault); fetch it again"
    case .partitioned(let name):
      "tensor '\(name)' is stored in slices, which are not read here; load it in TensorFlow and save it whole"
    case .invalidType(let name, let number):
      "tensor '\(name)': \(number) is the number of no element type; fetch it again"
    case .invalidShape(let name, nil): "tensor '\(name)': the shape is unknown; save it with a shape"
    case .invalidShape(let name, let shape?):
      "tensor '\(name)': the shape \(shape.prefix(16)) has a negative size or more than 254; fetch it again"
    case .shapeOverflow(let name, let shape):
      "tensor '\(name)': the shape \(shape) holds more elements than any machine can; write it again"
    case .sizeMismatch(let name, let expected, let found):
      "tensor '\(name)': shape and element type take \(expected) bytes, the entry has \(found); fetch it again"
    case .noSuchShard(let name, let shard, let count):
      "tensor '\(name)' lies in data file \(shard) of \(count), counted from 0; fetch all files again"
    case .invalidRange(let name, let offset, let count):
      "tensor '\(name)': \(count) bytes at byte \(offset) cannot be; fetch the index again"
    case .dataBeyondShard(let name, let end, let available):
      "tensor '\(name)' ends at byte \(end) of its data file, which has \(available); the download stopped early, "
        + "fetch it again"
    case .overlappingTensors(let a, let b):
      "tensors '\(a)' and '\(b)' have bytes in common, as TensorFlow never writes them; fetch the index again"
    case .tensorChecksum(let name, let expected, let found):
      "tensor '\(name)' is damaged: the checksum of its bytes is \(hexadecimal(found)) and should be "
        + "\(hexadecimal(expected)); fetch the data file again"
    case .destinationExists(let name):
      "there is a file \(name) already; choose another name or ask for it to be overwritten"
    case .duplicateName(let name): "two tensors are named '\(name)'; rename one"
    case .unsupportedType(let name, let type):
      "tensor '\(name)': TensorFlow has no element type \(type); convert it to another first"
    case .wrongByteCount(let name, let expected, let found):
      "tensor '\(name)': shape and element type take \(expected) bytes, \(found) were produced; nothing was written"
    }
  }
}

private func hexadecimal(_ number: UInt32) -> String {
  let digits = String(number, radix: 16)
  return String(repeating: "0", count: 8 - digits.count) + digits
}
