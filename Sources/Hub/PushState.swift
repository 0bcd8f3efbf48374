import Synchronization

/// What is known of the files of a push, kept while it is tried on one state of the repository after another.
final class PushState: Sendable {
  private struct Known {
    /// By whether it is the SHA-256.
    var digests: [Bool: String] = [:]
    var isUnchanged = false
  }

  let files: [LocalFile]
  private let known: Mutex<[String: Known]>

  init(_ files: [LocalFile]) {
    self.files = files
    known = Mutex([:])
  }

  func isUnchanged(_ name: String) -> Bool { known.withLock { $0[name]?.isUnchanged ?? false } }

  /// Finds out which files a tree holds as they are. Files of another length are not read for it.
  func compare(with tree: [RemoteFile], report: @Sendable (HubEvent) -> Void) throws {
    let there = Dictionary(tree.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    let candidates = files.filter { there[$0.name]?.byteCount == $0.byteCount }
    let total = candidates.reduce(0) { $0 + $1.byteCount }
    var done = 0
    for file in candidates {
      guard let blob = there[file.name]?.blob else { continue }
      let digest = try digest(of: file, isLarge: blob.isLarge) { count in
        done += count
        report(.hashed(byteCount: done, of: total))
      }
      known.withLock { $0[file.name, default: Known()].isUnchanged = digest == blob.text }
    }
    let names = Set(candidates.map(\.name))
    for file in files where !names.contains(file.name) {
      known.withLock { $0[file.name, default: Known()].isUnchanged = false }
    }
  }

  /// The checksum of a file, computed once.
  func digest(of file: LocalFile, isLarge: Bool, progress: (Int) -> Void) throws -> String {
    if let digest = known.withLock({ $0[file.name]?.digests[isLarge] }) {
      progress(file.byteCount)
      return digest
    }
    let digest = try file.digest(isLarge: isLarge, progress: progress)
    known.withLock { $0[file.name, default: Known()].digests[isLarge] = digest }
    return digest
  }
}
