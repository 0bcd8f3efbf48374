import ForeignFormats
import ModelFiles
import Testing

/// What every .npy file begins with.
private let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

@Suite("NumPy files")
struct NumPyTests {
  static let values = Result { try SafetensorsFile(path: fixture("numpy/values.safetensors")) }

  @Test(
    "what NumPy writes is read, in any order of elements and bytes, however it is accessed",
    arguments: [
      ("savez.npz", 19), ("savez_compressed.npz", 19), ("fortran.npz", 16), ("big_endian.npz", 12),
      ("bfloat16.npz", 2),
    ])
  func archives(name: String, count: Int) throws {
    let values = try Self.values.get()
    for access in [FileAccess.mapped, .copied, .pread] {
      let file = try NumPyFile(path: fixture("numpy/\(name)"), access: access)
      #expect(file.tensors.count == count)
      #expect(file.leftOut.isEmpty)
      for info in file.tensors {
        #expect(info == values.tensor(named: info.name))
        #expect(try file.bytes(of: info.name) == values.bytes(of: info.name), "\(info)")
        let (count, size) = (info.elementCount, info.elementType.bitWidth / 8)
        let part = try file.withElements(of: info.name, in: count / 3..<count) {
          $0.withUnsafeBytes { Array($0) }
        }
        #expect(try part == Array(values.bytes(of: info.name)[(count / 3 * size)...]))
      }
    }
  }

  @Test(
    "headers of every version are read, and those of Python 2",
    arguments: ["matrix.npy", "version2.npy", "version3.npy", "python2.npy"])
  func versions(name: String) throws {
    let values = try Self.values.get()
    let file = try NumPyFile(path: fixture("numpy/\(name)"))
    let stem = String(name.dropLast(4))
    #expect(file.tensors == [TensorInfo(name: stem, elementType: .float32, shape: [3, 4])])
    #expect(try file.bytes(of: stem) == values.bytes(of: "matrix"))
    #expect(file.mappedBytes(of: stem) != nil)
  }

  @Test("elements that need no rearrangement are used where they lie")
  func inPlace() throws {
    let file = try NumPyFile(path: fixture("numpy/savez.npz"))
    #expect(try file.bytes(of: "f4").count == file.mappedBytes(of: "f4")?.range.count)
    #expect(try NumPyFile(path: fixture("numpy/big_endian.npz")).mappedBytes(of: "big f4") == nil)
    #expect(try NumPyFile(path: fixture("numpy/fortran.npz")).mappedBytes(of: "fortran f4") == nil)
    #expect(try NumPyFile(path: fixture("numpy/fortran.npz")).mappedBytes(of: "fortran row") != nil)
  }

  @Test("members that are no arrays are named, and so are elements whose type was lost")
  func leftOut() throws {
    let mixed = try NumPyFile(path: fixture("numpy/mixed.npz"))
    #expect(mixed.tensors.map(\.name) == ["w"])
    #expect(mixed.leftOut.map(\.name) == ["config.json"])
    let brain = try NumPyFile(path: fixture("numpy/bfloat16.npz"))
    #expect(brain.notes.count == 2)
    #expect(mixed.notes.isEmpty)
  }

  @Test(
    "what no tensor holds is refused",
    arguments: [
      ("objects", NumPyError.Fault.pickledObjects), ("text", .unsupportedType("<U9")),
      ("records", .structuredType),
      ("complex128", .unsupportedType("<c16")),
    ])
  func refusedTypes(name: String, fault: NumPyError.Fault) throws {
    let path = fixture("numpy/\(name).npy")
    #expect(throws: NumPyError(path: path, array: name, fault)) { try NumPyFile(path: path) }
  }

  /// A `.npy` file of version 1 with four bytes of data.
  static func npy(_ text: String, major: UInt8 = 1, data: Int = 4) -> [UInt8] {
    magic + [major, 0]
      + (major == 1 ? UInt16(text.utf8.count).littleEndianBytes : UInt32(text.utf8.count).littleEndianBytes)
      + Array(text.utf8) + [UInt8](repeating: 0, count: data)
  }

