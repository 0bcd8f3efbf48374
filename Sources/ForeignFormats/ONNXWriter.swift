public import ModelFiles

/// Writes ONNX files, byte for byte as the reference implementation of Protocol Buffers would.
///
/// The graph is in memory; each weight's bytes are asked for one tensor at a time in the order of the graph's
/// initializers, so that a file may be larger than memory. (onnx/onnx, `onnx/onnx.proto`.)
public enum ONNXWriter {
  /// Where the weights go.
  public enum ExternalData: Sendable, Hashable {
    /// Into the file, or into one of their own where the file would be longer than readers accept, 2 GiB.
    case automatic
    /// Into a file of their own.
    case always
    /// Into the file.
    case never
  }

  /// The longest message that implementations of Protocol Buffers accept, in bytes.
  public static let messageLimit = Int(Int32.max)

  /// Writes a file, and a second one beside it when the weights do not go into the first.
  ///
  /// That second file is named `NAME.data` after the first one, which refers to it by name: keep both in one folder.
  /// The weights in it lie at multiples of 4096 bytes, so that a runtime can map them into memory. Both files are
  /// complete before either takes its place. A data file of an older model is left alone when the new model has none.
  ///
  /// - Parameters:
  ///   - model: the graph, which names the weights.
  ///   - path: the file to write, usually `model.onnx`.
  ///   - overwriting: whether to replace files that are there.
  ///   - externalData: where the weights go.
  ///   - produce: hands the little-endian, row-major bytes of a tensor to the sink.
  /// - Returns: the paths of the files written.
  /// - Throws: ``ONNXError``, `SystemError`, or what `produce` throws; then nothing has changed.
  @discardableResult
  public static func write(
    _ model: ONNXModel, to path: String, overwriting: Bool = false, externalData: ExternalData = .automatic,
    produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void
  ) throws -> [String] {
    try write(
      model, to: path, overwriting: overwriting, externalData: externalData, messageLimit: messageLimit,
      produce: produce)
  }

  /// As the public form, with another limit for the length of a file.
  @discardableResult
  package static func write(
    _ model: ONNXModel, to path: String, overwriting: Bool = false, externalData: ExternalData = .automatic,
    messageLimit: Int, produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void
  ) throws -> [String] {
    let dataPath = path + ".data"
    let layout: ONNXLayout
    do throws(ONNXError.Fault) {
      layout = try ONNXLayout(
        model, dataName: FileSystem.name(of: dataPath), externalData, messageLimit: messageLimit)
    } catch { throw ONNXError(path: path, error) }

    let paths = layout.isExternal ? [path, dataPath] : [path]
    for path in paths where !overwriting && FileSystem.exists(path) {
      throw ONNXError(path: path, .destinationExists)
    }
    var file = try AtomicFile(replacing: path)
    try file.append(layout.head.span.bytes)
    if layout.isExternal {
      var data = try AtomicFile(replacing: dataPath)
      for tensor in layout.tensors {
        try file.append(tensor.frame.span.bytes)
        guard let offset = tensor.externalOffset else { continue }
        let gap = [UInt8](repeating: 0, count: offset - data.byteCount)
        try data.append(gap.span.bytes)
        try append(tensor, to: &data, path: path, produce)
      }
      try file.append(layout.tail.span.bytes)
      // First what the other file refers to.
      try data.commit()
    } else {
      for tensor in layout.tensors {
        try file.append(tensor.frame.span.bytes)
        try append(tensor, to: &file, path: path, produce)
      }
      try file.append(layout.tail.span.bytes)
    }
    try file.commit()
    return paths
  }

  /// The bytes of a tensor, as many as its shape asks for.
  private static func append(
    _ tensor: ONNXLayout.Tensor, to file: inout AtomicFile, path: String,
    _ produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void
  ) throws {
    let (name, expected) = (tensor.info.name, tensor.byteCount)
    var produced = 0
    try produce(tensor.info) { bytes in
      produced += bytes.byteCount
      guard produced <= expected else {
        throw ONNXError(path: path, .wrongByteCount(name: name, expected: expected, found: produced))
      }
      try file.append(bytes)
    }
    guard produced == expected else {
      throw ONNXError(path: path, .wrongByteCount(name: name, expected: expected, found: produced))
    }
  }
}
