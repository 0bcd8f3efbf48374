import BERT
import ModelFiles
import Tensors
import Testing

/// The tied golden checkpoint with a decoder of its own: the word table with its rows in another order.
///
/// With bias and labels in that order too, it is the same function. So the tied model's float64 results hold:
/// the loss and the gradients of all other weights are the same, and the decoder's gradient, put back into
/// order, and the word table's add up to the gradient of the tied table.
private struct UntiedCheckpoint {
  let tied: TinyCheckpoint
  let weights: EditedWeights
  let configuration: BERTConfiguration
  /// The tied row of each row of the decoder.
  let order: [Int]
  /// (B, S), or -100
  let labels: [[Int]]

  init(tieWordEmbeddings: Bool) throws {
    tied = try TinyCheckpoint("MaskedLM")
    var configuration = tied.configuration
    configuration.tieWordEmbeddings = tieWordEmbeddings
    self.configuration = configuration
    let (vocabulary, size) = (configuration.vocabSize, configuration.hiddenSize)
    // 7 has no divisor in common with 120, so that every row comes once.
    let order = (0..<vocabulary).map { ($0 * 7 + 3) % vocabulary }
    self.order = order
    labels = try tied.integers("labels", "labels").map { row in row.map { order.firstIndex(of: $0) ?? -100 } }
    let words = try tied.weights.floats(of: "bert.embeddings.word_embeddings.weight")
    let bias = try tied.weights.floats(of: "cls.predictions.bias")
    let newBias = order.map { bias[$0] }
    weights = EditedWeights(
      base: tied.weights,
      edits: [
        "cls.predictions.decoder.weight": .init(
          shape: [vocabulary, size], values: order.flatMap { words[$0 * size..<($0 + 1) * size] }),
        "cls.predictions.decoder.bias": .init(shape: [vocabulary], values: newBias),
        "cls.predictions.bias": .init(shape: [vocabulary], values: newBias),
      ])
  }

  /// Rows of the decoder's order, `columns` wide, put into the tied one.
  func inTiedOrder(_ values: [Float], columns: Int) -> [Float] {
    var result = values
    for (row, tiedRow) in order.enumerated() {
      for column in 0..<columns { result[tiedRow * columns + column] = values[row * columns + column] }
    }
    return result
  }

  /// The ids that are looked up and trained: all but the padding.
  func trainedIDs() throws -> Set<Int32> {
    Set(try tied.inputs().inputIDs).subtracting([Int32(configuration.padTokenID)])
  }
}

/// A source with some tensors put in or replaced.
private struct EditedWeights: WeightSource {
  let base: SafetensorsFile
  let edits: [String: Tensor]

  var tensors: [TensorInfo] {
    base.tensors.filter { edits[$0.name] == nil } + edits.keys.sorted().compactMap(tensor(named:))
  }

  func tensor(named name: String) -> TensorInfo? {
    guard let edit = edits[name] else { return base.tensor(named: name) }
    return TensorInfo(name: name, elementType: .float32, shape: edit.shape)
  }

  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    guard let edit = edits[name] else { return try base.withBytes(of: name, body) }
    return try edit.values.withUnsafeBytes { try body($0.bytes) }
  }
}

