import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What the environment says of the hub: where it is, who asks, where its files are kept.
///
/// Variables mean what they mean to Python's huggingface_hub. Reference: its `constants.py` and `utils/_auth.py`.
public struct HubEnvironment: Sendable {
  /// A token, and where it was found.
  public struct Token: Sendable, Equatable {
    /// Goes to the hub only; shown nowhere.
    package var secret: String
    /// For people: `HF_TOKEN`, or the path of a file.
    public var source: String

    package init(secret: String, source: String) { (self.secret, self.source) = (secret, source) }
  }

  /// The address of the hub, without a slash at its end: `HF_ENDPOINT`, else `https://huggingface.co`.
  public var endpoint: String
  /// The folder of the cache: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in `~/.cache/huggingface`.
  public var cache: String
  /// `HF_TOKEN`, else `HUGGING_FACE_HUB_TOKEN`, else what is in the file `HF_TOKEN_PATH`, which is `token` in `HF_HOME`
  /// unless set.
  public var token: Token?
  /// Whether reading goes without the token: `HF_HUB_DISABLE_IMPLICIT_TOKEN`.
  public var readsAnonymously: Bool
  /// The variable that forbids the network: `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE`; nil when neither does.
  public var offlineVariable: String?
  /// Whether files are copied into snapshots rather than linked: `HF_HUB_DISABLE_SYMLINKS`.
  public var copiesFiles: Bool
  /// Seconds without a byte after which a connection counts as broken: `HF_HUB_DOWNLOAD_TIMEOUT`, else 10.
  public var timeout: Int
  /// A file with the certificates of authorities that are trusted in place of the system's: `SSL_CERT_FILE`,
  /// `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE`.
  public var authorities: String?

  /// The hub that everybody uses.
  package static let publicEndpoint = "https://huggingface.co"

  /// Reads the environment of this process.
  public init() { self.init(environmentVariable) }

  package init(_ variable: (String) -> String?) {
    func isSet(_ name: String) -> Bool {
      ["1", "ON", "YES", "TRUE"].contains(variable(name)?.uppercased() ?? "")
    }
    var endpoint = variable("HF_ENDPOINT") ?? Self.publicEndpoint
    while endpoint.hasSuffix("/") { endpoint.removeLast() }
    self.endpoint = endpoint
    cache = HubCache.folder(variable)
    token = Self.token(variable)
    readsAnonymously = isSet("HF_HUB_DISABLE_IMPLICIT_TOKEN")
    offlineVariable = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].first(where: isSet)
    copiesFiles = isSet("HF_HUB_DISABLE_SYMLINKS")
    timeout = variable("HF_HUB_DOWNLOAD_TIMEOUT").flatMap(Int.init).flatMap { $0 > 0 ? $0 : nil } ?? 10
    authorities = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"].lazy.compactMap(variable).first
  }

  private static func token(_ variable: (String) -> String?) -> Token? {
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
      if let token = variable(name).map(trimmed), !token.isEmpty { return Token(secret: token, source: name) }
    }
    let path =
      variable("HF_TOKEN_PATH").map { HubCache.expanded($0, variable) }
      ?? FileSystem.join(HubCache.home(variable), "token")
    guard let bytes = try? FileSystem.read(path, limit: 1 << 16) else { return nil }
    let token = trimmed(String(decoding: bytes, as: UTF8.self))
    return token.isEmpty ? nil : Token(secret: token, source: path)
  }

  private static func trimmed(_ text: String) -> String {
    var text = Substring(text)
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

extension HubEnvironment.Token: CustomStringConvertible, CustomReflectable {
  /// Where it is from; never what it is.
  public var description: String { "the token from \(source)" }

  public var customMirror: Mirror { Mirror(self, children: ["source": source]) }
}
