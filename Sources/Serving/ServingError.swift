/// Why a server cannot be started.
@nonexhaustive
public enum ServingError: Error, Equatable, CustomStringConvertible {
  /// The host is not a numeric address or `localhost`.
  case badHost(String)
  /// Other machines could connect, and nothing keeps them out.
  case unprotected(host: String)
  /// The system refuses the address or the port.
  case cannotListen(host: String, port: UInt16, reason: String)
  /// The system does not tell, or no longer, which connections can be read.
  case noEvents(reason: String)
  /// The system refuses a thread.
  case noThread
  /// A head that no task uses; nil when `config.json` names none.
  case noTask(architecture: String?)
  /// A limit that leaves no room for a request.
  case badLimit(name: String, value: Int, least: Int)
  /// A token that no header can carry, or that is easily guessed.
  case badToken(reason: String)

  public var description: String {
    switch self {
    case .badHost(let host):
      "'\(host)' is not an address; give one in numbers, such as 127.0.0.1, or localhost"
    case .unprotected(let host):
      "on \(host) other machines can connect; ask them for a token, or allow it expressly"
    case .cannotListen(let host, let port, let reason):
      "cannot listen on \(host), port \(port): \(reason); choose another port, or 0 for any that is free"
    case .noEvents(let reason):
      "the system does not tell which connections are ready: \(reason); raise the limit of open files, or end other "
        + "programs, and start again"
    case .noThread: "the system has no thread left to compute on; end other programs"
    case .noTask(let architecture):
      "no task is known for \(architecture ?? "a model whose config.json names no class"); "
        + "choose one of text-classification, feature-extraction and fill-mask"
    case .badLimit(let name, let value, let least): "\(name) is \(value); give at least \(least)"
    case .badToken(let reason): "the token \(reason); use 16 or more letters, digits and signs, in one line"
    }
  }
}
