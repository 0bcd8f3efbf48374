public import ModelFiles

/// The names of Python objects that the pickles of a file ask for, found without building anything.
///
/// This is for files that hold objects rather than weights, such as the `training_args.bin` of transformers: what
/// loading them would call can be seen here, and nothing is called. Pickles of every protocol are followed, in the zip
/// files, streams and tar files of torch and on their own.
public struct PickleGlobals: Sendable {
  /// A place in a pickle where a Python object is looked up.
  public struct Global: Sendable, Hashable {
    /// `module.name`, as Python 3 knows it; `?` for a part that cannot be told.
    public var name: String
    /// In bytes from the start of the pickle.
    public var offset: Int
    /// The pickle operation, `GLOBAL` as a rule.
    public var operation: String
    /// Whether both parts of the name are known: STACK_GLOBAL takes them from the stack.
    public var isResolved: Bool
    /// Whether torch allows the name when it loads weights only.
    public var isAllowed: Bool
  }

  public struct Pickle: Sendable, Hashable {
    /// The entry of the archive, or the empty string when the file is none.
    public var entry: String
    /// Of the pickle in the file or entry, in bytes.
    public var offset: Int
    public var globals: [Global]
    /// Why the pickle could not be followed to its end, or nil. What it asks for before that would have been called.
    public var fault: PickleError?
  }

  public let path: String
  /// In the order of the file.
  public let pickles: [Pickle]

  /// Every distinct name, in the order of first use.
  public var names: [String] { distinct { _ in true } }

  /// Every distinct name that torch does not allow when it loads weights only, in the order of first use.
  public var forbiddenNames: [String] { distinct { !$0.isAllowed } }

  private func distinct(_ isWanted: (Global) -> Bool) -> [String] {
    var seen: Set<String> = []
    return pickles.flatMap(\.globals).filter { isWanted($0) && seen.insert($0.name).inserted }.map(\.name)
  }

  /// Lists the globals of a file.
  ///
  /// - Throws: ``PyTorchError`` when the file holds no pickle; ``ZipError`` for a broken archive; `SystemError`.
  public static func list(path: String, access: FileAccess = .mapped) throws -> PickleGlobals {
    let file = try MappedFile(path: path, access: access)
    let prefix = try file.bytes(in: 0..<min(512, file.byteCount))
    switch PyTorchKind(prefix) {
    case .zip:
      let archive = try ZipArchive(file)
      let pickles = try archive.entries.filter { $0.name.utf8.suffix(4).elementsEqual(".pkl".utf8) }.map {
        entry in
        let scan = PickleScan(try archive.bytes(of: entry, limit: PickleMachine.byteLimit))
        return Pickle(entry: entry.name, offset: 0, globals: scan.globals, fault: scan.fault)
      }
      if pickles.isEmpty { throw PyTorchError(path: path, .notPyTorch(found: "a zip file without a pickle")) }
      return PickleGlobals(path: path, pickles: pickles)
    case .legacyStream: return PickleGlobals(path: path, pickles: try scan(PickleStream(file), limit: 5))
    case .barePickle: return PickleGlobals(path: path, pickles: try scan(PickleStream(file)))
    case .tar:
      let archive = try TarArchive(file)
      let pickles = try archive.members.flatMap {
        try scan(PickleStream(file, in: $0.range), entry: $0.name)
      }
      return PickleGlobals(path: path, pickles: pickles)
    case .other(let found): throw PyTorchError(path: path, .notPyTorch(found: found))
    }
  }

  /// Scans pickles one behind the other, up to the first bytes that cannot begin one.
  private static func scan(
    _ stream: PickleStream, entry: String = "", limit: Int = 1000
  ) throws -> [Pickle] {
    var (stream, pickles): (PickleStream, [Pickle]) = (stream, [])
    let base = stream.offset
    while pickles.count < limit, stream.offset < stream.end {
      let start = stream.offset
      if try !pickles.isEmpty && stream.file.bytes(in: start..<start + 1) != [PickleOpcode.proto.rawValue] {
        break
      }
      let scan = try stream.scan()
      pickles.append(
        Pickle(entry: entry, offset: start - base, globals: scan.globals, fault: scan.fault))
      if scan.fault != nil { break }
    }
    return pickles
  }
}
