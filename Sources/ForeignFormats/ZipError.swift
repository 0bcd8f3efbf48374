/// Why a zip file could not be read or written.
public struct ZipError: Error, Hashable, Sendable {
  public var path: String
  public var fault: Fault

  public init(path: String, _ fault: Fault) { (self.path, self.fault) = (path, fault) }

  /// What is wrong; offsets count bytes from the start of the file, `entry` is the name of an entry.
  @nonexhaustive
  public enum Fault: Error, Hashable, Sendable {
    // The frame
    /// The file does not begin with an entry.
    case notZip
    /// No end record is where one must be: the file was cut off.
    case noEndRecord
    /// Bytes follow the end record and its comment.
    case bytesAfterEnd(count: Int)
    /// The comment holds another end record, so that readers disagree about what the file holds.
    case twoEndRecords
    /// The archive is one part of several.
    case multipleDisks
    /// A record is not what its place asks for, or goes beyond it.
    case malformed(Record, offset: Int)
    /// The end records disagree, or do not fit the directory they describe.
    case wrongDirectory(field: String, expected: UInt64, found: UInt64)

    // An entry
    /// The name is not UTF-8, is empty, or holds a NUL.
    case invalidName(offset: Int)
    case duplicateName(entry: String)
    case encrypted(entry: String)
    /// The entry is compressed in a way other than deflate.
    case unsupportedMethod(entry: String, method: UInt16)
    /// A field of the entry's own header, or of the descriptor behind its data, is not that of the directory.
    case headersDisagree(entry: String, field: String)
    /// The entry reaches into the next one or into the directory.
    case overlap(entry: String)
    /// The entry does not begin within the file.
    case beyondFile(entry: String)
    /// A stored entry claims another size than its bytes have.
    case storedSizesDiffer(entry: String, packed: UInt64, unpacked: UInt64)
    /// The entry would unpack to more bytes than deflate can make of it, or the archive to more than the limit.
    case expansionLimit(entry: String, byteCount: UInt64, limit: Int)

    // Its data
    case wrongChecksum(entry: String, expected: UInt32, found: UInt32)
    /// Unpacking gave more or fewer bytes than the directory says; `found` stops at the first one too many.
    case wrongUnpackedByteCount(entry: String, expected: Int, found: Int)
    /// The packed bytes are no deflate stream of their length; `reason` is libarchive's.
    case damaged(entry: String, reason: String)
    /// libarchive, which unpacks, is not installed.
    case noInflater(entry: String)
    /// More bytes than such an entry may have where it is read whole.
    case tooLarge(entry: String, byteCount: Int, limit: Int)

    // Writing
    /// The bytes produced for an entry are more or fewer than announced.
    case wrongByteCount(entry: String, expected: Int, found: Int)
    /// The name has more than 65535 bytes.
    case nameTooLong(byteCount: Int)
  }

  /// The records of a zip file.
  public enum Record: String, Hashable, Sendable {
    case endRecord = "end record"
    case zip64EndRecord = "zip64 end record"
    case directory = "directory"
    case localHeader = "local header"
    case extraField = "extra field"
  }
}

extension ZipError: CustomStringConvertible {
  public var description: String { "\(path): \(fault)" }
}

extension ZipError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notZip: "not a zip file: it does not begin with an entry; is this another format?"
    case .noEndRecord:
      "the zip file has no end record where one must be; the download stopped early, fetch it again"
    case .bytesAfterEnd(let count):
      "\(count) bytes follow the end of the zip file; do not trust them, fetch the file again"
    case .twoEndRecords:
      "the comment of the zip file holds a second end record, so which one is meant cannot be told; "
        + "fetch it from its origin"
    case .multipleDisks: "the zip file is one part of several; join the parts first (zip -s 0)"
    case .malformed(let record, let offset):
      "malformed \(record.rawValue) of the zip file at byte \(offset); fetch it again"
    case .wrongDirectory(let field, let expected, let found):
      "the zip file's end record says \(field) \(found), and \(expected) is there; fetch it again"
    case .invalidName(let offset):
      "the name in the zip directory at byte \(offset) is not UTF-8, is empty or holds a NUL; pack the file again"
    case .duplicateName(let entry):
      "two entries of the zip file are named '\(entry)', so which one is meant cannot be told; pack it again"
    case .encrypted(let entry): "entry '\(entry)' of the zip file is encrypted; unpack it and pack it without"
    case .unsupportedMethod(let entry, let method):
      "entry '\(entry)' of the zip file is compressed with \(Self.name(ofMethod: method)); only stored and deflated "
        + "ones are read, pack it again"
    case .headersDisagree(let entry, let field):
      "entry '\(entry)' of the zip file has another \(field) in its own header than in the directory; "
        + "do not trust it, fetch it from its origin"
    case .overlap(let entry):
      "entry '\(entry)' of the zip file reaches into what follows it; do not trust it, fetch it from its origin"
    case .beyondFile(let entry):
      "entry '\(entry)' of the zip file should begin beyond the other entries; fetch it again"
    case .storedSizesDiffer(let entry, let packed, let unpacked):
      "entry '\(entry)' of the zip file is stored in \(packed) bytes and claims \(unpacked); fetch it again"
    case .expansionLimit(let entry, let byteCount, let limit):
      "entry '\(entry)' of the zip file would unpack to \(byteCount) bytes, at most \(limit) are allowed; "
        + "do not trust it, or unpack it with another program"
    case .wrongChecksum(let entry, let expected, let found):
      "entry '\(entry)' of the zip file is damaged: its CRC-32 should be \(Self.hex(expected)) and is "
        + "\(Self.hex(found)); fetch it again, or save it again if torch wrote it with "
        + "torch.serialization.set_crc32_options(False)"
    case .wrongUnpackedByteCount(let entry, let expected, let found):
      "entry '\(entry)' of the zip file should unpack to \(expected) bytes and gives "
        + (found > expected ? "more" : "\(found)") + "; fetch it again"
    case .damaged(let entry, let reason):
      "entry '\(entry)' of the zip file is damaged (\(reason)); fetch it again"
    case .noInflater(let entry):
      "entry '\(entry)' of the zip file is compressed, and libarchive, which unpacks it, is not here; install it "
        + "(Debian and Ubuntu: apt-get install libarchive13, or libarchive13t64; Fedora: dnf install libarchive)"
    case .tooLarge(let entry, let byteCount, let limit):
      "entry '\(entry)' of the zip file has \(byteCount) bytes, at most \(limit) are allowed for it; "
        + "is this another format?"
    case .wrongByteCount(let entry, let expected, let found):
      "entry '\(entry)': \(expected) bytes were announced, \(found) were produced; nothing was written"
    case .nameTooLong(let byteCount):
      "a name of \(byteCount) bytes does not fit a zip file, at most 65535 do; shorten it"
    }
  }

  /// PKWARE APPNOTE 6.3.10, section 4.4.5.
  private static func name(ofMethod method: UInt16) -> String {
    switch method {
    case 1: "shrink"
    case 2...5: "reduce"
    case 6: "implode"
    case 9: "deflate64"
    case 12: "bzip2"
    case 14: "LZMA"
    case 93: "Zstandard"
    case 95: "xz"
    case 98: "PPMd"
    case 99: "AES encryption"
    default: "method \(method)"
    }
  }

  private static func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
