import ModelFiles

/// Finds out whether the tensors of a checkpoint are those of the encoder, and if not, what is the matter.
struct ParameterDiagnosis {
  private let source: any WeightSource
  private let configuration: BERTConfiguration
  private let table: WeightTable
  private let tensors: [TensorInfo?]

  /// - Parameter tensors: what was found for each of the table's parameters.
  init(
    _ source: any WeightSource, _ configuration: BERTConfiguration, _ table: WeightTable,
    _ tensors: [TensorInfo?]
  ) {
    (self.source, self.configuration, self.table, self.tensors) = (source, configuration, table, tensors)
  }

  /// - Throws: ``BERTLoadError`` for the first fault: the number of layers, missing weights, a shape, a type.
  func check() throws(BERTLoadError) {
    let missing = zip(table.specs, tensors).filter { $0.1 == nil && $0.0.isVital }.map(\.0)
    try checkLayers(missing)
    guard missing.isEmpty else {
      throw .missingWeights(missing.map(\.name), hint: hint(missing))
    }
    for (spec, tensor) in zip(table.specs, tensors) {
      guard let tensor else { continue }
      if tensor.shape != spec.shape, spec.part != .head { throw misfit(spec, tensor) }
      guard tensor.elementType.isLoadable else {
        throw .unsupportedElementType(tensor: tensor.name, found: tensor.elementType)
      }
    }
  }

  /// The tensors have more layers than the configuration, or all of fewer.
  private func checkLayers(_ missing: [WeightSpec]) throws(BERTLoadError) {
    var last: (layer: Int, tensor: String)?
    for tensor in source.tensors {
      if let layer = tensor.name.encoderLayer, layer > last?.layer ?? -1 { last = (layer, tensor.name) }
    }
    guard let last, last.layer < Int.max else { return }
    let (expected, found) = (last.layer + 1, configuration.numHiddenLayers)
    let isCutShort = expected < found && missing.allSatisfy { $0.name.encoderLayer ?? -1 >= expected }
    guard expected > found || isCutShort else { return }
    throw .configurationMismatch(
      key: "num_hidden_layers", expected: expected, found: found, tensor: last.tensor)
  }

  /// The sizes that a tensor shows, outermost dimension first.
  private static let sizes: [(suffix: String, keys: [String])] = [
    ("embeddings.word_embeddings.weight", ["vocab_size", "hidden_size"]),
    ("embeddings.position_embeddings.weight", ["max_position_embeddings", "hidden_size"]),
    ("embeddings.token_type_embeddings.weight", ["type_vocab_size", "hidden_size"]),
    (".intermediate.dense.weight", ["intermediate_size", "hidden_size"]),
  ]

  private func misfit(_ spec: WeightSpec, _ tensor: TensorInfo) -> BERTLoadError {
    let keys = Self.sizes.first { spec.name.hasSuffix($0.suffix) }?.keys ?? []
    if tensor.shape.count == keys.count {
      // The columns first: where they differ too, the whole model is another.
      for axis in keys.indices.reversed() where tensor.shape[axis] != spec.shape[axis] {
        return .configurationMismatch(
          key: keys[axis], expected: tensor.shape[axis], found: spec.shape[axis], tensor: tensor.name)
      }
    }
    return .shapeMismatch(tensor: tensor.name, expected: spec.shape, found: tensor.shape)
  }
}

// MARK: - Hints

extension ParameterDiagnosis {
  /// Prefixes and parts of names that only other models have.
  private static let strangers: [(mark: String, model: String)] = [
    ("albert_layer_groups.", "ALBERT"), (".attention.q_lin.", "DistilBERT"), ("distilbert.", "DistilBERT"),
    (".attention.attn.q.", "MPNet"), (".self.query_proj.", "DeBERTa"), (".self.in_proj.", "DeBERTa"),
    (".attn.Wqkv.", "ModernBERT or NomicBERT"), ("roberta.", "RoBERTa"), ("electra.", "ELECTRA"),
    ("mobilebert.", "MobileBERT"), ("convbert.", "ConvBERT"), ("layoutlm.", "LayoutLM"), ("esm.", "ESM"),
  ]

  /// What may be the matter, and what to do.
  private func hint(_ missing: [WeightSpec]) -> String {
    let names = source.tensors.map(\.name)
    guard !names.isEmpty else { return "the file has no tensors; download it again" }
    if names.contains(where: { $0.hasPrefix("bert/encoder/layer_") }) {
      return "the names are TensorFlow's; convert the checkpoint to PyTorch names first"
    }
    for (mark, model) in Self.strangers
    where names.contains(where: {
      mark.hasPrefix(".") ? $0.contains(mark) : $0.hasPrefix(mark) || $0.contains("." + mark)
    }) {
      return "these are the weights of \(model), not of BERT; choose another model"
    }
    if let prefix = strayPrefix(missing, names) {
      let count = names.count { $0.hasPrefix(prefix) }
      return
        "\(count) of the \(names.count) tensors are named '\(prefix)…'; remove that prefix from the names"
    }
    let nearest = nearestNames(to: missing[0].name, in: names)
    guard !nearest.isEmpty else {
      return "make sure that these are the weights of a BERT model, and all of them"
    }
    let list = nearest.map { "'\($0)'" }.joined(separator: ", ")
    return "nearest in the file: \(list); make sure that the file is whole"
  }

  /// What stands before the name of the first missing weight in the file, as `module.` does after training on
  /// several devices.
  private func strayPrefix(_ missing: [WeightSpec], _ names: [String]) -> String? {
    for spelling in missing[0].spellings.sorted(by: { $0.utf8.count > $1.utf8.count }) {
      if let name = names.first(where: { $0.hasSuffix("." + spelling) }) {
        return String(name.dropLast(spelling.count))
      }
    }
    return nil
  }
}

extension WeightSpec {
  /// Whether a model without this weight is noise.
  fileprivate var isVital: Bool { part == .embeddings || part == .encoder }
}

extension ElementType {
  fileprivate var isLoadable: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    default: false
    }
  }
}

extension String {
  /// N in `encoder.layer.N.…` and `bert.encoder.layer.N.…`.
  fileprivate var encoderLayer: Int? {
    for prefix in ["bert.encoder.layer.", "encoder.layer."] where hasPrefix(prefix) {
      return Int(dropFirst(prefix.count).prefix { $0.isASCII && $0.isNumber })
    }
    return nil
  }
}
