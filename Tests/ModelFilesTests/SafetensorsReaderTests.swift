import Foundation
import ModelFiles
import Testing

@Suite("safetensors reader")
struct SafetensorsReaderTests {
  typealias Fault = SafetensorsError.Fault

  @Test("reads names, shapes, bytes and metadata in the order of the data")
  func reads() throws {
    let folder = try TemporaryFolder()
    let header =
      #"{"b":{"dtype":"F32","shape":[],"data_offsets":[4,8]},"__metadata__":{"z":"1","a":"2"},"#
      + #""a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#
    let path = try folder.write("x.safetensors", safetensors(header) + [0, 0x3C, 0, 0x40, 0, 0, 0x80, 0x3F])
    for access in [FileAccess.mapped, .copied] {
      let file = try SafetensorsFile(path: path, access: access)
      #expect(file.tensors.map(\.name) == ["a", "b"])
      #expect(file.metadata.map(\.key) == ["z", "a"])
      #expect(file.tensor(named: "a") == TensorInfo(name: "a", elementType: .float16, shape: [2]))
      #expect(file["b"]?.byteRange == 8 + header.utf8.count + 4..<8 + header.utf8.count + 8)
      #expect(try file.withBytes(of: "b") { $0.unsafeLoadUnaligned(as: Float.self) } == 1)
      #expect(try file.withRows(of: "a", rows: 1..<2) { $0.unsafeLoadUnaligned(as: UInt16.self) } == 0x4000)
      let mapped = try #require(file.mappedBytes(of: "a"))
      #expect(mapped.start.loadUnaligned(as: UInt16.self) == 0x3C00)
    }
  }

