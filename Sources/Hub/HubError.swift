/// Why something on the hub could not be done.
///
/// No case ever holds a token, a header or the query of an address.
@nonexhaustive
public enum HubError: Error, Equatable, Sendable {
  // Names
  case invalidName(String)
  case invalidRevision(String)
  case invalidAddress(String, reason: String)
  /// The hub names a file that would lie outside of its folder.
  case unsafePath(name: String, file: String)
  /// The hub names a file's contents by something that is no checksum.
  case invalidChecksum(file: String, found: String)

  // The connection
  /// A variable forbids the network, and the cache does not have the model.
  case offline(name: String, variable: String, cache: String)
  /// A variable forbids the network, without which nothing can be pushed.
  case offlinePush(variable: String)
  case unreachable(address: String, reason: String)
  case untrusted(address: String, reason: String)
  case insecureRedirect(from: String, to: String)
  case tooManyRedirects(address: String)
  /// Something answers, and not as a hub does.
  case notAHub(address: String, reason: String)

  // What the hub says
  case repositoryNotFound(name: String, isSignedIn: Bool)
  case gated(name: String, address: String, isSignedIn: Bool)
  case revisionNotFound(name: String, revision: String, nearest: [String])
  case fileNotFound(name: String, revision: String, file: String, nearest: [String])
  case invalidToken(source: String)
  case forbidden(name: String, message: String, source: String?)
  case rateLimited(seconds: Int?)
  /// Any other answer that is no success.
  case refused(address: String, status: Int, message: String, requestID: String?)

  // Credentials
  case malformedToken(source: String)
  case noToken
  case readOnlyToken(account: String, source: String)
  case notYours(owner: String, account: String, organisations: [String])

  // Files
  case noSpace(folder: String, needed: Int, available: Int)
  case damaged(file: String, expected: String, found: String)
  case tooLong(file: String, limit: Int)
  case fileChanged(path: String)
  case noHeaders(name: String, found: [String])
  case nothingSelected(name: String)
  case notCached(name: String, nearest: [String])

  // Pushing
  case invalidFolder(path: String, problems: [String])
  case invalidCard(path: String, problems: [String])
  case isPublic(name: String)
  /// The hub answered with something that would lose or mix up what was sent.
  case uploadRefused(file: String, reason: String)
  /// Somebody else keeps committing.
  case conflict(name: String)
  /// No answer tells whether the last commit was made, and it cannot be seen.
  case unconfirmed(name: String, reason: String)
}

extension HubError: CustomStringConvertible {
  public var description: String {
    nameProblem ?? connectionProblem ?? answerProblem ?? fileProblem ?? pushProblem
  }

  private var nameProblem: String? {
    switch self {
    case .invalidName(let name):
      "'\(name)' cannot be the name of a model; write ORG/NAME of letters, digits, '-', '_' and '.'"
    case .invalidRevision(let revision):
      "'\(revision)' cannot be a revision; write a branch, a tag or a commit after the @"
    case .invalidAddress(let address, let reason):
      "'\(address)' is no address that can be used: \(reason); check HF_ENDPOINT"
    case .unsafePath(let name, let file):
      "\(name): holds a file '\(file)', which would lie outside of its folder; do not use this repository"
    case .invalidChecksum(let file, let found):
      "\(file): expected a SHA-1 or SHA-256 of its contents, the hub gives '\(found)'; check HF_ENDPOINT"
    default: nil
    }
  }

  private var connectionProblem: String? {
    switch self {
    case .offline(let name, let variable, let cache):
      "\(name): not whole in \(cache), and \(variable) forbids to download it; unset \(variable), "
        + "or copy the model there"
    case .offlinePush(let variable): "\(variable) forbids to ask the hub; unset it to push"
    case .unreachable(let address, let reason):
      "\(address): no answer (\(Self.oneLine(reason))); check the connection, or name a mirror in HF_ENDPOINT, "
        + "and run the command again: it goes on where it stopped"
    case .untrusted(let address, let reason):
      "\(address): its certificate is not trusted (\(Self.oneLine(reason))); "
        + "name the file of your authority in SSL_CERT_FILE"
    case .insecureRedirect(let from, let to):
      "\(from): leads to \(to), which is not encrypted; check HF_ENDPOINT"
    case .tooManyRedirects(let address):
      "\(address): the last of \(HTTPClient.redirectLimit) redirects in a row; check HF_ENDPOINT"
    case .notAHub(let address, let reason):
      "\(address): does not answer as a hub does (\(reason)); check HF_ENDPOINT and any proxy in between"
    default: nil
    }
  }

