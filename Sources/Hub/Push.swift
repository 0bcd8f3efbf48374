import ModelFiles

/// How a model is pushed.
public struct PushOptions: Sendable, Equatable {
  /// Whether a repository that has to be made is private.
  public var isPrivate = false
  /// Whether the commit goes into a pull request rather than onto the revision.
  public var createsPullRequest = false
  /// The title of the commit.
  public var message = "Upload model"

  public init() {}
}

/// What is known before anything is sent.
public struct PushCheck: Sendable, Equatable {
  public var account: HubAccount
  /// `org/name`, the account's own where only a name was given.
  public var reference: ModelReference
  /// Whether the repository is there already.
  public var exists: Bool
  /// What the hub says of the card without refusing it.
  public var warnings: [String]
}

/// What a push would do.
public struct PushPlan: Sendable {
  public struct File: Sendable, Equatable {
    public var name: String
    public var byteCount: Int
    /// Whether it is stored outside of git; guessed as long as there is no repository.
    public var isLarge: Bool
    /// Whether the hub has it as it is.
    public var isThere: Bool
  }

  public let check: PushCheck
  public let files: [File]
  /// What stays here, and why.
  public let leftOut: [(name: String, reason: String)]
  public let warnings: [String]
  public let hasCard: Bool
  public let options: PushOptions
  let state: PushState
}

/// What a push has done.
public struct PushResult: Sendable, Equatable {
  /// The repository's commit afterwards.
  public var commit: String
  /// Where to look at it.
  public var address: String
  public var pullRequest: String?
  /// Whether there was something to commit.
  public var isNew: Bool
  /// The files that were committed.
  public var files: [String]
  /// The bytes that were sent outside of the commit.
  public var sentByteCount: Int
}

extension HubClient {
  /// Whether a push can succeed: who pushes, whether they may, and whether the hub takes the card. Sends no file.
  ///
  /// Meant to be called before a long training as well as before a push.
  ///
  /// - Parameters:
  ///   - reference: where to; a name alone belongs to the account.
  ///   - card: the text of `README.md`, or what its front matter will be.
  ///   - options: how it will be pushed.
  /// - Throws: ``HubError``, which says what to put right.
  public func checkPush(
    to reference: ModelReference, card: String?, options: PushOptions = PushOptions()
  ) throws -> PushCheck {
    if let variable = environment.offlineVariable { throw HubError.offlinePush(variable: variable) }
    let account = try account()
    let name = reference.owner == nil ? "\(account.name)/\(reference.name)" : reference.name
    let reference = try ModelReference(name: name, revision: reference.revision)
    if account.role == "read" {
      throw HubError.readOnlyToken(account: account.name, source: account.tokenSource)
    }
    if let owner = reference.owner, owner != account.name, !account.organisations.contains(owner),
      !options.createsPullRequest
    {
      throw HubError.notYours(owner: owner, account: account.name, organisations: account.organisations)
    }
    var exists = true
    do {
      let found = try info(reference)
      if options.isPrivate && !found.isPrivate { throw HubError.isPublic(name: name) }
    } catch HubError.repositoryNotFound where !options.createsPullRequest { exists = false }
    let warnings = try card.map(checkCard) ?? []
    return PushCheck(account: account, reference: reference, exists: exists, warnings: warnings)
  }

  /// - Returns: what the hub says without refusing.
  /// - Throws: ``HubError/invalidCard(path:problems:)``.
  private func checkCard(_ card: String) throws -> [String] {
    let problems = CardRules.problems(of: card)
    guard problems.isEmpty else { throw HubError.invalidCard(path: "README.md", problems: problems) }
    let request = post(try address("/api/validate-yaml"), ["content": .string(card), "repoType": "model"])
    let response = try http.send { request }
    let document = try? JSONValue(parsing: response.body)
    func messages(_ key: String) -> [String] {
      document?[key]?.arrayValue?.compactMap { $0["message"]?.stringValue.map(HubError.oneLine) } ?? []
    }
    guard messages("errors").isEmpty else {
      throw HubError.invalidCard(path: "README.md", problems: messages("errors"))
    }
    if [404, 405, 501].contains(response.status) { return ["this hub does not check cards"] }
    try check(response, request.address, Subject(name: "validate-yaml"))
    return messages("warnings")
  }

