import BERT
import ModelFiles
import Tensors
import Testing

/// A checkpoint's embeddings, pooler and head.
private struct WeightsWithoutLayers: WeightSource {
  let base: SafetensorsFile

  var tensors: [TensorInfo] { base.tensors.filter { !$0.name.contains(".layer.") } }

  func tensor(named name: String) -> TensorInfo? { tensors.first { $0.name == name } }

  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try base.withBytes(of: name, body)
  }
}

@Suite("gradients of BERT")
struct GradientTests {
  @Test("the gradient of every parameter agrees with finite differences of the loss")
  func finiteDifferences() throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_single")
    let (loaded, _) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    let model = BERTForSequenceClassification(network: try loaded.network.flattened())
    let (inputs, labels) = (try checkpoint.inputs(), try checkpoint.sequenceLabels())
    let (_, gradients) = try model.lossAndGradients(inputs, labels: labels)

    // The loss is a float near 1, so a difference quotient over 2h is off by some 1e-7 / h: a whole tensor moves along
    // its own gradient, far enough for the change to stand out.
    for (name, gradient) in gradients {
      let norm = gradient.values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      guard norm > 1e-3 else { continue }  // key biases have no gradient at all
      let values = model.network.store[name]
      let original = Array(UnsafeBufferPointer(start: values, count: gradient.values.count))
      func loss(at distance: Double) throws -> Double {
        for index in original.indices {
          values[index] = Float(Double(original[index]) + distance * Double(gradient.values[index]) / norm)
        }
        defer { for index in original.indices { values[index] = original[index] } }
        return Double(try model.lossAndGradients(inputs, labels: labels).loss)
      }
      // A five-point formula: the error falls with h⁴, so that h may be large.
      let h = 2e-2
      let slope = try (8 * (loss(at: h) - loss(at: -h)) - (loss(at: 2 * h) - loss(at: -2 * h))) / (12 * h)
      #expect(abs(slope - norm) <= 2e-3 * norm + 3e-5, "\(name): slope \(slope), norm \(norm)")
    }
  }

  @Test("gradients of two batches add up to those of both")
  func accumulation() throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_unpadded")
    let (loaded, _) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    let model = BERTForSequenceClassification(network: try loaded.network.flattened())
    let layout = try #require(model.network.store.layout)
    let inputs = try checkpoint.inputs()
    let (_, whole) = try model.lossAndGradients(inputs, labels: checkpoint.sequenceLabels())

    let gradients = try Gradients(
      layout: layout, configuration: model.configuration, tokenCapacity: inputs.tokenCount)
    let workspace = try Workspace(model.configuration, .init(inputs), training: true)
    gradients.begin()
    guard case .classes(let classes) = try checkpoint.sequenceLabels() else { return }
    for part in [0..<1, 1..<4] {
      let tokens = part.lowerBound * inputs.length..<part.upperBound * inputs.length
      let piece = try BERTInputs(
        batchSize: part.count, length: inputs.length, inputIDs: Array(inputs.inputIDs[tokens]),
        tokenTypeIDs: Array(inputs.tokenTypeIDs[tokens]))
      _ = try model.step(
        piece, labels: .classes(Array(classes[part])), workspace, gradients, dropout: nil,
        LossOptions(gradientScale: Float(part.count) / 4))
    }
    for (spec, expected) in zip(model.network.store.table.specs, whole) {
      let found = gradients.tensor(spec, layout)
      // Sums in another order: a few units in the last place of the largest term.
      #expect(largestError(found.values, expected.gradient.values.map(Double.init)) <= 2e-6, "\(spec.name)")
    }
  }

  @Test("without layers, gradients of a batch add up from those of its sequences")
  func noLayers() throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_uneven")
    var configuration = checkpoint.configuration
    configuration.numHiddenLayers = 0
    let (loaded, _) = try BERTForSequenceClassification.load(
      from: WeightsWithoutLayers(base: checkpoint.weights), configuration: configuration)
    let model = BERTForSequenceClassification(network: try loaded.network.flattened())
    let rows: [[Int32]] = [[5, 6, 7, 8, 9], [10, 11], [12], [13, 14, 15]]
    let classes = [0, 1, 0, 1]
    // The gradient of the batch's mean loss is the mean of the sequences'.
    var expected: [String: [Double]] = [:]
    for (row, label) in zip(rows, classes) {
      for (name, gradient) in try model.lossAndGradients(
        BERTInputs(inputIDs: [row]), labels: .classes([label])
      ).gradients {
        let sum = expected[name] ?? Array(repeating: 0, count: gradient.values.count)
        expected[name] = zip(sum, gradient.values).map { $0 + Double($1) / Double(rows.count) }
      }
    }
    let padded = try BERTInputs(
      inputIDs: rows.map { $0 + Array(repeating: 0, count: 5 - $0.count) },
      attentionMask: rows.map { row in (0..<5).map { $0 < row.count ? 1 : 0 } })
    for (name, gradient) in try model.lossAndGradients(padded, labels: .classes(classes)).gradients {
      #expect(largestError(gradient.values, try #require(expected[name])) <= 2e-6, "\(name)")
      if name.contains("embeddings.word") { #expect(gradient.values.contains { $0 != 0 }) }
    }
  }

  @Test("memory for attention's probabilities is taken for long sequences, not for many")
  func probabilities() throws {
    var configuration = try TinyCheckpoint("SequenceClassification_single").configuration
    configuration.maxPositionEmbeddings = 8192
    func bytes(_ sequences: Int, _ length: Int) -> Int {
      Workspace.byteCount(configuration, .init(sequences: sequences, length: length), training: false)
    }
    // 65 sequences of 512 tokens have more scores than one of 4096.
    #expect(bytes(65, 512) < 66 * bytes(1, 512))
    #expect(bytes(1, 4097) > 2 * bytes(1, 4096))
    let mixed = Workspace.Capacity(sequences: 1, length: 4097).union(.init(sequences: 2, length: 3))
    #expect(mixed.longest == 4097 && mixed.holds(.init(sequences: 2, length: 3)))
    #expect(!Workspace.Capacity(sequences: 65, length: 512).holds(.init(sequences: 1, length: 4097)))
  }

  @Test("a batch's logits do not depend on how many threads compute them", arguments: [1, 2, 3])
  func threads(count: Int) throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_uneven")
    func logits(_ threads: Int) throws -> Tensor {
      try BERTForSequenceClassification.load(
        from: checkpoint.weights, configuration: checkpoint.configuration, threads: threads
      ).model.logits(checkpoint.inputs())
    }
    #expect(try logits(count) == logits(1))
  }

  @Test("a padded sequence has the logits that it has alone, bit for bit")
  func paddingIsNotComputed() throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_uneven")
    let (loaded, _) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    // As training computes: in inference the bits of few rows are not those of many.
    let model = BERTForSequenceClassification(network: try loaded.network.flattened())
    let rows: [[Int32]] = [[5, 6, 7, 8, 9], [10, 11], [12]]
    let together = try model.logits(
      BERTInputs(
        inputIDs: rows.map { $0 + Array(repeating: 0, count: 5 - $0.count) },
        attentionMask: rows.map { row in (0..<5).map { $0 < row.count ? 1 : 0 } }))
    let alone = try rows.flatMap { try model.logits(BERTInputs(inputIDs: [$0])).values }
    #expect(together.values == alone)
  }

  @Test("states of first tokens alone are those among the states of all, wherever padding stands")
  func firstTokens() throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_uneven")
    let (loaded, _) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    let classifier = BERTForSequenceClassification(network: try loaded.network.flattened())
    let model = BERTModel(network: classifier.network)
    // Padding behind, before, between, and nothing but padding.
    let masks: [[Int32]] = [[1, 1, 1, 0], [0, 0, 1, 1], [1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]]
    for mask in masks + [[]] {
      let rows = mask.isEmpty ? masks : [mask]
      let inputs = try BERTInputs(
        inputIDs: rows.map { _ in [5, 6, 7, 8] }, attentionMask: rows)
      let states = try #require(model.hiddenStates(inputs).last)
      let (hidden, pooled) = try model(inputs)
      for (row, mask) in rows.enumerated() {
        for (token, kept) in mask.enumerated() where kept == 1 {
          let values = (row * 4 + token) * states.shape[2]..<(row * 4 + token + 1) * states.shape[2]
          #expect(hidden.values[values] == states.values[values], "\(mask), position \(token)")
        }
      }
      // The pooler reads the first position, kept or not: its input is the same whichever states are computed.
      let (logits, store, size) = (try classifier.logits(inputs), classifier.network.store, pooled.shape[1])
      let (weight, bias) = (store["classifier.weight"], store["classifier.bias"])
      let labels = logits.shape[1]
      let expected = rows.indices.flatMap { row in
        (0..<labels).map { label in
          (0..<size).reduce(Double(bias[label])) {
            $0 + Double(pooled.values[row * size + $1]) * Double(weight[label * size + $1])
          }
        }
      }
      #expect(largestError(logits.values, expected) < 1e-6, "\(rows)")
    }
  }

  @Test("a model that has seen batches of other shapes answers as a fresh one does")
  func workspaceReuse() throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_uneven")
    func load() throws -> BERTForSequenceClassification {
      try BERTForSequenceClassification.load(
        from: checkpoint.weights, configuration: checkpoint.configuration
      ).model
    }
    // Many short ones, one long one, and a long one among short ones, of which only the tokens are computed.
    let long = [Int32](5..<25)
    let ragged = [long] + (0..<6).map { _ in [5, 6] + [Int32](repeating: 0, count: long.count - 2) }
    let batches = [
      try checkpoint.inputs(), try BERTInputs(inputIDs: [[5, 6, 7]]),
      try BERTInputs(inputIDs: (0..<9).map { [5, 6 + $0, 7] }), try BERTInputs(inputIDs: [long]),
      try BERTInputs(inputIDs: ragged, attentionMask: ragged.map { $0.map { $0 == 0 ? 0 : 1 } }),
    ]
    let expected = try batches.map { try load().logits($0) }
    let model = try load()
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 1, 3, 0]] {
      for index in order {
        #expect(try model.logits(batches[index]) == expected[index], "\(order), \(index)")
      }
    }
  }
}

