public import ModelFiles

/// Why a data file cannot be used, and where.
public struct TextDatasetError: Error, Hashable {
  /// The file.
  public var path: String
  /// The line at fault, counted from 1; nil when the whole file is.
  public var line: Int?
  /// What is wrong there.
  public var fault: Fault

  /// - Parameters:
  ///   - path: of the data file.
  ///   - line: counted from 1; nil when the whole file is at fault.
  ///   - fault: what is wrong there.
  public init(path: String, line: Int? = nil, fault: Fault) {
    (self.path, self.line, self.fault) = (path, line, fault)
  }

  /// What is wrong with a data file.
  @nonexhaustive
  public enum Fault: Hashable, Sendable {
    /// The file cannot be opened or read.
    case unreadable(SystemError)
    /// The file holds neither a header nor rows.
    case empty
    /// There is a header and nothing below it.
    case noRows
    /// The file is in another encoding than UTF-8, to judge by its first bytes.
    case encoding(String)
    /// A byte that cannot stand here in UTF-8; `offset` is counted from the start of the file.
    case notUTF8(byte: UInt8, offset: Int)
    /// A quoted field runs to the end of the file.
    case unclosedQuote
    /// A quoted field is followed by something else than a delimiter or the end of the line.
    case textAfterQuote(foundOnLine: Int)
    /// A row has more or fewer fields than the header.
    case raggedRow(expected: Int, found: Int)
    /// Two columns have the same name.
    case duplicateColumn(String)
    /// The first line holds only numbers, and none of the columns asked for.
    case headerLooksLikeData([String])
    /// There is no column of this name.
    case unknownColumn(String, nearest: [String], columns: [String])
    /// The template cannot be read.
    case template(TextTemplateError)
    /// The column has no text in these lines, only white space at most.
    case emptyText(column: String, lines: [Int])
    /// The column has no label in these lines.
    case emptyLabel(column: String, lines: [Int])
    /// All rows have this label.
    case oneClass(String)
    /// The label is none of the model's.
    case unknownLabel(String, nearest: [String], known: [String])
    /// The line is no JSON; `column` is counted in bytes from 1.
    case invalidJSON(JSONError.Fault, column: Int)
    /// The line is JSON, but no object; `found` names what it is.
    case notAnObject(found: String)
    /// The object has no member of this name.
    case missingMember(String)
    /// The member is an array or an object.
    case notText(column: String, found: String)
    /// The file is one JSON document rather than one a line.
    case notJSONLines
  }
}

extension TextDatasetError: CustomStringConvertible {
  public var description: String {
    if case .unreadable(let error) = fault { return error.description }
    return "\(path):\(line.map { "\($0):" } ?? "") \(fault)"
  }
}

extension TextDatasetError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let error): error.description
    case .empty: "0 rows: the file is empty; is it complete?"
    case .noRows: "0 rows: there is nothing below the header; is the file complete?"
    case .encoding(let name): "the file is \(name); save it as UTF-8"
    case .notUTF8(let byte, let offset):
      "byte 0x\(String(byte, radix: 16)) at offset \(offset) is not UTF-8; "
        + "if the file is Latin-1, convert it with iconv -f ISO-8859-1 -t UTF-8"
    case .unclosedQuote: "the quote that opens on this line is never closed; close it, or write \" as \"\""
    case .textAfterQuote(let line):
      "the quote that opens here closes on line \(line) before other text; "
        + "close it earlier, or write a quote inside a quoted field as \"\""
    case .raggedRow(let expected, let found):
      "\(found) \(found == 1 ? "field" : "fields") where the header has \(expected); "
        + "put fields that contain the delimiter in quotes"
    case .duplicateColumn(let name): "two columns are named '\(name)'; rename one"
    case .headerLooksLikeData(let names):
      "the first line holds only numbers (\(names.prefix(4).joined(separator: ", "))); "
        + "put a line with column names above it"
    case .unknownColumn(let name, let nearest, let columns):
      "no column '\(name)'; " + (nearest.isEmpty ? "" : "did you mean \(quoted(nearest, "or"))? ")
        + "the columns are \(quoted(columns, "and"))"
    case .template(let error): error.description
    case .emptyText(let column, let lines):
      "'\(column)' is empty on \(listed(lines)); fill in the text or remove the rows"
    case .emptyLabel(let column, let lines):
      "'\(column)' is empty on \(listed(lines)); fill in the labels or remove the rows"
    case .oneClass(let name):
      "every row has the label '\(name)'; a classifier needs at least two, check the label column"
    case .unknownLabel(let label, let nearest, let known):
      "the model has no label '\(label)'; "
        + (nearest.isEmpty ? "" : "did you mean \(quoted(nearest, "or"))? ")
        + "its labels are \(quoted(known, "and"))"
    case .invalidJSON(let fault, let column): "column \(column): \(fault)"
    case .notAnObject(let found): "found \(found); write one JSON object a line"
    case .missingMember(let name): "the object has no '\(name)'; every line needs the same members"
    case .notText(let column, let found): "'\(column)' is \(found); write a string or a number"
    case .notJSONLines: "this is one JSON document; write one object a line, as with jq -c '.[]'"
    }
  }

  /// `line 3`, or `lines 3, 7, 9 and 20 more`.
  private func listed(_ lines: [Int]) -> String {
    let shown = lines.prefix(5).map(String.init).joined(separator: ", ")
    let more = lines.count > 5 ? " and \(lines.count - 5) more" : ""
    return "\(lines.count == 1 ? "line" : "lines") \(shown)\(more)"
  }

  /// `'a', 'b' and 'c'`, at most twenty of them.
  private func quoted(_ names: [String], _ conjunction: String) -> String {
    let shown = names.prefix(20).map { "'\($0)'" }
    if names.count > 20 { return shown.joined(separator: ", ") + " \(conjunction) \(names.count - 20) more" }
    guard let last = shown.last, shown.count > 1 else { return shown.first ?? "none" }
    return shown.dropLast().joined(separator: ", ") + " \(conjunction) " + last
  }
}
