import ModelFiles

/// The plan of an ONNX file: its bytes but for the weights, and where each weight goes.
///
/// The lengths of nested messages stand before them, so all are computed before anything is written.
struct ONNXLayout {
  /// A weight.
  struct Tensor {
    var info: TensorInfo
    var byteCount: Int
    /// Its `TensorProto` within the graph, up to the weight's own bytes, or all of it when those are elsewhere.
    var frame: [UInt8]
    /// Where its bytes are in the other file; nil when they follow the frame.
    var externalOffset: Int?
  }

  /// Whether the weights go into a file of their own.
  let isExternal: Bool
  /// Everything before the weights.
  let head: [UInt8]
  let tensors: [Tensor]
  /// Everything after them.
  let tail: [UInt8]

  /// Weights in a file of their own lie at multiples of this, in bytes: that of a page, so that they can be mapped.
  static let alignment = 4096

  /// - Throws: a fault for a graph that does not hold together, types that ONNX does not have, shapes that cannot be,
  ///   and a file that would be too long.
  init(
    _ model: ONNXModel, dataName: String, _ externalData: ONNXWriter.ExternalData, messageLimit: Int
  ) throws(ONNXError.Fault) {
    let graph = model.graph
    try graph.check()
    for (index, entry) in model.metadata.enumerated()
    where model.metadata[..<index].contains(where: { $0.key.hasSameBytes(as: entry.key) }) {
      throw .duplicateMetadataKey(entry.key)
    }
    var byteCounts: [Int] = []
    var total = 0
    for info in graph.initializers {
      let byteCount = try byteCount(of: info)
      // With room for what is written beside it.
      let (sum, overflow) = total.addingReportingOverflow(byteCount)
      guard !overflow, sum < Int.max / 2 else { throw .shapeOverflow(name: info.name, shape: info.shape) }
      (byteCounts, total) = (byteCounts + [byteCount], sum)
    }

    let (nodes, rest) = (try graph.nodesMessage(), try graph.restMessage())
    let (start, end) = (model.startMessage, model.endMessage)
    func plan(external: Bool) -> (head: [UInt8], tensors: [Tensor], byteCount: Int) {
      let tensors = Self.tensors(graph.initializers, byteCounts, dataName: external ? dataName : nil)
      var graphByteCount = nodes.count + rest.count
      for tensor in tensors {
        graphByteCount += tensor.frame.count + (tensor.externalOffset == nil ? tensor.byteCount : 0)
      }
      var prefix = ProtobufEmitter()
      prefix.addPrefix(7, byteCount: graphByteCount)
      let head = start + prefix.bytes + nodes
      return (head, tensors, start.count + prefix.bytes.count + graphByteCount + end.count)
    }
    var planned = plan(external: externalData == .always)
    let inlineByteCount = planned.byteCount
    isExternal = externalData == .always || (externalData == .automatic && inlineByteCount > messageLimit)
    if isExternal && externalData == .automatic { planned = plan(external: true) }
    guard planned.byteCount <= messageLimit else {
      throw .messageTooLong(byteCount: planned.byteCount, limit: messageLimit)
    }
    (head, tensors, tail) = (planned.head, planned.tensors, rest + end)
  }

  /// - Parameter dataName: the name of the file the weights go into, or nil when they stay in this one.
  private static func tensors(_ infos: [TensorInfo], _ byteCounts: [Int], dataName: String?) -> [Tensor] {
    var end = 0
    return zip(infos, byteCounts).map { info, byteCount in
      // The name and the type were checked; nothing to refer to is there of an empty tensor.
      let offset = dataName == nil || byteCount == 0 ? nil : (end + alignment - 1) / alignment * alignment
      var message = ProtobufEmitter()
      message.add(1, info.shape)
      message.add(2, info.elementType.onnxCode ?? 0)
      message.add(8, info.name)
      if let dataName, let offset {
        for (key, value) in [
          ("location", dataName), ("offset", String(offset)), ("length", String(byteCount)),
        ] {
          message.addEntry(13, key, value)
        }
        message.add(14, 1)  // data_location: EXTERNAL
        end = offset + byteCount
      } else {
        message.addPrefix(9, byteCount: byteCount)
      }
      var frame = ProtobufEmitter()
      frame.addPrefix(5, byteCount: message.bytes.count + (offset == nil ? byteCount : 0))
      return Tensor(
        info: info, byteCount: byteCount, frame: frame.bytes + message.bytes, externalOffset: offset)
    }
  }
}

/// The bytes a tensor takes.
private func byteCount(of info: TensorInfo) throws(ONNXError.Fault) -> Int {
  guard info.elementType.onnxCode != nil else {
    throw .unsupportedElementType(name: info.name, info.elementType)
  }
  guard info.shape.allSatisfy({ $0 >= 0 }) else {
    throw .negativeDimension(name: info.name, shape: info.shape)
  }
  var count = info.elementType.bitWidth / 8
  // Sizes of zero left out, so that a shape with one is no way around the check.
  for size in info.shape where size > 0 {
    let (product, overflow) = count.multipliedReportingOverflow(by: size)
    if overflow { throw .shapeOverflow(name: info.name, shape: info.shape) }
    count = product
  }
  return info.shape.contains(0) ? 0 : count
}

// MARK: - The messages of onnx.proto; the numbers are those of its fields

