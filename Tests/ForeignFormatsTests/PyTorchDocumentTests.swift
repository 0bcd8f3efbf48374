import ForeignFormats
import ModelFiles
import Testing

@Suite("whole values of torch.save")
struct PyTorchDocumentTests {
  private static let value = PyTorchValue.dictionary([
    "none": .none, "yes": .bool(true), "no": .bool(false),
    "integers": .tuple([-1, 0, 255, 256, 65_536, 4_294_967_295, -1 << 40].map { .integer($0) }),
    "floats": .list([.float(2e-5), .float(-.infinity)]), "text": .text("größe"), "empty": .tuple([]),
    "none of it": .list([]), "bytes": .bytes([0, 127, 128, 255]),
    "nested": .dictionary([.init(.integer(7), .dictionary([.init(.text("a"), .text("text"))]))]),
    "tensor": .tensor(TensorInfo(name: "tensor", elementType: .float32, shape: [2, 3])),
    "scalar": .tensor(TensorInfo(name: "scalar", elementType: .float32, shape: [])),
    "array": .array(
      TensorInfo(name: "array", elementType: .uint32, shape: [2]), [1, 0, 0, 0, 255, 255, 255, 255]),
  ])

  private static func bytes(of info: TensorInfo) -> [UInt8] {
    (0..<info.byteCount).map { UInt8(truncatingIfNeeded: $0 * 31 + 5) }
  }

  @Test("are read as they were written", arguments: ["numpy._core", "numpy.core"])
  func roundTrip(core: String) throws {
    let path = try TemporaryFolder()("state.pt")
    try FileSystem.createFolder(FileSystem.parent(of: path))
    try PyTorchWriter.write(Self.value, numPyCore: core, to: path) { info, sink in
      try sink(Self.bytes(of: info).span.bytes)
    }
    let document = try PyTorchDocument(path: path)
    #expect(document.root == Self.value)
    for name in ["tensor", "scalar"] {
      let info = try #require(document.root[name]?.tensorValue)
      #expect(try document.bytes(of: name) == Self.bytes(of: info))
    }
    #expect(throws: PyTorchError(path: path, .destinationExists)) {
      try PyTorchWriter.write(.none, to: path)
    }
    try FileSystem.removeTree(FileSystem.parent(of: path))
  }

  @Test("of Trainer give their parts", arguments: [5, 4])
  func trainer(version: Int) throws {
    let folder = fixture("trainer/checkpoint-\(version)/")
    let optimizer = try PyTorchDocument(path: folder + "optimizer.pt")
    let groups = try #require(optimizer.root["param_groups"]?.elements)
    #expect(groups.map { $0["weight_decay"]?.doubleValue } == [0.1, 0])
    #expect(groups[0]["betas"] == .tuple([.float(0.9), .float(0.999)]))
    #expect(optimizer.root["state"]?[0]?["exp_avg"]?.tensorValue?.name == "state.0.exp_avg")
    let scheduler = try PyTorchDocument(path: folder + "scheduler.pt")
    #expect(scheduler.root["last_epoch"] == .integer(4))
    let random = try PyTorchDocument(path: folder + "rng_state.pth")
    #expect(random.root["python"]?.elements?[1].elements?.count == 625)
    guard case .array(let info, let bytes)? = random.root["numpy"]?.elements?[1] else {
      Issue.record("NumPy's state is \(String(describing: random.root["numpy"]))")
      return
    }
    #expect(info.elementType == .uint32 && info.shape == [624] && bytes.count == 2496)
    #expect(random.root["cpu"]?.tensorValue?.elementCount == 5056)
  }

  @Test("that name what could be called are refused")
  func forbidden() throws {
    let error = #expect(throws: PyTorchError.self) {
      try PyTorchDocument(path: fixture("pytorch/training_args.bin"))
    }
    guard case .pickle(_, let fault)? = error?.fault, case .forbiddenGlobal = fault.fault else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("that repeat themselves, or have no end, are refused")
  func hostile() throws {
    let folder = try TemporaryFolder()
    // A tuple of two, remembered and doubled forty times.
    var doubled: [UInt8] = [0x80, 2, 0x29]
    for number in 0..<UInt8(40) { doubled += [0x71, number, 0x68, number, 0x86] }
    // A list that holds itself.
    let cycle: [UInt8] = [0x80, 2, 0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E]
    for (name, pickle) in [("doubled", doubled + [0x2E]), ("cycle", cycle)] {
      var zip = try ZipWriter(replacing: folder(name))
      for (entry, bytes) in [("data.pkl", pickle), ("version", Array("3\n".utf8))] {
        try zip.add(name: "a/\(entry)", byteCount: bytes.count, alignment: 64) { try $0(bytes.span.bytes) }
      }
      try zip.commit()
      let error = #expect(throws: PyTorchError.self) { try PyTorchDocument(path: folder(name)) }
      switch error?.fault {
      case .expansionLimit where name == "doubled", .nestedTooDeep: break
      default: Issue.record("\(name): \(String(describing: error))")
      }
    }
  }

  @Test("that are only read cannot be written, and nothing is left")
  func unwritable() throws {
    let folder = try TemporaryFolder()
    #expect(throws: PyTorchError(path: folder("x"), .unwritableValue("a set"))) {
      try PyTorchWriter.write(.list([.other("a set")]), to: folder("x"))
    }
    let info = TensorInfo(name: "a", elementType: .uint32, shape: [2])
    #expect(throws: PyTorchError(path: folder("x"), .wrongByteCount(name: "a", expected: 8, found: 3))) {
      try PyTorchWriter.write(.array(info, [1, 2, 3]), to: folder("x"))
    }
    #expect(!FileSystem.exists(folder("x")))
  }
}
