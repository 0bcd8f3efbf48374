internal import CCurl
import ModelFiles
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// HTTP by libcurl, connections kept open between questions. Proxies are those of libcurl's own variables.
final class CurlTransport: HTTPTransport {
  private let userAgent: String
  private let timeout: Int
  private let authorities: String?
  private let idle = Mutex<[CurlHandle]>([])

  /// Done once a process, before the first handle; calls after it have no effect.
  private static let isReady = ccurl_initialise() == CURLE_OK

  /// - Parameters:
  ///   - userAgent: how the client names itself.
  ///   - timeout: seconds without a byte after which a connection counts as broken.
  ///   - authorities: a file of certificates in place of the system's.
  init(userAgent: String, timeout: Int, authorities: String?) {
    (self.userAgent, self.timeout, self.authorities) = (userAgent, timeout, authorities)
  }

  func send(_ request: HTTPRequest, to sink: (any HTTPSink)?, sent: ((Int) -> Void)?) throws -> HTTPResponse {
    guard Self.isReady else {
      throw TransportFailure(
        .unsupported, "libcurl is not installed; get it from the system's packages (libcurl4)")
    }
    guard let handle = idle.withLock({ $0.popLast() }) ?? CurlHandle() else {
      throw TransportFailure(.unsupported, "libcurl has no memory")
    }
    let exchange = try CurlExchange(request, sink: sink, sent: sent)
    let code = try handle.perform(
      request, exchange, userAgent: userAgent, timeout: request.timeout ?? timeout, authorities: authorities)
    if let problem = exchange.problem { throw problem }
    guard code == CURLE_OK else { throw handle.failure(code) }
    try exchange.finish()
    idle.withLock { $0.append(handle) }
    return exchange.response
  }
}

/// An easy handle of libcurl.
///
/// Unchecked, because libcurl lets a handle be used by any thread, though by one at a time: the transport lends each to
/// one question.
private final class CurlHandle: @unchecked Sendable {
  private let handle: UnsafeMutableRawPointer
  private let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  init?() {
    guard let handle = ccurl_easy_init() else {
      message.deallocate()
      return nil
    }
    self.handle = handle
  }

  deinit {
    ccurl_easy_cleanup(handle)
    message.deallocate()
  }

  /// Asks and waits for the answer.
  ///
  /// - Throws: ``TransportFailure`` when this libcurl lacks something that is needed.
  func perform(
    _ request: HTTPRequest, _ exchange: CurlExchange, userAgent: String, timeout: Int, authorities: String?
  ) throws -> CURLcode {
    ccurl_easy_reset(handle)
    message.pointee = 0
    var fields: UnsafeMutablePointer<curl_slist>?
    defer { ccurl_slist_free_all(fields) }
    // Bodies are not compressed on the way, so that lengths are those of the files; and no server is asked first
    // whether it would take a long body, which many do not answer.
    for line in request.headers.lines + ["accept-encoding: identity", "expect:"] {
      guard let longer = ccurl_slist_append(fields, line) else {
        throw TransportFailure(.unsupported, "libcurl has no memory")
      }
      fields = longer
    }
    var codes = [
      ccurl_allow_http_only(handle), set(CURLOPT_URL, request.address.text),
      set(CURLOPT_USERAGENT, userAgent),
      set(CURLOPT_NOSIGNAL, 1), set(CURLOPT_FOLLOWLOCATION, 0), set(CURLOPT_PATH_AS_IS, 1),
      set(CURLOPT_TCP_KEEPALIVE, 1), set(CURLOPT_CONNECTTIMEOUT, timeout),
      set(CURLOPT_LOW_SPEED_LIMIT, 1), set(CURLOPT_LOW_SPEED_TIME, timeout),
      ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, message),
      ccurl_set_pointer(handle, CURLOPT_HTTPHEADER, fields),
    ]
    if let authorities { codes.append(set(CURLOPT_CAINFO, authorities)) }
    switch request.method {
    case .get: codes.append(set(CURLOPT_HTTPGET, 1))
    case .head: codes.append(set(CURLOPT_NOBODY, 1))
    case .post: codes.append(set(CURLOPT_POST, 1))
    case .put: codes.append(set(CURLOPT_UPLOAD, 1))
    }
    if request.method == .post || request.method == .put {
      let size = request.method == .post ? CURLOPT_POSTFIELDSIZE_LARGE : CURLOPT_INFILESIZE_LARGE
      codes.append(ccurl_set_offset(handle, size, curl_off_t(request.body.byteCount)))
    }
    // The exchange outlives the transfer, which is all that libcurl calls it from.
    let context = Unmanaged.passUnretained(exchange).toOpaque()
    codes += [
      ccurl_set_data_function(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
        CurlExchange.of(context).takeHeader(bytes, size * count)
      },
      ccurl_set_data_function(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
        CurlExchange.of(context).takeBody(bytes, size * count)
      },
      ccurl_set_data_function(handle, CURLOPT_READFUNCTION) { bytes, size, count, context in
        CurlExchange.of(context).giveBody(bytes, size * count)
      },
      ccurl_set_seek_function(handle) { context, offset, origin in
        CurlExchange.of(context).seek(Int(offset), origin)
      },
      ccurl_set_pointer(handle, CURLOPT_HEADERDATA, context),
      ccurl_set_pointer(handle, CURLOPT_WRITEDATA, context),
      ccurl_set_pointer(handle, CURLOPT_READDATA, context),
      ccurl_set_pointer(handle, CURLOPT_SEEKDATA, context),
    ]
    guard codes.allSatisfy({ $0 == CURLE_OK }) else {
      throw TransportFailure(
        .unsupported, "this libcurl lacks an option that is needed; install 7.62 or later")
    }
    return withExtendedLifetime(exchange) { ccurl_easy_perform(handle) }
  }

  /// What a code of libcurl means. Its message names hosts and ports, never paths or headers.
  func failure(_ code: CURLcode) -> TransportFailure {
    let text = message.pointee == 0 ? String(cString: ccurl_easy_strerror(code)) : String(cString: message)
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT:
      return TransportFailure(.noConnection, text)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE:
      return TransportFailure(.untrusted, text)
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: return TransportFailure(.unsupported, text)
    default: return TransportFailure(.broken, text)
    }
  }

  private func set(_ option: CURLoption, _ value: Int) -> CURLcode { ccurl_set_long(handle, option, value) }

  private func set(_ option: CURLoption, _ value: String) -> CURLcode {
    ccurl_set_string(handle, option, value)
  }
}

