extension JSONParser {
  /// A string in quotation marks, its escapes resolved.
  mutating func string() throws(JSONFailure) -> String {
    guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw unexpected("a string") }
    let start = at + 1
    at = start
    let (end, isASCII) = try runEnd()
    if bytes[end] == UInt8(ascii: "\"") {
      at = end + 1
      return try text(start..<end, isASCII)
    }
    return try escapedString(from: start)
  }

  /// Where the run of plain bytes ends that starts at `at`: the offset of a `"` or `\`; and whether it is
  /// ASCII.
  private func runEnd() throws(JSONFailure) -> (end: Int, isASCII: Bool) {
    var end = at
    var all: UInt8 = 0
    while end < bytes.count {
      let byte = bytes[end]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return (end, all < 0x80) }
      if byte < 0x20 { throw failure(.controlCharacter(byte), at: end) }
      all |= byte
      end += 1
    }
    throw failure(.unexpectedEnd, at: end)
  }

  private func text(_ range: Range<Int>, _ isASCII: Bool) throws(JSONFailure) -> String {
    let run = UnsafeBufferPointer(rebasing: bytes[range])
    // Several times as fast as the validating initialiser, and nothing to repair.
    if isASCII { return String(decoding: run, as: UTF8.self) }
    guard let text = String(validating: run, as: UTF8.self) else {
      throw failure(.invalidUTF8, at: firstInvalidUTF8(in: range))
    }
    return text
  }

  /// The offset of the first byte that no well-formed text has there.
  private func firstInvalidUTF8(in range: Range<Int>) -> Int {
    var decoder = Unicode.UTF8.ForwardParser()
    var iterator = bytes[range].makeIterator()
    var offset = range.lowerBound
    while case .valid(let scalar) = decoder.parseScalar(from: &iterator) { offset += scalar.count }
    return offset
  }

  private mutating func escapedString(from start: Int) throws(JSONFailure) -> String {
    var result = ""
    at = start
    while true {
      let (end, isASCII) = try runEnd()
      result += try text(at..<end, isASCII)
      at = end + 1
      if bytes[end] == UInt8(ascii: "\"") { return result }
      result.unicodeScalars.append(try escape(at: end))
    }
  }

  /// Reads what follows the `\` at `backslash`.
  private mutating func escape(at backslash: Int) throws(JSONFailure) -> Unicode.Scalar {
    guard at < bytes.count else { throw failure(.unexpectedEnd) }
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw failure(.invalidEscape, at: backslash)
    }
    let unit = try hexUnit(backslash)
    if let scalar = Unicode.Scalar(unit) { return scalar }
    // A high surrogate must be followed by an escaped low one.
    guard unit < 0xDC00, at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
      bytes[at + 1] == UInt8(ascii: "u")
    else { throw failure(.loneSurrogate, at: backslash) }
    at += 2
    let low = try hexUnit(backslash)
    guard (0xDC00...0xDFFF).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF)))
    else { throw failure(.loneSurrogate, at: backslash) }
    return scalar
  }

  private mutating func hexUnit(_ backslash: Int) throws(JSONFailure) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard at < bytes.count, let digit = hexDigit(bytes[at]) else {
        throw failure(at < bytes.count ? .invalidEscape : .unexpectedEnd, at: backslash)
      }
      unit = unit << 4 | UInt16(digit)
      at += 1
    }
    return unit
  }

  private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 0x30
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 0x61 + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 0x41 + 10
    default: nil
    }
  }
}
