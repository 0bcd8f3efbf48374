/// A secret that clients send with every request: `Authorization: Bearer …` (RFC 6750).
///
/// It is not printed: neither in a description nor in a mirror.
public struct BearerToken: Sendable, CustomStringConvertible, CustomReflectable {
  private let bytes: [UInt8]

  /// - Parameter text: at least 16 visible ASCII characters; white space around them is left out.
  /// - Throws: ``ServingError/badToken(reason:)``
  public init(_ text: String) throws(ServingError) {
    let bytes = Array(text.drop(while: \.isWhitespace).utf8)
    let end = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? 0
    self.bytes = Array(bytes[..<end])
    guard self.bytes.allSatisfy({ (0x21..<0x7F).contains($0) }) else {
      throw .badToken(reason: "has spaces or characters beyond ASCII")
    }
    guard self.bytes.count >= 16 else { throw .badToken(reason: "has \(self.bytes.count) characters") }
  }

  public var description: String { "(hidden)" }

  public var customMirror: Mirror { Mirror(self, children: []) }

  /// Whether the value of a field `Authorization` carries the token.
  ///
  /// Takes as long for a wrong token as for the right one, wherever they differ; only their lengths show.
  package func isCarried(by field: String?) -> Bool {
    guard let field else { return false }
    let parts = field.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
    let found = Array(parts[1].trimmingSpaces().utf8)
    guard found.count == bytes.count else { return false }
    return zip(found, bytes).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
