import FineTuning
import ModelFiles
import Testing

typealias Fault = TextDatasetError.Fault

@Suite("data files")
struct TextDatasetReadingTests {
  static func read(
    _ text: String, name: String = "data.csv", text column: String = "text", pair: String? = nil,
    label: String = "label", labelNames: [String]? = nil, format: TextDataset.Format = .automatic
  ) throws -> TextDataset {
    try Fixture.withFile(Array(text.utf8), name: name) {
      try TextDataset(
        path: $0, text: column, textPair: pair, label: label, labelNames: labelNames, format: format)
    }
  }

  @Test("fields keep the file's own characters")
  func ownCharacters() throws {
    let data = try Self.read(
      "id,text,label\n1,1.0,x\n2,2.50,NA\n3,007,null\n4, 1e5 ,x\n5,\"say \"\"hi\"\"\",None\n")
    #expect(data.texts == ["1.0", "2.50", "007", " 1e5 ", "say \"hi\""])
    #expect(data.labelNames == ["NA", "None", "null", "x"])
    #expect(data.labels == [3, 0, 2, 3, 1])
    #expect(data.lineNumbers == [2, 3, 4, 5, 6])
    #expect(data.columns.isEmpty && data.textPairs == nil)
  }

  @Test("a template joins columns and keeps them beside the text")
  func template() throws {
    let data = try Self.read(
      "sepal length (cm),sepal width (cm),label\n5.10,3.5,a\n6.0,2,b\n",
      text: "{sepal length (cm)} {sepal width (cm)}", pair: "{{{sepal width (cm)}}}")
    #expect(data.texts == ["5.10 3.5", "6.0 2"])
    #expect(data.textPairs == ["{3.5}", "{2}"])
    #expect(data.columns.map(\.name) == ["sepal length (cm)", "sepal width (cm)"])
    #expect(data.columns.map(\.values) == [["5.10", "6.0"], ["3.5", "2"]])
  }

  @Test("a column whose name has braces is a column")
  func bracedColumn() throws {
    #expect(try Self.read("{text},label\na,x\nb,y\n", text: "{text}").texts == ["a", "b"])
  }

  @Test(
    "line ends, byte order mark, blank lines and quoted line ends are no trouble",
    arguments: ["\n", "\r\n", "\r"], ["", "\u{feff}"])
  func lineEnds(end: String, mark: String) throws {
    let lines = ["text,label", "\"one", "two\",x", "", "three,y", "four,x"]
    let data = try Self.read(mark + lines.joined(separator: end) + end)
    #expect(data.texts.map { Array($0.utf8) } == ["one\(end)two", "three", "four"].map { Array($0.utf8) })
    #expect(data.lineNumbers == [2, 5, 6])
    #expect(data.labels == [0, 1, 0])
  }

  @Test("labels lose the white space around them")
  func trimming() throws {
    let data = try Self.read("text,label\na, setosa\nb,setosa \nc,\u{a0}virginica\t\n")
    #expect(data.labelNames == ["setosa", "virginica"])
  }

  @Test("the format follows the name of the file and its first bytes")
  func formats() throws {
    let json = "{\"text\":\"a, b\",\"label\":1}\n{\"text\":\"c\",\"label\":0}\n"
    for name in ["data.jsonl", "data.NDJSON", "data.json", "data"] {
      #expect(try Self.read(json, name: name).texts == ["a, b", "c"])
    }
    let tabs = "text\tlabel\na, b\tx\nc\ty\n"
    for name in ["data.tsv", "data.csv", "data.txt"] {
      #expect(try Self.read(tabs, name: name).texts == ["a, b", "c"])
    }
    #expect(throws: TextDatasetError.self) { try Self.read(tabs, format: .delimited(by: .comma)) }
    let piped = try Self.read("a,text|label\nx|1\ny|2\n", text: "a,text", format: .delimited(by: .pipe))
    #expect(piped.texts == ["x", "y"])
  }

  @Test("JSON members keep their characters as text, and are Python's str as labels")
  func jsonValues() throws {
    let data = try Self.read(
      """
      {"n": 2.50, "text": "a\\n\\u00e9", "label": 10}

      {"label": 9, "n": 1e5, "text": "b"}\r
        {"label": "9", "n": true, "text": "c"}
      """, name: "data.jsonl", text: "{n} {text}")
    #expect(data.texts == ["2.50 a\n\u{e9}", "1e5 b", "true c"])
    #expect(data.labelNames == ["10", "9"])
    #expect(data.labels == [0, 1, 1])
    #expect(data.lineNumbers == [1, 3, 4])

    let vectors = try SplitVectors.shared.get()
    let lines = vectors.jsonLabels.map { "{\"text\":\"t\",\"label\":\($0.raw)}\n" }.joined()
    let labels = try Self.read(lines, name: "data.jsonl")
    #expect(labels.labels.map { labels.labelNames[$0] } == vectors.jsonLabels.map(\.text))
  }

