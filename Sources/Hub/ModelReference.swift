import ModelFiles

/// A model on the hub: `org/name`, or `org/name@revision`.
public struct ModelReference: Sendable, Hashable {
  /// `org/name`; a few old models have a name alone.
  public let name: String
  /// A branch, a tag, a pull request such as `refs/pr/1`, or a commit of 40 digits.
  public let revision: String

  /// - Parameters:
  ///   - name: as the hub allows it.
  ///   - revision: of the repository.
  /// - Throws: ``HubError/invalidName(_:)`` or ``HubError/invalidRevision(_:)``.
  public init(name: String, revision: String = "main") throws(HubError) {
    guard HubCache.isRepositoryName(name) else { throw .invalidName(name) }
    guard Self.isRevision(revision) else { throw .invalidRevision(revision) }
    (self.name, self.revision) = (name, revision)
  }

  /// Reads `org/name` or `org/name@revision`.
  ///
  /// - Throws: as ``init(name:revision:)``.
  public init(_ text: String) throws(HubError) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    try self.init(name: String(parts[0]), revision: parts.count == 2 ? String(parts[1]) : "main")
  }

  /// The owner; nil for a name alone.
  public var owner: String? {
    name.firstIndex(of: "/").map { String(name[..<$0]) }
  }

  /// Whether the revision is a commit, which never changes.
  var isCommit: Bool { isHexadecimal(revision, 40) }

  /// A path below `refs` that stays there; git forbids no less.
  private static func isRevision(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return text.utf8.count <= 250
      && parts.allSatisfy { part in
        !part.isEmpty && !part.hasPrefix(".") && !part.hasSuffix(".lock")
          && part.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"~^:?*[\\".utf8.contains($0) }
      }
  }
}

extension ModelReference: CustomStringConvertible {
  public var description: String { revision == "main" ? name : "\(name)@\(revision)" }
}

/// Whether `text` is a number of lower-case hexadecimal digits.
func isHexadecimal(_ text: String, _ count: Int) -> Bool {
  text.utf8.count == count && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
}

/// A name of a file in a repository that stays inside any folder, on every system.
///
/// Reference: `_get_pointer_path` of huggingface_hub, which refuses what leaves the snapshot.
func isSafePath(_ path: String) -> Bool {
  let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  return path.utf8.count <= 1024
    && parts.allSatisfy { part in
      !part.isEmpty && part.count <= 255 && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
        && !part.contains { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }
    }
    && !parts[0].elementsEqual(".git".utf8)
}
