import ModelFiles

extension ONNXWriter {
  /// The weights of a file that was written for `model`, read from where they must lie.
  ///
  /// - Throws: ``ONNXError`` for a model that could not have been written, `SystemError` when a file cannot be read.
  package static func written(
    _ model: ONNXModel, at path: String, externalData: ExternalData = .automatic
  ) throws -> StoredWeights {
    let dataPath = path + ".data"
    let layout: ONNXLayout
    do throws(ONNXError.Fault) {
      layout = try ONNXLayout(
        model, dataName: FileSystem.name(of: dataPath), externalData, messageLimit: messageLimit)
    } catch { throw ONNXError(path: path, error) }
    let file = try MappedFile(path: path)
    let data = layout.isExternal ? try MappedFile(path: dataPath) : file
    var offset = layout.head.count
    var stored: [StoredTensor] = []
    for tensor in layout.tensors {
      offset += tensor.frame.count
      let (source, start) = tensor.externalOffset.map { (data, $0) } ?? (file, offset)
      if tensor.externalOffset == nil && !layout.isExternal { offset += tensor.byteCount }
      guard start + tensor.byteCount <= source.byteCount else {
        throw SystemError(call: "read", path: source.path, code: SystemError.notFound)
      }
      stored.append(
        StoredTensor(
          tensor.info, in: LazyBytes(MappedBytes(file: source, range: start..<start + tensor.byteCount))))
    }
    return try StoredWeights(path: path, stored)
  }
}
