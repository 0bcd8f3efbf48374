/// How a row's columns become one text: `{sepal length (cm)} {sepal width (cm)}`.
///
/// A name between braces stands for the column's own characters; `{{` and `}}` are braces. Nothing is
/// reformatted: `2.50` stays `2.50`.
public struct TextTemplate: Sendable {
  /// A piece of a template.
  enum Part: Sendable { case literal(String), column(String) }

  let parts: [Part]

  /// The columns in the order of their first use, each once.
  public let columns: [String]

  /// Reads a template.
  ///
  /// - Throws: ``TextTemplateError`` for a brace without its partner, an empty name, or a template without a
  ///   column.
  public init(_ source: String) throws(TextTemplateError) {
    var (parts, columns): ([Part], [String]) = ([], [])
    var literal = ""
    var rest = Substring(source).unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "{" where rest.first == "{", "}" where rest.first == "}":
        rest.removeFirst()
        literal.unicodeScalars.append(scalar)
      case "}": throw .unbalancedBrace("}", template: source)
      case "{":
        guard let end = rest.firstIndex(of: "}") else { throw .unbalancedBrace("{", template: source) }
        let name = String(rest[..<end])
        if name.isEmpty { throw .emptyName(template: source) }
        rest = rest[end...].dropFirst()
        if !literal.isEmpty { parts.append(.literal(literal)) }
        literal = ""
        parts.append(.column(name))
        if !columns.contains(where: { ExactString($0) == ExactString(name) }) { columns.append(name) }
      default: literal.unicodeScalars.append(scalar)
      }
    }
    if columns.isEmpty { throw .noColumn(template: source) }
    if !literal.isEmpty { parts.append(.literal(literal)) }
    (self.parts, self.columns) = (parts, columns)
  }

  /// A template that is one column and nothing else.
  public init(column: String) { (parts, columns) = ([.column(column)], [column]) }

  /// What to make of a command's argument: the column of exactly this name, else a template if it has braces,
  /// else a column name that is not there.
  init(columnOrTemplate source: String, columns: [String]) throws(TextTemplateError) {
    let isColumn = columns.contains { ExactString($0) == ExactString(source) }
    if isColumn || !source.utf8.contains(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }) {
      self.init(column: source)
    } else {
      try self.init(source)
    }
  }

  /// Whether the text is a column as it stands.
  var isOneColumn: Bool { if case .column = parts[0] { parts.count == 1 } else { false } }

  /// The text of one row; `value` gives each column's characters.
  public func text(_ value: (_ column: String) -> String) -> String {
    var text = ""
    for part in parts {
      switch part {
      case .literal(let literal): text += literal
      case .column(let name): text += value(name)
      }
    }
    return text
  }
}

/// Why a template cannot be read.
@nonexhaustive
public enum TextTemplateError: Error, Hashable {
  /// A brace whose partner is missing.
  case unbalancedBrace(String, template: String)
  /// `{}` names no column.
  case emptyName(template: String)
  /// Every row would give the same text.
  case noColumn(template: String)
}

extension TextTemplateError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unbalancedBrace(let brace, let template):
      "template '\(template)': a '\(brace)' has no partner; write '\(brace)\(brace)' for a brace in the text"
    case .emptyName(let template):
      "template '\(template)': '{}' names no column; write a name between the braces"
    case .noColumn(let template): "template '\(template)' names no column; write one as {name}"
    }
  }
}
