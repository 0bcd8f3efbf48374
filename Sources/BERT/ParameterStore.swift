package import ModelFiles
import RandomStreams
import Tensors

/// The parameters of one model in memory, by their canonical names.
package final class ParameterStore: @unchecked Sendable {
  /// Where parameters live.
  package enum Storage: Sendable {
    /// In the pages of the mapped file where they can be used as they lie; the others in a block of their own.
    case mapped
    /// All in one flat block, copied once, as training needs them.
    case flat
  }

  package let table: WeightTable
  /// Offsets in the flat block; nil when parameters are mapped.
  package let layout: ParameterLayout?
  private let block: MemoryBlock
  /// Files that must stay mapped.
  private let files: [MappedFile]
  private let startByName: [String: UnsafeMutablePointer<Float>]

  private init(
    table: WeightTable, layout: ParameterLayout?, block: MemoryBlock, files: [MappedFile],
    starts: [String: UnsafeMutablePointer<Float>]
  ) {
    (self.table, self.layout, self.block) = (table, layout, block)
    (self.files, startByName) = (files, starts)
  }

  /// The first value of the parameter called `name`. Read-only where parameters are mapped.
  ///
  /// - Precondition: the parameter is in the table.
  package subscript(name: String) -> UnsafeMutablePointer<Float> {
    guard let start = startByName[name] else { preconditionFailure("no parameter is called \(name)") }
    return start
  }

  /// The flat block; nil when parameters are mapped.
  package var flat: UnsafeMutablePointer<Float>? {
    layout.map { block.floats(at: 0, count: $0.count) }
  }

  /// The same values in a flat block of their own.
  package func copyFlat() throws -> ParameterStore {
    let layout = ParameterLayout(table)
    let block = try MemoryBlock(byteCount: layout.count * MemoryLayout<Float>.stride)
    var starts: [String: UnsafeMutablePointer<Float>] = [:]
    for segment in layout.segments {
      let start = block.floats(at: segment.offset, count: segment.count)
      start.update(from: self[segment.name], count: segment.count)
      starts[segment.name] = start
    }
    return ParameterStore(table: table, layout: layout, block: block, files: [], starts: starts)
  }

  /// Loads the weights of `architecture` from a checkpoint.
  ///
  /// A missing head or pooler is drawn from `seed`, in the reference's module order; so is a head of another shape.
  ///
  /// - Throws: ``BERTLoadError`` when an encoder weight is missing, has another shape, or holds no floats.
  package static func load(
    from source: any WeightSource, configuration: BERTConfiguration, architecture: BERTArchitecture,
    storage: Storage, seed: UInt64
  ) throws -> (ParameterStore, LoadReport) {
    let resolution = try WeightResolution(source, configuration, architecture)
    let layout = storage == .flat ? ParameterLayout(resolution.table) : nil
    let mappedSource = storage == .mapped ? source as? any MappedWeightSource : nil
    var starts: [String: UnsafeMutablePointer<Float>] = [:]
    var files: [MappedFile] = []
    var owned: [WeightSpec] = []
    for spec in resolution.table.specs {
      if let tensor = resolution.tensors[spec.name], tensor.elementType == .float32,
        let bytes = mappedSource?.mappedBytes(of: tensor.name),
        Int(bitPattern: bytes.start) % MemoryLayout<Float>.alignment == 0
      {
        starts[spec.name] = UnsafeMutablePointer(
          mutating: bytes.start.assumingMemoryBound(to: Float.self))
        if files.last !== bytes.file { files.append(bytes.file) }
      } else {
        owned.append(spec)
      }
    }
    var offsets: [Int] = []
    var count = layout?.count ?? 0
    for spec in owned {
      offsets.append(layout?.offset(of: spec.name) ?? count)
      if layout == nil { count += (spec.elementCount + 15) / 16 * 16 }
    }
    let block = try MemoryBlock(byteCount: max(count, 1) * MemoryLayout<Float>.stride)
    var generator = TorchGenerator(seed: seed)
    for (spec, offset) in zip(owned, offsets) {
      let start = block.floats(at: offset, count: spec.elementCount)
      starts[spec.name] = start
      guard let tensor = resolution.tensors[spec.name] else {
        initialise(start, spec, configuration, &generator)
        continue
      }
      try source.withBytes(of: tensor.name) { bytes in
        try bytes.withUnsafeBytes { bytes in
          guard let address = bytes.baseAddress else { return }
          try convert(address, from: tensor.elementType, count: spec.elementCount, into: start)
        }
      }
    }
    var report = resolution.report
    report.seed = seed
    let store = ParameterStore(
      table: resolution.table, layout: layout, block: block, files: files, starts: starts)
    return (store, report)
  }

  /// Reference: `_init_weights` in transformers' `modeling_bert.py`.
  private static func initialise(
    _ start: UnsafeMutablePointer<Float>, _ spec: WeightSpec, _ configuration: BERTConfiguration,
    _ generator: inout TorchGenerator
  ) {
    switch spec.initialisation {
    case .zeros: start.update(repeating: 0, count: spec.elementCount)
    case .ones: start.update(repeating: 1, count: spec.elementCount)
    case .normal:
      let values = generator.normal(
        count: spec.elementCount, mean: 0, standardDeviation: configuration.initializerRange)
      start.update(from: values, count: spec.elementCount)
    }
  }
}

extension ParameterStore: WeightSource {
  package var tensors: [TensorInfo] {
    table.specs.map { TensorInfo(name: $0.name, elementType: .float32, shape: $0.shape) }
  }

  package func tensor(named name: String) -> TensorInfo? {
    table[name].map { TensorInfo(name: $0.name, elementType: .float32, shape: $0.shape) }
  }

  package func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    guard let spec = table[name] else { throw BERTLoadError.missingWeights([name], hint: "ask for a weight of this model") }
    return try body(UnsafeRawBufferPointer(start: self[name], count: spec.elementCount * MemoryLayout<Float>.stride).bytes)
  }
}
