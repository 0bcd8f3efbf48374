import CChecksums
public import ModelFiles

/// A checkpoint of TensorFlow: `bert_model.ckpt.index` with the names, and `bert_model.ckpt.data-00000-of-00001`, or
/// several such, with the bytes.
///
/// This is what `tf.compat.v1.train.Saver`, google-research/bert and `tf.train.Checkpoint` write. Opening reads the
/// index, whose checksums are checked; a tensor's checksum is checked when its bytes are first used. Names are
/// TensorFlow's, and kernels have TensorFlow's orientation.
///
/// Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, `BundleReader`.
public struct TensorBundle: Sendable {
  /// What the names of all its files begin with.
  public let path: String
  /// Tensors that cannot be given, with TensorFlow's names, and why; in the order of their names.
  public let leftOut: [(name: String, reason: String)]
  /// Whether TensorFlow 2 wrote it with `tf.train.Checkpoint`: names are then paths through Python objects, such as
  /// `model/layer/kernel/.ATTRIBUTES/VARIABLE_VALUE`, rather than names of variables.
  public let isObjectBased: Bool
  /// How many data files it has.
  public let shardCount: Int
  /// The bytes that belong to no tensor, counted within data files that are counted from zero. TensorFlow leaves none
  /// unless it aligns tensors.
  public let unclaimed: [(shard: Int, range: Range<Int>)]

  package let weights: StoredWeights

  /// Opens a checkpoint.
  ///
  /// - Parameters:
  ///   - path: what the names of its files begin with (`bert_model.ckpt`), one of its files, or a folder: with a file
  ///     `checkpoint` that names the newest checkpoint in it, or with one checkpoint.
  ///   - access: how the data files are brought into memory.
  /// - Throws: ``TensorBundleError``; `SystemError` when a file cannot be read.
  public init(path: String, access: FileAccess = .mapped) throws {
    let prefix = try Self.prefix(of: path)
    func failing(_ fault: TensorBundleError.Fault) -> TensorBundleError { .init(path: prefix, fault) }

    let indexPath = prefix + ".index"
    guard FileSystem.exists(indexPath) else { throw failing(.missingIndex(FileSystem.name(of: indexPath))) }
    let index: TensorBundleIndex
    let bytes = try FileSystem.read(indexPath)
    do throws(TensorBundleError.Fault) { index = try TensorBundleIndex(bytes) } catch { throw failing(error) }

    var shards: [LazyBytes] = []
    for number in 0..<index.shardCount {
      let path = prefix + Self.dataSuffix(number, of: index.shardCount)
      guard FileSystem.exists(path) else { throw failing(.missingShard(FileSystem.name(of: path))) }
      let file = try MappedFile(path: path, access: access)
      shards.append(LazyBytes(MappedBytes(file: file, range: 0..<file.byteCount)))
    }
    try self.init(path: prefix, index, shards: shards)
  }

  /// Puts a checkpoint together from parts that lie somewhere else than in files of their own.
  ///
  /// - Parameters:
  ///   - path: for errors.
  ///   - index: the bytes of the `.index` file.
  ///   - shards: gives the data file of a name's ending, such as `.data-00000-of-00001`, or nil when it is not there.
  /// - Throws: ``TensorBundleError``; what `shards` throws.
  package init(path: String, index: [UInt8], shards: (_ suffix: String) throws -> LazyBytes?) throws {
    let contents: TensorBundleIndex
    do throws(TensorBundleError.Fault) { contents = try TensorBundleIndex(index) } catch {
      throw TensorBundleError(path: path, error)
    }
    var found: [LazyBytes] = []
    for number in 0..<contents.shardCount {
      let suffix = Self.dataSuffix(number, of: contents.shardCount)
      guard let shard = try shards(suffix) else {
        throw TensorBundleError(path: path, .missingShard(FileSystem.name(of: path) + suffix))
      }
      found.append(shard)
    }
    try self.init(path: path, contents, shards: found)
  }

