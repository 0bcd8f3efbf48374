public import ModelFiles

/// A whole file of torch.save as a value: not only its tensors but what stands around them.
///
/// Nothing in the file can be called. Besides what torch allows in files it loads weights only from, NumPy's arrays are
/// read, as Trainer allows them in `rng_state.pth`. The elements of tensors are read when they are asked for, by the
/// tensor's name: the keys that lead to it, joined with dots, as in `state.0.exp_avg`.
///
/// **Limits.** Values nest at most 64 deep, and a value that is reached in many ways is counted each time: there are at
/// most as many as the pickle has bytes, and a few thousand.
public struct PyTorchDocument: StoredWeightSource {
  public let path: String
  public let root: PyTorchValue
  package let weights: StoredWeights

  /// - Throws: ``PyTorchError``; ``ZipError`` for a broken archive; `SystemError`.
  public init(path: String, access: FileAccess = .mapped) throws {
    let file = try MappedFile(path: path, access: access)
    let parts = try PyTorchParts(file, globals: PickleAllowList.numPyArrays)
    do throws(PyTorchError.Fault) {
      var reading = Reading(parts)
      root = try reading.value(of: parts.graph.root, name: "", depth: 0)
      do throws(StoredWeightsError) { weights = try StoredWeights(path: path, reading.stored) } catch {
        guard case .duplicateName(let name, _) = error.fault else { throw .duplicateKey("") }
        throw .duplicateKey(name)
      }
    } catch { throw PyTorchError(path: path, error) }
    self.path = path
  }
}

/// The walk through a pickle.
private struct Reading {
  private let graph: PickleGraph
  private let tensors: PyTorchTensors
  private(set) var stored: [StoredTensor] = []
  private var visits = 0
  private let visitLimit: Int

  init(_ parts: PyTorchParts) {
    graph = parts.graph
    tensors = PyTorchTensors(
      graph: parts.graph, references: parts.references, isBigEndian: parts.isBigEndian)
    visitLimit = parts.graph.bytes.count + 4096
  }

  private mutating func visit(_ name: String, _ count: Int = 1) throws(PyTorchError.Fault) {
    visits += count
    guard visits <= visitLimit else { throw .expansionLimit(name: name, limit: visitLimit) }
  }

  mutating func value(
    of node: PickleNode, name: String, depth: Int
  ) throws(PyTorchError.Fault) -> PyTorchValue {
    guard depth <= PyTorchContents.depthLimit else {
      throw .nestedTooDeep(name: name, limit: PyTorchContents.depthLimit)
    }
    try visit(name)
    switch graph[node] {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .float(let value): return .float(value)
    case .text(let slice):
      try visit(name, slice.range.count)
      return .text(graph.text(node) ?? "")
    case .bytes(let slice):
      try visit(name, slice.range.count)
      return .bytes(Array(graph.bytes[slice.range]))
    case .tuple: return .tuple(try values(node, name, depth))
    case .list: return .list(try values(node, name, depth))
    case .dictionary: return .dictionary(try entries(node, name, depth))
    case .call, .persistent: return try object(node, name)
    case .bigInteger, .symbol, .set: return .other(PickleText.preview(node, in: graph))
    }
  }

  private mutating func values(
    _ node: PickleNode, _ name: String, _ depth: Int
  ) throws(PyTorchError.Fault) -> [PyTorchValue] {
    // One more than may be visited, so that a longer one is noticed and costs no more than that.
    let nodes = graph.sequence(node, limit: visitLimit - visits + 1) ?? []
    var found: [PyTorchValue] = []
    for (index, node) in nodes.enumerated() {
      found.append(try value(of: node, name: joined(name, "\(index)"), depth: depth + 1))
    }
    return found
  }

  private mutating func entries(
    _ node: PickleNode, _ name: String, _ depth: Int
  ) throws(PyTorchError.Fault) -> [PyTorchValue.Entry] {
    let pairs = graph.dictionary(node, limit: visitLimit - visits + 1) ?? []
    var found: [PyTorchValue.Entry] = []
    for (key, node) in pairs {
      let part = graph.text(key) ?? graph.integer(key).map(String.init) ?? PickleText.preview(key, in: graph)
      let key = try value(of: key, name: name, depth: depth + 1)
      found.append(.init(key, try value(of: node, name: joined(name, part), depth: depth + 1)))
    }
    return found
  }

