import ForeignFormats
import Foundation
import ModelFiles
import Testing

@Suite("the pickle machine")
struct PickleMachineTests {
  typealias Fault = PickleError.Fault

  static let refused: [(name: String, bytes: [UInt8], offset: Int, fault: Fault)] = [
    ("nothing", [], 0, .missingStop),
    ("no STOP", [0x80, 2, 0x4E], 3, .missingStop),
    ("STOP of nothing", [0x80, 2, 0x2E], 2, .stackUnderflow),
    ("STOP with two values", [0x80, 2, 0x4E, 0x4E, 0x2E], 4, .valuesLeft(1)),
    ("STOP below a mark", [0x80, 2, 0x4E, 0x28, 0x2E], 4, .valuesLeft(1)),
    ("bytes after STOP", [0x80, 2, 0x4E, 0x2E, 1, 2], 4, .bytesAfterStop(2)),
    ("PROTO twice", [0x80, 2, 0x80, 2, 0x4E, 0x2E], 2, .misplacedProtocol),
    ("a byte that is no operation", [0x80, 2, 0xFF], 2, .unknownOpcode(0xFF)),
    // What torch's restricted unpickler does not read either.
    ("POP", [0x80, 2, 0x4E, 0x30], 3, .unsupportedOpcode("POP")),
    ("DUP", [0x80, 2, 0x4E, 0x32], 3, .unsupportedOpcode("DUP")),
    ("INST", Array("\u{28}ios\nsystem\n.".utf8), 1, .unsupportedOpcode("INST")),
    ("OBJ", [0x28, 0x6F], 1, .unsupportedOpcode("OBJ")),
    ("EXT1", [0x80, 2, 0x82, 1], 2, .unsupportedOpcode("EXT1")),
    ("STACK_GLOBAL", [0x80, 4, 0x93], 2, .unsupportedOpcode("STACK_GLOBAL")),
    ("FRAME", [0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0], 2, .unsupportedOpcode("FRAME")),
    ("MEMOIZE", [0x80, 4, 0x5D, 0x94, 0x2E], 3, .unsupportedOpcode("MEMOIZE")),
    ("SHORT_BINUNICODE", [0x80, 4, 0x8C, 1, 0x61], 2, .unsupportedOpcode("SHORT_BINUNICODE")),
    ("text INT", Array("I1\n.".utf8), 0, .unsupportedOpcode("INT")),
    ("LONG4", [0x8B, 1, 0, 0, 0, 1, 0x2E], 0, .unsupportedOpcode("LONG4")),
    ("PERSID", Array("P0\n.".utf8), 0, .unsupportedOpcode("PERSID")),
    // The stack and the memo
    ("TUPLE1 of nothing", [0x85], 0, .stackUnderflow),
    ("TUPLE3 of two", [0x4E, 0x4E, 0x87], 2, .stackUnderflow),
    ("TUPLE1 across a mark", [0x4E, 0x28, 0x85], 2, .stackUnderflow),
    ("TUPLE without a mark", [0x4E, 0x74], 1, .missingMark),
    ("REDUCE of one", [0x29, 0x52], 1, .stackUnderflow),
    ("BUILD of one", [0x4E, 0x62], 1, .stackUnderflow),
    ("BINPERSID of nothing", [0x51], 0, .stackUnderflow),
    ("BINPUT of nothing", [0x71, 0], 0, .stackUnderflow),
    ("an unset memo", [0x68, 7], 0, .unsetMemo(7)),
    ("the last memo", [0x6A, 0xFF, 0xFF, 0xFF, 0xFF], 0, .unsetMemo(.max)),
    ("APPEND to a dict", [0x7D, 0x4E, 0x61], 2, .wrongOperand(expected: "a list", found: "a dict")),
    ("APPENDS to nothing", [0x28, 0x4E, 0x65], 2, .stackUnderflow),
    ("SETITEM of a list", [0x5D, 0x4E, 0x4E, 0x73], 3, .wrongOperand(expected: "a dict", found: "a list")),
    (
      "SETITEMS of a call",
      PickleBytes.tensor([0x4E]) + [0x28, 0x4E, 0x4E, 0x75], PickleBytes.tensor([0x4E]).count + 3,
      .wrongOperand(expected: "a dict", found: "an object")
    ),
    ("SETITEMS of a key", [0x7D, 0x28, 0x4E, 0x75], 3, .keyWithoutValue),
    ("REDUCE of None", [0x4E, 0x29, 0x52], 2, .wrongOperand(expected: "a global", found: "None")),
    (
      "REDUCE with a list", Array("ctorch\nSize\n]R".utf8), 13,
      .wrongOperand(expected: "a tuple", found: "a list")
    ),
    // Lengths
    (
      "4 GiB of text", [0x58, 0xFF, 0xFF, 0xFF, 0xFF, 0x61], 0,
      .lengthBeyondInput(needed: 0xFFFF_FFFF, available: 1)
    ),
    ("LONG1 of 255 bytes", [0x8A, 255, 1], 0, .lengthBeyondInput(needed: 255, available: 1)),
    ("half a float", [0x47, 0, 0], 0, .lengthBeyondInput(needed: 8, available: 2)),
    ("half an integer", [0x4A, 0, 0], 0, .lengthBeyondInput(needed: 4, available: 2)),
    ("text that is not UTF-8", [0x58, 1, 0, 0, 0, 0xFF, 0x2E], 0, .invalidText),
    ("a global without end", Array("ctorch".utf8), 0, .missingStop),
    ("a global that is not UTF-8", [0x63, 0xFF, 0x0A, 0x0A], 0, .invalidText),
  ]