extension ProtobufEmitter {
  /// A `StringStringEntryProto`.
  fileprivate mutating func addEntry(_ field: Int, _ key: String, _ value: String) {
    add(field) {
      $0.add(1, key)
      $0.add(2, value)
    }
  }
}

extension ONNXModel {
  /// The fields of `ModelProto` before the graph.
  fileprivate var startMessage: [UInt8] {
    var message = ProtobufEmitter()
    message.add(1, irVersion)
    message.addUnlessEmpty(2, producerName)
    message.addUnlessEmpty(3, producerVersion)
    message.addUnlessEmpty(6, documentation)
    return message.bytes
  }

  /// The fields after it.
  fileprivate var endMessage: [UInt8] {
    var message = ProtobufEmitter()
    message.add(8) {
      $0.add(1, "")  // the domain of the standard operators
      $0.add(2, opsetVersion)
    }
    for (key, value) in metadata { message.addEntry(14, key, value) }
    return message.bytes
  }
}

extension ONNXGraph {
  /// The fields of `GraphProto` before the weights.
  fileprivate func nodesMessage() throws(ONNXError.Fault) -> [UInt8] {
    var message = ProtobufEmitter()
    for node in nodes { message.add(1, try node.message()) }
    message.add(2, name)
    return message.bytes
  }

  /// The fields after them.
  fileprivate func restMessage() throws(ONNXError.Fault) -> [UInt8] {
    var message = ProtobufEmitter()
    message.addUnlessEmpty(10, documentation)
    for (field, values) in [(11, inputs), (12, outputs), (13, values)] {
      for value in values { message.add(field, try value.message()) }
    }
    return message.bytes
  }
}

extension ONNXGraph.Node {
  fileprivate func message() throws(ONNXError.Fault) -> [UInt8] {
    var message = ProtobufEmitter()
    for input in inputs { message.add(1, input) }
    for output in outputs { message.add(2, output) }
    message.addUnlessEmpty(3, name)
    message.add(4, operation)
    for attribute in attributes { message.add(5, try attribute.message()) }
    return message.bytes
  }
}

extension ONNXGraph.Attribute {
  fileprivate func message() throws(ONNXError.Fault) -> [UInt8] {
    var message = ProtobufEmitter()
    message.add(1, name)
    let type: Int
    switch value {
    case .float(let value):
      message.add(2, value)
      type = 1
    case .int(let value):
      message.add(3, value)
      type = 2
    case .string(let value):
      message.add(4, value)
      type = 3
    case .tensor(let value):
      message.add(5, try value.message(name: name))
      type = 4
    case .ints(let values):
      message.add(8, values)
      type = 7
    }
    message.add(20, type)
    return message.bytes
  }
}

extension ONNXGraph.Constant {
  fileprivate func message(name: String) throws(ONNXError.Fault) -> [UInt8] {
    let expected = try byteCount(of: TensorInfo(name: name, elementType: elementType, shape: shape))
    guard bytes.count == expected else {
      throw .wrongByteCount(name: name, expected: expected, found: bytes.count)
    }
    var message = ProtobufEmitter()
    message.add(1, shape)
    message.add(2, elementType.onnxCode ?? 0)
    message.add(9, bytes)
    return message.bytes
  }
}

extension ONNXGraph.Value {
  fileprivate func message() throws(ONNXError.Fault) -> [UInt8] {
    guard let code = elementType.onnxCode else { throw .unsupportedElementType(name: name, elementType) }
    for case .size(let size) in shape where size < 0 {
      throw .negativeDimension(name: name, shape: [size])
    }
    var message = ProtobufEmitter()
    message.add(1, name)
    message.add(2) {  // TypeProto
      $0.add(1) {  // TypeProto.Tensor
        $0.add(1, code)
        $0.add(2) {  // TensorShapeProto
          for dimension in shape {
            $0.add(1) {
              switch dimension {
              case .size(let size): $0.add(1, size)
              case .symbol(let name): $0.add(2, name)
              }
            }
          }
        }
      }
    }
    return message.bytes
  }
}

// MARK: - Checks

extension ONNXGraph {
  /// That every value is made once, and before it is used.
  fileprivate func check() throws(ONNXError.Fault) {
    var made = ValueNames()
    for input in inputs { try made.insert(input.name) }
    for info in initializers { try made.insert(info.name) }
    for node in nodes {
      let user = node.name.isEmpty ? node.operation : node.name
      // An empty name leaves an optional argument out.
      for input in node.inputs where !input.isEmpty && !made.contains(input) {
        throw .undefinedValue(input, user: user)
      }
      for output in node.outputs where !output.isEmpty { try made.insert(output) }
    }
    for output in outputs where !made.contains(output.name) {
      throw .undefinedValue(output.name, user: nil)
    }
  }
}

/// A set of names, compared as UTF-8 bytes.
private struct ValueNames {
  private var names: [String] = []
  private var table = NameTable()

  mutating func insert(_ name: String) throws(ONNXError.Fault) {
    let hash = NameTable.hash(name)
    guard table.insert(hash: hash, isName: { [names] in names[$0].hasSameBytes(as: name) }) == nil else {
      throw .duplicateName(name)
    }
    names.append(name)
  }

  func contains(_ name: String) -> Bool {
    table.number(hash: NameTable.hash(name)) { names[$0].hasSameBytes(as: name) } != nil
  }
}
