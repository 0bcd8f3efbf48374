import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Which tensor of a checkpoint holds which parameter. Reads names and shapes, and values only of tensors
/// that are there twice.
struct ParameterResolution {
  let table: WeightTable
  /// The tensor of each of the table's parameters; nil where it is newly initialised.
  private(set) var tensors: [TensorInfo?] = []
  private(set) var report = LoadReport()

  /// - Throws: `ConfigurationError`; ``BERTLoadError`` when weights of the encoder are missing or do not fit;
  ///   the errors of `source`.
  init(
    _ source: any WeightSource, _ configuration: BERTConfiguration, _ architecture: BERTArchitecture
  ) throws {
    try configuration.check()
    let decoder = try Decoder(source, configuration, architecture)
    table = WeightTable(configuration, architecture, hasUntiedDecoder: decoder.hasOwnWeight)
    report.isDecoderUntied = configuration.tieWordEmbeddings && decoder.hasOwnWeight
    var copies = decoder.copies
    for spec in table.specs {
      if let tensor = decoder.tensors[spec.name] {
        tensors.append(tensor)
        continue
      }
      let found = spec.spellings.compactMap { source.tensor(named: $0) }
      for other in found.dropFirst() {
        guard try haveSameValues(found[0], other, source) else {
          throw BERTLoadError.ambiguousSpelling(name: spec.name, found: found.map(\.name))
        }
        copies.insert(other.name)
      }
      tensors.append(found.first)
    }
    try ParameterDiagnosis(source, configuration, table, tensors).check()

    let used = Set(tensors.compactMap { $0?.name })
    for tensor in source.tensors where !used.contains(tensor.name) {
      if copies.contains(tensor.name) || Self.buffers.contains(tensor.name) {
        report.ignored.append(tensor.name)
      } else {
        report.unused.append(tensor.name)
      }
    }
    for index in table.specs.indices { record(index) }
  }

  /// Enters a parameter into the report; one of another shape loses its tensor.
  private mutating func record(_ index: Int) {
    let spec = table.specs[index]
    guard let tensor = tensors[index] else {
      report.newlyInitialised.append(spec.name)
      return
    }
    guard tensor.shape == spec.shape else {
      report.mismatched.append(.init(name: spec.name, expected: spec.shape, found: tensor.shape))
      tensors[index] = nil
      return
    }
    report.loaded.append(spec.name)
    if tensor.name != spec.name { report.renamed.append(.init(file: tensor.name, name: spec.name)) }
    if tensor.elementType != .float32, !report.convertedTypes.contains(tensor.elementType) {
      report.convertedTypes.append(tensor.elementType)
    }
  }

  /// Constants that older versions of transformers wrote into checkpoints.
  private static let buffers: Set = [
    "embeddings.position_ids", "bert.embeddings.position_ids", "embeddings.token_type_ids",
    "bert.embeddings.token_type_ids",
  ]
}

/// The tied weights of a token prediction head, which a checkpoint may have under either name or both.
private struct Decoder {
  /// Whether the decoder multiplies with something else than the word embeddings.
  private(set) var hasOwnWeight: Bool
  /// Parameters that are not to be looked up by their spellings.
  private(set) var tensors: [String: TensorInfo] = [:]
  /// Tensors that repeat another.
  private(set) var copies: Set<String> = []

  init(
    _ source: any WeightSource, _ configuration: BERTConfiguration, _ architecture: BERTArchitecture
  ) throws {
    hasOwnWeight = !configuration.tieWordEmbeddings
    guard architecture.predictsTokens else { return }
    if !hasOwnWeight, let decoder = source.tensor(named: WeightTable.decoderWeight) {
      let names = ["bert.embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"]
      if let word = names.lazy.compactMap({ source.tensor(named: $0) }).first {
        if try haveSameValues(word, decoder, source) {
          copies.insert(decoder.name)
        } else if word.shape == decoder.shape {
          hasOwnWeight = true
        }
      } else {
        tensors[names[0]] = decoder
      }
    }
    // Logits add the decoder's own bias, to which the head's is tied. Where a file has both and they differ,
    // the decoder's is the one that versions 4 and 5 compute with.
    if let bias = source.tensor(named: WeightTable.decoderBias) {
      tensors[WeightTable.predictionBias] = bias
      if let other = source.tensor(named: WeightTable.predictionBias), try haveSameValues(bias, other, source)
      {
        tensors[WeightTable.predictionBias] = other
        copies.insert(bias.name)
      }
    }
  }
}

/// Whether two tensors are equal bit for bit.
private func haveSameValues(_ a: TensorInfo, _ b: TensorInfo, _ source: any WeightSource) throws -> Bool {
  guard a.shape == b.shape, a.elementType == b.elementType else { return false }
  return try source.withBytes(of: a.name) { a in
    try source.withBytes(of: b.name) { b in
      a.withUnsafeBytes { a in
        b.withUnsafeBytes { b in
          guard a.count == b.count else { return false }
          guard let start = a.baseAddress, let other = b.baseAddress else { return true }
          return memcmp(start, other, a.count) == 0
        }
      }
    }
  }
}
