import ModelFiles

/// What the hub says of a model at a revision.
public struct ModelInfo: Sendable, Equatable {
  /// The commit that the revision stands for.
  public var commit: String
  public var isPrivate: Bool
  /// The names of its files.
  public var files: [String]
}

/// A file of a repository.
public struct RemoteFile: Sendable, Hashable {
  public var path: String
  public var byteCount: Int
  /// The checksum of its contents, under which they lie in the cache.
  package var blob: BlobName

  package init(path: String, byteCount: Int, blob: BlobName) {
    (self.path, self.byteCount, self.blob) = (path, byteCount, blob)
  }
}

/// The account that a token belongs to.
public struct HubAccount: Sendable, Equatable {
  public var name: String
  public var organisations: [String]
  /// `read`, `write` or `fineGrained`.
  public var role: String
  /// Where the token was found.
  public var tokenSource: String
}

extension HubClient {
  /// What the hub says of a model.
  ///
  /// - Throws: ``HubError``.
  public func info(_ reference: ModelReference) throws -> ModelInfo {
    try info(reference, retries: .standard)
  }

  func info(_ reference: ModelReference, retries: RetryPolicy) throws -> ModelInfo {
    try requireNetwork(for: reference.name)
    let address = try api(reference.name, "/revision/\(WebAddress.escaped(reference.revision))")
    let subject = Subject(name: reference.name, revision: reference.revision)
    let (document, _) = try json(subject, retries: retries, HTTPRequest(.get, address))
    guard let commit = document["sha"]?.stringValue, isHexadecimal(commit, 40) else {
      throw HubError.notAHub(address: address.description, reason: "it names no commit")
    }
    let files = document["siblings"]?.arrayValue?.compactMap { $0["rfilename"]?.stringValue } ?? []
    return ModelInfo(commit: commit, isPrivate: document["private"]?.boolValue ?? false, files: files)
  }

  /// The files of a model, as the hub lists them.
  ///
  /// - Throws: ``HubError``.
  public func files(_ reference: ModelReference) throws -> [RemoteFile] {
    try files(reference, info(reference), selecting: .everything)
  }

  /// The selected files of a commit: from its tree, or where a mirror has none, by asking for each.
  ///
  /// - Throws: ``HubError``; of files that no sum could count the bytes of, ``HubError/notAHub(address:reason:)``.
  func files(
    _ reference: ModelReference, _ info: ModelInfo, selecting selection: FileSelection
  ) throws -> [RemoteFile] {
    let files = try listedFiles(reference, info, selecting: selection)
    var sum = 0
    for file in files {
      let (longer, overflows) = sum.addingReportingOverflow(file.byteCount)
      guard !overflows else {
        throw HubError.notAHub(
          address: environment.endpoint,
          reason: "the sizes of its files add up to more than there are numbers for")
      }
      sum = longer
    }
    return files
  }

  private func listedFiles(
    _ reference: ModelReference, _ info: ModelInfo, selecting selection: FileSelection
  ) throws -> [RemoteFile] {
    do {
      let tree = try tree(reference, commit: info.commit)
      let wanted = Set(selection.select(from: tree.map(\.path)))
      return tree.filter { wanted.contains($0.path) }
    } catch HubError.refused(_, let status, _, _)
      where [404, 405, 501].contains(status) && !info.files.isEmpty
    {
      return try selection.select(from: info.files).map {
        try facts(reference, commit: info.commit, file: $0)
      }
    }
  }

  /// Every file of a commit.
  func tree(_ reference: ModelReference, commit: String) throws -> [RemoteFile] {
    var next: WebAddress? = try api(reference.name, "/tree/\(commit)?recursive=true&expand=false")
    var files: [RemoteFile] = []
    var pages: Set<WebAddress> = []
    while let address = next {
      guard pages.insert(address).inserted else {
        throw HubError.notAHub(address: address.description, reason: "its pages lead in a circle")
      }
      let subject = Subject(name: reference.name, revision: reference.revision)
      let (document, response) = try json(subject, HTTPRequest(.get, address))
      guard let entries = document.arrayValue else {
        throw HubError.notAHub(address: address.description, reason: "its list of files is \(document.kind)")
      }
      for entry in entries where entry["type"]?.stringValue == "file" {
        guard let path = entry["path"]?.stringValue else { continue }
        let checksum = entry["lfs"]?["oid"]?.stringValue ?? entry["oid"]?.stringValue ?? "nothing"
        let byteCount = entry["lfs"]?["size"]?.intValue ?? entry["size"]?.intValue
        files.append(try file(reference.name, path, checksum, byteCount))
      }
      next = try response.headers["link"].flatMap(Self.nextPage).map { try self.address(given: $0) }
    }
    return files
  }

  /// `<https://…>; rel="next"`.
  package static func nextPage(_ link: String) -> String? {
    for part in link.split(separator: ",") where part.contains("rel=\"next\"") {
      guard let start = part.firstIndex(of: "<"), let end = part.firstIndex(of: ">"), start < end else {
        continue
      }
      return String(part[part.index(after: start)..<end])
    }
    return nil
  }

  /// What the answer to HEAD says of one file. A small one's facts are on the last answer, a large one's on the hub's
  /// own redirect to where its bytes are, which has a checksum of another kind.
  func facts(_ reference: ModelReference, commit: String, file: String) throws -> RemoteFile {
    let address = try fileAddress(reference.name, commit, file)
    let own = [
      try WebAddress(environment.endpoint).origin, try WebAddress(HubEnvironment.publicEndpoint).origin,
    ]
    let response = try http.send(follow: { own.contains($0.origin) }, { HTTPRequest(.head, address) })
    let subject = Subject(name: reference.name, revision: reference.revision, file: file)
    if response.first("x-linked-etag") == nil { try check(response, address, subject) }
    let given = response.first("x-linked-etag") ?? response.headers["etag"] ?? ""
    let size =
      response.first("x-linked-size") ?? (response.isSuccess ? response.headers["content-length"] : nil)
    return try self.file(reference.name, file, Self.plain(etag: given), size.flatMap(Int.init))
  }

  /// `W/"abc"` → `abc`.
  package static func plain(etag: String) -> String {
    let strong = etag.hasPrefix("W/") ? etag.dropFirst(2) : Substring(etag)
    return strong.filter { $0 != "\"" }
  }

  private func file(_ name: String, _ path: String, _ checksum: String, _ byteCount: Int?) throws
    -> RemoteFile
  {
    guard isSafePath(path) else { throw HubError.unsafePath(name: name, file: path) }
    guard let blob = BlobName(checksum) else { throw HubError.invalidChecksum(file: path, found: checksum) }
    guard let byteCount, byteCount >= 0 else {
      throw HubError.notAHub(address: environment.endpoint, reason: "it gives no size of \(path)")
    }
    return RemoteFile(path: path, byteCount: byteCount, blob: blob)
  }

  /// Whose token this is.
  ///
  /// - Throws: ``HubError/noToken``, ``HubError/invalidToken(source:)`` and the other ``HubError``s.
  public func account() throws -> HubAccount {
    guard let tokenSource else { throw HubError.noToken }
    let (document, _) = try json(Subject(name: "whoami"), HTTPRequest(.get, address("/api/whoami-v2")))
    guard let name = document["name"]?.stringValue else {
      throw HubError.notAHub(address: environment.endpoint, reason: "it does not say whose token this is")
    }
    let organisations = document["orgs"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
    let role = document["auth"]?["accessToken"]?["role"]?.stringValue ?? "unknown"
    return HubAccount(name: name, organisations: organisations, role: role, tokenSource: tokenSource)
  }
}