  private func joined(_ name: String, _ part: String) -> String { name.isEmpty ? part : "\(name).\(part)" }

  // MARK: Objects

  private mutating func object(_ node: PickleNode, _ name: String) throws(PyTorchError.Fault) -> PyTorchValue
  {
    switch try tensors.value(node, name: name) {
    case .tensor(let view):
      switch try tensors.stored(view, name: name) {
      case .failure(let failure): return .other(failure.reason)
      case .success(let tensor):
        stored.append(tensor)
        return .tensor(tensor.info)
      }
    case .leftOut(let reason): return .other(reason)
    case .other:
      if let bytes = try encoded(node, name) { return .bytes(bytes) }
      if let array = try array(node, name) { return array }
      return .other(PickleText.preview(node, in: graph))
    }
  }

  /// `_codecs.encode(text, 'latin1')`, which is how protocol 2 writes bytes.
  private mutating func encoded(_ node: PickleNode, _ name: String) throws(PyTorchError.Fault) -> [UInt8]? {
    guard let call = graph.call(node), call.function == "_codecs.encode", call.arguments.count == 2,
      graph.text(call.arguments[1]) == "latin1", let text = graph.text(call.arguments[0])
    else { return nil }
    try visit(name, text.utf8.count)
    let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
    return bytes.count == text.unicodeScalars.count ? bytes : nil
  }

  /// `_reconstruct(ndarray, (0,), b'b')` with the state `(1, shape, dtype, is Fortran, bytes)`; nil for another object,
  /// and for arrays that are not plain.
  private mutating func array(_ node: PickleNode, _ name: String) throws(PyTorchError.Fault) -> PyTorchValue?
  {
    guard let call = graph.call(node), call.function.hasSuffix("core.multiarray._reconstruct"),
      let state = graph.states[node].flatMap({ graph.sequence($0, limit: 6) }), state.count == 5,
      graph[state[3]] == .bool(false),
      let sizes = graph.sequence(state[1], limit: PyTorchTensors.rankLimit + 1),
      sizes.count <= PyTorchTensors.rankLimit, let type = elementType(state[2])
    else { return nil }
    let bytes: [UInt8]
    if case .bytes(let slice) = graph[state[4]] {
      try visit(name, slice.range.count)
      bytes = Array(graph.bytes[slice.range])
    } else if let found = try encoded(state[4], name) {
      bytes = found
    } else {
      return nil
    }
    var byteCount = type.bitWidth / 8
    var shape: [Int] = []
    for size in sizes {
      guard let size = graph.integer(size), size >= 0 else { return nil }
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
      guard !overflow else { return nil }
      byteCount = product
      shape.append(size)
    }
    guard byteCount == bytes.count else {
      throw .invalidTensor(
        name: name, reason: "its shape \(shape) takes \(byteCount) bytes and it has \(bytes.count)")
    }
    return .array(TensorInfo(name: name, elementType: type, shape: shape), bytes)
  }

  /// `dtype('u4', False, True)` with the state `(3, '<', …)`.
  private func elementType(_ node: PickleNode) -> ElementType? {
    guard let call = graph.call(node), call.function == "numpy.dtype",
      let name = call.arguments.first.flatMap(graph.text),
      let state = graph.states[node].flatMap({ graph.sequence($0, limit: 2) }), state.count == 2,
      let order = graph.text(state[1]), order == "<" || order == "|"
    else { return nil }
    return PyTorchValue.numPyNames.first { $0.name == name }?.type
  }
}

extension PyTorchValue {
  /// NumPy's short names of the types that are read and written in a pickle.
  static let numPyNames: [(type: ElementType, name: String)] = [
    (.uint8, "u1"), (.uint16, "u2"), (.uint32, "u4"), (.uint64, "u8"), (.int8, "i1"), (.int16, "i2"),
    (.int32, "i4"), (.int64, "i8"), (.float32, "f4"), (.float64, "f8"),
  ]
}