  static func header(_ shape: String, _ type: String = "'<f4'", _ order: String = "False") -> String {
    "{'descr': \(type), 'fortran_order': \(order), 'shape': \(shape), }\n"
  }

  static let hostile: [(name: String, bytes: [UInt8], fault: NumPyError.Fault)] = [
    ("nothing", [], .notNumPy), ("other bytes", Array("not an array".utf8), .notNumPy),
    ("half of the magic", Array(magic.prefix(4)), .notNumPy),
    ("version 4", npy(header("(1,)"), major: 4), .unknownVersion(major: 4, minor: 0)),
    (
      "a header of 4 GiB", magic + [2, 0, 255, 255, 255, 255],
      .headerTooLong(byteCount: 1 << 32 - 1, limit: 10_000)
    ),
    (
      "a header that is cut off", magic + [1, 0, 100, 0, 0x7B],
      .headerBeyondFile(byteCount: 110, available: 11)
    ),
    (
      "a length that is cut off", magic + [2, 0, 1, 0],
      .headerBeyondFile(byteCount: 12, available: 10)
    ),
    ("no dictionary", npy("()"), .malformedHeader(offset: 10, expected: "a dictionary")),
    ("an open dictionary", npy("{"), .malformedHeader(offset: 11, expected: "a key")),
    ("an open string", npy("{'descr"), .malformedHeader(offset: 11, expected: "a key")),
    ("a call", npy("__import__('os')"), .malformedHeader(offset: 10, expected: "a dictionary")),
    ("an escape", npy("{'d\\x65scr': 1}"), .malformedHeader(offset: 11, expected: "a key")),
    ("an unknown key", npy("{'x': 1}"), .unknownKey("x")),
    ("a key twice", npy("{'descr': 'f4', 'descr': 'f4'}"), .duplicateKey("descr")),
    ("no type", npy("{'fortran_order': False, 'shape': ()}"), .missingKey("descr")),
    ("no order", npy("{'descr': '<f4', 'shape': ()}"), .missingKey("fortran_order")),
    ("no shape", npy("{'descr': '<f4', 'fortran_order': False}"), .missingKey("shape")),
    (
      "text behind the dictionary", npy(header("(1,)") + "x"),
      .malformedHeader(offset: 68, expected: "nothing but space")
    ),
    (
      "a number for an order", npy(header("(1,)", "'<f4'", "0")),
      .malformedHeader(offset: 44, expected: "True or False")
    ),
    ("a number for a shape", npy(header("3")), .malformedHeader(offset: 60, expected: "a tuple")),
    (
      "a number in parentheses", npy(header("(1)")),
      .malformedHeader(offset: 62, expected: "a comma, as a tuple of one number has")
    ),
    ("a list for a shape", npy(header("[1]")), .malformedHeader(offset: 60, expected: "a tuple")),
    ("a negative size", npy(header("(-1,)")), .malformedHeader(offset: 61, expected: "a size below 2^63")),
    (
      "a size with a point", npy(header("(1.0,)")),
      .malformedHeader(offset: 62, expected: "a comma, as a tuple of one number has")
    ),
    (
      "a size beyond 63 bits", npy(header("(9223372036854775808,)")),
      .malformedHeader(offset: 61, expected: "a size below 2^63")
    ),
    ("an octal size", npy(header("(01,)")), .malformedHeader(offset: 61, expected: "a size below 2^63")),
    (
      "a long integer in version 3", npy(header("(1L,)"), major: 3),
      .malformedHeader(offset: 64, expected: "a comma, as a tuple of one number has")
    ),
    ("a shape that is too large", npy(header("(9223372036854775807, 2)")), .shapeOverflow([.max, 2])),
    (
      "one that is so behind a zero", npy(header("(0, 9223372036854775807, 2)")),
      .shapeOverflow([0, .max, 2])
    ),
    (
      "65 dimensions", npy(header("(" + String(repeating: "1,", count: 65) + ")")),
      .tooManyDimensions(65, limit: 64)
    ),
    ("too little data", npy(header("(2,)")), .wrongByteCount(expected: 76, found: 72)),
    ("too much data", npy(header("()"), data: 5), .wrongByteCount(expected: 70, found: 71)),
    (
      "Fortran order of another size", npy(header("(2, 2)", "'<f4'", "True")),
      .wrongByteCount(expected: 85, found: 73)
    ),
    ("objects", npy(header("()", "'|O'")), .pickledObjects),
    ("bare objects", npy(header("()", "'O'")), .pickledObjects),
    ("bytes", npy(header("()", "'|S4'")), .unsupportedType("|S4")),
    ("dates", npy(header("()", "'<M8[ns]'")), .unsupportedType("<M8[ns]")),
    ("one byte without a type", npy(header("()", "'<V1'")), .unsupportedType("<V1")),
    ("no name of a type", npy(header("()", "''")), .unsupportedType("")),
    ("records", npy(header("()", "[('a', '<f4')]")), .structuredType),
    ("arrays of arrays", npy(header("()", "('<f4', (2,))")), .structuredType),
  ]