  @Test("the labels of a model keep their numbers, and one class is enough")
  func givenLabels() throws {
    let names = ["virginica", "setosa", "versicolor"]
    let data = try Self.read("text,label\na,setosa\nb, setosa\n", labelNames: names)
    #expect(data.labels == [1, 1] && data.labelNames == names)
  }

  @Test("Iris from a file is the built-in Iris")
  func irisFile() throws {
    let iris = TextDataset.iris()
    var file = iris.columns.map(\.name).joined(separator: ",") + ",species\n"
    for row in 0..<iris.count {
      file +=
        iris.columns.map { $0.values[row] }.joined(separator: ",") + ",\(iris.labelNames[iris.labels[row]])\n"
    }
    let template = iris.columns.map { "{\($0.name)}" }.joined(separator: " ")
    let data = try Self.read(file, text: template, label: "species")
    #expect(data.texts == iris.texts && data.labels == iris.labels && data.labelNames == iris.labelNames)
    #expect(data.columns.map(\.values) == iris.columns.map(\.values))
  }
}

@Suite("data files that cannot be used")
struct TextDatasetFaultTests {
  struct Bad: Sendable {
    var file: [UInt8], line: Int?, fault: Fault
    var name = "data.csv", text = "text", label = "label", labelNames: [String]?

    init(
      _ file: String, line: Int?, _ fault: Fault, name: String = "data.csv", text: String = "text",
      label: String = "label", labelNames: [String]? = nil
    ) {
      self.init(bytes: Array(file.utf8), line: line, fault, name: name)
      (self.text, self.label, self.labelNames) = (text, label, labelNames)
    }

    init(bytes: [UInt8], line: Int?, _ fault: Fault, name: String = "data.csv") {
      (file, self.line, self.fault, self.name) = (bytes, line, fault, name)
    }
  }

  static func latin1(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
  }

  static func utf16(_ text: String, mark: [UInt8] = [0xff, 0xfe]) -> [UInt8] {
    mark + text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
  }

  static let files: [Bad] = [
    Bad("", line: nil, .empty),
    Bad("\n\n", line: nil, .empty),
    Bad("", line: nil, .empty, name: "data.jsonl"),
    Bad("text,label\n", line: nil, .noRows),
    Bad("text,label", line: nil, .noRows),
    Bad("text,label\na,x\nb\n", line: 3, .raggedRow(expected: 2, found: 1)),
    Bad("text,label\n\"a\nb\",x\n\nc, d,y\n", line: 5, .raggedRow(expected: 2, found: 3)),
    Bad("text,label\n   \na,x\n", line: 2, .raggedRow(expected: 2, found: 1)),
    Bad("text,label\na,x\n\"b,y\nc,z\n", line: 3, .unclosedQuote),
    Bad("text,label\n\"a,x\nb,y\n\"c\",z\n", line: 2, .textAfterQuote(foundOnLine: 4)),
    Bad("text,label\n\"a\"b,x\n", line: 2, .textAfterQuote(foundOnLine: 2)),
    Bad("text,label,text\na,x,b\n", line: 1, .duplicateColumn("text")),
    Bad("5.1,3.5\n4.9,3.0\n", line: 1, .headerLooksLikeData(["5.1", "3.5"])),
    Bad(
      "texts,label\na,x\n", line: 1, .unknownColumn("text", nearest: ["texts"], columns: ["texts", "label"])),
    Bad(
      "text,label\na,x\n", line: 1, .unknownColumn("stars", nearest: [], columns: ["text", "label"]),
      label: "stars"),
    Bad(
      "a,label\n1,x\n", line: 1, .unknownColumn("b", nearest: [], columns: ["a", "label"]), text: "{a} {b}"),
    Bad("a,label\n1,x\n", line: nil, .template(.unbalancedBrace("{", template: "{a")), text: "{a"),
    Bad("a,label\n1,x\n", line: nil, .template(.unbalancedBrace("}", template: "{a}}")), text: "{a}}"),
    Bad("a,label\n1,x\n", line: nil, .template(.emptyName(template: "{}")), text: "{}"),
    Bad("a,label\n1,x\n", line: nil, .template(.noColumn(template: "{{a}}")), text: "{{a}}"),
    Bad("text,label\n,x\nb,y\n   ,z\n", line: 2, .emptyText(column: "text", lines: [2, 4])),
    Bad("a,b,label\n1,2,x\n3,,y\n", line: 3, .emptyText(column: "b", lines: [3]), text: "{a} {b}"),
    Bad("text,label\na,x\nb,\nc, \n", line: 3, .emptyLabel(column: "label", lines: [3, 4])),
    Bad("text,label\na,x\nb,x \n", line: nil, .oneClass("x")),
    Bad(
      "text,label\na,setosa\nb,Setosa\n", line: 3,
      .unknownLabel("Setosa", nearest: ["setosa"], known: ["setosa", "x"]),
      labelNames: ["setosa", "x"]),
    Bad(bytes: latin1("text,label\nna\u{ef}ve,x\n"), line: 2, .notUTF8(byte: 0xef, offset: 13)),
    Bad(bytes: latin1("text,label\n\"a\n\"\"b\"\"\n\u{e9}\",x\n"), line: 4, .notUTF8(byte: 0xe9, offset: 20)),
    Bad(bytes: latin1("t\u{ea}xt,label\n"), line: 1, .notUTF8(byte: 0xea, offset: 1)),
    Bad(bytes: Array("text,label\na".utf8) + [0xe2, 0x82], line: 2, .raggedRow(expected: 2, found: 1)),
    Bad(bytes: Array("text,label\nx,a".utf8) + [0xe2, 0x82], line: 2, .notUTF8(byte: 0xe2, offset: 14)),
    Bad(bytes: utf16("text,label\na,x\n"), line: nil, .encoding("UTF-16")),
    Bad(bytes: [0xfe, 0xff, 0, 0x74], line: nil, .encoding("UTF-16")),
    Bad(bytes: [0xff, 0xfe, 0, 0, 0x74, 0, 0, 0], line: nil, .encoding("UTF-32")),
    Bad(
      bytes: utf16("text,label\na,x\n", mark: []), line: nil,
      .encoding("UTF-16 without a byte order mark, or binary")),
    Bad(
      bytes: Array("{\"text\":\"a\",\"label\":\"".utf8) + [0xe9] + Array("\"}\n".utf8), line: 1,
      .notUTF8(byte: 0xe9, offset: 21), name: "data.jsonl"),
    Bad(
      "{\"text\":\"a\",\"label\":1}\n\n{\"text\":\"\\q\"}\n", line: 3,
      .invalidJSON(.invalidEscape, column: 10),
      name: "data.jsonl"),
    Bad("{\"text\":\"a\",\"label\":1}\n[1]\n", line: 2, .notAnObject(found: "an array"), name: "data.jsonl"),
    Bad(
      "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\"}\n", line: 2, .missingMember("label"), name: "data.jsonl"
    ),
    Bad(
      "{\"text\":[1],\"label\":1}\n", line: 1, .notText(column: "text", found: "an array"), name: "data.jsonl"
    ),
    Bad(
      "{\"text\":\"a\",\"label\":{}}\n", line: 1, .notText(column: "label", found: "an object"),
      name: "data.jsonl"),
    Bad("{\"text\":null,\"label\":1}\n", line: 1, .emptyText(column: "text", lines: [1]), name: "data.jsonl"),
    Bad(
      "{\"text\":\"a\",\"label\":null}\n", line: 1, .emptyLabel(column: "label", lines: [1]),
      name: "data.jsonl"),
    Bad("[{\"text\":\"a\",\"label\":1}]\n", line: nil, .notJSONLines, name: "data.json"),
    Bad("[\n  {\"text\":\"a\",\"label\":1}\n]\n", line: nil, .notJSONLines, name: "data.json"),
    Bad("{\n  \"text\":\"a\"\n}\n", line: nil, .notJSONLines, name: "data.jsonl"),
  ]

