import BERT
import ModelFiles
import Testing

@Suite("checkpoints that do not fit")
struct DiagnosisTests {
  static func load(
    _ weights: MemoryWeights, _ configuration: BERTConfiguration = tiny,
    _ architecture: BERTArchitecture = .sequenceClassification
  ) throws {
    _ = try ParameterStore.load(
      from: weights, configuration: configuration, architecture: architecture, storage: .mapped, seed: 1)
  }

  /// An edit of a whole checkpoint of 41 tensors, and part of the hint.
  static let strangers: [(edit: @Sendable (inout MemoryWeights) -> Void, hint: String)] = [
    ({ $0.rename { "module." + $0 } }, "41 of the 41 tensors are named 'module.…'; remove that prefix"),
    (
      { $0.rename { "model." + $0.replacing("bert.", with: "") } }, "41 of the 41 tensors are named 'model.…'"
    ),
    ({ $0.rename { "_orig_mod.module." + $0 } }, "named '_orig_mod.module.…'"),
    (
      { $0.rename { $0.replacing("bert.", with: "roberta.") } },
      "these are the weights of RoBERTa, not of BERT"
    ),
    ({ $0.rename { $0.replacing("bert.", with: "electra.") } }, "these are the weights of ELECTRA"),
    ({ $0.rename { $0.replacing("attention.self.query", with: "attention.q_lin") } }, "of DistilBERT"),
    ({ $0.rename { $0.replacing("attention.self.query", with: "attention.attn.q") } }, "of MPNet"),
    ({ $0.rename { $0.replacing("layer.0", with: "albert_layer_groups.0") } }, "of ALBERT"),
    (
      { $0.rename { $0.replacing("encoder.layer.", with: "encoder.layer_").replacing(".", with: "/") } },
      "the names are TensorFlow's; convert"
    ),
    ({ $0.drop { _ in true } }, "the file has no tensors"),
    ({ $0.drop { $0.contains("embeddings") } }, "make sure that"),
    (
      { $0.rename { $0.replacing("token_type_embeddings", with: "tokentype_embeddings") } },
      "nearest in the file: 'bert.embeddings.tokentype_embeddings.weight'"
    ),
    ({ $0.rename { _ in "x" } }, "make sure that these are the weights of a BERT model"),
  ]

