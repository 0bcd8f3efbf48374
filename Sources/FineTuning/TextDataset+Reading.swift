import ModelFiles

extension TextDataset {
  /// How a data file is laid out.
  public enum Format: Sendable, Hashable {
    /// By the file's name: `.jsonl` and `.ndjson` hold JSON lines, `.tsv` tabs; others what their first bytes
    /// tell.
    case automatic
    /// A header and rows of fields; without a delimiter the likeliest of all is taken.
    case delimited(by: Delimiter? = nil)
    /// One JSON object a line.
    case jsonLines
  }

  /// Reads a data file: CSV, TSV or JSON lines.
  ///
  /// Texts keep the file's own characters; no type is inferred. Labels are texts too, without the white space
  /// around them.
  ///
  /// - Parameters:
  ///   - path: a file in UTF-8.
  ///   - text: a column, or a ``TextTemplate`` such as `{sepal length (cm)} {sepal width (cm)}`.
  ///   - textPair: the same for the second text, for tasks on pairs.
  ///   - label: the column of labels.
  ///   - labelNames: the labels of an existing model, onto which the file's are mapped; without them the
  ///     file's labels are numbered by ``LabelEncoding/init(of:)``, and there must be two at least.
  ///   - format: told from the file's name and first bytes unless given.
  /// - Throws: ``TextDatasetError`` with the line at fault.
  public init(
    path: String, text: String, textPair: String? = nil, label: String, labelNames: [String]? = nil,
    format: Format = .automatic
  ) throws(TextDatasetError) {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch {
      throw TextDatasetError(path: path, fault: .unreadable(error))
    }
    let request = ColumnRequest(text: text, textPair: textPair, label: label)
    let format = format == .automatic ? Format(path: path) : format
    do throws(DataFault) {
      let table = try file.withMemory(in: 0..<file.byteCount) { (span) throws(DataFault) in
        try span.withUnsafeBytes { (bytes) throws(DataFault) in
          try DataTable(bytes.bindMemory(to: UInt8.self), format: format, request: request)
        }
      }
      self = try table.dataset(labelNames: labelNames)
    } catch {
      throw TextDatasetError(path: path, line: error.line, fault: error.fault)
    }
  }
}

extension TextDataset.Format {
  init(path: String) {
    let name = FileSystem.name(of: path).lowercased()
    if name.hasSuffix(".jsonl") || name.hasSuffix(".ndjson") {
      self = .jsonLines
    } else if name.hasSuffix(".tsv") {
      self = .delimited(by: .tab)
    } else {
      self = name.hasSuffix(".csv") ? .delimited() : .automatic
    }
  }
}

/// The columns a caller asked for, as it wrote them.
struct ColumnRequest {
  var text: String
  var textPair: String?
  var label: String
}

/// The columns of a file that a data set is made of.
struct DataTable {
  private let text: TextTemplate
  private let textPair: TextTemplate?
  private let labelColumn: String
  /// The columns of the templates, each once.
  private let columns: [String]
  /// One array for each of `columns`.
  private var values: [[String]]
  private var labels: [String] = []
  private var lineNumbers: [Int] = []

