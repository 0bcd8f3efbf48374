/// An http or https address, as much of RFC 3986 as redirects and the hub's own answers need.
package struct WebAddress: Hashable, Sendable {
  /// Whom a credential may be shown to: scheme, host and port together.
  package struct Origin: Hashable, Sendable {
    package var scheme: String
    package var host: String
    package var port: Int

    package init(scheme: String, host: String, port: Int) {
      (self.scheme, self.host, self.port) = (scheme, host, port)
    }
  }

  package let origin: Origin
  /// Path and query as they are sent; begins with a slash.
  package let target: String

  /// - Throws: ``HubError/invalidAddress(_:reason:)`` unless it is an http or https address without a user's name.
  package init(_ text: String) throws(HubError) {
    guard let end = text.firstRange(of: "://") else {
      throw .invalidAddress(Self.shown(text), reason: "it begins with neither https:// nor http://")
    }
    let scheme = text[..<end.lowerBound].lowercased()
    guard scheme == "https" || scheme == "http" else {
      throw .invalidAddress(Self.shown(text), reason: "only https and http are spoken")
    }
    let rest = text[end.upperBound...].utf8
    let start = rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
    guard let authority = Self.authority(String(Substring(rest[..<start])), scheme) else {
      throw .invalidAddress(Self.shown(text), reason: "its host is malformed, or holds a user's name")
    }
    origin = Origin(scheme: scheme, host: authority.host, port: authority.port)
    guard let target = Self.sent(String(Substring(rest[start...]))) else {
      throw .invalidAddress(Self.shown(text), reason: "it holds control characters")
    }
    self.target = target.hasPrefix("/") ? target : "/" + target
  }

  private init(origin: Origin, target: String) { (self.origin, self.target) = (origin, target) }

  private static func authority(_ text: String, _ scheme: String) -> (host: String, port: Int)? {
    var (host, port) = (Substring(text.lowercased()), scheme == "https" ? 443 : 80)
    if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
      guard let number = Int(host[host.index(after: colon)...]), (1...65_535).contains(number) else {
        return nil
      }
      (host, port) = (host[..<colon], number)
    }
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    let allowed = isBracketed ? "[]:.0123456789abcdef" : "-._0123456789abcdefghijklmnopqrstuvwxyz"
    guard !host.isEmpty, host.allSatisfy(allowed.contains) else { return nil }
    return (String(host), port)
  }

  /// A path and query without the fragment; what may not be sent as it is gets escaped, control characters are refused.
  private static func sent(_ text: String) -> String? {
    var result = ""
    for byte in text.utf8 {
      if byte == UInt8(ascii: "#") { break }
      if byte < 0x20 || byte == 0x7F { return nil }
      if byte == 0x20 || byte >= 0x80 || "\"<>\\^`{|}".utf8.contains(byte) {
        result += escape(byte)
      } else {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      }
    }
    return result
  }

  /// The whole address; may hold a signature, which is a credential, so that it is for sending alone.
  package var text: String { start + target }

  private var start: String {
    let standard = origin.scheme == "https" ? 443 : 80
    return "\(origin.scheme)://\(origin.host)\(origin.port == standard ? "" : ":\(origin.port)")"
  }

  /// The address that a `Location` or `Link` names, seen from this one.
  ///
  /// - Throws: ``HubError/invalidAddress(_:reason:)``.
  package func resolving(_ reference: String) throws(HubError) -> WebAddress {
    if Self.hasScheme(reference) { return try WebAddress(reference) }
    if reference.hasPrefix("//") { return try WebAddress("\(origin.scheme):\(reference)") }
    guard let sent = Self.sent(reference) else {
      throw .invalidAddress(Self.shown(reference), reason: "it holds control characters")
    }
    let path = target.prefix { $0 != "?" }
    if sent.isEmpty { return self }
    if sent.hasPrefix("?") { return WebAddress(origin: origin, target: path + sent) }
    let query = sent.firstIndex(of: "?") ?? sent.endIndex
    let folder = String(
      sent.hasPrefix("/") ? "" : path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex))
    let merged = Self.withoutDots(folder + sent.prefix(upTo: query))
    return WebAddress(origin: origin, target: merged + sent.suffix(from: query))
  }

  private static func hasScheme(_ text: String) -> Bool {
    guard let colon = text.firstIndex(of: ":"), text.first?.isLetter == true else { return false }
    return text[..<colon].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
  }

  /// `.` and `..` of a path followed.
  private static func withoutDots(_ path: String) -> String {
    var parts: [Substring] = []
    let given = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    for (index, part) in given.enumerated() {
      let isLast = index == given.count - 1
      switch part {
      case ".": if isLast { parts.append("") }
      case "..":
        if !parts.isEmpty { parts.removeLast() }
        if isLast { parts.append("") }
      default: parts.append(part)
      }
    }
    return "/" + parts.joined(separator: "/")
  }

  // MARK: Escaping

  /// `text` with everything but letters, digits, `-._~` and `kept` escaped.
  package static func escaped(_ text: String, keeping kept: String = "") -> String {
    var result = ""
    for byte in text.utf8 {
      let scalar = Unicode.Scalar(byte)
      let isPlain =
        byte < 0x80
        && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "-._~".utf8.contains(byte)
          || kept.utf8.contains(byte))
      if isPlain { result.unicodeScalars.append(scalar) } else { result += escape(byte) }
    }
    return result
  }

  private static func escape(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "%" + (byte < 16 ? "0" : "") + digits
  }

  /// What may be shown of a text that is no address: nothing that could be a signature or a password.
  private static func shown(_ text: String) -> String {
    let plain = text.prefix { $0 != "?" }
    guard let at = plain.lastIndex(of: "@") else { return String(plain) }
    let start = plain.firstRange(of: "://")?.upperBound ?? plain.startIndex
    return String(plain[..<min(start, at)]) + "…" + plain[at...]
  }
}

extension WebAddress: CustomStringConvertible {
  /// For people: without the query, in which signatures stand.
  package var description: String { start + target.prefix { $0 != "?" } }
}
