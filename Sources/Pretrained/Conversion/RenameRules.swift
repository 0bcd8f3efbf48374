import ModelFiles

/// Rules by which names of tensors are changed, and changed back.
///
/// A rule is `FROM=TO`; a `*` in it stands for any run of characters, and both sides have the same number of them. The
/// first rule that matches the whole name applies. Exchanging the sides of every rule undoes them.
public struct RenameRules: Sendable, Hashable {
  struct Rule: Sendable, Hashable {
    var from: NamePattern
    var to: NamePattern
  }

  private var rules: [Rule] = []
  /// Rules that are applied before.
  private var earlier: [RenameRules] = []

  public init() {}

  /// Reads rules, one a line; empty lines and those that begin with `#` are skipped.
  ///
  /// - Throws: ``ConversionError/invalidRule(_:reason:)``.
  public init(parsing text: String) throws(ConversionError) { try add(parsing: text) }

  /// Adds rules, one a line; empty lines and those that begin with `#` are skipped.
  ///
  /// - Throws: ``ConversionError/invalidRule(_:reason:)``.
  public mutating func add(parsing text: String) throws(ConversionError) {
    for line in text.split(whereSeparator: \.isNewline) {
      let rule = line.drop { $0.isWhitespace }
      if rule.isEmpty || rule.first == "#" { continue }
      try add(String(rule))
    }
  }

  /// Adds a rule `FROM=TO`.
  ///
  /// - Throws: ``ConversionError/invalidRule(_:reason:)``.
  public mutating func add(_ rule: String) throws(ConversionError) {
    let sides = rule.split(separator: "=", omittingEmptySubsequences: false)
    guard sides.count == 2 else { throw .invalidRule(rule, reason: "write FROM=TO") }
    let (from, to) = (NamePattern(String(sides[0])), NamePattern(String(sides[1])))
    guard from.wildcardCount == to.wildcardCount else {
      throw .invalidRule(rule, reason: "both sides must have the same number of '*'")
    }
    guard !from.isEmpty, !to.isEmpty else { throw .invalidRule(rule, reason: "no side may be empty") }
    rules.append(Rule(from: from, to: to))
  }

  /// Adds a rule that takes `prefix` away from names that begin with it.
  mutating func addStripping(_ prefix: String) {
    rules.append(Rule(from: NamePattern(prefix + "*"), to: NamePattern("*")))
  }

  public var isEmpty: Bool { rules.isEmpty }

  /// What undoes these rules.
  public var inverse: RenameRules {
    var inverse = RenameRules()
    inverse.rules = rules.map { Rule(from: $0.to, to: $0.from) }
    return inverse
  }

  /// These rules, applied to what others have made of a name.
  func after(_ others: RenameRules) -> RenameRules {
    var both = self
    both.earlier.append(others)
    return both
  }

  /// The new name of a tensor.
  public func renamed(_ name: String) -> String {
    let name = earlier.reduce(name) { $1.renamed($0) }
    for rule in rules {
      if let captured = rule.from.match(name) { return rule.to.filled(with: captured) }
    }
    return name
  }
}

/// Text with `*` for any run of characters.
struct NamePattern: Sendable, Hashable {
  /// What stands between the wildcards.
  private let parts: [String]

  init(_ text: String) {
    parts = text.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
  }

  var wildcardCount: Int { parts.count - 1 }
  var isEmpty: Bool { parts == [""] }

  /// What each wildcard stands for in `name`, every one as short as can be but the last; nil when the pattern is
  /// another. Linear in the name for each part.
  func match(_ name: String) -> [String]? {
    guard let first = parts.first, let last = parts.last, name.hasPrefix(first) else { return nil }
    if parts.count == 1 { return name == first ? [] : nil }
    guard name.utf8.count >= first.utf8.count + last.utf8.count, name.hasSuffix(last) else { return nil }
    var rest = name.dropFirst(first.count).dropLast(last.count)
    var captured: [String] = []
    for part in parts.dropFirst().dropLast() {
      guard !part.isEmpty else {
        captured.append("")
        continue
      }
      guard let place = rest.firstRange(of: part) else { return nil }
      captured.append(String(rest[..<place.lowerBound]))
      rest = rest[place.upperBound...]
    }
    return captured + [String(rest)]
  }

  func filled(with captured: [String]) -> String {
    var text = parts.first ?? ""
    for (capture, part) in zip(captured, parts.dropFirst()) { text += capture + part }
    return text
  }
}
