import FineTuning
import Testing

struct CSVVector: Decodable, Sendable {
  let text: String, delimiter: String, rows: [[String]], lines: [Int]
  static let all = Result { try Fixture.load("data/csv.json", as: [CSVVector].self) }
}

@Suite("delimited text")
struct DelimitedTextTests {
  static func read(_ text: String, _ delimiter: Delimiter) throws -> (rows: [[String]], lines: [Int]) {
    try Array(text.utf8).withUnsafeBufferPointer { bytes in
      var reader = DelimitedTextReader(bytes, delimiter: delimiter, start: 0)
      var (rows, lines): ([[String]], [Int]) = ([], [])
      while try reader.next() {
        rows.append(try reader.fields.map { field in try reader.text(of: field) })
        lines.append(reader.recordLine)
      }
      return (rows, lines)
    }
  }

  static func bytes(_ rows: [[String]]) -> [[[UInt8]]] { rows.map { $0.map { Array($0.utf8) } } }

  @Test("rows and line numbers are those of Python's csv module")
  func asPython() throws {
    let vectors = try CSVVector.all.get()
    #expect(vectors.count == 69)
    for vector in vectors {
      let delimiter = try #require(vector.delimiter.first.flatMap(Delimiter.init(rawValue:)))
      let (rows, lines) = try Self.read(vector.text, delimiter)
      #expect(Self.bytes(rows) == Self.bytes(vector.rows), "\(vector.text.debugDescription)")
      #expect(lines == vector.lines, "\(vector.text.debugDescription)")
    }
  }

  static let delimiters: [(text: String, delimiter: Delimiter)] = [
    ("text,label\na,b\n", .comma),
    ("text;label\nwell, yes;b\nno, no, no;c\n", .semicolon),
    ("text\tlabel\na,b,c\td\n", .tab),
    ("text|label\na;b|c\n", .pipe),
    ("\"a,b\";c\nd;e\n", .semicolon),
    ("a;b,c\n1;2,3\n1,5;2,4\n", .semicolon),  // decimal commas
    ("text\nno delimiter, but a comma\n", .comma),
    ("a,b\n", .comma),
    ("a;b;c\n\"x,y\";2;3\n", .semicolon),
    ("", .comma),
  ]

  @Test("the delimiter is found", arguments: delimiters.indices)
  func detection(index: Int) {
    let (text, expected) = Self.delimiters[index]
    Array(text.utf8).withUnsafeBufferPointer {
      #expect(Delimiter.detected(in: $0, start: 0) == expected, "\(text.debugDescription)")
    }
  }
}