  /// Looks at a folder and at the hub, and says what pushing the one to the other would do. Sends no file.
  ///
  /// Left out are checkpoints of a training, what belongs to git or to this machine, and links out of the folder.
  ///
  /// - Parameters:
  ///   - folder: of the model.
  ///   - reference: where to; a name alone belongs to the account.
  ///   - options: how.
  /// - Throws: ``HubError``, `SystemError`.
  public func planPush(
    _ folder: String, to reference: ModelReference, options: PushOptions = PushOptions()
  ) throws -> PushPlan {
    if let variable = environment.offlineVariable { throw HubError.offlinePush(variable: variable) }
    let contents = try PushFolder(folder)
    guard contents.problems.isEmpty else {
      throw HubError.invalidFolder(path: folder, problems: contents.problems)
    }
    let card = try contents.card
    let check = try checkPush(to: reference, card: card, options: options)
    let state = PushState(contents.files)
    let tree = try check.exists ? tree(check.reference, commit: info(check.reference).commit) : []
    try state.compare(with: tree, report: report)
    let there = Dictionary(tree.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    let files = contents.files.map { file in
      PushPlan.File(
        name: file.name, byteCount: file.byteCount,
        isLarge: there[file.name]?.blob.isLarge ?? Self.isProbablyLarge(file),
        isThere: state.isUnchanged(file.name))
    }
    return PushPlan(
      check: check, files: files, leftOut: contents.leftOut, warnings: contents.warnings + check.warnings,
      hasCard: card != nil, options: options, state: state)
  }

  /// Which files the hub stores outside of git unless a repository says otherwise: those of known kinds, and long ones.
  private static func isProbablyLarge(_ file: LocalFile) -> Bool {
    let kinds = [
      ".safetensors", ".bin", ".pt", ".pth", ".onnx", ".h5", ".gguf", ".msgpack", ".npz", ".npy", ".zip",
      ".gz",
      ".model", ".ot", ".pkl", ".parquet",
    ]
    return file.byteCount > 0
      && (file.byteCount > 10_000_000 || kinds.contains(where: file.name.hasSuffix)
        || file.name.contains("tfevents"))
  }

  /// Does what a plan says. A push that broke is taken up by another: what has been sent is not sent again.
  ///
  /// There is one commit, or none when the hub has every file as it is. Its request names the commit it was made for,
  /// so that it cannot be applied twice and never undoes what others pushed meanwhile.
  ///
  /// - Throws: ``HubError``, `SystemError`.
  public func push(_ plan: PushPlan) throws -> PushResult {
    let reference = plan.check.reference
    if !plan.check.exists {
      try create(reference, for: plan.check.account, isPrivate: plan.options.isPrivate)
    }
    var sent = 0
    // The last commit of which no answer tells whether it was applied: what was in it, and why.
    var unconfirmed: (files: [String], reason: String)?
    for attempt in 1...Self.commitAttempts + 1 {
      let (head, prepared): (String, [PreparedFile])
      do {
        (head, prepared) = try missing(plan, reference)
      } catch let error as HubError where error.isOutage {
        guard let unconfirmed else { throw error }
        throw HubError.unconfirmed(name: reference.name, reason: unconfirmed.reason)
      }
      guard !prepared.isEmpty else {
        return PushResult(
          commit: head, address: try page(reference), pullRequest: nil, isNew: unconfirmed != nil,
          files: unconfirmed?.files ?? [], sentByteCount: sent)
      }
      // After the last attempt there was one more look, and nothing has changed.
      if attempt > Self.commitAttempts { break }
      sent += try transfer(prepared.filter(\.isLarge), reference)
      switch try commit(prepared, plan, reference, parent: head) {
      case .made(let commit, let address, let pullRequest):
        return PushResult(
          commit: commit, address: try address ?? page(reference), pullRequest: pullRequest, isNew: true,
          files: prepared.map(\.file.name), sentByteCount: sent)
      case .stale:
        if attempt == Self.commitAttempts, unconfirmed == nil {
          throw HubError.conflict(name: reference.name)
        }
        report(.rebased(reason: "another commit has come between"))
      case .unknown(let reason):
        unconfirmed = (prepared.map(\.file.name), reason)
        if attempt < Self.commitAttempts {
          http.wait(seconds: RetryPolicy.pause(after: attempt - 1), reason: reason)
        }
      }
    }
    guard let unconfirmed else { throw HubError.conflict(name: reference.name) }
    throw HubError.unconfirmed(name: reference.name, reason: unconfirmed.reason)
  }

  /// The commit of the repository, and what it does not have of a plan.
  private func missing(
    _ plan: PushPlan, _ reference: ModelReference
  ) throws -> (head: String, prepared: [PreparedFile]) {
    let head = try info(reference).commit
    try plan.state.compare(with: tree(reference, commit: head), report: report)
    return (head, try prepare(plan, reference))
  }

  /// How often a commit is tried on a new state of the repository.
  private static let commitAttempts = 4

  private func page(_ reference: ModelReference) throws -> String {
    try address("/" + reference.name).description
  }

  /// Makes the repository; that it is there already is no error.
  private func create(
    _ reference: ModelReference, for account: HubAccount, isPrivate: Bool
  ) throws {
    let parts = reference.name.split(separator: "/")
    guard let owner = reference.owner, let name = parts.last else {
      throw HubError.invalidName(reference.name)
    }
    var document: JSONValue = ["name": .string(String(name)), "type": "model"]
    if owner != account.name { document.set("organization", .string(owner)) }
    if isPrivate { document.set("visibility", "private") }
    let request = post(try address("/api/repos/create"), document)
    let response = try http.send { request }
    if response.status == 409 { return }
    try check(response, request.address, Subject(name: reference.name))
  }
}
