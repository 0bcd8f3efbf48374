import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What the cache holds. Python's programs put models, data sets and spaces there; all are listed.
public struct CacheListing: Sendable {
  public struct Repository: Sendable, Equatable {
    /// `org/name`, with `datasets/` or `spaces/` before it for those.
    public var name: String
    public var folder: String
    /// The bytes of its files on disk, whichever snapshots they belong to.
    public var byteCount: Int
    public var fileCount: Int
    public var snapshots: [Snapshot]
    /// What is left of downloads that were not finished.
    public var incompleteByteCount: Int
    /// When one of its files was last read or written, in seconds since 1970; 0 without files.
    public var lastUsed: Int
  }

  public struct Snapshot: Sendable, Equatable {
    public var commit: String
    /// The branches and tags that stand for it.
    public var references: [String]
  }

  /// The folder of the cache.
  public let cache: String
  /// Sorted by name.
  public let repositories: [Repository]

  /// Lists a cache; one that is not there is empty.
  ///
  /// - Throws: `SystemError`.
  public init(_ cache: String = HubEnvironment().cache) throws {
    self.cache = cache
    let names = FileSystem.isDirectory(cache) ? try FileSystem.list(cache) : []
    repositories = try names.compactMap { try Self.repository($0, in: cache) }.sorted { $0.name < $1.name }
  }

  /// The bytes of all of it.
  public var byteCount: Int { repositories.reduce(0) { $0 + $1.byteCount + $1.incompleteByteCount } }

  /// The repository of that name.
  public subscript(name: String) -> Repository? { repositories.first { $0.name == name } }

  private static let kinds = [
    (folder: "models--", name: ""), (folder: "datasets--", name: "datasets/"),
    (folder: "spaces--", name: "spaces/"),
  ]

  private static func repository(_ entry: String, in cache: String) throws -> Repository? {
    let folder = FileSystem.join(cache, entry)
    guard let kind = kinds.first(where: { entry.hasPrefix($0.folder) }), FileSystem.isDirectory(folder),
      let name = HubCache.repositoryName(ofFolder: "models--" + entry.dropFirst(kind.folder.count))
    else { return nil }
    var repository = Repository(
      name: kind.name + name, folder: folder, byteCount: 0, fileCount: 0, snapshots: [],
      incompleteByteCount: 0,
      lastUsed: 0)
    let blobs = FileSystem.join(folder, "blobs")
    for blob in FileSystem.isDirectory(blobs) ? try FileSystem.list(blobs) : [] {
      guard let status = Self.status(FileSystem.join(blobs, blob)) else { continue }
      if blob.hasSuffix(".incomplete") {
        repository.incompleteByteCount += status.byteCount
      } else {
        repository.byteCount += status.byteCount
        repository.fileCount += 1
        repository.lastUsed = max(repository.lastUsed, status.used)
      }
    }
    let references = try references(below: FileSystem.join(folder, "refs"), "")
    let snapshots = FileSystem.join(folder, "snapshots")
    for commit in FileSystem.isDirectory(snapshots) ? try FileSystem.list(snapshots) : [] {
      let names = references.filter { $0.commit == commit }.map(\.name)
      repository.snapshots.append(Snapshot(commit: commit, references: names))
    }
    return repository
  }

  private static func references(below folder: String, _ prefix: String) throws -> [(
    name: String, commit: String
  )] {
    guard FileSystem.isDirectory(folder) else { return [] }
    return try FileSystem.list(folder).flatMap { entry in
      let path = FileSystem.join(folder, entry)
      if FileSystem.isDirectory(path) { return try references(below: path, prefix + entry + "/") }
      let bytes = (try? FileSystem.read(path, limit: 4096)) ?? []
      return [(prefix + entry, String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })]
    }
  }

  private static func status(_ path: String) -> (byteCount: Int, used: Int)? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    #if canImport(Darwin)
      return (Int(status.st_size), Int(max(status.st_atimespec.tv_sec, status.st_mtimespec.tv_sec)))
    #else
      return (Int(status.st_size), Int(max(status.st_atim.tv_sec, status.st_mtim.tv_sec)))
    #endif
  }
}

extension CacheListing {
  /// What can be freed.
  public enum Part: Sendable, Equatable {
    case repository(String)
    /// What is left of downloads that were not finished and are not under way.
    case incomplete
    case all
  }

  /// What is removed, and what that gives back.
  public struct Removal: Sendable, Equatable {
    /// Whole folders of repositories, or single files.
    public var paths: [String] = []
    public var byteCount = 0

    /// Removes it. References go first, then snapshots, so that nobody finds a snapshot without its files.
    ///
    /// - Throws: `SystemError`.
    public func run() throws {
      for path in paths {
        for part in ["refs", "snapshots"] { try FileSystem.removeTree(FileSystem.join(path, part)) }
        try FileSystem.removeTree(path)
      }
    }
  }

  /// What freeing a part removes.
  ///
  /// - Throws: ``HubError/notCached(name:nearest:)`` for a repository that is not there, `SystemError`.
  public func removal(of part: Part) throws -> Removal {
    switch part {
    case .repository(let name):
      guard let repository = self[name] else { throw HubError.notCached(name: name, nearest: near(name)) }
      return removal([repository])
    case .all: return removal(repositories)
    case .incomplete:
      var removal = Removal()
      for repository in repositories where repository.incompleteByteCount > 0 {
        let blobs = FileSystem.join(repository.folder, "blobs")
        let locks = FileSystem.join(cache, ".locks/" + FileSystem.name(of: repository.folder))
        for name in try FileSystem.list(blobs) where name.hasSuffix(".incomplete") {
          // `<blob>.incomplete`, or as Python names it from version 2 on, `<blob>.<random>.incomplete`.
          let lock = FileSystem.join(locks, name.prefix { $0 != "." } + ".lock")
          if FileSystem.exists(lock), try FileLock(ifFree: lock) == nil { continue }
          removal.paths.append(FileSystem.join(blobs, name))
          removal.byteCount += Self.status(FileSystem.join(blobs, name))?.byteCount ?? 0
        }
      }
      return removal
    }
  }

  private func near(_ name: String) -> [String] { nearestNames(to: name, in: repositories.map(\.name)) }

  private func removal(_ repositories: [Repository]) -> Removal {
    Removal(
      paths: repositories.map(\.folder),
      byteCount: repositories.reduce(0) { $0 + $1.byteCount + $1.incompleteByteCount })
  }
}
