/// Names and values as they came, names compared without case.
package struct HTTPHeaders: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  private struct Field: Sendable, Equatable {
    var name: String
    var value: String
  }

  private var fields: [Field] = []

  package init(dictionaryLiteral members: (String, String)...) {
    for (name, value) in members { add(name, value) }
  }

  /// The first value of that name.
  package subscript(name: String) -> String? {
    let wanted = name.lowercased()
    return fields.first { $0.name == wanted }?.value
  }

  /// Every value of that name.
  package func values(_ name: String) -> [String] {
    let wanted = name.lowercased()
    return fields.filter { $0.name == wanted }.map(\.value)
  }

  package mutating func add(_ name: String, _ value: String) {
    fields.append(Field(name: name.lowercased(), value: value))
  }

  /// `name: value`, one a field.
  package var lines: [String] { fields.map { "\($0.name): \($0.value)" } }
}

/// What is asked.
package struct HTTPRequest: Sendable {
  package enum Method: String, Sendable { case get = "GET", head = "HEAD", post = "POST", put = "PUT" }

  package enum Body: Sendable {
    case none
    case bytes([UInt8])
    /// A range of a file, sent with its length: object stores refuse bodies of unknown length.
    case file(path: String, range: Range<Int>)

    package var byteCount: Int {
      switch self {
      case .none: 0
      case .bytes(let bytes): bytes.count
      case .file(_, let range): range.count
      }
    }
  }

  package var method: Method
  package var address: WebAddress
  package var headers: HTTPHeaders
  package var body: Body
  /// Whether the token goes along where the address is the hub's own. Signed addresses refuse a second credential.
  package var isAuthorised = true
  /// Seconds without a byte after which the connection counts as broken; nil for the client's own.
  package var timeout: Int?

  package init(
    _ method: Method, _ address: WebAddress, headers: HTTPHeaders = [:], body: Body = .none
  ) {
    (self.method, self.address, self.headers, self.body) = (method, address, headers, body)
  }
}

/// What was answered.
package struct HTTPResponse: Sendable {
  package var status: Int
  package var headers: HTTPHeaders
  /// The body, unless a sink took it.
  package var body: [UInt8] = []
  /// What was answered on the way here, the first redirect first.
  package var redirects: [HTTPHeaders] = []

  package init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
    (self.status, self.headers, self.body) = (status, headers, body)
  }

  package var isSuccess: Bool { (200..<300).contains(status) }

  /// Where else to ask, when the answer says so.
  package var location: String? { [301, 302, 303, 307, 308].contains(status) ? headers["location"] : nil }

  /// The first value of that name on the whole way.
  package func first(_ name: String) -> String? {
    (redirects + [headers]).lazy.compactMap { $0[name] }.first
  }
}

/// Takes a body as it comes.
package protocol HTTPSink: AnyObject {
  /// How far it has ever come, so that a failed attempt which got further can be told from one that did not: bytes that
  /// have to come again are no progress.
  var furthestPosition: Int { get }

  /// Whether the body of this answer is wanted here; else it is collected in the response.
  func begin(_ head: HTTPResponse) throws -> Bool

  func receive(_ bytes: UnsafeRawBufferPointer) throws
}

/// One question and its answer: no redirects, no second attempts.
package protocol HTTPTransport: Sendable {
  /// - Parameters:
  ///   - request: what is asked.
  ///   - sink: asked for every answer whether it wants its body.
  ///   - sent: called with the bytes of the body that have been sent so far.
  /// - Throws: ``TransportFailure`` when there is no whole answer; what `sink` throws.
  func send(_ request: HTTPRequest, to sink: (any HTTPSink)?, sent: ((Int) -> Void)?) throws -> HTTPResponse
}

/// There is no whole answer.
package struct TransportFailure: Error, Equatable {
  package enum Kind: Sendable { case noConnection, broken, untrusted, unsupported }

  package var kind: Kind
  /// For people; holds no credential.
  package var reason: String

  package init(_ kind: Kind, _ reason: String) { (self.kind, self.reason) = (kind, reason) }
}
