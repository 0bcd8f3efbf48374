/// The first line and the fields of a request, checked; what follows them is still to be read.
package struct HTTPRequestHead: Sendable, Equatable {
  /// How much follows the head.
  package enum Framing: Sendable, Equatable {
    case length(Int)
    case chunked
  }

  /// As sent: methods are case-sensitive.
  package var method: String
  /// What precedes the question mark, as sent.
  package var path: String
  /// What follows the question mark; nil without one.
  package var query: String?
  /// The names in lower case, in the order sent.
  package var fields: [(name: String, value: String)]
  package var framing: Framing
  /// Whether the client means to send another request afterwards.
  package var keepsAlive: Bool
  /// Whether the client waits for `100 Continue` before it sends the body.
  package var expectsContinue: Bool

  /// The value of a field that was sent once; nil also when it was sent several times.
  package subscript(field name: String) -> String? {
    let values = fields.lazy.filter { $0.name == name }.map(\.value)
    return values.count == 1 ? values.first : nil
  }

  package static func == (a: HTTPRequestHead, b: HTTPRequestHead) -> Bool {
    a.method == b.method && a.path == b.path && a.query == b.query && a.framing == b.framing
      && a.keepsAlive == b.keepsAlive && a.expectsContinue == b.expectsContinue
      && a.fields.elementsEqual(b.fields, by: ==)
  }
}

/// What may be sent in a request.
package struct HTTPLimits: Sendable, Equatable {
  /// Of the first line and all fields together, in bytes; also of the trailer of a chunked body.
  package var head = 16 << 10
  /// Of the target within the first line, in bytes.
  package var target = 8 << 10
  /// How many fields.
  package var fields = 100
  /// Of the body, in bytes, however it is framed.
  package var body = 2 << 20

  package init(body: Int = 2 << 20) { self.body = body }
}

/// Why a request cannot be read. The connection cannot be used further: where the next request begins is not known.
package enum HTTPFault: Error, Equatable, CustomStringConvertible {
  /// Against the grammar of RFC 9112, or ambiguous in a way that proxies and servers are known to disagree about.
  case malformed(String)
  case version(String)
  case method(String)
  case targetTooLong(limit: Int)
  case headTooLarge(limit: Int)
  case tooManyFields(limit: Int)
  case bodyTooLarge(limit: Int)
  case transferCoding(String)
  case expectation(String)

  /// The status that answers it.
  package var status: HTTPStatus {
    switch self {
    case .malformed: .badRequest
    case .version: .versionNotSupported
    case .method, .transferCoding: .notImplemented
    case .targetTooLong: .uriTooLong
    case .headTooLarge, .tooManyFields: .headerFieldsTooLarge
    case .bodyTooLarge: .contentTooLarge
    case .expectation: .expectationFailed
    }
  }

  package var description: String {
    switch self {
    case .malformed(let what): "not a request of HTTP/1.1: \(what)"
    case .version(let found): "HTTP version '\(found)' is not spoken here; use HTTP/1.1"
    case .method(let found): "the method '\(found)' is not known; use GET or POST"
    case .targetTooLong(let limit): "the target is longer than \(limit) bytes; send inputs in the body"
    case .headTooLarge(let limit): "the fields of the request are larger than \(limit) bytes; send fewer"
    case .tooManyFields(let limit): "the request has more than \(limit) fields; send fewer"
    case .bodyTooLarge(let limit):
      "the body is larger than the \(limit) bytes taken here; send fewer or shorter texts at once"
    case .transferCoding(let found): "the transfer coding '\(found)' is not known; send chunked, or a length"
    case .expectation(let found): "the expectation '\(found)' cannot be met; only 100-continue can"
    }
  }
}
