import Tensors

/// The encoder's linear layers in a form that needs no packing at a call, by the layer's name. Query, key and value,
/// which have one input, are one layer, called "….attention.self".
package final class PreparedLayers: Sendable {
  private let layers: [String: PreparedWeights]
  private let memory: PreparedMemory

  subscript(name: String) -> PreparedWeights? { layers[name] }

  /// Bytes that the layers take.
  package var byteCount: Int { memory.byteCount }

  fileprivate init(_ sources: [PreparedWeights.Source], _ form: LinearWeights, _ compute: Compute) throws {
    let sizes = sources.map { $0.byteCount(form, compute.kernels) }
    memory = try PreparedMemory(byteCount: sizes.reduce(0, +))
    var layers: [String: PreparedWeights] = [:]
    var offset = 0
    for (source, size) in zip(sources, sizes) {
      layers[source.name] = try PreparedWeights(source, form, in: memory, at: offset, compute)
      offset += size
    }
    self.layers = layers
  }
}

extension ParameterStore {
  /// The same parameters, with copies of the encoder's linear layers in another form.
  ///
  /// Costs one pass over their weights. The store is then for inference only: a flat copy has no prepared layers.
  ///
  /// - Parameter compute: what will compute with them.
  /// - Throws: `MemoryError`; `LinearWeightsError` when the form cannot hold the weights.
  func prepared(as form: LinearWeights, for compute: Compute) throws -> ParameterStore {
    guard form != .float32 else { return self }
    return with(try PreparedLayers(linearLayers(), form, compute))
  }

  /// The encoder's linear layers in the order of the table.
  private func linearLayers() -> [PreparedWeights.Source] {
    let suffix = ".weight"
    return table.specs.compactMap { spec in
      guard spec.part == .encoder, spec.name.hasSuffix(suffix), spec.shape.count == 2 else {
        return nil
      }
      let name = String(spec.name.dropLast(suffix.count))
      var (layer, parts) = (name, [name])
      if let attention = name.firstRange(of: ".attention.self.") {
        guard name.hasSuffix(".query") else { return nil }
        layer = String(name[..<attention.upperBound].dropLast())
        parts = ["query", "key", "value"].map { layer + "." + $0 }
      }
      return PreparedWeights.Source(
        name: layer, inputs: spec.shape[1],
        parts: parts.map { part in
          PreparedWeights.Part(
            weight: self[part + suffix], bias: self[part + ".bias"],
            outputs: table[part + suffix]?.shape[0] ?? 0)
        })
    }
  }
}