extension WeightSource {
  fileprivate func floats(of name: String) throws -> [Float] {
    try withBytes(of: name) { bytes in
      (0..<bytes.byteCount / 4).map { bytes.unsafeLoadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }
}

@Suite("a masked language model whose decoder is not the word table")
struct UntiedDecoderTests {
  private static let decoder = "cls.predictions.decoder.weight"
  private static let words = "bert.embeddings.word_embeddings.weight"

  @Test("its logits come from the decoder", arguments: [true, false])
  func logits(tieWordEmbeddings: Bool) throws {
    let checkpoint = try UntiedCheckpoint(tieWordEmbeddings: tieWordEmbeddings)
    let (model, _) = try BERTForMaskedLM.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    let found = try model.logits(checkpoint.tied.inputs()).values
    let golden = checkpoint.tied.expected
    let expected = try TinyCheckpoint.numbers(golden["logits_f64"]?["logits"])
    let torchError = try #require(golden["logits_f32_max_abs_err"]?["logits"]?.doubleValue)
    let vocabulary = checkpoint.configuration.vocabSize
    #expect(found.count == expected.count)
    for start in stride(from: 0, to: found.count, by: vocabulary) {
      let row = checkpoint.inTiedOrder(Array(found[start..<start + vocabulary]), columns: 1)
      #expect(largestError(row, Array(expected[start..<start + vocabulary])) <= bar(torchError))
    }
  }

  @Test(
    "decoder and word table have a gradient each, the table's only in the rows that were looked up",
    arguments: [true, false])
  func gradients(tieWordEmbeddings: Bool) throws {
    let checkpoint = try UntiedCheckpoint(tieWordEmbeddings: tieWordEmbeddings)
    let (model, _) = try BERTForMaskedLM.load(
      from: checkpoint.weights, configuration: checkpoint.configuration)
    #expect(!model.hasDenseWordGradient)
    let (loss, list) = try model.lossAndGradients(checkpoint.tied.inputs(), labels: checkpoint.labels)
    var gradients = Dictionary(uniqueKeysWithValues: list.map { ($0.name, $0.gradient.values) })
    let golden = checkpoint.tied.expected
    let trueLoss = try #require(golden["loss_f64"]?.doubleValue)
    let lossBar = bar(try #require(golden["loss_f32_abs_err"]?.doubleValue))
    #expect(abs(Double(loss) - trueLoss) <= lossBar)

    let size = checkpoint.configuration.hiddenSize
    let decoder = checkpoint.inTiedOrder(try #require(gradients[Self.decoder]), columns: size)
    gradients[Self.decoder] = nil
    let words = try #require(gradients[Self.words])
    let trained = try checkpoint.trainedIDs()
    for row in 0..<checkpoint.configuration.vocabSize {
      let range = row * size..<(row + 1) * size
      #expect(decoder[range].contains { $0 != 0 }, "decoder row \(row)")
      #expect(words[range].contains { $0 != 0 } == trained.contains(Int32(row)), "word row \(row)")
    }
    gradients[Self.words] = zip(words, decoder).map(+)
    let bias = try #require(gradients["cls.predictions.bias"])
    gradients["cls.predictions.bias"] = checkpoint.inTiedOrder(bias, columns: 1)
    for (name, values) in gradients {
      let torchError = try #require(golden["grad_f32_max_abs_err"]?[name]?.doubleValue, "\(name)")
      let error = largestError(values, try checkpoint.tied.gradient(name))
      #expect(error <= bar(torchError), "\(name): \(error), torch \(torchError)")
    }
  }

  @Test("steps that share one block of gradients do not see each other's", arguments: [true, false])
  func secondStep(isTied: Bool) throws {
    let checkpoint = try UntiedCheckpoint(tieWordEmbeddings: false)
    let (loaded, _) =
      isTied
      ? try BERTForMaskedLM.load(from: checkpoint.tied.weights, configuration: checkpoint.tied.configuration)
      : try BERTForMaskedLM.load(from: checkpoint.weights, configuration: checkpoint.configuration)
    let model = BERTForMaskedLM(network: try loaded.network.flattened())
    #expect(model.hasDenseWordGradient == isTied)
    let layout = try #require(model.network.store.layout)
    let inputs = try checkpoint.tied.inputs()
    let gradients = try Gradients(
      layout: layout, configuration: model.configuration, tokenCapacity: 2 * inputs.tokenCount,
      denseWordGradient: model.hasDenseWordGradient)
    let workspace = try Workspace(model.configuration, .init(inputs), training: true)
    func step() throws {
      _ = try model.step(inputs, labels: checkpoint.labels, workspace, gradients, dropout: nil, LossOptions())
    }
    func copies() -> [[Float]] { model.network.store.table.specs.map { gradients.tensor($0, layout).values } }

    gradients.begin()
    try step()
    let first = copies()
    #expect(Set(gradients.wordRows.rows) == (isTied ? [] : try checkpoint.trainedIDs()))
    gradients.begin()
    try step()
    for (spec, (again, once)) in zip(model.network.store.table.specs, zip(copies(), first)) {
      #expect(largestError(again, once.map(Double.init)) == 0, "\(spec.name)")
    }
    // A second batch of the same step, as in gradient accumulation: the same again, so twice as much.
    try step()
    for (spec, (sum, once)) in zip(model.network.store.table.specs, zip(copies(), first)) {
      // Sums in another order: a few units in the last place of the largest term.
      #expect(largestError(sum, once.map { 2 * Double($0) }) <= 2e-6, "\(spec.name)")
    }
  }
}