@Suite("inputs of BERT")
struct InputTests {
  @Test(
    "ids, types and lengths outside the tables are errors that say where",
    arguments: [
      (ids: [[1, 2], [3, 120]], types: [[0, 0], [0, 0]], error: "input_ids row 1, position 1 is 120"),
      (ids: [[1, -2]], types: [[0, 0]], error: "input_ids row 0, position 1 is -2"),
      (ids: [[1, 2]], types: [[0, 2]], error: "token_type_ids row 0, position 1 is 2"),
      (
        ids: [Array(repeating: 1, count: 65)], types: [Array(repeating: 0, count: 65)],
        error: "65 tokens are more"
      ),
    ] as [(ids: [[Int32]], types: [[Int32]], error: String)])
  func outsideTables(ids: [[Int32]], types: [[Int32]], error: String) throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_single")
    let (model, _) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    let found = try #require(throws: BERTInputError.self) {
      try model.logits(BERTInputs(inputIDs: ids, tokenTypeIDs: types))
    }
    #expect("\(found)".hasPrefix(error), "\(found)")
  }

  @Test("a batch that is empty, ragged or masked with other numbers is an error")
  func malformed() {
    #expect(throws: BERTInputError.empty) { try BERTInputs(inputIDs: []) }
    #expect(throws: BERTInputError.empty) { try BERTInputs(inputIDs: [[]]) }
    #expect(throws: BERTInputError.ragged(field: "input_ids", row: 1, expected: 2, found: 1)) {
      try BERTInputs(inputIDs: [[1, 2], [3]])
    }
    #expect(throws: BERTInputError.rowCount(field: "attention_mask", expected: 1, found: 2)) {
      try BERTInputs(inputIDs: [[1]], attentionMask: [[1], [1]])
    }
    #expect(throws: BERTInputError.maskValue(row: 0, position: 1, found: 2)) {
      try BERTInputs(inputIDs: [[1, 2]], attentionMask: [[1, 2]])
    }
    #expect(throws: BERTInputError.elementCount(field: "input_ids", expected: 4, found: 3)) {
      try BERTInputs(batchSize: 2, length: 2, inputIDs: [1, 2, 3])
    }
  }

  @Test("a sequence without a single kept token gives finite logits")
  func allPadding() throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_single")
    let (model, _) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    let inputs = try BERTInputs(inputIDs: [[1, 2], [3, 4]], attentionMask: [[1, 1], [0, 0]])
    #expect(try model.logits(inputs).values.allSatisfy(\.isFinite))
  }

  @Test("labels that do not fit the problem type or the batch are errors")
  func labels() throws {
    let checkpoint = try TinyCheckpoint("SequenceClassification_single")
    let (model, _) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    let inputs = try BERTInputs(inputIDs: [[1, 2]])
    for labels in [SequenceLabels.classes([3]), .classes([0, 1]), .values([[0, 1]])] {
      #expect(throws: BERTInputError.self) { try model.lossAndGradients(inputs, labels: labels) }
    }
  }
}