  private var answerProblem: String? {
    switch self {
    case .repositoryNotFound(let name, let isSignedIn):
      isSignedIn
        ? "model '\(name)' not found, or private and not yours; check the name, or create it with ckpt push"
        : "model '\(name)' not found, or private and you are not signed in; check the name, or set HF_TOKEN"
    case .gated(let name, let address, let isSignedIn):
      "model '\(name)' is given to those who ask for it; ask for access at \(address)"
        + (isSignedIn ? "" : ", and set HF_TOKEN")
    case .revisionNotFound(let name, let revision, let nearest):
      "model '\(name)' has no revision '\(revision)'\(Self.meant(nearest))"
    case .fileNotFound(let name, let revision, let file, let nearest):
      "model '\(name)' has no file '\(file)' at \(revision)\(Self.meant(nearest))"
    case .invalidToken(let source):
      "the token from \(source) is not valid; make another at https://huggingface.co/settings/tokens"
        + (source == "HF_TOKEN" ? ", or unset HF_TOKEN, which comes before the token file" : "")
    case .forbidden(let name, let message, let source):
      "\(name): the hub forbids it (\(Self.oneLine(message))); "
        + (source.map { "the token from \($0) needs the right to do this" } ?? "set HF_TOKEN")
    case .rateLimited(let seconds):
      "the hub takes no more questions for now; try again in \(seconds.map { "\($0) seconds" } ?? "five minutes")"
    case .refused(let address, let status, let message, let requestID):
      "\(address): the hub answers \(status)\(message.isEmpty ? "" : " (\(Self.oneLine(message)))")"
        + (requestID.map { "; request \($0)" } ?? "")
        + (status >= 500 ? "; try again later, it goes on where it stopped" : "")
    case .malformedToken(let source):
      "the token from \(source) holds spaces or characters that no token has; copy it again"
    case .noToken:
      "no token; make one with the role write at https://huggingface.co/settings/tokens and set HF_TOKEN"
    case .readOnlyToken(let account, let source):
      "the token of \(account) from \(source) may only read; make one with the role write at "
        + "https://huggingface.co/settings/tokens"
    case .notYours(let owner, let account, let organisations):
      "'\(owner)' is neither \(account), whose token this is, nor one of its organisations"
        + (organisations.isEmpty ? "" : " (\(organisations.joined(separator: ", ")))")
        + "; push to \(account)/…, or add --create-pr"
    default: nil
    }
  }

  private var fileProblem: String? {
    switch self {
    case .noSpace(let folder, let needed, let available):
      "\(folder): \(needed) bytes are needed and \(available) free; free some with ckpt cache, "
        + "or name another folder in HF_HUB_CACHE"
    case .damaged(let file, let expected, let found):
      "\(file): not what the hub has: expected \(expected), found \(found); try again, "
        + "and check any proxy in between"
    case .tooLong(let file, let limit):
      "\(file): more than \(limit) bytes came, as many as it has; try again, and check any proxy in between"
    case .fileChanged(let path): "\(path): changed while it was sent; push again once it is finished"
    case .noHeaders(let name, let found):
      "\(name): no safetensors, whose headers can be read alone; found \(Self.list(found)); ckpt pull \(name) first"
    case .nothingSelected(let name): "\(name): no file matches; check --include and --exclude"
    case .notCached(let name, let nearest):
      "\(name): not in the cache\(Self.meant(nearest))"
    default: nil
    }
  }

  private var pushProblem: String {
    switch self {
    case .invalidFolder(let path, let problems):
      "\(path): not fit to be pushed: \(Self.list(problems, limit: 4)); nothing was sent"
    case .invalidCard(let path, let problems):
      "\(path): the hub would refuse the card: \(Self.list(problems, limit: 4)); correct it, nothing was sent"
    case .isPublic(let name):
      "\(name): exists and is public; make it private in its settings, or leave out --private; nothing was sent"
    case .uploadRefused(let file, let reason): "\(file): \(reason); nothing was committed, push again"
    case .conflict(let name): "\(name): others commit at the same time; nothing was committed, push again"
    case .unconfirmed(let name, let reason):
      "\(name): no answer tells whether the commit was made (\(Self.oneLine(reason))); it may have been applied, "
        + "push again: what is there by then is not committed twice"
    default: "the hub could not be used; try again"
    }
  }

  private static func meant(_ names: [String]) -> String {
    names.isEmpty ? "; check the spelling" : "; did you mean \(names.joined(separator: " or "))?"
  }

  private static func list(_ items: [String], limit: Int = 8) -> String {
    guard !items.isEmpty else { return "nothing" }
    return items.prefix(limit).joined(separator: ", ")
      + (items.count > limit ? " and \(items.count - limit) more" : "")
  }

  /// A server's words, so that they can break neither the line nor the terminal.
  static func oneLine(_ text: String) -> String {
    let breaks: [Unicode.GeneralCategory] = [.control, .format, .lineSeparator, .paragraphSeparator]
    let words = text.unicodeScalars.split { $0 == " " || breaks.contains($0.properties.generalCategory) }
    return String(words.map { String($0) }.joined(separator: " ").prefix(300))
  }
}
