/// One parameter tensor of a model: its name, its shape, and how it starts when a checkpoint lacks it.
public struct WeightSpec: Sendable, Equatable {
  /// Where in the model a parameter belongs.
  public enum Part: Sendable, Hashable {
    case embeddings
    case encoder
    case pooler
    case head
  }

  /// The values of a parameter before training.
  public enum Initialisation: Sendable, Hashable {
    /// Drawn from a normal distribution with the standard deviation `initializer_range`.
    case normal
    case zeros
    case ones
  }

  /// The Hugging Face name, under which the tensor is written.
  public let name: String
  /// Row-major, outermost dimension first.
  public let shape: [Int]
  /// The names it may have in a checkpoint, ``name`` first: with or without `bert.`, TensorFlow's `gamma` and
  /// `beta` for the weight and bias of a layer normalisation, and the decoder's name for the bias that is
  /// tied to its own.
  public let spellings: [String]
  public let part: Part
  public let initialisation: Initialisation

  /// The number of values.
  public var elementCount: Int { shape.reduce(1, *) }

  /// Whether weight decay applies; not to biases and layer normalisations, as in `Trainer`.
  public var decays: Bool { !name.hasSuffix(".bias") && !name.contains("LayerNorm") }
}

/// Every parameter of a BERT class, once, in the order of the reference's modules.
///
/// New weights are drawn in this order. A decoder that is tied to the word embeddings is not in the table: it
/// has no values of its own.
public struct WeightTable: Sendable {
  public let specs: [WeightSpec]
  private let indices: [String: Int]

  /// - Parameters:
  ///   - configuration: gives the number of layers and the shapes.
  ///   - architecture: decides on the pooler, the head and the prefix of the encoder's names.
  ///   - hasUntiedDecoder: whether the decoder of a token prediction head has a weight of its own; what the
  ///     configuration says when nil.
  public init(
    _ configuration: BERTConfiguration, _ architecture: BERTArchitecture, hasUntiedDecoder: Bool? = nil
  ) {
    var names = WeightNames(configuration, architecture)
    names.addEncoder()
    if architecture.hasPooler { names.addPooler() }
    names.addHead(hasUntiedDecoder: hasUntiedDecoder ?? !configuration.tieWordEmbeddings)
    specs = names.specs
    indices = Dictionary(
      specs.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  /// The parameter of this Hugging Face name, or nil.
  public subscript(name: String) -> WeightSpec? { indices[name].map { specs[$0] } }

  /// Where in ``specs`` the parameter of this name is, or nil.
  package func index(of name: String) -> Int? { indices[name] }

  /// The number of values of all parameters together.
  public var parameterCount: Int { specs.reduce(0) { $0 + $1.elementCount } }

  /// Whether there is a token prediction head whose decoder has a weight of its own.
  package var hasUntiedDecoder: Bool { indices[Self.decoderWeight] != nil }

  static let decoderWeight = "cls.predictions.decoder.weight"
  static let decoderBias = "cls.predictions.decoder.bias"
  static let predictionBias = "cls.predictions.bias"
}

/// Lists the parameters module by module; within a module its own come first, as in a state dictionary.
private struct WeightNames {
  let configuration: BERTConfiguration
  let architecture: BERTArchitecture
  var specs: [WeightSpec] = []

  init(_ configuration: BERTConfiguration, _ architecture: BERTArchitecture) {
    (self.configuration, self.architecture) = (configuration, architecture)
  }

  /// C
  private var size: Int { configuration.hiddenSize }

  mutating func addEncoder() {
    for (table, rows) in [
      ("word", configuration.vocabSize), ("position", configuration.maxPositionEmbeddings),
      ("token_type", configuration.typeVocabSize),
    ] {
      add("embeddings.\(table)_embeddings.weight", [rows, size], .embeddings, .normal)
    }
    addLayerNorm("embeddings.LayerNorm", .embeddings)
    for index in 0..<configuration.numHiddenLayers {
      let layer = "encoder.layer.\(index)"
      for projection in ["query", "key", "value"] {
        addLinear("\(layer).attention.self.\(projection)", from: size, to: size, .encoder)
      }
      addLinear("\(layer).attention.output.dense", from: size, to: size, .encoder)
      addLayerNorm("\(layer).attention.output.LayerNorm", .encoder)
      addLinear("\(layer).intermediate.dense", from: size, to: configuration.intermediateSize, .encoder)
      addLinear("\(layer).output.dense", from: configuration.intermediateSize, to: size, .encoder)
      addLayerNorm("\(layer).output.LayerNorm", .encoder)
    }
  }

  mutating func addPooler() { addLinear("pooler.dense", from: size, to: size, .pooler) }

  mutating func addHead(hasUntiedDecoder: Bool) {
    switch architecture {
    case .model: break
    case .sequenceClassification, .tokenClassification:
      addLinear("classifier", from: size, to: configuration.labels.count, .head)
    case .questionAnswering: addLinear("qa_outputs", from: size, to: 2, .head)
    case .maskedLM: addPredictions(hasUntiedDecoder: hasUntiedDecoder)
    case .nextSentencePrediction: addLinear("cls.seq_relationship", from: size, to: 2, .head)
    case .preTraining:
      addPredictions(hasUntiedDecoder: hasUntiedDecoder)
      addLinear("cls.seq_relationship", from: size, to: 2, .head)
    }
  }

  private mutating func addPredictions(hasUntiedDecoder: Bool) {
    add(
      WeightTable.predictionBias, [configuration.vocabSize], .head, .zeros,
      alternative: WeightTable.decoderBias)
    addLinear("cls.predictions.transform.dense", from: size, to: size, .head)
    addLayerNorm("cls.predictions.transform.LayerNorm", .head)
    if hasUntiedDecoder { add(WeightTable.decoderWeight, [configuration.vocabSize, size], .head, .normal) }
  }

  private mutating func addLinear(
    _ module: String, from inputs: Int, to outputs: Int, _ part: WeightSpec.Part
  ) {
    add(module + ".weight", [outputs, inputs], part, .normal)
    add(module + ".bias", [outputs], part, .zeros)
  }

  private mutating func addLayerNorm(_ module: String, _ part: WeightSpec.Part) {
    add(module + ".weight", [size], part, .ones, alternative: module + ".gamma")
    add(module + ".bias", [size], part, .zeros, alternative: module + ".beta")
  }

  private mutating func add(
    _ name: String, _ shape: [Int], _ part: WeightSpec.Part, _ initialisation: WeightSpec.Initialisation,
    alternative: String? = nil
  ) {
    let names = [name] + (alternative.map { [$0] } ?? [])
    let spellings: [String] =
      if part == .head {
        names
      } else if architecture.prefix.isEmpty {
        names + names.map { "bert." + $0 }
      } else {
        names.map { architecture.prefix + $0 } + names
      }
    specs.append(
      WeightSpec(
        name: spellings[0], shape: shape, spellings: spellings, part: part, initialisation: initialisation))
  }
}
