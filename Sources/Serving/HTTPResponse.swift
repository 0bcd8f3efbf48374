package import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A status code with its phrase.
package struct HTTPStatus: Sendable, Hashable {
  package let code: Int
  package let phrase: String

  package static let `continue` = HTTPStatus(code: 100, phrase: "Continue")
  package static let ok = HTTPStatus(code: 200, phrase: "OK")
  package static let badRequest = HTTPStatus(code: 400, phrase: "Bad Request")
  package static let unauthorized = HTTPStatus(code: 401, phrase: "Unauthorized")
  package static let notFound = HTTPStatus(code: 404, phrase: "Not Found")
  package static let methodNotAllowed = HTTPStatus(code: 405, phrase: "Method Not Allowed")
  package static let requestTimeout = HTTPStatus(code: 408, phrase: "Request Timeout")
  package static let contentTooLarge = HTTPStatus(code: 413, phrase: "Content Too Large")
  package static let uriTooLong = HTTPStatus(code: 414, phrase: "URI Too Long")
  package static let unsupportedMediaType = HTTPStatus(code: 415, phrase: "Unsupported Media Type")
  package static let expectationFailed = HTTPStatus(code: 417, phrase: "Expectation Failed")
  package static let misdirected = HTTPStatus(code: 421, phrase: "Misdirected Request")
  package static let unprocessable = HTTPStatus(code: 422, phrase: "Unprocessable Content")
  package static let tooManyRequests = HTTPStatus(code: 429, phrase: "Too Many Requests")
  package static let headerFieldsTooLarge = HTTPStatus(code: 431, phrase: "Request Header Fields Too Large")
  package static let internalError = HTTPStatus(code: 500, phrase: "Internal Server Error")
  package static let notImplemented = HTTPStatus(code: 501, phrase: "Not Implemented")
  package static let unavailable = HTTPStatus(code: 503, phrase: "Service Unavailable")
  package static let versionNotSupported = HTTPStatus(code: 505, phrase: "HTTP Version Not Supported")
}

/// An answer, whole.
package struct HTTPResponse: Sendable, Equatable {
  package var status: HTTPStatus
  package var contentType = "application/json"
  /// Beside those that ``bytes(closes:includesBody:date:)`` adds.
  package var fields: [(name: String, value: String)] = []
  package var body: [UInt8]

  package init(_ status: HTTPStatus, contentType: String = "application/json", body: [UInt8]) {
    (self.status, self.contentType, self.body) = (status, contentType, body)
  }

  /// An answer in JSON.
  package init(_ status: HTTPStatus, json: JSONValue) {
    self.init(status, body: Array(json.compactText().utf8))
  }

  /// Says what is wrong as the Inference API and text-embeddings-inference do: `error` for people, `error_type` for
  /// programs.
  package static func error(_ status: HTTPStatus, _ type: String, _ message: String) -> HTTPResponse {
    HTTPResponse(status, json: ["error": .string(message), "error_type": .string(type)])
  }

  /// The same with a field more.
  package func adding(_ name: String, _ value: String) -> HTTPResponse {
    var copy = self
    copy.fields.append((name, value))
    return copy
  }

  package static func == (a: HTTPResponse, b: HTTPResponse) -> Bool {
    a.status == b.status && a.contentType == b.contentType && a.body == b.body
      && a.fields.elementsEqual(b.fields, by: ==)
  }

  /// As it goes over the wire, in one piece.
  ///
  /// - Parameters:
  ///   - closes: whether the connection is closed afterwards.
  ///   - includesBody: false for an answer to HEAD, whose length is still given.
  ///   - date: seconds since 1970.
  package func bytes(closes: Bool, includesBody: Bool = true, date: Int) -> [UInt8] {
    head(closes: closes, date: date) + (includesBody ? body : [])
  }

  /// What precedes the body on the wire.
  ///
  /// - Parameters: as of ``bytes(closes:includesBody:date:)``.
  package func head(closes: Bool, date: Int) -> [UInt8] {
    var head = "HTTP/1.1 \(status.code) \(status.phrase)\r\ndate: \(httpDate(date))\r\n"
    head += "content-type: \(contentType)\r\ncontent-length: \(body.count)\r\n"
    for field in fields { head += "\(field.name): \(field.value)\r\n" }
    if closes { head += "connection: close\r\n" }
    head += "\r\n"
    return Array(head.utf8)
  }
}

/// As `Sun, 06 Nov 1994 08:49:37 GMT`.
package func httpDate(_ seconds: Int) -> String {
  var time = time_t(seconds)
  var parts = tm()
  gmtime_r(&time, &parts)
  func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
  let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) "
    + "\(Int(parts.tm_year) + 1900) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
}
