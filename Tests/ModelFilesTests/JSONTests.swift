import ModelFiles
import Testing

@Suite("JSON")
struct JSONTests {
  @Test("documents are written as Python's json.dumps writes them")
  func writesAsPython() throws {
    let documents = try #require(fixtureJSON("modelfiles/json.json")["documents"]?.arrayValue)
    #expect(documents.count >= 18)
    for texts in documents {
      let text = try #require(texts["document"]?.stringValue)
      let value = try JSONValue(parsing: Array(text.utf8), acceptsNonFinite: true)
      #expect(value.pythonText() == texts["indented"]?.stringValue)
      #expect(value.pythonText(sortKeys: true) == texts["sorted"]?.stringValue)
      #expect(value.pythonText(ensureASCII: false) == texts["unicode"]?.stringValue)
      #expect(value.pythonText(indent: nil) == texts["oneLine"]?.stringValue)
      #expect(value.compactText() == texts["compact"]?.stringValue)
    }
  }

  @Test("floats are spelled as Python's repr spells them, and read back as themselves")
  func spellsFloats() throws {
    let floats = try #require(fixtureJSON("modelfiles/json.json")["floats"]?.arrayValue)
    #expect(floats.count > 700)
    for pair in floats {
      let bits = try #require(UInt64(pair[0]?.stringValue ?? "", radix: 16))
      let value = JSONValue.number(Double(bitPattern: bits))
      #expect(value == .number(try #require(pair[1]?.stringValue)))
      let read = try #require(value.doubleValue)
      #expect(read.bitPattern == bits || read.isNaN)
    }
  }

  @Test("a document survives a round trip byte for byte")
  func roundTrip() throws {
    let text = #"{"b":1.0,"a":[1e-12,-0,10000000000000000000000,"é/"],"":{},"é":null,"\\u0001":true}"#
    #expect(try JSONValue(parsing: text).compactText().utf8.elementsEqual(text.utf8))
  }

  static let faults: [(text: String, fault: JSONError.Fault, offset: Int)] = [
    ("", .unexpectedEnd, 0),
    ("{", .unexpectedEnd, 1),
    ("[1,", .unexpectedEnd, 3),
    (#""abc"#, .unexpectedEnd, 4),
    (#""\u12"#, .unexpectedEnd, 1),
    ("[1,]", .unexpectedByte(UInt8(ascii: "]"), expected: "a value"), 3),
    ("[1 2]", .unexpectedByte(UInt8(ascii: "2"), expected: "',' or ']'"), 3),
    (#"{"a" 1}"#, .unexpectedByte(UInt8(ascii: "1"), expected: "':'"), 5),
    (#"{"a":1,}"#, .unexpectedByte(UInt8(ascii: "}"), expected: "a string"), 7),
    ("{a:1}", .unexpectedByte(UInt8(ascii: "a"), expected: "a string"), 1),
    (#"{"a":NaN}"#, .unexpectedByte(UInt8(ascii: "N"), expected: "a value"), 5),
    ("-Infinity", .invalidNumber, 0),
    ("[tru]", .unexpectedByte(UInt8(ascii: "t"), expected: "a value"), 1),
    ("// x\n1", .unexpectedByte(UInt8(ascii: "/"), expected: "a value"), 0),
    ("\u{FEFF}1", .unexpectedByte(0xEF, expected: "a value"), 0),
    ("01", .invalidNumber, 0),
    ("[1.]", .invalidNumber, 1),
    ("1e", .invalidNumber, 0),
    ("+1", .unexpectedByte(UInt8(ascii: "+"), expected: "a value"), 0),
    ("1 2", .textAfterDocument, 2),
    ("{}\0", .textAfterDocument, 2),
    ("\"\u{1}\"", .controlCharacter(1), 1),
    (#""\x""#, .invalidEscape, 1),
    (#""\u12g4""#, .invalidEscape, 1),
    (#""\ud800""#, .loneSurrogate, 1),
    (#""\udc00""#, .loneSurrogate, 1),
    (#""\ud800\u0041""#, .loneSurrogate, 1),
    (#"{"a":1,"a":2}"#, .duplicateKey("a"), 7),
    (#"{"a":1,"\u0061":2}"#, .duplicateKey("a"), 7),
  ]

  @Test("rejects what is not JSON, and says where", arguments: faults.indices)
  func rejects(index: Int) {
    let (text, fault, offset) = Self.faults[index]
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    #expect(error?.fault == fault)
    #expect(error?.offset == offset)
  }

  @Test("faults are located by line and column")
  func locates() {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "{\n  \"a\": 1,\n  \"b\" 2\n}") }
    #expect(error?.line == 3)
    #expect(error?.column == 7)
    #expect(error?.description.hasPrefix("line 3, column 7: found '2' where ':' should be") == true)
  }

  @Test(
    "rejects bytes that are not UTF-8",
    arguments: [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]])
  func rejectsInvalidUTF8(bytes: [UInt8]) {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0x61] + bytes + [0x22]) }
    #expect(error?.fault == .invalidUTF8)
    #expect(error?.offset == 2)
  }

  @Test("depth is limited without recursion", arguments: ["[", #"{"a":"#])
  func limitsDepth(opening: String) throws {
    let deep = String(repeating: opening, count: 100_000)
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: deep) }
    #expect(error?.fault == .tooDeep(limit: 128))
    let allowed = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    #expect(try JSONValue(parsing: allowed).compactText() == allowed)
  }

  @Test("duplicates are found among many keys too, and keys that look alike are two")
  func manyKeys() throws {
    let many = (0..<1000).map { "\"key \($0)\":\($0)" }
    #expect(try JSONValue(parsing: "{\(many.joined(separator: ","))}")["key 999"] == 999)
    for index in [0, 15, 16, 999] {
      let text = "{\(many.joined(separator: ",")),\"key \(index)\":1}"
      let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
      #expect(error?.fault == .duplicateKey("key \(index)"))
    }
    let alike = try JSONValue(parsing: "{\"\u{E9}\":1,\"e\u{301}\":2}")
    #expect(alike["\u{E9}"] == 1)
    #expect(alike["e\u{301}"] == 2)
  }

  @Test("integers are exact or absent")
  func integers() throws {
    let texts = ["7": 7, "-7": -7, "9223372036854775807": Int.max]
    for (text, value) in texts { #expect(try JSONValue(parsing: text).intValue == value) }
    for text in ["7.0", "7e0", "9223372036854775808", "\"7\"", "true", "null"] {
      #expect(try JSONValue(parsing: text).intValue == nil)
    }
    #expect(JSONValue.number("1e400").doubleValue == .infinity)
  }

  @Test("setting keeps the order; literals keep theirs")
  func sets() {
    var value: JSONValue = ["b": 1, "a": [nil, true, 1.5, "x"]]
    value.set("b", "two")
    value.set("c", ["d": 1])
    #expect(value.compactText() == #"{"b":"two","a":[null,true,1.5,"x"],"c":{"d":1}}"#)
    #expect(value.remove("a")?[2]?.doubleValue == 1.5)
    #expect(value.compactText() == #"{"b":"two","c":{"d":1}}"#)
  }
}