  @Test("the fault is named, with its line", arguments: files.indices)
  func faults(index: Int) throws {
    let bad = Self.files[index]
    try Fixture.withFile(bad.file, name: bad.name) { path in
      let error = #expect(throws: TextDatasetError.self) {
        try TextDataset(path: path, text: bad.text, label: bad.label, labelNames: bad.labelNames)
      }
      #expect(error == TextDatasetError(path: path, line: bad.line, fault: bad.fault))
    }
  }

  @Test("a missing file is an error of the system")
  func missing() {
    let error = #expect(throws: TextDatasetError.self) {
      try TextDataset(path: "/nowhere/data.csv", text: "a", label: "b")
    }
    guard case .unreadable(let cause)? = error?.fault else {
      Issue.record("another fault: \(String(describing: error))")
      return
    }
    #expect(cause.isNotFound)
    #expect(error?.description.hasPrefix("/nowhere/data.csv: ") == true)
  }

  static let messages: [(fault: Fault, line: Int?, message: String)] = [
    (
      .raggedRow(expected: 2, found: 1), 3,
      "d.csv:3: 1 field where the header has 2; put fields that contain the delimiter in quotes"
    ),
    (
      .unknownColumn("lable", nearest: ["label"], columns: ["text", "label"]), 1,
      "d.csv:1: no column 'lable'; did you mean 'label'? the columns are 'text' and 'label'"
    ),
    (
      .emptyLabel(column: "l", lines: Array(4...12)), 4,
      "d.csv:4: 'l' is empty on lines 4, 5, 6, 7, 8 and 4 more; fill in the labels or remove the rows"
    ),
    (
      .notUTF8(byte: 0xe9, offset: 9), 2,
      "d.csv:2: byte 0xe9 at offset 9 is not UTF-8; if the file is Latin-1, convert it with iconv -f ISO-8859-1 -t UTF-8"
    ),
    (.noRows, nil, "d.csv: 0 rows: there is nothing below the header; is the file complete?"),
  ]

  @Test("messages say where, what and what to do", arguments: messages.indices)
  func description(index: Int) {
    let (fault, line, message) = Self.messages[index]
    #expect(TextDatasetError(path: "d.csv", line: line, fault: fault).description == message)
  }
}