  @Test("what is no pickle of weights is refused, with the place", arguments: refused.indices)
  func refusals(index: Int) {
    let (name, bytes, offset, fault) = Self.refused[index]
    #expect(throws: PickleError(at: offset, fault), "\(name)") {
      try PickleMachine.read(bytes)
    }
  }

  static let forbidden: [(String, String)] = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("builtins", "eval"), ("__builtin__", "eval"),
    ("builtins", "getattr"), ("sys", "exit"), ("subprocess", "Popen"), ("torch", "load"),
    ("torch.hub", "load"),
    ("torch.serialization", "load"), ("torch.storage", "_load_from_bytes"),
    ("torch._utils", "_rebuild_nested"),
    ("torch.nn.parameter", "Buffer"), ("collections", "defaultdict"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("torch.os", "system"), ("os.path", "join"), ("torch._utils.os", "system"),
    ("collections.OrderedDict", "pop"),
    ("torch", "FloatStorage.__reduce__"), ("torch", "\u{212A}"), ("", ""), ("torch", ""),
  ]

  @Test("only names on the list of torch are taken, and by their whole name", arguments: forbidden)
  func globals(module: String, name: String) {
    let bytes = PickleBytes.whole(PickleBytes.global(module, name))
    let full = (module == "__builtin__" ? "builtins" : module) + "." + name
    #expect(throws: PickleError(at: 2, .forbiddenGlobal(full))) {
      try PickleMachine.read(bytes)
    }
  }

  @Test("every operation outside the 34 is refused by its name")
  func grammar() {
    #expect(PickleOpcode.allCases.count == 68)
    #expect(PickleOpcode.allCases.count { $0.isRead } == 34)
    for operation in PickleOpcode.allCases where !operation.isRead {
      #expect(throws: PickleError(at: 0, .unsupportedOpcode(operation.name))) {
        try PickleMachine.read([operation.rawValue] + Array(repeating: 0, count: 16))
      }
    }
  }

  @Test("integers of every width are what Python wrote")
  func integers() throws {
    let cases: [([UInt8], Int)] = [
      ([0x4B, 255], 255), ([0x4D, 0xFF, 0xFF], 65535), ([0x4A, 0xFF, 0xFF, 0xFF, 0xFF], -1), ([0x8A, 0], 0),
      ([0x8A, 1, 0xFF], -1), ([0x8A, 2, 0x00, 0x80], -32768), ([0x8A, 5, 0, 0, 0, 0, 1], 1 << 32),
      (PickleBytes.integer(.min), .min), (PickleBytes.integer(.max), .max),
    ]
    for (bytes, expected) in cases {
      let graph = try PickleMachine.read(PickleBytes.whole(bytes))
      #expect(graph.integer(graph.root) == expected)
    }
    let long = try PickleMachine.read([0x8A, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x2E])
    #expect(long.integer(long.root) == nil && long[long.root].kind == "an int")
  }

  @Test("a tuple doubled sixty times is sixty values")
  func expansion() throws {
    // Every round leaves its tuple on the stack; a tuple of all of them is the result.
    var bytes: [UInt8] = [0x80, 2, 0x28, 0x29, 0x71, 0]
    for _ in 0..<60 { bytes += [0x68, 0, 0x68, 0, 0x86, 0x71, 0] }
    bytes += [0x74, 0x2E]
    let graph = try PickleMachine.read(bytes)
    #expect(graph.count < 100)

    let folder = try TemporaryFolder()
    let path = try folder.archive(bytes, storages: [:])
    #expect(throws: PyTorchError.self) { try PyTorchFile(path: path) }
  }

  @Test("dictionaries that hold one another without end are refused, and quickly")
  func cycles() throws {
    let folder = try TemporaryFolder()
    // d = {}; d['a'] = d, and a list that holds itself a thousand times.
    let dictionary = try folder.archive(
      PickleBytes.whole([0x7D, 0x71, 0] + PickleBytes.text("a") + [0x68, 0, 0x73]), storages: [:])
    let error = #expect(throws: PyTorchError.self) { try PyTorchFile(path: dictionary) }
    guard case .nestedTooDeep(_, limit: 64) = error?.fault else {
      Issue.record("\(String(describing: error))"); return
    }
    var list: [UInt8] = [0x5D, 0x71, 0, 0x28]
    for _ in 0..<1000 { list += [0x68, 0] }
    let path = try folder.archive(PickleBytes.whole(list + [0x65]), storages: [:])
    #expect(throws: PyTorchError.self) { try PyTorchFile(path: path) }
    // Forty dictionaries, each of which holds the next one twice.
    var tower: [UInt8] = [0x80, 2, 0x7D, 0x71, 0]
    for _ in 0..<40 {
      let (first, second) = (PickleBytes.text("a"), PickleBytes.text("b"))
      let inner = Array(tower.dropFirst(2))
      tower = [[0x80, 2, 0x7D, 0x28], first, inner, second, [0x68, 0, 0x75, 0x71, 0]].flatMap { $0 }
    }
    let twice = try folder.archive(tower + [0x2E], storages: [:])
    let tooMany = #expect(throws: PyTorchError.self) { try PyTorchFile(path: twice) }
    guard case .expansionLimit = tooMany?.fault else {
      Issue.record("\(String(describing: tooMany))")
      return
    }
  }

  // MARK: Listing globals

  @Test(
    "the globals of an object's pickle are listed, as pickletools lists them, and the object is not opened")
  func listing() throws {
    let expected = try JSONValue(path: fixture("pytorch/expected.json"))
    for name in ["training_args.bin", "protocol4.pkl"] {
      let globals = try PickleGlobals.list(path: fixture("pytorch/" + name))
      #expect(globals.names == expected[name]?["globals"]?.arrayValue?.compactMap(\.stringValue))
      #expect(globals.pickles.allSatisfy { $0.fault == nil })
    }
    let bare = try PickleGlobals.list(path: fixture("pytorch/protocol4.pkl"))
    #expect(bare.forbiddenNames == ["builtins.eval"])
    #expect(bare.pickles.first?.globals.map(\.operation) == ["STACK_GLOBAL", "STACK_GLOBAL"])
    for name in ["new.bin", "legacy.bin", "tar.bin"] {
      let listed = try PickleGlobals.list(path: fixture("pytorch/" + name))
      #expect(
        !listed.names.isEmpty && listed.forbiddenNames.isEmpty
          && listed.pickles.allSatisfy { $0.fault == nil })
    }
    let error = #expect(throws: PyTorchError.self) {
      try PyTorchFile(path: fixture("pytorch/training_args.bin"))
    }
    guard case .pickle("data.pkl", let pickle)? = error?.fault else { Issue.record("no fault"); return }
    #expect(pickle.fault == .forbiddenGlobal("transformers.training_args.TrainingArguments"))
  }

  /// Bytes as the characters of Latin-1.
  private static func latin(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

  static let hidden: [(name: String, bytes: [UInt8], globals: [String], isWhole: Bool)] = [
    ("broken behind the call", latin("cos\nsystem\n(U\u{2}lstR\u{7F}"), ["os.system"], false),
    ("INST", latin("(U\u{2}lsios\nsystem\n."), ["os.system"], true),
    (
      "STACK_GLOBAL from the memo",
      latin("\u{80}\u{4}\u{8C}\u{2}os\u{94}\u{8C}\u{6}system\u{94}00h\u{0}h\u{1}\u{93}."), ["os.system"], true
    ),
    ("STACK_GLOBAL of what cannot be told", latin("\u{80}\u{4}N\u{8C}\u{1}x\u{93}."), ["?.x"], true),
    (
      "names among other values",
      latin("\u{80}\u{4}\u{8C}\u{2}osK\u{1}0\u{8C}\u{6}system(\u{8C}\u{1}y1\u{93}."),
      ["os.system"], true
    ),
    ("an extension", latin("\u{80}\u{2}\u{82}\u{7}."), ["copyreg.extension 7"], true),
    ("text strings", latin("S'os'\nS'system'\n\u{93}."), ["os.system"], true),
  ]

  @Test("names are found however they are hidden, up to where a pickle breaks", arguments: hidden.indices)
  func hiding(index: Int) throws {
    let (name, bytes, globals, isWhole) = Self.hidden[index]
    let folder = try TemporaryFolder()
    let path = try folder.archive(bytes, storages: [:])
    let found = try PickleGlobals.list(path: path)
    #expect(found.names == globals && found.forbiddenNames == globals, "\(name)")
    #expect((found.pickles.first?.fault == nil) == isWhole, "\(name)")
  }
}
