public import ModelFiles

/// Writes `.npz` and `.npy` files that NumPy reads.
///
/// Each array is, byte for byte, what `numpy.save` writes. In a `.npz` file arrays are stored rather than compressed,
/// and their elements begin at multiples of 64 bytes, so that they can be used in place.
///
/// NumPy has no bfloat16. BF16 elements are written as NumPy writes those of ml_dtypes, as two bytes without a type
/// (`<V2`); `array.view(ml_dtypes.bfloat16)` gives them back. F8, F6 and F4 elements are refused.
public enum NumPyWriter {
  /// Writes a `.npz` file.
  ///
  /// - Parameters:
  ///   - tensors: in the order of the file.
  ///   - path: the file to write.
  ///   - overwriting: whether to replace a file that is there.
  ///   - produce: hands the little-endian, row-major bytes of a tensor to the sink; called for one tensor after another.
  /// - Throws: ``NumPyError``, `SystemError`, or what `produce` throws; then nothing has changed.
  public static func writeNPZ(
    _ tensors: [TensorInfo], to path: String, overwriting: Bool = false,
    produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void
  ) throws {
    let plans = try tensors.map { try Plan($0, path: path) }
    var names = NameTable(minimumCapacity: tensors.count)
    for info in tensors {
      let found = names.insert(hash: NameTable.hash(info.name)) {
        tensors[$0].name.hasSameBytes(as: info.name)
      }
      if found != nil { throw NumPyError(path: path, array: info.name, .duplicateName) }
      guard !info.name.utf8.contains(0), info.name.utf8.count + 4 <= Int(UInt16.max) else {
        throw NumPyError(path: path, array: info.name, .invalidName)
      }
    }
    try requireVacant(path, overwriting)

    var file = try ZipWriter(replacing: path)
    for plan in plans {
      try file.begin(
        name: plan.info.name + ".npy", byteCount: plan.header.count + plan.byteCount, alignment: 64)
      try file.append(plan.header.span.bytes)
      var produced = 0
      try produce(plan.info) { bytes in
        try plan.count(bytes, &produced)
        try file.append(bytes)
      }
      try plan.requireAll(produced)
      try file.finish()
    }
    try file.commit()
  }

  /// Writes every tensor of a source to a `.npz` file, some MiB at a time.
  ///
  /// - Throws: as ``writeNPZ(_:to:overwriting:produce:)``, and what reading the source throws.
  public static func writeNPZ(
    _ source: some WeightSource, to path: String, overwriting: Bool = false
  ) throws {
    try writeNPZ(source.tensors, to: path, overwriting: overwriting) { info, sink in
      try source.forEachPiece(of: info) { try sink($1) }
    }
  }

  /// Writes a `.npy` file, which holds one tensor and not its name.
  ///
  /// - Parameters: as of ``writeNPZ(_:to:overwriting:produce:)``.
  /// - Throws: as ``writeNPZ(_:to:overwriting:produce:)``.
  public static func writeNPY(
    _ tensor: TensorInfo, to path: String, overwriting: Bool = false,
    produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void
  ) throws {
    let plan = try Plan(tensor, path: path)
    try requireVacant(path, overwriting)
    var file = try AtomicFile(replacing: path)
    try file.append(plan.header.span.bytes)
    var produced = 0
    try produce(tensor) { bytes in
      try plan.count(bytes, &produced)
      try file.append(bytes)
    }
    try plan.requireAll(produced)
    try file.commit()
  }

  private static func requireVacant(_ path: String, _ overwriting: Bool) throws(NumPyError) {
    guard overwriting || !FileSystem.exists(path) else { throw NumPyError(path: path, .destinationExists) }
  }

  /// An array and what stands before it.
  private struct Plan {
    let info: TensorInfo
    let path: String
    let header: [UInt8]
    /// Of the elements.
    let byteCount: Int

    init(_ info: TensorInfo, path: String) throws(NumPyError) {
      do throws(NumPyError.Fault) {
        guard info.shape.allSatisfy({ $0 >= 0 }) else { throw .negativeDimension(info.shape) }
        guard info.shape.count <= NumPyHeader.maximumRank else {
          throw .tooManyDimensions(info.shape.count, limit: NumPyHeader.maximumRank)
        }
        header = try NumPyHeader.bytes(for: info)
        guard let bits = bitCount(of: info.shape, info.elementType) else { throw .shapeOverflow(info.shape) }
        byteCount = bits / 8
      } catch { throw NumPyError(path: path, array: info.name, error) }
      (self.info, self.path) = (info, path)
    }

    /// Counts bytes of the elements, before they are written.
    func count(_ bytes: RawSpan, _ produced: inout Int) throws(NumPyError) {
      produced += bytes.byteCount
      if produced > byteCount { try requireAll(produced) }
    }

    func requireAll(_ produced: Int) throws(NumPyError) {
      guard produced == byteCount else {
        throw NumPyError(
          path: path, array: info.name, .wrongProducedByteCount(expected: byteCount, found: produced))
      }
    }
  }
}
