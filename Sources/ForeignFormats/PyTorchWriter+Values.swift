public import ModelFiles

extension PyTorchWriter {
  /// Writes a value of any shape, as torch.save does: `optimizer.pt`, `scheduler.pt`, `rng_state.pth`.
  ///
  /// - Parameters:
  ///   - value: dictionaries, lists, tuples, numbers, text, tensors and NumPy arrays.
  ///   - numPyCore: the module in which the NumPy that is to read the file has its arrays' maker: `numpy._core` since
  ///     2.0, `numpy.core` before.
  ///   - path: the file to write.
  ///   - overwriting: whether to replace a file that is there.
  ///   - produce: hands the little-endian, row-major bytes of a tensor to the sink.
  /// - Throws: ``PyTorchError``, ``ZipError``, `SystemError`, or what `produce` throws; then nothing has changed.
  public static func write(
    _ value: PyTorchValue, numPyCore: String = "numpy._core", to path: String, overwriting: Bool = false,
    produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void = { _, _ in }
  ) throws {
    var plan = ValuePlan(numPyCore: numPyCore)
    do throws(PyTorchError.Fault) { try plan.add(value) } catch { throw PyTorchError(path: path, error) }
    plan.writer.operation(.stop)
    try write(plan.writer.bytes, plan.storages, to: path, overwriting: overwriting, produce: produce)
  }
}

/// The pickle of a value, and the tensors that it names.
private struct ValuePlan {
  var writer = PickleWriter()
  private(set) var storages: [TensorInfo] = []
  private let numPyCore: String

  init(numPyCore: String) { self.numPyCore = numPyCore }

  mutating func add(_ value: PyTorchValue) throws(PyTorchError.Fault) {
    switch value {
    case .none: writer.operation(.none)
    case .bool(let value): writer.bool(value)
    case .integer(let value): writer.integer(value)
    case .float(let value): writer.float(value)
    case .text(let text): writer.word(text)
    case .bytes(let bytes): writer.encoded(bytes)
    case .tuple(let values): try add(tuple: values)
    case .list(let values):
      writer.operation(.emptyList)
      guard !values.isEmpty else { return }
      writer.operation(.mark)
      for value in values { try add(value) }
      writer.operation(.appends)
    case .dictionary(let entries):
      writer.operation(.emptyDict)
      guard !entries.isEmpty else { return }
      writer.operation(.mark)
      for entry in entries {
        try add(entry.key)
        try add(entry.value)
      }
      writer.operation(.setitems)
    case .tensor(let info):
      try PickleWriter.check(info)
      try writer.tensor(info, storage: storages.count)
      storages.append(info)
    case .array(let info, let bytes): try add(array: info, bytes)
    case .other(let text): throw .unwritableValue(text)
    }
  }

  private mutating func add(tuple values: [PyTorchValue]) throws(PyTorchError.Fault) {
    if values.isEmpty { return writer.operation(.emptyTuple) }
    if values.count > 3 { writer.operation(.mark) }
    for value in values { try add(value) }
    writer.operation(values.count > 3 ? .tuple : [.tuple1, .tuple2, .tuple3][values.count - 1])
  }

  /// What `numpy.ndarray.__reduce__` gives.
  private mutating func add(array info: TensorInfo, _ bytes: [UInt8]) throws(PyTorchError.Fault) {
    guard let name = PyTorchValue.numPyNames.first(where: { $0.type == info.elementType })?.name else {
      throw .unsupportedElementType(name: info.name, type: info.elementType.rawValue)
    }
    try PickleWriter.check(info)
    guard info.byteCount == bytes.count else {
      throw .wrongByteCount(name: info.name, expected: info.byteCount, found: bytes.count)
    }
    writer.global("\(numPyCore).multiarray", "_reconstruct")
    writer.global("numpy", "ndarray")
    writer.integers([0])
    writer.encoded([UInt8(ascii: "b")])
    writer.operation(.tuple3)
    writer.operation(.reduce)
    writer.operation(.mark)
    writer.integer(1)
    writer.integers(info.shape)
    writer.global("numpy", "dtype")
    writer.word(name)
    writer.bool(false)
    writer.bool(true)
    writer.operation(.tuple3)
    writer.operation(.reduce)
    writer.operation(.mark)
    writer.integer(3)
    writer.word(name.hasSuffix("1") ? "|" : "<")
    for _ in 0..<3 { writer.operation(.none) }
    for value in [-1, -1, 0] { writer.integer(value) }
    writer.operation(.tuple)
    writer.operation(.build)
    writer.bool(false)
    writer.encoded(bytes)
    writer.operation(.tuple)
    writer.operation(.build)
  }
}

extension PickleWriter {
  mutating func float(_ value: Double) {
    operation(.binfloat)
    append(value.bitPattern.littleEndianBytes.reversed())
  }

  /// `_codecs.encode(text, 'latin1')`: protocol 2 has no bytes of its own.
  mutating func encoded(_ bytes: [UInt8]) {
    global("_codecs", "encode")
    var scalars = String.UnicodeScalarView()
    scalars.append(contentsOf: bytes.map { Unicode.Scalar($0) })
    text(String(scalars))
    word("latin1")
    operation(.tuple2)
    operation(.reduce)
  }
}
