import CChecksums
public import ModelFiles

/// Writes checkpoints that TensorFlow restores, byte for byte as it would write them itself.
///
/// One data file, in which tensors stand in the order of their names, and an index. Tensors' bytes are asked for one
/// tensor at a time, so that a checkpoint may be larger than memory.
///
/// Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, `BundleWriter`; `tf.compat.v1.train.Saver` sorts by name.
public enum TensorBundleWriter {
  /// Writes `prefix.data-00000-of-00001` and then `prefix.index`.
  ///
  /// - Parameters:
  ///   - tensors: in any order, with TensorFlow's names.
  ///   - prefix: what the names of the files begin with, such as `folder/bert_model.ckpt`.
  ///   - overwriting: whether to replace files that are there.
  ///   - namingAsLatest: whether to write the file `checkpoint` too, by which TensorFlow and ``TensorBundle`` know the
  ///     newest checkpoint of a folder. Google's BERT checkpoints have none.
  ///   - produce: hands the little-endian, row-major bytes of a tensor to the sink.
  /// - Throws: ``TensorBundleError``, `SystemError`, or what `produce` throws; then nothing has changed, unless a file
  ///   could not be put in its place after the data had been.
  public static func write(
    _ tensors: [TensorInfo], to prefix: String, overwriting: Bool = false, namingAsLatest: Bool = false,
    produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void
  ) throws {
    let plan: [Plan]
    do throws(TensorBundleError.Fault) { plan = try self.plan(tensors) } catch {
      throw TensorBundleError(path: prefix, error)
    }
    let dataPath = prefix + TensorBundle.dataSuffix(0, of: 1)
    let indexPath = prefix + ".index"
    let statePath = FileSystem.join(FileSystem.parent(of: prefix), "checkpoint")
    for path in [dataPath, indexPath] + (namingAsLatest ? [statePath] : [])
    where !overwriting && FileSystem.exists(path) {
      throw TensorBundleError(path: prefix, .destinationExists(FileSystem.name(of: path)))
    }

    var index = SortedTableWriter()
    index.append([], header)
    var data = try AtomicFile(replacing: dataPath)
    for item in plan {
      var (produced, crc): (Int, UInt32) = (0, 0)
      let offset = data.byteCount
      try produce(item.info) { bytes in
        produced += bytes.byteCount
        guard produced <= item.byteCount else {
          throw TensorBundleError(
            path: prefix,
            .wrongByteCount(tensor: item.info.name, expected: item.byteCount, found: produced))
        }
        crc = bytes.withUnsafeBytes { checksum_crc32c(crc, $0.baseAddress, $0.count) }
        try data.append(bytes)
      }
      guard produced == item.byteCount else {
        throw TensorBundleError(
          path: prefix, .wrongByteCount(tensor: item.info.name, expected: item.byteCount, found: produced))
      }
      index.append(Array(item.info.name.utf8), entry(item, offset: offset, crc: crc))
    }
    var indexFile = try AtomicFile(replacing: indexPath)
    try indexFile.append(index.finish().span.bytes)
    // The index last: one without its data would be taken for a checkpoint.
    try data.commit()
    try indexFile.commit()
    if namingAsLatest {
      try AtomicFile.write(TensorBundle.state(naming: FileSystem.name(of: prefix)), to: statePath)
    }
  }

  /// A tensor, TensorFlow's number for its element type, and its length.
  private struct Plan {
    var info: TensorInfo
    var type: Int
    var byteCount: Int
  }

  private static func plan(_ tensors: [TensorInfo]) throws(TensorBundleError.Fault) -> [Plan] {
    var plan: [Plan] = []
    var end = 0
    for info in tensors.sorted(by: { $0.name.precedesInBytes($1.name) }) {
      if let last = plan.last, last.info.name.hasSameBytes(as: info.name) { throw .duplicateName(info.name) }
      // The empty name is the header's, and a zero byte begins those of slices.
      guard let first = info.name.utf8.first, first != 0 else { throw .invalidName(info.name) }
      guard let type = TensorFlowElementType.number(of: info.elementType) else {
        throw .unsupportedType(tensor: info.name, info.elementType.rawValue)
      }
      guard info.shape.count <= 254, info.shape.allSatisfy({ $0 >= 0 }) else {
        throw .invalidShape(tensor: info.name, shape: info.shape.map(Int64.init))
      }
      guard
        let byteCount = TensorBundleIndex.byteCount(
          of: info.shape, elementSize: info.elementType.bitWidth / 8),
        case let (sum, overflow) = end.addingReportingOverflow(byteCount), !overflow
      else { throw .shapeOverflow(tensor: info.name, shape: info.shape) }
      end = sum
      plan.append(Plan(info: info, type: type, byteCount: byteCount))
    }
    return plan
  }

  /// One data file, little-endian, version 1, which any reader may read.
  private static var header: [UInt8] {
    var header = ProtocolBufferWriter()
    header.append(1, varint: 1)
    header.append(3) { $0.append(1, varint: UInt64(TensorBundleIndex.version)) }
    return header.bytes
  }

  private static func entry(_ item: Plan, offset: Int, crc: UInt32) -> [UInt8] {
    var entry = ProtocolBufferWriter()
    entry.append(1, varint: UInt64(item.type))
    entry.append(2) { shape in
      for size in item.info.shape { shape.append(2) { $0.append(1, varint: UInt64(size)) } }
    }
    entry.append(4, varint: UInt64(offset))
    entry.append(5, varint: UInt64(item.byteCount))
    entry.append(6, fixed32: SortedTable.mask(crc))
    return entry.bytes
  }
}
