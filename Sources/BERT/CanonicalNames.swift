/// The one name a tensor of a BERT checkpoint goes by, however the checkpoint spells it.
///
/// Canonical are the names of the state dictionary of transformers' class: `bert.` in front of the encoder's where
/// the checkpoint has a head, and nothing where it has none; `weight` and `bias` for TensorFlow's `gamma` and `beta`;
/// no `module.` of data-parallel training. A checkpoint without BERT's word embeddings keeps its names as they are.
package struct CanonicalNames: Sendable {
  /// Whether the tensors are a BERT model's.
  package let isBERT: Bool
  /// Whether there is a head, and so `bert.` in front of the encoder's names.
  package let hasHead: Bool

  /// - Parameters:
  ///   - names: those of the checkpoint; TensorFlow's have been translated already.
  ///   - hasHead: nil finds out.
  package init(_ names: some Sequence<String>, hasHead: Bool? = nil) {
    let bare = names.map { Self.bare($0) }
    isBERT = bare.contains(Self.wordEmbeddings)
    self.hasHead = hasHead ?? bare.contains(where: Self.isHead)
  }

  /// The canonical name of a tensor.
  package func canonical(_ name: String) -> String {
    guard isBERT else { return name }
    let bare = Self.bare(name)
    return hasHead && Self.isEncoder(bare) ? "bert." + bare : bare
  }

  /// What a canonical name is in a checkpoint with or without a head.
  package static func withPrefix(_ canonical: String, _ hasHead: Bool) -> String {
    let bare = bare(canonical)
    guard isEncoder(bare) else { return canonical }
    return hasHead ? "bert." + bare : bare
  }

  /// Whether a canonical name is that of a constant that older versions of transformers wrote.
  package static func isBuffer(_ canonical: String) -> Bool {
    ["embeddings.position_ids", "embeddings.token_type_ids"].contains(bare(canonical))
  }

  /// The parameter that a canonical name repeats in BERT's classes, where both have the same values.
  package func tie(of canonical: String) -> String? {
    guard isBERT else { return nil }
    switch canonical {
    case WeightTable.decoderWeight: return self.canonical(Self.wordEmbeddings)
    case WeightTable.decoderBias: return WeightTable.predictionBias
    default: return nil
    }
  }

  private static let wordEmbeddings = "embeddings.word_embeddings.weight"

  private static func isHead(_ bare: String) -> Bool {
    ["classifier.", "cls.", "qa_outputs."].contains(where: bare.hasPrefix)
  }

  private static func isEncoder(_ bare: String) -> Bool {
    ["embeddings.", "encoder.", "pooler."].contains(where: bare.hasPrefix)
  }

  /// Without prefixes, and with PyTorch's names for the parameters of a layer normalisation.
  private static func bare(_ name: String) -> String {
    var bare = name[...]
    for prefix in ["module.", "bert."] where bare.hasPrefix(prefix) { bare = bare.dropFirst(prefix.count) }
    if bare.hasSuffix("LayerNorm.gamma") { return bare.dropLast("gamma".count) + "weight" }
    if bare.hasSuffix("LayerNorm.beta") { return bare.dropLast("beta".count) + "bias" }
    return String(bare)
  }
}
