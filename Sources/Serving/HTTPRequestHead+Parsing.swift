extension HTTPRequestHead {
  /// Reads the lines of a head, which come without their ends.
  ///
  /// - Throws: ``HTTPFault``
  init(
    first: ArraySlice<UInt8>, fields lines: ArraySlice<ArraySlice<UInt8>>, limits: HTTPLimits
  ) throws(HTTPFault) {
    let parts = first.split(separator: .space, omittingEmptySubsequences: false)
    guard parts.count == 3 else {
      throw .malformed("the first line is not a method, a target and a version, separated by one space each")
    }
    guard (1...24).contains(parts[0].count), parts[0].allSatisfy(\.isTokenCharacter) else {
      throw .malformed("the method is not a word")
    }
    let version = Self.text(parts[2])
    guard parts[2].starts(with: Array("HTTP/".utf8)) else {
      throw .malformed("the version is not one of HTTP")
    }
    guard version == "HTTP/1.1" || version == "HTTP/1.0" else {
      throw .version(String(version.prefix(16)))
    }
    guard parts[1].count <= limits.target else { throw .targetTooLong(limit: limits.target) }
    guard !parts[1].isEmpty, parts[1].allSatisfy({ (0x21..<0x7F).contains($0) }) else {
      throw .malformed("the target has characters that must be percent-encoded")
    }
    method = Self.text(parts[0])
    (path, query) = try Self.target(Self.text(parts[1]))

    var fields: [(name: String, value: String)] = []
    fields.reserveCapacity(lines.count)
    for line in lines { fields.append(try Self.field(line)) }
    self.fields = fields
    let isNew = version == "HTTP/1.1"
    let hosts = fields.count { $0.name == "host" }
    guard hosts == 1 || (!isNew && hosts == 0) else {
      throw .malformed("the field Host is given \(hosts) times; give it once")
    }
    framing = try Self.framing(fields, isNew: isNew)
    let options = fields.lazy.filter { $0.name == "connection" }.flatMap {
      $0.value.lowercased().split(separator: ",")
    }
    .map { $0.trimmingSpaces() }
    keepsAlive = isNew ? !options.contains("close") : options.contains("keep-alive")
    let expectations = fields.filter { $0.name == "expect" }.map { $0.value.lowercased() }
    if let wrong = expectations.first(where: { $0 != "100-continue" }) {
      throw .expectation(String(wrong.prefix(64)))
    }
    expectsContinue = isNew && !expectations.isEmpty
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

  /// The path and the query, of a target in origin form, or in the absolute form that proxies are sent.
  private static func target(_ target: String) throws(HTTPFault) -> (path: String, query: String?) {
    var rest = target[...]
    for scheme in ["http://", "https://"] where rest.lowercased().hasPrefix(scheme) {
      rest = rest.dropFirst(scheme.count)
      rest = rest[(rest.firstIndex(where: { $0 == "/" || $0 == "?" }) ?? rest.endIndex)...]
      if rest.first != "/" { rest = "/" + rest }
    }
    guard rest.first == "/" || rest == "*" else { throw .malformed("the target is not a path") }
    let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    return (String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
  }

  private static func field(_ line: ArraySlice<UInt8>) throws(HTTPFault) -> (name: String, value: String) {
    guard let colon = line.firstIndex(of: .colon) else { throw .malformed("a field has no colon") }
    let name = line[..<colon]
    guard !name.isEmpty, name.allSatisfy(\.isTokenCharacter) else {
      throw .malformed("the name of a field is not a word, or a value is folded over several lines")
    }
    let value = line[(colon + 1)...]
    guard value.allSatisfy({ $0 == .tab || ($0 >= .space && $0 != 0x7F) }) else {
      throw .malformed("a field has control characters")
    }
    return (text(name).lowercased(), String(text(value).trimmingSpaces()))
  }

  private static func framing(
    _ fields: [(name: String, value: String)], isNew: Bool
  ) throws(HTTPFault) -> Framing {
    let lengths = fields.filter { $0.name == "content-length" }.map(\.value)
    let codings = fields.filter { $0.name == "transfer-encoding" }.map(\.value)
    guard lengths.isEmpty || codings.isEmpty else {
      throw .malformed("a length and a transfer coding exclude each other; give one")
    }
    if let coding = codings.first {
      guard isNew else { throw .malformed("HTTP/1.0 has no transfer coding") }
      guard codings.count == 1, coding.lowercased() == "chunked" else {
        throw .transferCoding(String(codings.joined(separator: ", ").prefix(64)))
      }
      return .chunked
    }
    guard lengths.count <= 1 else { throw .malformed("the field Content-Length is given several times") }
    guard let length = lengths.first else { return .length(0) }
    guard !length.isEmpty, length.utf8.allSatisfy(\.isDigit) else {
      throw .malformed("the field Content-Length is not a number")
    }
    // What does not fit an Int is too large all the more.
    return .length(Int(length) ?? .max)
  }
}

extension StringProtocol {
  /// Without spaces and tabs at either end.
  func trimmingSpaces() -> SubSequence {
    let start = firstIndex { $0 != " " && $0 != "\t" } ?? endIndex
    guard let last = lastIndex(where: { $0 != " " && $0 != "\t" }) else { return self[endIndex...] }
    return self[start...last]
  }
}
