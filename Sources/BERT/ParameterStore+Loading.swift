package import ModelFiles
package import RandomStreams
import Tensors

extension ParameterStore {
  /// Loads the parameters of `architecture` from a checkpoint, drawing what it lacks from a new generator.
  ///
  /// - Parameter seed: as in `set_seed(seed)` before `from_pretrained`: new weights are then the reference's,
  ///   bit for bit.
  /// - Throws: as ``load(from:configuration:architecture:storage:generator:)``.
  package static func load(
    from source: any WeightSource, configuration: BERTConfiguration, architecture: BERTArchitecture,
    storage: Storage, seed: UInt64
  ) throws -> (ParameterStore, LoadReport) {
    var generator = TorchGenerator(seed: seed)
    return try load(
      from: source, configuration: configuration, architecture: architecture, storage: storage,
      generator: &generator)
  }

  /// Loads the parameters of `architecture` from a checkpoint.
  ///
  /// Weights of the pooler and the head that the checkpoint lacks are drawn from `generator` in the order of
  /// the table, as transformers 5.23 does. (Where a whole token prediction head is new, version 4.38 draws a
  /// decoder too, which it then discards.) A flat store costs one copy of the weights, a mapped one the
  /// copies of those that cannot be used in place.
  ///
  /// - Throws: ``BERTLoadError`` when weights of the encoder are missing or do not fit; `ConfigurationError`
  ///   when the configuration is not sound; `MemoryError`; the errors of `source`.
  package static func load(
    from source: any WeightSource, configuration: BERTConfiguration, architecture: BERTArchitecture,
    storage: Storage, generator: inout TorchGenerator
  ) throws -> (ParameterStore, LoadReport) {
    let resolution = try ParameterResolution(source, configuration, architecture)
    let table = resolution.table
    let layout = storage == .flat ? ParameterLayout(table) : nil

    var places: [Place] = []
    var files: [MappedFile] = []
    var soon: [MappedBytes] = []
    var blockCount = layout?.count ?? 0
    for (spec, tensor) in zip(table.specs, resolution.tensors) {
      if let layout {
        places.append(.block(layout.offset(of: spec.name)))
      } else if let tensor, let bytes = try usableBytes(of: tensor, in: source) {
        places.append(.file(bytes.start))
        if files.last !== bytes.file { files.append(bytes.file) }
        // Of a table only the rows of a text are read.
        if !spec.name.hasSuffix("_embeddings.weight") { soon.append(bytes) }
      } else {
        places.append(.block(blockCount))
        blockCount += ParameterLayout.aligned(spec.elementCount)
      }
    }
    populate(soon)
    let block = try MemoryBlock(byteCount: blockCount * MemoryLayout<Float>.stride)
    let pointers = zip(table.specs, places).map { spec, place in
      switch place {
      case .block(let offset): block.floats(at: offset, count: spec.elementCount)
      case .file(let start): UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: Float.self))
      }
    }

    let deviation = configuration.initializerRange == 0 ? 0.02 : configuration.initializerRange
    for index in table.specs.indices {
      guard case .block = places[index] else { continue }
      let (spec, target) = (table.specs[index], pointers[index])
      if let tensor = resolution.tensors[index] {
        try copy(tensor, of: source, into: target)
        continue
      }
      switch spec.initialisation {
      case .normal:
        let values = generator.normal(count: spec.elementCount, mean: 0, standardDeviation: deviation)
        target.update(from: values, count: spec.elementCount)
      case .ones: target.update(repeating: 1, count: spec.elementCount)
      case .zeros: break  // as the block is
      }
    }
    var report = resolution.report
    report.seed = generator.initialSeed
    let store = ParameterStore(table: table, layout: layout, pointers: pointers, block: block, files: files)
    return (store, report)
  }

  /// Begins to bring weights into memory in the order in which they will be read, while the caller goes on to load a
  /// tokenizer: the pages of a model of 440 MB take 20 ms to come when they are in the page cache.
  private static func populate(_ weights: [MappedBytes]) {
    guard !weights.isEmpty else { return }
    let thread = startThread { for bytes in weights { bytes.file.populate(bytes.range) } }
    if let thread { detachThread(thread) }
  }

  /// Where a parameter's values are to be.
  private enum Place {
    /// Floats from the start of the block.
    case block(Int)
    case file(UnsafeRawPointer)
  }

  /// Where a tensor's floats can be read in place: F32, mapped and aligned. Else nil.
  private static func usableBytes(of tensor: TensorInfo, in source: any WeightSource) throws -> MappedBytes? {
    guard tensor.elementType == .float32, let source = source as? any MappedWeightSource,
      let bytes = source.mappedBytes(of: tensor.name),
      UInt(bitPattern: bytes.start) % UInt(MemoryLayout<Float>.alignment) == 0
    else { return nil }
    // Notices a file that has been shortened since, of which touching the pages would end the process.
    try source.withBytes(of: tensor.name) { _ in }
    return bytes
  }

  private static func copy(
    _ tensor: TensorInfo, of source: any WeightSource, into target: UnsafeMutablePointer<Float>
  ) throws {
    try source.withBytes(of: tensor.name) { span in
      try span.withUnsafeBytes { bytes in
        let count = tensor.elementCount
        precondition(bytes.count * 8 == count * tensor.elementType.bitWidth, "a source gave too few bytes")
        guard let start = bytes.baseAddress else { return }
        try convert(start, from: tensor.elementType, count: count, into: target)
      }
    }
  }
}
