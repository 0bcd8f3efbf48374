import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file that is to be pushed.
struct LocalFile: Sendable {
  /// Its name in the repository.
  var name: String
  var path: String
  var byteCount: Int
  /// When it was changed last, to notice when it is changed again.
  var modified: Modified

  struct Modified: Sendable, Equatable {
    var seconds: Int
    var nanoseconds: Int
  }

  /// Nil when there is no such regular file.
  init?(name: String, path: String) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    (self.name, self.path, byteCount) = (name, path, Int(status.st_size))
    #if canImport(Darwin)
      modified = Modified(seconds: status.st_mtimespec.tv_sec, nanoseconds: status.st_mtimespec.tv_nsec)
    #else
      modified = Modified(seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    #endif
  }

  /// - Throws: ``HubError/fileChanged(path:)`` when it is no longer what it was.
  func checkUnchanged() throws(HubError) {
    guard let now = LocalFile(name: name, path: path), now.byteCount == byteCount, now.modified == modified
    else {
      throw .fileChanged(path: path)
    }
  }

  /// The checksum of its contents.
  func digest(isLarge: Bool, progress: (Int) -> Void) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError.last("open", path) }
    defer { close(descriptor) }
    var digest = BlobDigest(isLarge: isLarge, byteCount: byteCount)
    try digest.update(descriptor, byteCount: byteCount, path: path, progress: progress)
    return digest.finished()
  }
}

/// The files of a folder that belong on the hub, and what speaks against pushing them.
struct PushFolder: Sendable {
  let path: String
  /// Sorted by their names.
  private(set) var files: [LocalFile] = []
  /// What stays here, and why.
  private(set) var leftOut: [(name: String, reason: String)] = []
  /// What must be put right before.
  private(set) var problems: [String] = []
  /// What should be known.
  private(set) var warnings: [String] = []

  /// The largest file that can be sent as a whole; beyond it the hub takes only Xet.
  private static let fileLimit = 50_000_000_000
  private static let countLimit = 10_000

  /// - Throws: `SystemError` when there is no such folder or it cannot be read.
  init(_ path: String) throws {
    self.path = path
    guard FileSystem.isDirectory(path), let root = FileSystem.resolved(path) else {
      throw SystemError(call: "open", path: path, code: FileSystem.exists(path) ? ENOTDIR : ENOENT)
    }
    try scan(path, "", inside: Self.boundary(of: root))
    check()
  }

  /// The card, when there is one.
  var card: String? {
    get throws {
      guard let file = files.first(where: { $0.name == "README.md" }) else { return nil }
      return String(decoding: try FileSystem.read(file.path, limit: 10 << 20), as: UTF8.self)
    }
  }

  /// Links may lead anywhere below this folder: of a snapshot in the cache, to the blobs beside it.
  private static func boundary(of root: String) -> String {
    let snapshots = FileSystem.parent(of: root)
    guard FileSystem.name(of: snapshots) == "snapshots" else { return root }
    let repository = FileSystem.parent(of: snapshots)
    return HubCache.repositoryName(ofFolder: FileSystem.name(of: repository)) == nil ? root : repository
  }

  private mutating func scan(_ folder: String, _ prefix: String, inside boundary: String) throws {
    for entry in try FileSystem.list(folder) {
      let (path, name) = (FileSystem.join(folder, entry), prefix + entry)
      if let reason = Self.reasonToStay(entry, isTop: prefix.isEmpty) {
        leftOut.append((name, reason))
        continue
      }
      guard let real = FileSystem.resolved(path) else {
        problems.append("\(name) is a link to nothing")
        continue
      }
      guard real.hasPrefix(boundary + "/") else {
        leftOut.append((name, "leads out of the folder"))
        continue
      }
      if FileSystem.isDirectory(path) {
        guard real == FileSystem.join(FileSystem.resolved(folder) ?? folder, entry) else {
          leftOut.append((name, "is a link to a folder"))
          continue
        }
        try scan(path, name + "/", inside: boundary)
      } else if let file = LocalFile(name: name, path: path) {
        guard isSafePath(name) else {
          problems.append("'\(name)' is no name that every system takes")
          continue
        }
        files.append(file)
      } else {
        leftOut.append((name, "is no regular file"))
      }
    }
  }

  /// What a training of this package leaves beside the model, for its owner alone. Whoever wants a report or predictions
  /// on the hub gives them another name.
  private static let recordsWithData: Set<String> = [
    "training_log.jsonl", "predictions.jsonl", "run.json", "report.html",
  ]

  private static func reasonToStay(_ entry: String, isTop: Bool) -> String? {
    switch entry {
    case ".git", ".cache", ".gitattributes": "the hub has its own"
    case ".DS_Store", "__pycache__", "Thumbs.db": "belongs to this machine"
    case ".env", ".netrc", ".token": "may hold secrets"
    case _ where entry.hasSuffix(".incomplete") || (entry.hasPrefix(".") && entry.hasSuffix(".tmp")):
      "is not finished"
    case _ where isTop && entry.hasPrefix("checkpoint-"): "is a checkpoint of the training"
    case _ where isTop && recordsWithData.contains(entry): "holds rows of the data, or paths of this machine"
    default: nil
    }
  }

  // MARK: Is it sound?

  private mutating func check() {
    if files.isEmpty { problems.append("there are no files") }
    if files.count > Self.countLimit {
      problems.append("\(files.count) files are more than the hub takes at once")
    }
    for file in files {
      if file.byteCount > Self.fileLimit { problems.append("\(file.name) is larger than 50 GB") }
      do { try Self.check(file) } catch { problems.append("\(error)") }
    }
    let names = Set(files.map(\.name))
    if !names.contains("config.json") {
      warnings.append("there is no config.json, without which nobody can load it")
    }
    if !names.contains("README.md") {
      warnings.append("there is no README.md, so that its page will be empty")
    }
    if (try? ModelFolder(path: path))?.weightsLocation == nil
      && !files.contains(where: { $0.name.hasSuffix(".gguf") || $0.name.hasSuffix(".onnx") })
    {
      warnings.append("there are no weights under a name that transformers looks for")
    }
  }

  private static func check(_ file: LocalFile) throws {
    if file.name.hasSuffix(".safetensors") {
      _ = try SafetensorsFile(path: file.path, access: .pread)
    } else if file.name.hasSuffix(".safetensors.index.json") || file.name.hasSuffix(".bin.index.json") {
      let type = file.name.hasSuffix(".bin.index.json") ? ".bin" : ".safetensors"
      for shard in try ShardIndex(path: file.path, fileExtension: type).shards {
        let path = FileSystem.join(FileSystem.parent(of: file.path), shard)
        if !FileSystem.isRegularFile(path) {
          throw SystemError(call: "open", path: path, code: ENOENT)
        }
      }
    } else if file.name.hasSuffix(".json") {
      _ = try JSONValue(path: file.path, acceptsNonFinite: true)
    }
  }
}
