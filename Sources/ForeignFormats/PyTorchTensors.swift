import ModelFiles

/// Makes tensors of what a pickle says torch would call.
///
/// Source: `torch/_utils.py`, `_rebuild_tensor` and its relatives.
struct PyTorchTensors {
  let graph: PickleGraph
  /// What the persistent identifiers stand for.
  let references: [PickleNode: PyTorchReference]
  /// Whether the elements are big-endian.
  let isBigEndian: Bool

  /// A tensor may have this many times the elements of its storage (by strides of zero, `Tensor.expand`), or
  /// `repetitionFloor` elements, whichever is more.
  static let repetitionLimit = 64
  static let repetitionFloor = 1 << 20
  /// The most dimensions; torch itself allows 64 where it matters.
  static let rankLimit = 64

  enum Value {
    case tensor(PyTorchView)
    /// A tensor of a kind that cannot be given as plain elements, and why.
    case leftOut(reason: String)
    case other
  }

  /// What a value of the pickle is; `name` is for errors.
  func value(_ node: PickleNode, name: String) throws(PyTorchError.Fault) -> Value {
    var node = node
    // A parameter holds a tensor; nobody wraps more than twice.
    for _ in 0..<8 {
      if let reference = references[node] {
        if case .tensor(let view) = reference { return .tensor(view) }
        return .leftOut(reason: "a storage without a tensor")
      }
      guard let call = graph.call(node) else { return .other }
      switch call.function {
      case "torch._utils._rebuild_tensor": return try tensor(call.arguments, 4...4, name: name)
      case "torch._utils._rebuild_tensor_v2": return try tensor(call.arguments, 6...7, name: name)
      case "torch._utils._rebuild_tensor_v3":
        return try tensor(call.arguments, 7...8, dtype: call.arguments.dropFirst(6).first, name: name)
      case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
        "torch.nn.parameter.Parameter":
        guard let data = call.arguments.first else {
          throw .invalidTensor(name: name, reason: "the parameter holds nothing")
        }
        node = data
      case "torch._utils._rebuild_qtensor": return .leftOut(reason: "a quantised tensor")
      case "torch._utils._rebuild_sparse_tensor": return .leftOut(reason: "a sparse tensor")
      case "torch._utils._rebuild_meta_tensor_no_storage":
        return .leftOut(reason: "a tensor of the device 'meta', which has no data")
      case "torch._utils._rebuild_wrapper_subclass", "torch._tensor._rebuild_from_type_v2":
        return .leftOut(reason: "a tensor of a subclass")
      case "torch._utils._rebuild_device_tensor_from_numpy",
        "torch._utils._rebuild_device_tensor_from_cpu_tensor":
        return .leftOut(reason: "a tensor of another device")
      default: return .other
      }
    }
    throw .invalidTensor(name: name, reason: "parameters hold parameters without end")
  }

  private func tensor(
    _ arguments: [PickleNode], _ counts: ClosedRange<Int>, dtype: PickleNode? = nil, name: String
  ) throws(PyTorchError.Fault) -> Value {
    guard counts.contains(arguments.count) else {
      throw .invalidTensor(name: name, reason: "a tensor is made of \(arguments.count) arguments")
    }
    guard case .storage(let storage)? = references[arguments[0]] else {
      throw .invalidTensor(name: name, reason: "its storage is \(graph[arguments[0]].kind)")
    }
    guard let offset = graph.integer(arguments[1]) else {
      throw .invalidTensor(name: name, reason: "its offset is \(graph[arguments[1]].kind)")
    }
    guard let shape = integers(arguments[2]), let strides = integers(arguments[3]) else {
      throw .invalidTensor(name: name, reason: "its shape or strides are no tuple of integers")
    }
    var type = storage.type
    if let dtype {
      guard let found = graph.symbol(dtype).flatMap({ PyTorchType(dtype: $0) }) else {
        throw .invalidTensor(name: name, reason: "its type is \(PickleText.preview(dtype, in: graph))")
      }
      type = found
    }
    if arguments.count == counts.upperBound, arguments.count > 6, hasLazyBit(arguments[arguments.count - 1]) {
      return .leftOut(reason: "a tensor that torch conjugates or negates when it reads it")
    }
    return .tensor(
      PyTorchView(storage: storage, type: type, offset: offset, shape: shape, strides: strides))
  }

