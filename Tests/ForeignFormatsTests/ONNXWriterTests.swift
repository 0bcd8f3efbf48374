import ForeignFormats
import ModelFiles
import Testing

@Suite("writing ONNX files")
struct ONNXWriterTests {
  /// The graph of `Tools/oracle/onnx_graph.py`.
  static let model: ONNXModel = {
    func floats(_ values: [Float], _ shape: [Int]) -> ONNXGraph.Constant {
      let bytes = values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
      return ONNXGraph.Constant(elementType: .float32, shape: shape, bytes: bytes)
    }
    var graph = ONNXGraph(name: "graph")
    func add(
      _ operation: String, _ name: String, _ inputs: [String], _ output: String,
      _ attributes: ONNXGraph.Attribute...
    ) {
      graph.nodes.append(
        .init(operation, name: name, inputs: inputs, outputs: [output], attributes: attributes))
    }
    add("Constant", "bias", [], "bias", .init("value", .tensor(floats([-1, 7], [2]))))
    add("Transpose", "transpose", ["weight"], "transposed", .init("perm", .ints([1, 0])))
    add("MatMul", "product", ["x", "transposed"], "product")
    add("Relu", "relu", ["product"], "relu")
    add("Mul", "scale", ["relu", "scalar"], "scaled")
    add("Add", "sum", ["scaled", "bias"], "sum")
    add("Constant", "limit", [], "limit", .init("value", .tensor(floats([100], []))))
    add("Clip", "clip", ["sum", "", "limit"], "y")
    add("Softmax", "shares", ["y"], "shares", .init("axis", .int(-1)))
    add("LeakyRelu", "leaky", ["shares"], "leaky", .init("alpha", .float(0.25)))
    add("Constant", "pads", [], "pads", .init("value", .tensor(.init([0, 1, 0, 0]))))
    add("Pad", "pad", ["leaky", "pads"], "z", .init("mode", .string("reflect")))
    graph.inputs = [.init("x", .float32, ["batch", 3])]
    graph.outputs = [.init("y", .float32, ["batch", 2]), .init("z", .float32, ["batch", 3])]
    graph.values = [.init("product", .float32, ["batch", 2])]
    graph.documentation = "what it computes"
    graph.initializers = [
      TensorInfo(name: "weight", elementType: .float32, shape: [2, 3]),
      TensorInfo(name: "empty", elementType: .float32, shape: [0, 3]),
      TensorInfo(name: "scalar", elementType: .float32, shape: []),
    ]
    for (name, type) in [
      ("FLOAT", .float32), ("FLOAT16", .float16), ("BFLOAT16", .bfloat16), ("DOUBLE", .float64),
      ("INT64", .int64), ("INT32", .int32), ("INT8", .int8), ("UINT8", .uint8), ("BOOL", .bool),
    ] as [(String, ElementType)] {
      graph.initializers.append(TensorInfo(name: "typed_" + name, elementType: type, shape: [3]))
    }
    return ONNXModel(
      graph: graph, producerVersion: "1.2", documentation: "what it is",
      metadata: [("architecture", "none"), ("é", "ü")])
  }()

  /// The bytes of a weight of ``model``.
  static func bytes(_ info: TensorInfo) -> [UInt8] {
    switch info.name {
    case "weight":
      (0..<6).flatMap { number in withUnsafeBytes(of: Float(number).bitPattern.littleEndian) { Array($0) } }
    case "scalar": [0, 0, 0, 0x3F]
    default: (0..<info.byteCount).map { UInt8($0 % (info.elementType == .bool ? 2 : 256)) }
    }
  }

  /// In pieces of one, two, … bytes.
  static func produce(_ info: TensorInfo, sink: SafetensorsWriter.Sink) throws {
    var rest = bytes(info)[...]
    var count = 1
    while !rest.isEmpty {
      try sink(Array(rest.prefix(count)).span.bytes)
      rest = rest.dropFirst(count)
      count += 1
    }
  }

  @Test("a file has the bytes that onnx itself writes")
  func referenceBytes() throws {
    let folder = try TemporaryFolder()
    let path = folder("graph.onnx")
    #expect(try ONNXWriter.write(Self.model, to: path, produce: Self.produce) == [path])
    #expect(try FileSystem.read(path) == FileSystem.read(fixture("onnx/graph.onnx")))
    #expect(try FileSystem.list(folder.path) == ["graph.onnx"])
  }