  static func entry(_ dtype: String, _ shape: String, _ offsets: String) -> String {
    #"{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  static let one = entry("U8", "[1]", "[0,1]")

  /// One row for each check: the header, the number of data bytes, the fault.
  static let hostile: [(header: String, data: Int, fault: Fault)] = [
    // Text
    ("", 0, .malformedHeader(offset: 0, .unexpectedEnd)),
    ("null", 0, .malformedHeader(offset: 0, .unexpectedByte(UInt8(ascii: "n"), expected: "an object"))),
    ("[]", 0, .malformedHeader(offset: 0, .unexpectedByte(UInt8(ascii: "["), expected: "an object"))),
    ("\u{FEFF}{}", 0, .malformedHeader(offset: 0, .unexpectedByte(0xEF, expected: "an object"))),
    ("{}\0\0", 0, .malformedHeader(offset: 2, .textAfterDocument)),
    ("{}{}", 0, .malformedHeader(offset: 2, .textAfterDocument)),
    ("{", 0, .malformedHeader(offset: 1, .unexpectedEnd)),
    (
      #"{"a":\#(one),}"#, 1,
      .malformedHeader(offset: 53, .unexpectedByte(UInt8(ascii: "}"), expected: "a string"))
    ),
    (#"{/**/}"#, 0, .malformedHeader(offset: 1, .unexpectedByte(UInt8(ascii: "/"), expected: "a string"))),
    (#"{"\ud800":\#(one)}"#, 1, .malformedHeader(offset: 2, .loneSurrogate)),
    ("{\"a\u{1}\":\(one)}", 1, .malformedHeader(offset: 3, .controlCharacter(1))),
    // Duplicates, at every level
    (#"{"a":\#(one),"a":\#(one)}"#, 1, .duplicateName("a")),
    (#"{"a":\#(one),"a":\#(entry("I8", "[1]", "[0,1]"))}"#, 1, .duplicateName("a")),
    (#"{"t":\#(one),"\u0074":\#(one)}"#, 1, .duplicateName("t")),
    (#"{"__metadata__":{},"__metadata__":{}}"#, 0, .duplicateName("__metadata__")),
    (#"{"__metadata__":{"k":"1","k":"2"}}"#, 0, .duplicateMetadataKey("k")),
    (
      #"{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}"#, 1,
      .duplicateField(tensor: "a", field: "dtype")
    ),
    (
      #"{"a":{"shape":[1],"shape":[1],"dtype":"U8","data_offsets":[0,1]}}"#, 1,
      .duplicateField(tensor: "a", field: "shape")
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":[0,1]}}"#, 1,
      .duplicateField(tensor: "a", field: "data_offsets")
    ),
    // Metadata
    (#"{"__metadata__":{"k":1}}"#, 0, .invalidMetadata(key: "k", found: "the number 1")),
    (#"{"__metadata__":{"k":null}}"#, 0, .invalidMetadata(key: "k", found: "null")),
    (#"{"__metadata__":[]}"#, 0, .invalidMetadata(key: nil, found: "an array")),
    (#"{"__metadata__":"x"}"#, 0, .invalidMetadata(key: nil, found: "the string 'x'")),
    (#"{"__metadata__":\#(one)}"#, 1, .invalidMetadata(key: "shape", found: "an array")),
    // Element types
    (#"{"a":\#(entry("X8", "[1]", "[0,1]"))}"#, 1, .unknownElementType(tensor: "a", found: "'X8'")),
    (#"{"a":\#(entry("f32", "[1]", "[0,4]"))}"#, 4, .unknownElementType(tensor: "a", found: "'f32'")),
    (#"{"a":\#(entry("C128", "[1]", "[0,16]"))}"#, 16, .unknownElementType(tensor: "a", found: "'C128'")),
    (
      #"{"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}}"#, 1,
      .unknownElementType(tensor: "a", found: "the number 1")
    ),
    // Numbers
    (
      #"{"a":\#(entry("U8", "[-1]", "[0,1]"))}"#, 1,
      .invalidNumber(tensor: "a", field: "shape", found: "the number -1")
    ),
    (
      #"{"a":\#(entry("U8", "[1.0]", "[0,1]"))}"#, 1,
      .invalidNumber(tensor: "a", field: "shape", found: "the number 1.0")
    ),
    (
      #"{"a":\#(entry("U8", "[1e0]", "[0,1]"))}"#, 1,
      .invalidNumber(tensor: "a", field: "shape", found: "the number 1e0")
    ),
    (
      #"{"a":\#(entry("U8", "[true]", "[0,1]"))}"#, 1,
      .invalidNumber(tensor: "a", field: "shape", found: "true")
    ),
    (
      #"{"a":\#(entry("U8", #"["1"]"#, "[0,1]"))}"#, 1,
      .invalidNumber(tensor: "a", field: "shape", found: "the string '1'")
    ),
    (
      #"{"a":\#(entry("U8", "[[1]]", "[0,1]"))}"#, 1,
      .invalidNumber(tensor: "a", field: "shape", found: "an array")
    ),
    (
      #"{"a":\#(entry("U8", "1", "[0,1]"))}"#, 1,
      .invalidNumber(tensor: "a", field: "shape", found: "the number 1")
    ),
    (
      #"{"a":\#(entry("U8", "[1]", "[0,-1]"))}"#, 1,
      .invalidNumber(tensor: "a", field: "data_offsets", found: "the number -1")
    ),
    (
      #"{"a":\#(entry("U8", "[1]", "[0,18446744073709551616]"))}"#, 1,
      .invalidNumber(tensor: "a", field: "data_offsets", found: "the number 18446744073709551616")
    ),
    (
      #"{"a":\#(entry("U8", "[1]", "null"))}"#, 1,
      .invalidNumber(tensor: "a", field: "data_offsets", found: "null")
    ),
    (#"{"a":\#(entry("U8", "[01]", "[0,1]"))}"#, 1, .malformedHeader(offset: 28, .invalidNumber)),
    // Entries
    (#"{"a":["F32",[1],[0,4]]}"#, 4, .invalidEntry(tensor: "a", found: "an array")),
    (#"{"a":1}"#, 0, .invalidEntry(tensor: "a", found: "the number 1")),
    (#"{"a":{}}"#, 0, .missingField(tensor: "a", field: "dtype")),
    (#"{"a":{"dtype":"U8","data_offsets":[0,1]}}"#, 1, .missingField(tensor: "a", field: "shape")),
    (#"{"a":{"dtype":"U8","shape":[1]}}"#, 1, .missingField(tensor: "a", field: "data_offsets")),
    (#"{"a":\#(entry("U8", "[1]", "[0]"))}"#, 1, .wrongOffsetCount(tensor: "a", found: 1)),
    (#"{"a":\#(entry("U8", "[1]", "[]"))}"#, 1, .wrongOffsetCount(tensor: "a", found: 0)),
    (#"{"a":\#(entry("U8", "[1]", "[0,1,2]"))}"#, 1, .wrongOffsetCount(tensor: "a", found: 3)),
    (#"{"a":\#(entry("U8", "[1]", "[1,0]"))}"#, 1, .reversedOffsets(tensor: "a", begin: 1, end: 0)),
    // Sizes
    (#"{"a":\#(entry("U8", "[2]", "[0,1]"))}"#, 1, .sizeMismatch(tensor: "a", expected: 2, found: 1)),
    (#"{"a":\#(entry("F32", "[]", "[0,1]"))}"#, 1, .sizeMismatch(tensor: "a", expected: 4, found: 1)),
    (
      #"{"a":\#(entry("U8", "[1]", "[0,18446744073709551615]"))}"#, 1,
      .sizeMismatch(tensor: "a", expected: 1, found: .max)
    ),
    (
      #"{"a":\#(entry("U8", "[4294967296,4294967296]", "[0,1]"))}"#, 1,
      .shapeOverflow(tensor: "a", shape: [1 << 32, 1 << 32])
    ),
    (
      #"{"a":\#(entry("F32", "[0,9223372036854775808,4]", "[0,0]"))}"#, 0,
      .shapeOverflow(tensor: "a", shape: [0, 1 << 63, 4])
    ),
    (
      #"{"a":\#(entry("F32", "[4611686018427387904,4,0]", "[0,0]"))}"#, 0,
      .shapeOverflow(tensor: "a", shape: [1 << 62, 4, 0])
    ),
    (
      #"{"a":\#(entry("F32", "[0,4611686018427387904,4]", "[0,0]"))}"#, 0,
      .shapeOverflow(tensor: "a", shape: [0, 1 << 62, 4])
    ),
    (#"{"a":\#(entry("F4", "[3]", "[0,1]"))}"#, 1, .partialByte(tensor: "a", bitCount: 12)),
    (#"{"a":\#(entry("F6_E2M3", "[2]", "[0,1]"))}"#, 1, .partialByte(tensor: "a", bitCount: 12)),
    // Coverage
    (#"{"a":\#(entry("U8", "[1]", "[1,2]"))}"#, 2, .dataNotContiguous(tensor: "a", expected: 0, found: 1)),
    (
      #"{"a":\#(one),"b":\#(entry("U8", "[1]", "[2,3]"))}"#, 3,
      .dataNotContiguous(tensor: "b", expected: 1, found: 2)
    ),
    (
      #"{"a":\#(entry("U8", "[2]", "[0,2]")),"b":\#(entry("U8", "[2]", "[1,3]"))}"#, 3,
      .dataNotContiguous(tensor: "b", expected: 2, found: 1)
    ),
    (#"{"a":\#(one),"b":\#(one)}"#, 1, .dataNotContiguous(tensor: "b", expected: 1, found: 0)),
    (#"{"a":\#(entry("U8", "[0]", "[5,5]"))}"#, 0, .dataNotContiguous(tensor: "a", expected: 0, found: 5)),
    (
      #"{"a":\#(entry("U8", "[0]", "[9223372036854775808,9223372036854775808]"))}"#, 0,
      .dataNotContiguous(tensor: "a", expected: 0, found: 1 << 63)
    ),
    // Length
    (#"{"a":\#(one)}"#, 3, .wrongFileLength(expected: 62, found: 64)),
    (#"{"a":\#(one)}"#, 0, .wrongFileLength(expected: 62, found: 61)),
    ("{}", 1, .wrongFileLength(expected: 10, found: 11)),
  ]

  @Test("rejects a hostile header", arguments: hostile.indices)
  func rejects(index: Int) throws {
    let (header, data, fault) = Self.hostile[index]
    let folder = try TemporaryFolder()
    let path = try folder.write("x.safetensors", safetensors(header, data: data))
    #expect(throws: SafetensorsError(path: path, fault)) { try SafetensorsFile(path: path) }
    #expect(!fault.description.isEmpty)
  }

  @Test("rejects files without room for a header", arguments: 0..<8)
  func rejectsShortFiles(count: Int) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.safetensors", [UInt8](repeating: 0x20, count: count))
    #expect(throws: SafetensorsError(path: path, .fileTooShort(byteCount: count))) {
      try SafetensorsFile(path: path)
    }
  }

  @Test("rejects header lengths beyond the limit or the file before anything is allocated")
  func rejectsHeaderLengths() throws {
    let folder = try TemporaryFolder()
    let cases: [(UInt64, Fault)] = [
      (.max, .headerTooLong(byteCount: .max, limit: 100_000_000)),
      (100_000_001, .headerTooLong(byteCount: 100_000_001, limit: 100_000_000)),
      (100_000_000, .headerBeyondFile(byteCount: 100_000_000, available: 2)),
      (3, .headerBeyondFile(byteCount: 3, available: 2)),
    ]
    for (length, fault) in cases {
      let path = try folder.write("x.safetensors", safetensors("{}", claiming: length))
      #expect(throws: SafetensorsError(path: path, fault)) { try SafetensorsFile(path: path) }
    }
  }

  @Test("rejects a header that is not UTF-8")
  func rejectsInvalidUTF8() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "x.safetensors", safetensors(Array("{\"".utf8) + [0xFF] + Array("\":\(Self.one)}".utf8), data: 1))
    #expect(throws: SafetensorsError(path: path, .malformedHeader(offset: 2, .invalidUTF8))) {
      try SafetensorsFile(path: path)
    }
  }

  @Test("rejects nesting of 100,000 levels, wherever it is", arguments: ["[", #"{"x":"#])
  func rejectsDepth(opening: String) throws {
    let folder = try TemporaryFolder()
    let deep = String(repeating: opening, count: 100_000)
    let unknown = try folder.write("x.safetensors", safetensors(#"{"a":{"x":\#(deep)"#))
    let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: unknown) }
    #expect(error?.fault == .headerTooDeep(offset: 10 + 128 * opening.utf8.count, limit: 128))
    for prefix in ["", #"{"a":"#, #"{"a":{"dtype":"#, #"{"a":{"shape":"#, #"{"__metadata__":{"k":"#] {
      let path = try folder.write("y.safetensors", safetensors(prefix + deep))
      #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
    }
  }

  @Test("rejects many names over one byte range")
  func rejectsSharedRange() throws {
    let entries = (0..<50_000).map { #""\#($0)":\#(Self.entry("U8", "[16]", "[0,16]"))"# }
    let folder = try TemporaryFolder()
    let path = try folder.write("x.safetensors", safetensors("{\(entries.joined(separator: ","))}", data: 16))
    let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
    #expect(error?.fault == .dataNotContiguous(tensor: "1", expected: 16, found: 0))
  }

  static let accepted: [(header: String, data: Int, lint: [SafetensorsFile.Finding])] = [
    (#"{"__metadata__":{"format":"pt"}} "#.padded, 0, []),
    (" \n\t{}".padded, 0, [.leadingSpace, .missingFormat]),
    ("{}    \r\n", 0, [.paddingNotSpaces, .missingFormat]),
    (#"{"__metadata__":null}"#.padded, 0, [.nullMetadata, .missingFormat]),
    (
      #"{"__metadata__":{"format":"pt"},"a":{"x":[{"y":"z"},1e5,{}],"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#
        .padded, 1, [.unknownField(tensor: "a", field: "x")]
    ),
    (
      #"{"__metadata__":{"format":"pt"},"a":\#(entry("F32", "[2,0]", "[0,0]"))}"#.padded + " ", 0,
      [.misalignedData(offset: 97)]
    ),
    (
      #"{"__metadata__":{"format":"pt"},"":\#(one),"b":\#(entry("F32", "[]", "[1,5]"))}"#.padded, 5,
      [.suspiciousName(""), .misalignedTensor("b", offset: 145, alignment: 4)]
    ),
    (
      #"{"__metadata__":{"format":"pt"},"../b":\#(one),"x\u0000":\#(entry("U8", "[1]", "[1,2]"))}"#.padded, 2,
      [.suspiciousName("../b"), .suspiciousName("x\0")]
    ),
  ]

  @Test("accepts what is sound, and reports what is unusual", arguments: accepted.indices)
  func accepts(index: Int) throws {
    let (header, data, lint) = Self.accepted[index]
    let folder = try TemporaryFolder()
    let path = try folder.write("x.safetensors", safetensors(header, data: data))
    #expect(try SafetensorsFile(path: path).lint == lint)
  }

  @Test("keeps names apart that look alike")
  func keepsNamesApart() throws {
    let folder = try TemporaryFolder()
    let header = "{\"\u{E9}\":\(Self.one),\"e\u{301}\":\(Self.entry("U8", "[2]", "[1,3]"))}"
    let file = try SafetensorsFile(path: folder.write("x.safetensors", safetensors(header, data: 3)))
    #expect(file["\u{E9}"]?.shape == [1])
    #expect(file["e\u{301}"]?.shape == [2])
  }

  @Test("names that do not exist get suggestions, and rows that do not exist their bounds")
  func suggests() throws {
    let folder = try TemporaryFolder()
    let header =
      #"{"bert.pooler.dense.bias":\#(Self.entry("F32", "[2]", "[0,8]")),"p":\#(Self.entry("F4", "[2,3]", "[8,11]"))}"#
    let path = try folder.write("x.safetensors", safetensors(header, data: 11))
    let file = try SafetensorsFile(path: path)
    for name in ["pooler.dense.bias", "bert.pooler.dense.bais"] {
      #expect(throws: SafetensorsError(path: path, .noSuchTensor(name, nearest: ["bert.pooler.dense.bias"])))
      {
        try file.bytes(of: name)
      }
    }
    #expect(
      throws: SafetensorsError(
        path: path, .noSuchRows(tensor: "bert.pooler.dense.bias", rows: 1..<3, available: 2))
    ) {
      try file.withRows(of: "bert.pooler.dense.bias", rows: 1..<3) { $0.byteCount }
    }
    #expect(throws: SafetensorsError(path: path, .partialByte(tensor: "p", bitCount: 12))) {
      try file.withRows(of: "p", rows: 0..<1) { $0.byteCount }
    }
  }

  @Test("a file that shrinks while it is mapped is an error, and none when it was copied")
  func noticesShrinking() throws {
    let folder = try TemporaryFolder()
    let header = #"{"a":\#(Self.entry("U8", "[10000]", "[0,10000]"))}"#
    let bytes = safetensors(header, data: 10_000)
    let path = try folder.write("x.safetensors", bytes)
    let mapped = try SafetensorsFile(path: path)
    let copied = try SafetensorsFile(path: path, access: .copied)
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: 100)
    #expect(throws: SafetensorsError(path: path, .fileShrunk(expected: bytes.count, found: 100))) {
      try mapped.bytes(of: "a")
    }
    #expect(try copied.bytes(of: "a").count == 10_000)
  }
}

extension String {
  /// With spaces up to a multiple of eight bytes.
  fileprivate var padded: String { self + String(repeating: " ", count: (8 - utf8.count % 8) % 8) }
}