  /// - Parameter shards: as many as the index counts.
  private init(path: String, _ index: TensorBundleIndex, shards: [LazyBytes]) throws {
    let placed: (order: [TensorBundleIndex.Entry], unclaimed: [(shard: Int, range: Range<Int>)])
    do throws(TensorBundleError.Fault) {
      placed = try Self.place(index.entries, sizes: shards.map(\.byteCount))
    } catch { throw TensorBundleError(path: path, error) }

    var stored: [StoredTensor] = []
    for entry in placed.order {
      guard let type = TensorFlowElementType.type(entry.type), Self.obstacle(entry, index) == nil else {
        continue
      }
      let info = TensorInfo(name: entry.name, elementType: type, shape: entry.shape)
      let bytes = Self.checked(entry, in: shards[entry.shard], path: path)
      guard index.isBigEndian && type.bitWidth > 8 else {
        stored.append(StoredTensor(info, in: bytes))
        continue
      }
      let strides = entry.shape.indices.map { dimension in
        // No stride of an empty tensor is used.
        entry.byteCount == 0 ? 1 : entry.shape[(dimension + 1)...].reduce(1, *)
      }
      stored.append(StoredTensor(info, in: bytes, .strided(offset: 0, strides: strides, swapping: true)))
    }
    self.path = path
    leftOut = index.entries.compactMap { entry in Self.obstacle(entry, index).map { (entry.name, $0) } }
    isObjectBased = index.entries.contains { $0.name.hasSameBytes(as: "_CHECKPOINTABLE_OBJECT_GRAPH") }
    shardCount = index.shardCount
    unclaimed = placed.unclaimed
    weights = try StoredWeights(path: path, stored)
  }

  /// Why a tensor cannot be given, or nil when it can.
  private static func obstacle(_ entry: TensorBundleIndex.Entry, _ index: TensorBundleIndex) -> String? {
    guard let type = TensorFlowElementType.type(entry.type) else {
      return "TensorFlow's element type \(TensorFlowElementType.name(entry.type)) has no counterpart"
    }
    // Its two halves would have to be swapped one by one.
    return type == .complex64 && index.isBigEndian ? "complex numbers are not read big-endian" : nil
  }

  /// The entries in the order of their bytes, and the bytes between them.
  private static func place(
    _ entries: [TensorBundleIndex.Entry], sizes: [Int]
  ) throws(TensorBundleError.Fault) -> (
    order: [TensorBundleIndex.Entry], unclaimed: [(shard: Int, range: Range<Int>)]
  ) {
    // Empty tensors first, so that they stand where they are and not behind what begins there.
    let order = entries.sorted {
      ($0.shard, $0.offset, min($0.byteCount, 1)) < ($1.shard, $1.offset, min($1.byteCount, 1))
    }
    var unclaimed: [(shard: Int, range: Range<Int>)] = []
    var next = order.startIndex
    for (shard, size) in sizes.enumerated() {
      var end = 0
      var last = ""
      while next < order.endIndex, order[next].shard == shard {
        let entry = order[next]
        // The index has found that this does not overflow.
        let entryEnd = entry.offset + entry.byteCount
        guard entryEnd <= size else {
          throw .dataBeyondShard(tensor: entry.name, end: entryEnd, available: size)
        }
        if entry.byteCount > 0 {
          guard entry.offset >= end else { throw .overlappingTensors(last, entry.name) }
          if entry.offset > end { unclaimed.append((shard, end..<entry.offset)) }
          (end, last) = (entryEnd, entry.name)
        }
        next += 1
      }
      if end < size { unclaimed.append((shard, end..<size)) }
    }
    return (order, unclaimed)
  }

  /// The bytes of a tensor, whose checksum is checked when they are first used.
  private static func checked(
    _ entry: TensorBundleIndex.Entry, in shard: LazyBytes, path: String
  ) -> LazyBytes {
    LazyBytes(byteCount: entry.byteCount) {
      let bytes = try shard.bytes()
      let start = bytes.range.lowerBound + entry.offset
      let range = start..<start + entry.byteCount
      var crc: UInt32 = 0
      for position in stride(from: start, to: range.upperBound, by: 1 << 22) {
        let piece = position..<min(position + 1 << 22, range.upperBound)
        crc = try bytes.file.withUnshrunkBytes(in: piece) { piece in
          piece.withUnsafeBytes { checksum_crc32c(crc, $0.baseAddress, $0.count) }
        }
      }
      guard SortedTable.mask(crc) == entry.checksum else {
        throw TensorBundleError(
          path: path,
          .tensorChecksum(tensor: entry.name, expected: entry.checksum, found: SortedTable.mask(crc)))
      }
      return MappedBytes(file: bytes.file, range: range)
    }
  }
}

extension TensorBundle: StoredWeightSource {}