  @Test("weights in a file of their own lie at multiples of 4096, and the graph says where")
  func externalBytes() throws {
    let folder = try TemporaryFolder()
    let path = folder("graph_external.onnx")
    let written = try ONNXWriter.write(Self.model, to: path, externalData: .always, produce: Self.produce)
    #expect(written == [path, path + ".data"])
    #expect(try FileSystem.read(path) == FileSystem.read(fixture("onnx/graph_external.onnx")))
    var expected: [UInt8] = []
    for info in Self.model.graph.initializers where info.byteCount > 0 {
      expected += repeatElement(0, count: (4096 - expected.count % 4096) % 4096)
      expected += Self.bytes(info)
    }
    #expect(try FileSystem.read(path + ".data") == expected)
  }

  @Test("lengths of more than one byte are right, whatever the weights' sizes", arguments: [false, true])
  func parsedBack(isExternal: Bool) throws {
    var model = ONNXModel(graph: ONNXGraph(name: "sizes"))
    let sizes = [0, 1, 100, 127, 128, 5000, 16_383, 16_384, 70_000]
    model.graph.initializers = sizes.map { TensorInfo(name: "w\($0)", elementType: .uint8, shape: [$0]) }
    model.graph.outputs = [.init("w1", .uint8, [1])]
    let folder = try TemporaryFolder()
    try ONNXWriter.write(model, to: folder("m"), externalData: isExternal ? .always : .never) { info, sink in
      try sink([UInt8](repeating: UInt8(info.shape[0] % 251), count: info.shape[0]).span.bytes)
    }
    let data = isExternal ? try FileSystem.read(folder("m.data")) : []
    let parsed = try #require(WireMessage(FileSystem.read(folder("m"))))
    let graph = try #require(parsed.messages(7).first)
    let tensors = graph.messages(5)
    #expect(tensors.map { $0.text(8) } == sizes.map { "w\($0)" })
    for (tensor, size) in zip(tensors, sizes) {
      #expect(tensor.numbers(1) == [size])
      #expect(tensor.numbers(2) == [2])
      var bytes = tensor.bytes(9).first
      if isExternal && size > 0 {
        let entries = tensor.messages(13).map { ($0.text(1) ?? "", $0.text(2) ?? "") }
        let place = Dictionary(entries, uniquingKeysWith: { first, _ in first })
        #expect(tensor.numbers(14) == [1] && bytes == nil && place["location"] == "m.data")
        let start = try #require(place["offset"].flatMap { Int($0) })
        #expect(start % 4096 == 0 && place["length"] == "\(size)")
        bytes = Array(data[start..<start + size])
      }
      #expect(bytes == [UInt8](repeating: UInt8(size % 251), count: size))
    }
  }