  @Test(
    "missing weights of the encoder are an error that says what may be the matter",
    arguments: strangers.indices)
  func missing(index: Int) throws {
    var weights = MemoryWeights(tiny, .sequenceClassification)
    Self.strangers[index].edit(&weights)
    let error = #expect(throws: BERTLoadError.self) { try Self.load(weights) }
    guard case .missingWeights(let names, let hint) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(hint.contains(Self.strangers[index].hint), "\(hint)")
    #expect(names.allSatisfy { $0.hasPrefix("bert.embeddings.") || $0.hasPrefix("bert.encoder.layer.") })
    #expect(
      error?.description.hasPrefix("\(names.count) weights of the encoder are missing, first '\(names[0])'; ")
        == true)
  }

  @Test("any single weight of the encoder is missed, and none of the pooler or the head")
  func everyWeightIsMissed() throws {
    let whole = MemoryWeights(tiny, .sequenceClassification)
    for spec in WeightTable(tiny, .sequenceClassification).specs {
      var weights = whole
      weights.drop { $0 == spec.name }
      if spec.part == .pooler || spec.part == .head {
        try Self.load(weights)
      } else {
        #expect(throws: BERTLoadError.self, "\(spec.name)") { try Self.load(weights) }
      }
    }
  }

  /// A tensor's shape in the file, and the error.
  static let misfits: [(tensor: String, shape: [Int], error: BERTLoadError)] = {
    let embeddings = "bert.embeddings."
    func mismatch(_ key: String, _ expected: Int, _ found: Int, _ tensor: String) -> BERTLoadError {
      .configurationMismatch(key: key, expected: expected, found: found, tensor: tensor)
    }
    let (word, positions) = (embeddings + "word_embeddings.weight", embeddings + "position_embeddings.weight")
    let types = embeddings + "token_type_embeddings.weight"
    let intermediate = "bert.encoder.layer.0.intermediate.dense.weight"
    let (query, pooler) = ("bert.encoder.layer.1.attention.self.query.weight", "bert.pooler.dense.weight")
    return [
      (word, [7, 4], mismatch("vocab_size", 7, 6, word)),
      (word, [6, 8], mismatch("hidden_size", 8, 4, word)),
      (word, [7, 8], mismatch("hidden_size", 8, 4, word)),
      (word, [24], .shapeMismatch(tensor: word, expected: [6, 4], found: [24])),
      (positions, [512, 4], mismatch("max_position_embeddings", 512, 5, positions)),
      (types, [1, 4], mismatch("type_vocab_size", 1, 2, types)),
      (intermediate, [16, 4], mismatch("intermediate_size", 16, 8, intermediate)),
      (query, [2, 4], .shapeMismatch(tensor: query, expected: [4, 4], found: [2, 4])),
      (pooler, [4, 8], .shapeMismatch(tensor: pooler, expected: [4, 4], found: [4, 8])),
    ]
  }()

  @Test("a shape names the member of config.json that disagrees", arguments: misfits.indices)
  func shapes(index: Int) {
    let (tensor, shape, error) = Self.misfits[index]
    var weights = MemoryWeights(tiny, .sequenceClassification)
    weights.reshape(tensor, shape)
    #expect(throws: error) { try Self.load(weights) }
    #expect(error.description.contains("'\(tensor)'"))
  }

  @Test("more and fewer layers than the configuration says are told apart from missing weights")
  func layers() throws {
    let two = MemoryWeights(tiny, .sequenceClassification)
    for (layers, expected) in [(1, 2), (3, 2), (0, 2)] {
      var configuration = tiny
      configuration.numHiddenLayers = layers
      let error = BERTLoadError.configurationMismatch(
        key: "num_hidden_layers", expected: expected, found: layers,
        tensor: "bert.encoder.layer.1.attention.self.query.weight")
      #expect(throws: error) { try Self.load(two, configuration) }
    }
    var torn = two
    torn.drop { $0.contains("layer.0.") }
    let error = #expect(throws: BERTLoadError.self) { try Self.load(torn) }
    guard case .missingWeights(let names, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(names.count == 16)
    // The number of a layer may be anything.
    var endless = two
    endless.add("bert.encoder.layer.\(Int.max).x", [1], [0])
    endless.add("bert.encoder.layer.99999999999999999999.x", [1], [0])
    try Self.load(endless)
  }

  @Test(
    "elements that are no floats are refused",
    arguments: [ElementType.int8, .int64, .bool, .float8E4M3, .uint8])
  func elementTypes(type: ElementType) {
    for name in ["bert.encoder.layer.0.output.dense.bias", "classifier.bias"] {
      var weights = MemoryWeights(tiny, .sequenceClassification)
      let count = name.hasPrefix("classifier") ? 2 : 4
      weights.drop { $0 == name }
      weights.add(name, [count], type, [UInt8](repeating: 0, count: count * type.bitWidth / 8))
      #expect(throws: BERTLoadError.unsupportedElementType(tensor: name, found: type)) {
        try Self.load(weights)
      }
    }
  }

  @Test("one weight under two names is a copy when they are equal, and an error when not")
  func twoNames() throws {
    var weights = MemoryWeights(tiny, .model)
    let bias = try #require(weights.list.first { $0.name == "embeddings.LayerNorm.bias" })
    weights.add("embeddings.LayerNorm.beta", [4], .float32, bias.bytes)
    let (_, report) = try ParameterStore.load(
      from: weights, configuration: tiny, architecture: .model, storage: .mapped, seed: 1)
    #expect(
      report.ignored == ["embeddings.LayerNorm.beta"] && report.unused.isEmpty && report.renamed.isEmpty)
    weights.add("bert.embeddings.LayerNorm.bias", [4], [1, 2, 3, 4])
    let names = ["embeddings.LayerNorm.bias", "embeddings.LayerNorm.beta", "bert.embeddings.LayerNorm.bias"]
    #expect(throws: BERTLoadError.ambiguousSpelling(name: names[0], found: names)) {
      try Self.load(weights, tiny, .model)
    }
  }

  @Test("a configuration changed in code is checked before its sizes are used")
  func checksConfiguration() {
    let edits: [(inout BERTConfiguration) -> Void] = [
      { $0.hiddenSize = 0 }, { $0.hiddenSize = -4 }, { $0.numAttentionHeads = 0 },
      { $0.numAttentionHeads = 3 },
      { $0.labels = [] }, { $0.vocabSize = .max }, { $0.numHiddenLayers = .max },
      { $0.intermediateSize = .min },
      { $0.initializerRange = .nan }, { $0.layerNormEps = -1 }, { $0.hiddenDropoutProb = 1.5 },
      { $0.padTokenID = 6 }, { $0.vocabSize = .min },
    ]
    for (number, edit) in edits.enumerated() {
      var configuration = tiny
      edit(&configuration)
      #expect(throws: ConfigurationError.self, "edit \(number)") {
        try Self.load(MemoryWeights(tiny, .sequenceClassification), configuration)
      }
    }
  }
}