/// What libcurl calls while one question is asked; on the thread that asks.
private final class CurlExchange {
  private(set) var response = HTTPResponse(status: 0)
  /// What the sink or the file threw.
  private(set) var problem: (any Error)?
  private let body: HTTPRequest.Body
  private let descriptor: Int32
  private var position = 0
  private let sink: (any HTTPSink)?
  private let sent: ((Int) -> Void)?
  /// Whether the sink takes the body; nil until it was asked.
  private var isSinkTaking: Bool?

  /// The longest body that is collected.
  private static let limit = 256 << 20

  init(_ request: HTTPRequest, sink: (any HTTPSink)?, sent: ((Int) -> Void)?) throws {
    (body, self.sink, self.sent) = (request.body, sink, sent)
    if case .file(let path, _) = request.body {
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw SystemError.last("open", path) }
    } else {
      descriptor = -1
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  static func of(_ context: UnsafeMutableRawPointer?) -> CurlExchange {
    guard let context else { preconditionFailure("libcurl lost what it was given") }
    return Unmanaged<CurlExchange>.fromOpaque(context).takeUnretainedValue()
  }

  /// To be called once the answer is whole: a sink must also hear of an empty body.
  func finish() throws { if isSinkTaking == nil { isSinkTaking = try sink?.begin(response) } }

  func takeHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    let text = String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    if text.hasPrefix("HTTP/") {
      // Another head replaces what came before it, such as a proxy's own or "100 Continue".
      let parts = text.split(separator: " ")
      response = HTTPResponse(status: parts.count > 1 ? Int(parts[1].prefix { $0.isNumber }) ?? 0 : 0)
    } else if let colon = text.firstIndex(of: ":") {
      let value = text[text.index(after: colon)...].drop { $0.isWhitespace }
      let end = value.lastIndex { !$0.isWhitespace }
      response.headers.add(String(text[..<colon]), end.map { String(value[...$0]) } ?? "")
    }
    return count
  }

  func takeBody(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    let buffer = UnsafeRawBufferPointer(start: bytes, count: count)
    do {
      if isSinkTaking == nil { isSinkTaking = try sink?.begin(response) ?? false }
      if isSinkTaking == true {
        try sink?.receive(buffer)
      } else {
        guard response.body.count + count <= Self.limit else {
          throw TransportFailure(.unsupported, "the answer is longer than \(Self.limit >> 20) MiB")
        }
        response.body.append(contentsOf: buffer)
      }
      return count
    } catch {
      problem = error
      return -1
    }
  }

  func giveBody(_ bytes: UnsafeMutablePointer<CChar>?, _ room: Int) -> Int {
    let wanted = min(room, body.byteCount - position)
    guard let bytes, wanted > 0 else { return 0 }
    let given: Int
    switch body {
    case .none: given = 0
    case .bytes(let all):
      UnsafeMutableRawBufferPointer(start: bytes, count: wanted).copyBytes(
        from: all[position..<position + wanted])
      given = wanted
    case .file(let path, let range):
      given = pread(descriptor, bytes, wanted, off_t(range.lowerBound + position))
      guard given > 0 else {
        problem = given == 0 ? HubError.fileChanged(path: path) : SystemError.last("read", path)
        return Int(CURL_READFUNC_ABORT)
      }
    }
    position += given
    sent?(position)
    return given
  }

  func seek(_ offset: Int, _ origin: Int32) -> Int32 {
    guard origin == SEEK_SET, (0...body.byteCount).contains(offset) else { return CURL_SEEKFUNC_CANTSEEK }
    position = offset
    return CURL_SEEKFUNC_OK
  }
}
