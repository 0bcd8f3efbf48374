/// One weight of a BERT model: its name, its shape, and how files spell it.
public struct WeightSpec: Sendable, Equatable {
  /// Where in the model the weight stands.
  public enum Part: Sendable { case embeddings, encoder, pooler, head }
  /// How the weight begins when a checkpoint lacks it.
  public enum Initialisation: Sendable { case normal, zeros, ones }

  /// The name transformers gives it; *the* name throughout this package.
  public let name: String
  public let shape: [Int]
  /// The names files may use, the canonical one first.
  public let spellings: [String]
  public let part: Part
  public let initialisation: Initialisation

  /// Whether weight decay applies. Reference: `get_decay_parameter_names` in transformers' `trainer.py`.
  public var decays: Bool { !name.hasSuffix(".bias") && !name.contains("LayerNorm") }

  public var elementCount: Int { shape.reduce(1, *) }
}

/// Every weight of one BERT class, once: canonical name, shape, accepted spellings, in the reference's module order.
public struct WeightTable: Sendable {
  public let specs: [WeightSpec]
  private let indexByName: [String: Int]

  /// - Parameter hasUntiedDecoder: whether a masked language model's decoder has a weight of its own.
  public init(
    _ configuration: BERTConfiguration, _ architecture: BERTArchitecture, hasUntiedDecoder: Bool = false
  ) {
    var builder = Builder(prefix: architecture.prefix)
    let (size, inner, labels) =
      (configuration.hiddenSize, configuration.intermediateSize, configuration.labels.count)
    builder.part = .embeddings
    builder.add("embeddings.word_embeddings.weight", [configuration.vocabSize, size])
    builder.add("embeddings.position_embeddings.weight", [configuration.maxPositionEmbeddings, size])
    builder.add("embeddings.token_type_embeddings.weight", [configuration.typeVocabSize, size])
    builder.layerNorm("embeddings.LayerNorm", size)
    builder.part = .encoder
    for index in 0..<configuration.numHiddenLayers {
      let layer = "encoder.layer.\(index)"
      for part in ["query", "key", "value"] { builder.linear("\(layer).attention.self.\(part)", size, size) }
      builder.linear("\(layer).attention.output.dense", size, size)
      builder.layerNorm("\(layer).attention.output.LayerNorm", size)
      builder.linear("\(layer).intermediate.dense", inner, size)
      builder.linear("\(layer).output.dense", size, inner)
      builder.layerNorm("\(layer).output.LayerNorm", size)
    }
    if architecture.hasPooler {
      builder.part = .pooler
      builder.linear("pooler.dense", size, size)
    }
    builder.beginHead()
    switch architecture {
    case .model: break
    case .sequenceClassification, .tokenClassification: builder.linear("classifier", labels, size)
    case .questionAnswering: builder.linear("qa_outputs", 2, size)
    case .nextSentencePrediction: builder.linear("cls.seq_relationship", 2, size)
    case .maskedLM: builder.predictions(configuration, hasUntiedDecoder)
    case .preTraining:
      builder.predictions(configuration, hasUntiedDecoder)
      builder.linear("cls.seq_relationship", 2, size)
    }
    specs = builder.specs
    indexByName = Dictionary(uniqueKeysWithValues: specs.indices.map { (builder.specs[$0].name, $0) })
  }

  /// The weight called `name`, or nil.
  public subscript(name: String) -> WeightSpec? { indexByName[name].map { specs[$0] } }

  /// The elements of all weights; a tied decoder counts once.
  public var parameterCount: Int { specs.reduce(0) { $0 + $1.elementCount } }

  private struct Builder {
    var specs: [WeightSpec] = []
    var part = WeightSpec.Part.embeddings
    var prefix: String

    init(prefix: String) { self.prefix = prefix }

    mutating func beginHead() { (part, prefix) = (.head, "") }

    mutating func add(
      _ name: String, _ shape: [Int], _ initialisation: WeightSpec.Initialisation = .normal,
      alternatives: [String] = []
    ) {
      // Bare models say "encoder…", all others "bert.encoder…"; a file may do either.
      let names = [name] + alternatives
      let others = part == .head ? [] : names.map { (prefix.isEmpty ? "bert." : "") + $0 }
      specs.append(
        WeightSpec(
          name: prefix + name, shape: shape, spellings: names.map { prefix + $0 } + others, part: part,
          initialisation: initialisation))
    }

    mutating func linear(_ name: String, _ outputs: Int, _ inputs: Int) {
      add(name + ".weight", [outputs, inputs])
      add(name + ".bias", [outputs], .zeros)
    }

    /// Checkpoints that came from TensorFlow say gamma and beta.
    mutating func layerNorm(_ name: String, _ size: Int) {
      add(name + ".weight", [size], .ones, alternatives: [name + ".gamma"])
      add(name + ".bias", [size], .zeros, alternatives: [name + ".beta"])
    }

    mutating func predictions(_ configuration: BERTConfiguration, _ hasUntiedDecoder: Bool) {
      add(
        "cls.predictions.bias", [configuration.vocabSize], .zeros, alternatives: ["cls.predictions.decoder.bias"])
      linear("cls.predictions.transform.dense", configuration.hiddenSize, configuration.hiddenSize)
      layerNorm("cls.predictions.transform.LayerNorm", configuration.hiddenSize)
      if hasUntiedDecoder {
        add("cls.predictions.decoder.weight", [configuration.vocabSize, configuration.hiddenSize])
      }
    }
  }
}