  @Test("weights go into a file of their own where the file would be too long, and only there")
  func limit() throws {
    let folder = try TemporaryFolder()
    var model = Self.model
    model.graph.initializers.append(TensorInfo(name: "large", elementType: .uint8, shape: [5000]))
    try ONNXWriter.write(model, to: folder("m"), externalData: .never, produce: Self.produce)
    let length = try #require(FileSystem.byteCount(of: folder("m")))
    for (limit, count) in [(length, 1), (length - 1, 2)] {
      let written = try ONNXWriter.write(
        model, to: folder("m"), overwriting: true, messageLimit: limit, produce: Self.produce)
      #expect(written.count == count)
    }
    #expect(throws: ONNXError(path: folder("n"), .messageTooLong(byteCount: length, limit: length - 1))) {
      try ONNXWriter.write(
        model, to: folder("n"), externalData: .never, messageLimit: length - 1, produce: Self.produce)
    }
  }

  static let faults: [(ONNXError.Fault, @Sendable (inout ONNXModel) -> Void)] = [
    (
      .unsupportedElementType(name: "w", .float8E5M2),
      { $0.graph.initializers.append(TensorInfo(name: "w", elementType: .float8E5M2, shape: [1])) }
    ),
    (
      .negativeDimension(name: "w", shape: [2, -1]),
      { $0.graph.initializers.append(TensorInfo(name: "w", elementType: .float32, shape: [2, -1])) }
    ),
    (
      .shapeOverflow(name: "w", shape: [1 << 40, 0, 1 << 40]),
      {
        let shape = [1 << 40, 0, 1 << 40]
        $0.graph.initializers.append(TensorInfo(name: "w", elementType: .float32, shape: shape))
      }
    ),
    (
      .shapeOverflow(name: "v", shape: [1 << 61]),
      {
        for name in ["w", "v"] {
          $0.graph.initializers.append(TensorInfo(name: name, elementType: .uint8, shape: [1 << 61]))
        }
      }
    ),
    (
      .duplicateName("x"),
      { $0.graph.initializers.append(TensorInfo(name: "x", elementType: .bool, shape: [])) }
    ),
    (.duplicateName("y"), { $0.graph.nodes.append(.init("Relu", inputs: ["x"], outputs: ["y"])) }),
    (
      .undefinedValue("nothing", user: "Relu"),
      { $0.graph.nodes.append(.init("Relu", inputs: ["nothing"], outputs: ["q"])) }
    ),
    (.undefinedValue("x", user: "product"), { $0.graph.inputs = [] }),
    (.undefinedValue("q", user: nil), { $0.graph.outputs.append(.init("q", .float32, [])) }),
    (.duplicateMetadataKey("é"), { $0.metadata.append(("é", "")) }),
    (
      .wrongByteCount(name: "value", expected: 8, found: 3),
      {
        let constant = ONNXGraph.Constant(elementType: .float32, shape: [2], bytes: [1, 2, 3])
        $0.graph.nodes.append(
          .init("Constant", inputs: [], outputs: ["q"], attributes: [.init("value", .tensor(constant))]))
      }
    ),
    (
      .unsupportedElementType(name: "q", .float4),
      { $0.graph.values.append(.init("q", .float4, [])) }
    ),
    (.negativeDimension(name: "q", shape: [-2]), { $0.graph.values.append(.init("q", .bool, [.size(-2)])) }),
  ]

  @Test("a graph that does not hold together is refused, and nothing is written", arguments: faults.indices)
  func refused(index: Int) throws {
    let (fault, change) = Self.faults[index]
    var model = Self.model
    change(&model)
    let folder = try TemporaryFolder()
    #expect(throws: ONNXError(path: folder("m"), fault)) {
      try ONNXWriter.write(model, to: folder("m"), produce: Self.produce)
    }
    #expect(try FileSystem.list(folder.path).isEmpty)
  }

  @Test(
    "too few or too many bytes for a weight are an error, and nothing is written",
    arguments: [23, 25], [ONNXWriter.ExternalData.never, .always])
  func wrongByteCount(count: Int, externalData: ONNXWriter.ExternalData) throws {
    let folder = try TemporaryFolder()
    #expect(throws: ONNXError(path: folder("m"), .wrongByteCount(name: "weight", expected: 24, found: count)))
    {
      try ONNXWriter.write(Self.model, to: folder("m"), externalData: externalData) { _, sink in
        try sink([UInt8](repeating: 0, count: count).span.bytes)
      }
    }
    #expect(try FileSystem.list(folder.path).isEmpty)
  }

  @Test("neither file is replaced unless that is asked for")
  func overwriting() throws {
    let folder = try TemporaryFolder()
    try folder.write("m.data", [1])
    #expect(throws: ONNXError(path: folder("m.data"), .destinationExists)) {
      try ONNXWriter.write(Self.model, to: folder("m"), externalData: .always, produce: Self.produce)
    }
    try ONNXWriter.write(Self.model, to: folder("m"), produce: Self.produce)
    #expect(try FileSystem.read(folder("m.data")) == [1])
    #expect(throws: ONNXError(path: folder("m"), .destinationExists)) {
      try ONNXWriter.write(Self.model, to: folder("m"), produce: Self.produce)
    }
    try ONNXWriter.write(
      Self.model, to: folder("m"), overwriting: true, externalData: .always, produce: Self.produce)
    #expect(FileSystem.byteCount(of: folder("m.data")) != 1)
    #expect(try FileSystem.list(folder.path) == ["m", "m.data"])
  }
}
