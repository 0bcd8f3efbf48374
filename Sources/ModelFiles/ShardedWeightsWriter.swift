extension ShardedWeights {
  /// Writes weights as transformers' `save_pretrained` does: one `model.safetensors`, or shards with an index
  /// when they take more than `maximumShardByteCount`.
  ///
  /// Tensors are put into shards in the order given, as many as fit; one that is larger than a shard gets one
  /// of its own. (huggingface_hub, `split_state_dict_into_shards_factory`.) Everything is written under other
  /// names first and then renamed; only after that are older weights removed that the new ones do not
  /// replace.
  ///
  /// - Parameters:
  ///   - tensors: all of them, in the order they are put into shards.
  ///   - metadata: of each shard.
  ///   - folder: must exist.
  ///   - maximumShardByteCount: of the tensors in one shard; its header comes on top.
  ///   - overwriting: whether weights that are there may be replaced.
  ///   - produce: hands the bytes of a tensor to the sink.
  /// - Returns: the names of the files written; with more than one, the index is the last.
  /// - Throws: ``SafetensorsError``, ``SystemError``, or what `produce` throws; then the folder's weights are
  ///   as they were.
  @discardableResult
  public static func write(
    _ tensors: [TensorInfo], metadata: [(key: String, value: String)] = [("format", "pt")], to folder: String,
    maximumShardByteCount: Int = 50_000_000_000, overwriting: Bool = false,
    produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void
  ) throws -> [String] {
    try write(
      tensors, metadata: metadata, to: folder, maximumShardByteCount: maximumShardByteCount,
      overwriting: overwriting
    ) { layout, file in try SafetensorsWriter.fill(&file, layout, produce: produce) }
  }

  /// Writes weights whose data `filling` appends behind the header of each file.
  ///
  /// - Parameter filling: appends the bytes of a layout's tensors, in its order; called once for each shard.
  /// - Returns: as ``write(_:metadata:to:maximumShardByteCount:overwriting:produce:)``.
  /// - Throws: likewise; what `filling` throws.
  @discardableResult
  package static func write(
    _ tensors: [TensorInfo], metadata: [(key: String, value: String)], to folder: String,
    maximumShardByteCount: Int, overwriting: Bool = false,
    filling: (SafetensorsLayout, inout AtomicFile) throws -> Void
  ) throws -> [String] {
    let plan: ShardPlan
    do throws(SafetensorsError.Fault) {
      _ = try SafetensorsLayout(tensors, metadata: metadata)  // finds names that would be in two shards
      plan = try ShardPlan(tensors, maximumShardByteCount: maximumShardByteCount)
    } catch { throw SafetensorsError(path: folder, error) }
    let older = try FileSystem.list(folder).filter(isWeightName)
    if let first = older.first, !overwriting {
      throw SafetensorsError(path: FileSystem.join(folder, first), .destinationExists)
    }

    let staging = try FileSystem.createTemporaryFolder(beside: FileSystem.join(folder, "model"))
    defer { try? FileSystem.removeTree(staging) }
    for shard in plan.shards {
      try SafetensorsWriter.write(
        shard.tensors, metadata: metadata, to: FileSystem.join(staging, shard.name), filling: filling)
    }
    var names = plan.shards.map(\.name)
    if plan.shards.count > 1 {
      names.append(indexName)
      try AtomicFile.write(plan.indexText(), to: FileSystem.join(staging, indexName))
    }
    for name in names {
      try FileSystem.rename(FileSystem.join(staging, name), to: FileSystem.join(folder, name))
    }
    FileSystem.synchroniseFolder(folder)
    for name in older where !names.contains(name) { try FileSystem.remove(FileSystem.join(folder, name)) }
    return names
  }

  static let indexName = "model.safetensors.index.json"

  /// Whether transformers would take the name for weights of its own: `model.safetensors`, a shard or the
  /// index.
  static func isWeightName(_ name: String) -> Bool {
    if name == "model.safetensors" || name == indexName { return true }
    guard name.hasPrefix("model-"), name.hasSuffix(".safetensors") else { return false }
    let numbers = name.dropFirst("model-".count).dropLast(".safetensors".count).split(separator: "-")
    return numbers.count == 3 && numbers[1] == "of"
      && [numbers[0], numbers[2]].allSatisfy { $0.count == 5 && $0.allSatisfy(\.isASCII) && Int($0) != nil }
  }
}

/// Which tensor goes into which shard.
package struct ShardPlan: Sendable {
  package let shards: [(name: String, tensors: [TensorInfo])]
  /// The name of the index that goes with more than one shard.
  package let indexName: String
  private let totalParameters: Int
  private let totalByteCount: Int

  /// - Parameters:
  ///   - stem: what the names begin with: `model` for safetensors, `pytorch_model` for PyTorch.
  ///   - suffix: what they end with.
  /// - Throws: a fault for a shape that cannot be.
  package init(
    _ tensors: [TensorInfo], maximumShardByteCount: Int, stem: String = "model",
    suffix: String = "safetensors"
  ) throws(SafetensorsError.Fault) {
    var groups: [[TensorInfo]] = []
    var open: [TensorInfo] = []
    var (openByteCount, totalByteCount, totalParameters) = (0, 0, 0)
    for info in tensors {
      let byteCount = try SafetensorsLayout.byteCount(of: info)
      totalByteCount += byteCount
      totalParameters += info.elementCount
      if byteCount > maximumShardByteCount {
        groups.append([info])  // before the shard that is open, which stays open
        continue
      }
      if openByteCount + byteCount > maximumShardByteCount {
        groups.append(open)
        (open, openByteCount) = ([], 0)
      }
      open.append(info)
      openByteCount += byteCount
    }
    if !open.isEmpty || groups.isEmpty { groups.append(open) }
    func padded(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    let count = groups.count
    shards = groups.enumerated().map { index, group in
      (count == 1 ? "\(stem).\(suffix)" : "\(stem)-\(padded(index + 1))-of-\(padded(count)).\(suffix)", group)
    }
    indexName = "\(stem).\(suffix).index.json"
    (self.totalByteCount, self.totalParameters) = (totalByteCount, totalParameters)
  }

  /// `model.safetensors.index.json` as transformers writes it.
  ///
  /// - Parameter ties: further names, each with the tensor whose shard holds it too.
  package func indexText(ties: [(name: String, kept: String)] = []) -> String {
    var map = shards.flatMap { shard in shard.tensors.map { JSONValue.Member($0.name, .string(shard.name)) } }
    map += ties.compactMap { tie in map.first { $0.key == tie.kept }.map { .init(tie.name, $0.value) } }
    let index: JSONValue = [
      "metadata": ["total_parameters": .number(totalParameters), "total_size": .number(totalByteCount)],
      "weight_map": .object(map),
    ]
    return index.pythonText(sortKeys: true) + "\n"
  }
}