  init(
    _ bytes: UnsafeBufferPointer<UInt8>, format: TextDataset.Format, request: ColumnRequest
  ) throws(DataFault) {
    let start = try Self.start(of: bytes)
    switch format {
    case .jsonLines: try self.init(jsonLines: bytes, start: start, request)
    case .delimited(let delimiter): try self.init(delimited: bytes, start: start, by: delimiter, request)
    case .automatic:
      let first = bytes[start...].first { $0 > UInt8(ascii: " ") }
      if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
        try self.init(jsonLines: bytes, start: start, request)
      } else {
        try self.init(delimited: bytes, start: start, by: nil, request)
      }
    }
    if lineNumbers.isEmpty { throw DataFault(.noRows) }
  }

  /// Where the text begins, after a UTF-8 byte order mark; other encodings give themselves away here.
  private static func start(of bytes: UnsafeBufferPointer<UInt8>) throws(DataFault) -> Int {
    let head = Array(bytes.prefix(4))
    if head.starts(with: [0xef, 0xbb, 0xbf]) { return 3 }
    if head.starts(with: [0xff, 0xfe, 0, 0]) || head.starts(with: [0, 0, 0xfe, 0xff]) {
      throw DataFault(.encoding("UTF-32"))
    }
    if head.starts(with: [0xff, 0xfe]) || head.starts(with: [0xfe, 0xff]) {
      throw DataFault(.encoding("UTF-16"))
    }
    // ASCII characters in UTF-16 have a zero byte each.
    if head.count == 4, head.contains(0) {
      throw DataFault(.encoding("UTF-16 without a byte order mark, or binary"))
    }
    return 0
  }

  /// Resolves the request against the columns there are.
  private init(_ request: ColumnRequest, columns available: [String]) throws(DataFault) {
    do throws(TextTemplateError) {
      text = try TextTemplate(columnOrTemplate: request.text, columns: available)
      if let pair = request.textPair {
        textPair = try TextTemplate(columnOrTemplate: pair, columns: available)
      } else {
        textPair = nil
      }
    } catch { throw DataFault(.template(error)) }
    labelColumn = request.label
    var columns: [String] = []
    for name in text.columns + (textPair?.columns ?? []) where !columns.contains(where: name.hasSameBytes) {
      columns.append(name)
    }
    for name in columns + [labelColumn] where !available.contains(where: name.hasSameBytes) {
      let nearest = nearestNames(to: name, in: available)
      throw DataFault(line: 1, .unknownColumn(name, nearest: nearest, columns: available))
    }
    self.columns = columns
    values = [[String]](repeating: [], count: columns.count)
  }

  private init(
    delimited bytes: UnsafeBufferPointer<UInt8>, start: Int, by delimiter: Delimiter?,
    _ request: ColumnRequest
  ) throws(DataFault) {
    let delimiter = delimiter ?? Delimiter.detected(in: bytes, start: start)
    var reader = DelimitedTextReader(bytes, delimiter: delimiter, start: start)
    guard try reader.next() else { throw DataFault(.empty) }
    var header: [String] = []
    for field in reader.fields {
      let name = try reader.text(of: field)
      // A nameless column, such as pandas' index, may repeat: nobody can ask for it.
      if !name.isEmpty, header.contains(where: name.hasSameBytes) {
        throw DataFault(line: reader.recordLine, .duplicateColumn(name))
      }
      header.append(name)
    }
    do throws(DataFault) { try self.init(request, columns: header) } catch {
      if case .unknownColumn = error.fault, header.allSatisfy({ Double($0.trimmingWhiteSpace()) != nil }) {
        throw DataFault(line: reader.recordLine, .headerLooksLikeData(header))
      }
      throw error
    }
    let places = columns.compactMap { name in header.firstIndex(where: name.hasSameBytes) }
    let labelPlace = header.firstIndex(where: labelColumn.hasSameBytes) ?? 0
    while try reader.next() {
      guard reader.fields.count == header.count else {
        throw DataFault(
          line: reader.recordLine, .raggedRow(expected: header.count, found: reader.fields.count))
      }
      for (i, place) in places.enumerated() { values[i].append(try reader.text(of: reader.fields[place])) }
      labels.append(try reader.text(of: reader.fields[labelPlace]))
      lineNumbers.append(reader.recordLine)
    }
  }

  private init(
    jsonLines bytes: UnsafeBufferPointer<UInt8>, start: Int, _ request: ColumnRequest
  ) throws(DataFault) {
    var reader = JSONLinesReader(bytes, start: start)
    guard var members = try reader.next() else { throw DataFault(.empty) }
    try self.init(request, columns: members.map(\.key))
    func member(_ name: String) throws(DataFault) -> JSONValue {
      guard let member = members.first(where: { $0.key.hasSameBytes(as: name) }) else {
        throw DataFault(line: reader.line, .missingMember(name))
      }
      return member.value
    }
    while true {
      for (i, name) in columns.enumerated() {
        let value = try member(name)
        guard let text = value.ownCharacters else {
          throw DataFault(line: reader.line, .notText(column: name, found: value.kind))
        }
        values[i].append(text)
      }
      let label = try member(labelColumn)
      guard let text = label.pythonText else {
        throw DataFault(line: reader.line, .notText(column: labelColumn, found: label.kind))
      }
      labels.append(text)
      lineNumbers.append(reader.line)
      guard let next = try reader.next() else { break }
      members = next
    }
  }

  /// The data set, once nothing is missing.
  ///
  /// - Parameter labelNames: the labels to map onto; nil numbers those of the file.
  func dataset(labelNames: [String]?) throws(DataFault) -> TextDataset {
    for (name, column) in zip(columns, values) {
      let lines = zip(lineNumbers, column).filter { $0.1.isBlank }.map(\.0)
      if let first = lines.first { throw DataFault(line: first, .emptyText(column: name, lines: lines)) }
    }
    let labels = labels.map { $0.trimmingWhiteSpace() }
    let lines = zip(lineNumbers, labels).filter { $0.1.isEmpty }.map(\.0)
    if let first = lines.first {
      throw DataFault(line: first, .emptyLabel(column: labelColumn, lines: lines))
    }
    let encoding = labelNames.map(LabelEncoding.init(names:)) ?? LabelEncoding(of: labels)
    if labelNames == nil, encoding.names.count == 1 { throw DataFault(.oneClass(encoding.names[0])) }
    var numbers: [Int] = []
    for (label, line) in zip(labels, lineNumbers) {
      guard let number = encoding.number(of: label) else {
        let nearest = nearestNames(to: label, in: encoding.names)
        throw DataFault(line: line, .unknownLabel(label, nearest: nearest, known: encoding.names))
      }
      numbers.append(number)
    }
    return TextDataset(
      texts: texts(by: text), textPairs: textPair.map(texts(by:)), labels: numbers,
      labelNames: encoding.names,
      columns: text.isOneColumn && textPair?.isOneColumn ?? true
        ? [] : zip(columns, values).map { TextDataset.Column(name: $0, values: $1) },
      lineNumbers: lineNumbers)
  }

  private func texts(by template: TextTemplate) -> [String] {
    let place = Dictionary(uniqueKeysWithValues: zip(columns.map(ExactString.init), columns.indices))
    return lineNumbers.indices.map { row in
      template.text { name in place[ExactString(name)].map { values[$0][row] } ?? "" }
    }
  }
}

extension String {
  /// Whether there is nothing but white space.
  fileprivate var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }

  /// The string without the white space (Unicode's `White_Space`) at its ends.
  func trimmingWhiteSpace() -> String {
    if let first = utf8.first, let last = utf8.last, 0x21..<0x7f ~= first, 0x21..<0x7f ~= last { return self }
    let start = unicodeScalars.drop { $0.properties.isWhitespace }
    let end = start.lastIndex { !$0.properties.isWhitespace }
    return end.map { String(start[...$0]) } ?? ""
  }
}