  @Test("what is wrong is refused, by itself and in an archive", arguments: hostile.indices)
  func refused(index: Int) throws {
    let (name, bytes, fault) = Self.hostile[index]
    let folder = try TemporaryFolder()
    let path = try folder.put("w.npy", bytes)
    let alone = #expect(throws: NumPyError.self, "\(name)") { try NumPyFile(path: path) }
    #expect(alone?.fault == fault, "\(name)")
    let archive = HandMadeZip(.init("w.npy", bytes), .init(deflating: bytes, "v.npy"))
    for first in [0, 1] {
      var archive = archive
      archive.entries = [archive.entries[first]]
      let path = try folder.put("w.npz", archive.bytes)
      let member = #expect(throws: NumPyError.self, "\(name)") { try NumPyFile(path: path) }
      #expect(member == NumPyError(path: path, array: first == 0 ? "w" : "v", fault), "\(name)")
    }
  }

  @Test("an array of an archive that is there twice, or damaged, is refused")
  func damagedArchives() throws {
    let folder = try TemporaryFolder()
    let sound = Self.npy(Self.header("()"))
    var twice = HandMadeZip(.init("w.npy", sound), .init("w.npy", sound))
    let path = try folder.write("x.npz", twice.bytes)
    #expect(throws: ZipError(path: path, .duplicateName(entry: "w.npy"))) { try NumPyFile(path: path) }
    twice.entries.removeLast()
    twice.entries[0].data[sound.count - 1] ^= 1
    try folder.write("x.npz", twice.bytes)
    let file = try NumPyFile(path: path)
    #expect(throws: ZipError.self) { try file.bytes(of: "w") }
    #expect(file.mappedBytes(of: "w") == nil)
  }

  @Test(
    "no change of some bytes does worse than an error",
    arguments: ["savez.npz", "fortran.npz", "matrix.npy", "big_endian.npz"])
  func mutations(name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = try FileSystem.read(fixture("numpy/\(name)"))
    var generator = SeededGenerator(seed: 11)
    for round in 0..<300 {
      var changed = bytes
      // Every other time in the first header, where a change is felt.
      let range = round % 2 == 0 ? 0..<bytes.count : 0..<min(160, bytes.count)
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: range, using: &generator)
        changed[place] =
          Array("0123456789(),:'{}LTF<>|\u{0}\u{7F}".utf8).randomElement(using: &generator) ?? 0
      }
      guard let file = try? NumPyFile(path: folder.put(name, changed)) else { continue }
      for info in file.tensors { _ = try? file.withBytes(of: info.name) { $0.byteCount } }
    }
  }
}

