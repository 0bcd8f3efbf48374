import BERT
import ModelFiles

/// What differs between two checkpoints beside their tensors: `config.json` and the vocabulary.
struct SettingsComparison {
  private(set) var settings: [CheckpointComparison.Setting] = []

  /// Members that say how a file was written rather than what the model is.
  private static let unimportant: Set = [
    "transformers_version", "torch_dtype", "dtype", "_name_or_path", "gradient_checkpointing",
    "position_embedding_type", "use_cache",
  ]
  /// What a configuration that was made from other metadata does say.
  private static let sizes = [
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "hidden_act", "layer_norm_eps",
  ]

  init(_ first: Checkpoint, _ second: Checkpoint) throws {
    if let a = first.configuration.members, let b = second.configuration.members {
      let isInferred = first.isConfigurationInferred || second.isConfigurationInferred
      let keys =
        isInferred ? Self.sizes : a.map(\.key) + b.map(\.key).filter { first.configuration[$0] == nil }
      for key in keys where !Self.unimportant.contains(key) {
        let (one, other) = (first.configuration[key], second.configuration[key])
        guard one?.isNull != true || other?.isNull != true else { continue }
        if let one, let other, Self.isSame(one, other) { continue }
        if one == nil && other == nil { continue }
        if isInferred && (one == nil || other == nil) { continue }
        settings.append(.init(key: key, first: one, second: other))
      }
    }
    if let a = try? first.tokenizer(), let b = try? second.tokenizer() {
      let limit = max(a.vocabulary.idLimit, b.vocabulary.idLimit)
      let differing = (0..<limit).filter { a.vocabulary[$0] != b.vocabulary[$0] }
      if let id = differing.first {
        func token(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        settings.append(
          .init(
            key: "vocabulary: \(differing.count) ids, the first \(id)", first: token(a.vocabulary[id]),
            second: token(b.vocabulary[id])))
      }
      if a.options.lowercase != b.options.lowercase && !first.isConfigurationInferred
        && !second.isConfigurationInferred
      {
        settings.append(
          .init(key: "do_lower_case", first: .bool(a.options.lowercase), second: .bool(b.options.lowercase)))
      }
    }
  }

  /// Numbers by value, single precision being enough: GGUF keeps no more.
  private static func isSame(_ a: JSONValue, _ b: JSONValue) -> Bool {
    if let x = a.doubleValue, let y = b.doubleValue { return Float(x) == Float(y) }
    if let x = a.members, let y = b.members {
      return x.count == y.count && x.allSatisfy { member in y.contains { $0 == member } }
    }
    return a == b
  }
}
