/// Reads requests from bytes as they come, one after another, and takes nothing in doubt.
///
/// Strict where lenience is known to be abused: lines end with CRLF, a field has no space before its colon and no
/// folded value, a length is digits and is given once, a length and a transfer coding exclude each other, `Host` is
/// given once. Memory is bounded by ``HTTPLimits``; the work is linear in the bytes.
///
/// Source: RFC 9112 (messages), RFC 9110 (fields).
package struct HTTPRequestParser {
  /// What ``next()`` has found.
  package enum Event: Sendable, Equatable {
    /// There is nothing whole to report; append bytes.
    case needsBytes
    /// A head; a body follows, be it empty.
    case head(HTTPRequestHead)
    /// The whole body of the head before; afterwards comes another head.
    case body([UInt8])
  }

  private enum State {
    case head
    case fixed(remaining: Int)
    case chunkSize
    case chunkData(remaining: Int)
    case chunkEnd
    case trailer(byteCount: Int)
  }

  private let limits: HTTPLimits
  private var state = State.head
  private var bytes: [UInt8] = []
  /// The first byte that has not been used.
  private var start = 0
  /// How far the end of a line was looked for in vain.
  private var scanned = 0
  private var body: [UInt8] = []

  package init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

  /// Whether a request has begun and is not whole.
  package var isWithinRequest: Bool {
    if case .head = state { return start < bytes.count }
    return true
  }

  /// Whether bytes have come that no part of a request has used yet.
  package var hasUnusedBytes: Bool { start < bytes.count }

  /// Adds bytes as they came.
  package mutating func append(_ more: some Sequence<UInt8>) {
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.capacity <= 64 << 10)
      (start, scanned) = (0, 0)
    } else if start > 64 << 10 {
      bytes.removeSubrange(..<start)
      (scanned, start) = (scanned - start, 0)
    }
    bytes.append(contentsOf: more)
  }

  /// The next part of a request.
  ///
  /// - Throws: ``HTTPFault``; afterwards the parser is of no further use.
  package mutating func next() throws(HTTPFault) -> Event {
    while true {
      switch state {
      case .head:
        guard let head = try head() else { return .needsBytes }
        return .head(head)
      case .fixed(let remaining):
        let taken = take(remaining)
        state = .fixed(remaining: remaining - taken)
        guard taken == remaining else { return .needsBytes }
        return finishBody()
      case .chunkSize:
        guard let line = try line(limit: 256, .malformed("the size of a chunk has no end")) else {
          return .needsBytes
        }
        let size = try chunkSize(line)
        guard size <= limits.body - body.count else { throw .bodyTooLarge(limit: limits.body) }
        state = size == 0 ? .trailer(byteCount: 0) : .chunkData(remaining: size)
      case .chunkData(let remaining):
        let taken = take(remaining)
        state = taken == remaining ? .chunkEnd : .chunkData(remaining: remaining - taken)
        guard taken == remaining else { return .needsBytes }
      case .chunkEnd:
        guard let line = try line(limit: 0, .malformed("a chunk is longer than its size")) else {
          return .needsBytes
        }
        guard line.isEmpty else { throw .malformed("a chunk is longer than its size") }
        state = .chunkSize
      case .trailer(let byteCount):
        guard let line = try line(limit: limits.head, .headTooLarge(limit: limits.head)) else {
          return .needsBytes
        }
        if line.isEmpty { return finishBody() }
        guard byteCount + line.count <= limits.head else { throw .headTooLarge(limit: limits.head) }
        state = .trailer(byteCount: byteCount + line.count + 2)
      }
    }
  }

  /// Moves at most `count` bytes to the body.
  private mutating func take(_ count: Int) -> Int {
    let taken = min(count, bytes.count - start)
    body.append(contentsOf: bytes[start..<start + taken])
    start += taken
    scanned = start
    return taken
  }

  private mutating func finishBody() -> Event {
    defer { (body, state) = ([], .head) }
    return .body(body)
  }

  /// The next line without its end; nil when that has not come.
  private mutating func line(limit: Int, _ tooLong: HTTPFault) throws(HTTPFault) -> ArraySlice<UInt8>? {
    guard let end = bytes[scanned...].firstIndex(of: .lineFeed) else {
      scanned = bytes.count
      guard bytes.count - start <= limit + 1 else { throw tooLong }
      return nil
    }
    guard end - start <= limit + 1 else { throw tooLong }
    guard end > start, bytes[end - 1] == .carriageReturn else {
      throw .malformed("a line ends with LF alone; end it with CRLF")
    }
    let line = bytes[start..<end - 1]
    start = end + 1
    scanned = start
    return line
  }

  /// Digits in base 16; an extension may follow, which means nothing here.
  private func chunkSize(_ line: ArraySlice<UInt8>) throws(HTTPFault) -> Int {
    let digits = line.prefix { $0 != .semicolon && $0 != .space && $0 != .tab }
    guard (1...15).contains(digits.count), digits.allSatisfy(\.isHexadecimal),
      let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw .malformed("the size of a chunk is not a number in base 16") }
    return size
  }

  // MARK: The head

  private mutating func head() throws(HTTPFault) -> HTTPRequestHead? {
    // A client may end its last request with a line too many (RFC 9112 section 2.2).
    while start + 1 < bytes.count, bytes[start] == .carriageReturn, bytes[start + 1] == .lineFeed {
      start += 2
    }
    var lineStart = start
    var lines: [ArraySlice<UInt8>] = []
    scanned = max(scanned, start)
    // Looked at only once the empty line is there, so that a head sent byte by byte is not read again and again.
    guard let end = headEnd() else {
      guard bytes.count - start <= limits.head else { throw tooLarge() }
      scanned = max(start, bytes.count - 3)
      return nil
    }
    guard end - start <= limits.head else { throw tooLarge() }
    while lineStart < end - 2 {
      guard let feed = bytes[lineStart..<end].firstIndex(of: .lineFeed), feed > lineStart,
        bytes[feed - 1] == .carriageReturn
      else { throw .malformed("a line ends with LF alone; end it with CRLF") }
      lines.append(bytes[lineStart..<feed - 1])
      lineStart = feed + 1
      guard lines.count <= limits.fields + 1 else { throw .tooManyFields(limit: limits.fields) }
    }
    guard lineStart == end - 2 else { throw .malformed("a line ends with LF alone; end it with CRLF") }
    guard let first = lines.first else { throw .malformed("there is no first line") }
    let head = try HTTPRequestHead(first: first, fields: lines.dropFirst(), limits: limits)
    start = end
    scanned = end
    switch head.framing {
    case .length(let count):
      guard count <= limits.body else { throw .bodyTooLarge(limit: limits.body) }
      state = .fixed(remaining: count)
    case .chunked: state = .chunkSize
    }
    return head
  }

  /// What of a head is too large.
  private func tooLarge() -> HTTPFault {
    let first = (bytes[start...].firstIndex(of: .lineFeed) ?? bytes.count) - start
    return first > limits.target ? .targetTooLong(limit: limits.target) : .headTooLarge(limit: limits.head)
  }

  /// The place behind the empty line. A line that ends with LF alone counts here, to be refused when it is read.
  private func headEnd() -> Int? {
    var place = scanned
    while let feed = bytes[place...].firstIndex(of: .lineFeed) {
      let next = feed + 1
      if next < bytes.count, bytes[next] == .lineFeed { return next + 1 }
      if next + 1 < bytes.count, bytes[next] == .carriageReturn, bytes[next + 1] == .lineFeed {
        return next + 2
      }
      place = next
    }
    return nil
  }
}

extension UInt8 {
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let tab: UInt8 = 0x09
  static let space: UInt8 = 0x20
  static let colon: UInt8 = 0x3A
  static let semicolon: UInt8 = 0x3B

  var isHexadecimal: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
    default: false
    }
  }

  var isDigit: Bool { (0x30...0x39).contains(self) }

  /// Of a method or the name of a field: `tchar` of RFC 9110 section 5.6.2.
  var isTokenCharacter: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C,
      0x7E:
      true
    default: false
    }
  }
}
