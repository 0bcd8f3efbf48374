import ModelFiles
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A model in the cache.
public struct HubSnapshot: Sendable, Equatable {
  /// Opens as any folder of a model.
  public var folder: String
  public var commit: String
  /// The names of the files that were asked for; empty when the hub could not be asked.
  public var files: [String]
  /// The bytes of these files.
  public var byteCount: Int
  /// The bytes that had to be downloaded.
  public var downloadedByteCount: Int
}

extension HubClient {
  /// The folder of a model in the cache when its weights are all there; asks nobody.
  public static func cached(_ reference: ModelReference, in environment: HubEnvironment = HubEnvironment())
    -> String?
  {
    let cache = RepositoryCache(root: environment.cache, name: reference.name)
    if let commit = cache.commit(of: reference.revision) {
      return isWhole(cache.snapshot(commit)) ? cache.snapshot(commit) : nil
    }
    // Without a reference, a lone snapshot is the one that is meant.
    guard reference.revision == "main", let folder = try? ModelFolder(path: cache.folder).path,
      isWhole(folder)
    else {
      return nil
    }
    return folder
  }

  /// What pulling a model would do.
  ///
  /// - Parameters:
  ///   - reference: the model.
  ///   - selection: which of its files.
  /// - Returns: the commit, and each file with whether the cache has it.
  /// - Throws: ``HubError``.
  public func planPull(
    _ reference: ModelReference, selecting selection: FileSelection = .model
  ) throws -> (commit: String, files: [(file: RemoteFile, isThere: Bool)]) {
    let cache = RepositoryCache(root: environment.cache, name: reference.name)
    let found = try info(reference)
    let files = try files(reference, found, selecting: selection)
    guard !files.isEmpty else { throw HubError.nothingSelected(name: reference.name) }
    return (found.commit, files.map { ($0, cache.has($0)) })
  }

  /// Whether a folder holds weights, and of weights in several files every one.
  static func isWhole(_ folder: String) -> Bool {
    guard let model = try? ModelFolder(path: folder), let weights = model.weightsLocation else {
      return false
    }
    let index: ShardIndex?
    switch weights {
    case .shardedSafetensors(let path): index = try? ShardIndex(path: path)
    case .shardedPyTorch(let path): index = try? ShardIndex(path: path, fileExtension: ".bin")
    default: return true
    }
    return index?.shards.allSatisfy { FileSystem.isRegularFile(FileSystem.join(folder, $0)) } ?? false
  }

  /// Brings a model into the cache, or what is missing of it; what is there already is not downloaded again.
  ///
  /// Every file is checked against its SHA-256 or git SHA-1 before it counts. What came of a file before a connection
  /// broke or the process ended is where the next call goes on. When the hub does not answer, or a variable forbids the
  /// network, a model that is whole in the cache is given as it is.
  ///
  /// - Parameters:
  ///   - reference: the model.
  ///   - selection: which of its files.
  /// - Throws: ``HubError``, `SystemError`.
  public func pull(_ reference: ModelReference, selecting selection: FileSelection = .model) throws
    -> HubSnapshot
  {
    let cache = RepositoryCache(root: environment.cache, name: reference.name)
    let there = Self.cached(reference, in: environment)
    if let there, reference.isCommit || environment.offlineVariable != nil, selection == .model {
      return HubSnapshot(
        folder: there, commit: FileSystem.name(of: there), files: [], byteCount: 0, downloadedByteCount: 0)
    }
    if environment.offlineVariable != nil, let commit = cache.commit(of: reference.revision),
      FileSystem.isDirectory(cache.snapshot(commit)), selection != .model
    {
      return HubSnapshot(
        folder: cache.snapshot(commit), commit: commit, files: [], byteCount: 0, downloadedByteCount: 0)
    }
    let found: ModelInfo
    do {
      // With something to fall back on, nobody waits for a hub that is down.
      found = try info(reference, retries: there == nil ? .standard : .none)
    } catch let error as HubError {
      guard let there, error.isOutage else { throw error }
      let commit = FileSystem.name(of: there)
      report(.cached(commit: commit, reason: "\(error)"))
      return HubSnapshot(folder: there, commit: commit, files: [], byteCount: 0, downloadedByteCount: 0)
    }
    let files = try files(reference, found, selecting: selection)
    guard !files.isEmpty else { throw HubError.nothingSelected(name: reference.name) }
    let missing = files.filter { !cache.has($0) }
    let (total, needed) = (files.reduce(0) { $0 + $1.byteCount }, missing.reduce(0) { $0 + $1.byteCount })
    report(
      .resolved(commit: found.commit, fileCount: files.count, byteCount: total, missingByteCount: needed))
    try cache.create()
    try Self.checkSpace(for: needed, in: environment.cache)
    let done = Mutex(0)
    // Large files first, so that none is left alone at the end.
    try concurrently(missing.sorted { $0.byteCount > $1.byteCount }, width: Self.width) { file in
      try bring(file, reference, commit: found.commit, into: cache) { count in
        let sum = done.withLock { sum in
          sum += count
          return sum
        }
        report(.transferred(byteCount: sum, of: needed, file: file.path))
      }
    }
    for file in files { try cache.link(file, commit: found.commit, copying: environment.copiesFiles) }
    try cache.setReference(reference.revision, to: found.commit)
    return HubSnapshot(
      folder: cache.snapshot(found.commit), commit: found.commit, files: files.map(\.path), byteCount: total,
      downloadedByteCount: needed)
  }

  /// Downloads one blob, unless another process does so meanwhile.
  private func bring(
    _ file: RemoteFile, _ reference: ModelReference, commit: String, into cache: RepositoryCache,
    progress: @escaping (Int) -> Void
  ) throws {
    let lock = try cache.lock(file.blob) { report(.waitingForLock(file: file.path)) }
    if cache.has(file) {
      progress(file.byteCount)
    } else {
      let path = cache.blob(file.blob)
      // As huggingface_hub names it, up to its version 1, which goes on with what is left of such a file.
      let partial = path + ".incomplete"
      try fetch(reference, commit: commit, file, to: partial, progress: progress)
      try FileSystem.rename(partial, to: path)
    }
    lock.release()
  }

  /// - Throws: ``HubError/noSpace(folder:needed:available:)``.
  static func checkSpace(for byteCount: Int, in folder: String) throws(HubError) {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return }
    let (available, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    if !overflow, available < UInt64(byteCount) {
      throw .noSpace(folder: folder, needed: byteCount, available: Int(clamping: available))
    }
  }
}

extension HubError {
  /// Whether the hub is down rather than of another opinion.
  var isOutage: Bool {
    switch self {
    case .unreachable, .rateLimited, .untrusted: true
    case .refused(_, let status, _, _): RetryPolicy.transientStatuses.contains(status)
    default: false
    }
  }
}
