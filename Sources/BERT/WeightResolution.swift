import ModelFiles

/// Which tensor of a checkpoint becomes which weight of a model.
struct WeightResolution {
  let table: WeightTable
  /// The tensor of each weight that the checkpoint has, by canonical name.
  private(set) var tensors: [String: TensorInfo] = [:]
  private(set) var report = LoadReport()

  private static let decoder = "cls.predictions.decoder.weight"
  private static let wordTable = "embeddings.word_embeddings.weight"

  /// - Throws: ``BERTLoadError`` when the encoder is not all there.
  init(_ source: any WeightSource, _ configuration: BERTConfiguration, _ architecture: BERTArchitecture) throws {
    let isLanguageModel = architecture == .maskedLM || architecture == .preTraining
    table = WeightTable(
      configuration, architecture,
      hasUntiedDecoder: try isLanguageModel && Self.hasDecoderOfItsOwn(source, configuration))
    var used: Set<String> = []
    var missing: [String] = []
    for spec in table.specs {
      let found = spec.spellings.compactMap(source.tensor(named:))
      guard var tensor = found.first else {
        if spec.part == .embeddings || spec.part == .encoder {
          missing.append(spec.name)
        } else {
          report.newlyInitialised.append(spec.name)
        }
        continue
      }
      used.formUnion(found.map(\.name))
      if found.count > 1 {
        // A tied bias is in older files twice; anything else under two names may be two things.
        guard spec.name == "cls.predictions.bias" else {
          throw BERTLoadError.ambiguousSpelling(name: spec.name, found: found.map(\.name))
        }
        tensor = found[0]
      }
      guard tensor.shape == spec.shape else {
        guard spec.part == .head else {
          throw BERTLoadError.shapeMismatch(tensor: tensor.name, expected: spec.shape, found: tensor.shape)
        }
        report.mismatched.append(.init(name: spec.name, expected: spec.shape, found: tensor.shape))
        report.newlyInitialised.append(spec.name)
        continue
      }
      guard [.float32, .float16, .bfloat16, .float64].contains(tensor.elementType) else {
        throw BERTLoadError.unsupportedElementType(tensor: tensor.name, found: tensor.elementType)
      }
      tensors[spec.name] = tensor
      report.loaded.append(spec.name)
      if tensor.name != spec.name { report.renamed.append(.init(file: tensor.name, name: spec.name)) }
      if tensor.elementType != .float32, !report.convertedTypes.contains(tensor.elementType) {
        report.convertedTypes.append(tensor.elementType)
      }
    }
    guard missing.isEmpty else {
      throw BERTLoadError.missingWeights(missing, hint: Self.hint(missing, source))
    }
    report.unused = source.tensors.map(\.name).filter { name in
      !used.contains(name) && !Self.isBuffer(name) && !(isLanguageModel && name == Self.decoder)
    }
  }

  /// Buffers that older versions saved and nobody reads.
  private static func isBuffer(_ name: String) -> Bool {
    name.hasSuffix("embeddings.position_ids") || name.hasSuffix("embeddings.token_type_ids")
  }

  /// Whether the file has a decoder that differs from its word table.
  private static func hasDecoderOfItsOwn(
    _ source: any WeightSource, _ configuration: BERTConfiguration
  ) throws -> Bool {
    guard source.tensor(named: decoder) != nil else { return false }
    guard configuration.tieWordEmbeddings else { return true }
    let words = ["bert." + wordTable, wordTable].first { source.tensor(named: $0) != nil }
    guard let words else { return true }
    return try source.withBytes(of: decoder) { decoder in
      try source.withBytes(of: words) { words in
        decoder.withUnsafeBytes { one in words.withUnsafeBytes { !one.elementsEqual($0) } }
      }
    }
  }

  /// What the checkpoint may be instead.
  private static func hint(_ missing: [String], _ source: any WeightSource) -> String {
    let names = source.tensors.map(\.name)
    guard let first = missing.first, !names.isEmpty else { return "the checkpoint holds no tensors" }
    let bare = first.hasPrefix("bert.") ? String(first.dropFirst(5)) : first
    if let wrapped = names.first(where: { $0.hasSuffix(bare) }) {
      let prefix = wrapped.dropLast(bare.count)
      let count = names.count { $0.hasPrefix(prefix) }
      return "\(count) of its \(names.count) names begin with '\(prefix)'; strip that prefix"
    }
    let present = Set(names.compactMap { $0.split(separator: ".").first.map(String.init) }).sorted()
    return "its names begin with \(present.prefix(4).map { "'\($0)'" }.joined(separator: ", ")); "
      + "is it a BERT checkpoint, with as many layers as config.json says?"
  }
}