@Suite("writing NumPy files")
struct NumPyWriterTests {
  @Test("arrays are byte for byte those NumPy writes, and begin at multiples of 64 bytes")
  func sameBytes() throws {
    let folder = try TemporaryFolder()
    for name in ["savez", "bfloat16"] {
      let source = try NumPyFile(path: fixture("numpy/\(name).npz"))
      try NumPyWriter.writeNPZ(source, to: folder("x.npz"), overwriting: true)
      let theirs = try ZipArchive(MappedFile(path: fixture("numpy/\(name).npz")))
      let ours = try ZipArchive(MappedFile(path: folder("x.npz")))
      #expect(ours.entries.map(\.name) == theirs.entries.map(\.name))
      for (our, their) in zip(ours.entries, theirs.entries) where their.name != "bf fortran.npy" {
        #expect(try ours.bytes(of: our, limit: 1000) == theirs.bytes(of: their, limit: 1000), "\(our.name)")
        #expect(our.dataRange.lowerBound % 64 == 0)
      }
      let again = try NumPyFile(path: folder("x.npz"))
      #expect(again.tensors == source.tensors)
      for info in source.tensors { #expect(try again.bytes(of: info.name) == source.bytes(of: info.name)) }
    }
    let matrix = try NumPyFile(path: fixture("numpy/matrix.npy"))
    try NumPyWriter.writeNPY(matrix.tensors[0], to: folder("x.npy")) { info, sink in
      try matrix.withBytes(of: info.name, sink)
    }
    #expect(try FileSystem.read(folder("x.npy")) == FileSystem.read(fixture("numpy/matrix.npy")))
  }

  @Test(
    "what NumPy cannot hold is refused before anything is written",
    arguments: [
      (
        [TensorInfo(name: "a", elementType: .float8E4M3, shape: [1])],
        NumPyError.Fault.inexpressible(.float8E4M3)
      ),
      ([TensorInfo(name: "a", elementType: .float4, shape: [2])], .inexpressible(.float4)),
      ([TensorInfo(name: "a", elementType: .uint8, shape: [-1])], .negativeDimension([-1])),
      ([TensorInfo(name: "a", elementType: .uint8, shape: [.max, 2])], .shapeOverflow([.max, 2])),
      (
        [TensorInfo(name: "a", elementType: .uint8, shape: Array(repeating: 1, count: 65))],
        .tooManyDimensions(65, limit: 64)
      ),
      (Array(repeating: TensorInfo(name: "a", elementType: .uint8, shape: [1]), count: 2), .duplicateName),
      ([TensorInfo(name: "a\u{0}", elementType: .uint8, shape: [1])], .invalidName),
      (
        [TensorInfo(name: "a", elementType: .uint8, shape: [1])],
        .wrongProducedByteCount(expected: 1, found: 2)
      ),
      (
        [TensorInfo(name: "a", elementType: .uint8, shape: [3])],
        .wrongProducedByteCount(expected: 3, found: 2)
      ),
    ])
  func refused(tensors: [TensorInfo], fault: NumPyError.Fault) throws {
    let folder = try TemporaryFolder()
    let error = NumPyError(path: folder("x"), array: tensors[0].name, fault)
    #expect(throws: error) {
      try NumPyWriter.writeNPZ(tensors, to: folder("x")) { try $1(([1, 2] as [UInt8]).span.bytes) }
    }
    if tensors.count == 1, fault != .invalidName {
      #expect(throws: error) {
        try NumPyWriter.writeNPY(tensors[0], to: folder("x")) { try $1(([1, 2] as [UInt8]).span.bytes) }
      }
    }
    #expect(try FileSystem.list(folder.path) == [])
    try folder.write("x", [1])
    #expect(throws: NumPyError(path: folder("x"), .destinationExists)) {
      try NumPyWriter.writeNPZ([], to: folder("x")) { _, _ in }
    }
  }
}