  /// Whether the metadata of a tensor say `conj` or `neg`: what is stored is not what the tensor holds then.
  private func hasLazyBit(_ metadata: PickleNode) -> Bool {
    (graph.dictionary(metadata, limit: 16) ?? []).contains { graph[$0.value] == .bool(true) }
  }

  /// A tuple, list or `torch.Size` of integers.
  private func integers(_ node: PickleNode) -> [Int]? {
    var node = node
    if let call = graph.call(node), call.function == "torch.Size", let sizes = call.arguments.first {
      node = sizes
    }
    guard let nodes = graph.sequence(node, limit: Self.rankLimit + 1), nodes.count <= Self.rankLimit else {
      return nil
    }
    let found = nodes.compactMap(graph.integer)
    return found.count == nodes.count ? found : nil
  }

  // MARK: Checking

  /// The tensor as it is stored, or why it is left out.
  ///
  /// - Throws: a fault for shapes, strides and offsets that reach beyond the storage.
  func stored(_ view: PyTorchView, name: String) throws(PyTorchError.Fault) -> Result<StoredTensor, LeftOut> {
    guard view.shape.count == view.strides.count else {
      throw .rankMismatch(name: name, shape: view.shape, strides: view.strides)
    }
    let available = view.storage.range.count / view.type.size
    let outOfBounds = PyTorchError.Fault.tensorOutOfBounds(
      name: name, offset: view.offset, shape: view.shape, strides: view.strides, available: available)
    guard view.offset >= 0, (view.shape + view.strides).allSatisfy({ $0 >= 0 }) else { throw outOfBounds }
    let tooLarge = PyTorchError.Fault.tensorTooLarge(
      name: name, shape: view.shape,
      limit: max(
        Self.repetitionFloor, available.multipliedReportingOverflow(by: Self.repetitionLimit).partialValue))
    guard let count = Self.elementCount(view.shape) else { throw tooLarge }
    if count > 0 {
      guard let last = Self.lastElement(view), last < available else { throw outOfBounds }
      guard count <= Self.repetitionFloor || count / Self.repetitionLimit <= available else { throw tooLarge }
    }

    guard case .element(let type) = view.type else {
      if case .unsupported(let found, _) = view.type { return .failure(LeftOut("elements of type \(found)")) }
      return .failure(LeftOut("elements of an unknown type"))
    }
    if view.storage.isMeta { return .failure(LeftOut("a tensor of the device 'meta', which has no data")) }
    if isBigEndian && type == .complex64 { return .failure(LeftOut("big-endian complex numbers")) }
    // An empty tensor may stand anywhere.
    let offset = count == 0 ? 0 : view.storage.range.lowerBound + view.offset * view.type.size
    let isSwapped = isBigEndian && view.type.size > 1
    return .success(
      StoredTensor(
        TensorInfo(name: name, elementType: type, shape: view.shape), in: view.storage.bytes,
        count == 0 || !isSwapped && Self.isContiguous(view)
          ? .contiguous(offset: offset)
          : .strided(offset: offset, strides: view.strides, swapping: isSwapped)))
  }

  struct LeftOut: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }

  /// Nil when it cannot be counted, dimensions of zero left out.
  private static func elementCount(_ shape: [Int]) -> Int? {
    var count = 16  // of the largest element, so that bytes can be counted as well
    for size in shape where size > 0 {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      count = product
    }
    return shape.contains(0) ? 0 : count / 16
  }

  /// The number in the storage of the tensor's last element, or nil when it cannot be counted.
  private static func lastElement(_ view: PyTorchView) -> Int? {
    var last = view.offset
    for (size, stride) in zip(view.shape, view.strides) {
      let (step, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, overflows) = last.addingReportingOverflow(step)
      if overflow || overflows { return nil }
      last = sum
    }
    return last
  }

  private static func isContiguous(_ view: PyTorchView) -> Bool {
    var expected = 1
    for (size, stride) in zip(view.shape, view.strides).reversed() where size != 1 {
      if stride != expected { return false }
      expected *= size
    }
    return true
  }
}
