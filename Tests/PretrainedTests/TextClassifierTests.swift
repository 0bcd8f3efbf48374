import Pretrained
import Testing

@Suite("a text classifier answers as transformers' pipeline does")
struct TextClassifierTests {
  static let models = ["classifier", "several-labels", "regression"]

  private func predictions(_ value: JSONValue?) throws -> [TextClassifier.Prediction] {
    try #require(value?.arrayValue).map { row in
      .init(
        label: try #require(row["label"]?.stringValue), score: Float(try #require(row["score"]?.doubleValue)))
    }
  }

  private func agree(_ found: [TextClassifier.Prediction], _ expected: [TextClassifier.Prediction]) -> Bool {
    found.map(\.label) == expected.map(\.label) && isClose(found.map(\.score), expected.map(\.score))
  }

  @Test("logits, the best label, and all labels", arguments: models)
  func answers(model: String) throws {
    let classifier = try TextClassifier(Fixture.path(model))
    let expected = try Fixture.expected()
    for (index, text) in try Fixture.strings(expected["texts"]).enumerated() {
      let found = try classifier.answers([text])[0]
      #expect(isClose(found.logits, try Fixture.floats(expected[model]?["logits"]?[index])), "\(text)")
      #expect(agree(found.predictions, try predictions(expected[model]?["all"]?[index])), "\(text)")
      #expect(agree(try classifier(text), try predictions(expected[model]?["one"]?[index])), "\(text)")
    }
  }

  @Test("pairs of texts", arguments: models)
  func pairs(model: String) throws {
    let classifier = try TextClassifier(Fixture.path(model))
    let expected = try Fixture.expected()
    for (index, pair) in try #require(expected["pairs"]?.arrayValue).enumerated() {
      let texts = try Fixture.strings(pair)
      let found = try classifier(texts[0], pair: texts[1], topK: nil)
      #expect(agree(found, try predictions(expected[model]?["pairs"]?[index])), "\(texts)")
    }
  }

  @Test("two labels each of a batch", arguments: models)
  func batches(model: String) throws {
    let classifier = try TextClassifier(Fixture.path(model))
    let expected = try Fixture.expected()
    let found = try classifier(Fixture.strings(expected["texts"]), topK: 2, batchSize: 2)
    for (index, found) in found.enumerated() {
      #expect(agree(found, try predictions(expected[model]?["batch_of_two"]?[index])))
    }
  }

  @Test("the function follows the problem type")
  func functions() throws {
    let functions = try Self.models.map { try TextClassifier(Fixture.path($0)).defaultFunction }
    #expect(functions == [.softmax, .sigmoid, .none])
    let classifier = try TextClassifier(Fixture.path("classifier"))
    let answer = try classifier.answers(["a b c d"], function: TextClassifier.Function.none)[0]
    #expect(answer.predictions.map(\.score) == answer.logits.sorted(by: >))
  }

  @Test("text that is too long is an error, unless it is to be cut")
  func tooLong() throws {
    let classifier = try TextClassifier(Fixture.path("classifier"))
    let long = String(repeating: "a ", count: 50)
    #expect(throws: TokenizerError.tooLong(length: 52, limit: 40)) { try classifier(long) }
    let cut = try classifier(long, truncation: .longestFirst(maxLength: 40))
    #expect(cut == (try classifier(String(repeating: "a ", count: 38))))
  }

  @Test("as many second texts as texts are needed")
  func pairCount() throws {
    let classifier = try TextClassifier(Fixture.path("classifier"))
    #expect(throws: TokenizerError.pairCountMismatch(texts: 2, pairs: 1)) {
      try classifier(["a", "b"], pairs: ["c"])
    }
    #expect(try classifier([], pairs: []).isEmpty)
  }

  @Test("a checkpoint without a classifier is no classifier")
  func noHead() throws {
    #expect(
      throws: CheckpointError.noHead(
        folder: Fixture.path("embedder"), architecture: "classifier",
        missing: ["classifier.weight", "classifier.bias"])
    ) { try TextClassifier(Fixture.path("embedder")) }
  }

  @Test("a classifier for another number of labels is none either")
  func otherLabels() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy("classifier")
    var configuration = try JSONValue(path: path + "/config.json")
    configuration.set("id2label", ["0": "yes", "1": "no"])
    configuration.set("label2id", ["yes": 0, "no": 1])
    try folder.write(configuration.pythonText(), to: "classifier/config.json")
    #expect(
      throws: CheckpointError.noHead(
        folder: path, architecture: "classifier", missing: ["classifier.weight", "classifier.bias"])
    ) { try TextClassifier(path) }
  }

  @Test("the same from several threads at once")
  func concurrent() async throws {
    let classifier = try TextClassifier(Fixture.path("classifier"))
    let alone = try classifier("5.1 3.5 1.4 0.2", topK: nil)
    try await withThrowingTaskGroup { group in
      for _ in 0..<8 { group.addTask { try classifier("5.1 3.5 1.4 0.2", topK: nil) } }
      for try await found in group { #expect(found == alone) }
    }
  }
}
