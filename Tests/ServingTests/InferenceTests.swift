import ModelFiles
import Pretrained
import Serving
import Testing

@Suite("requests are decoded, and answered in the client's shapes")
struct InferenceTests {
  private func decoder(
    _ name: String, task: InferenceTask? = nil, texts: Int = 8, length: Int? = nil, truncates: Bool = false
  ) throws -> InferenceDecoder {
    let model = try Models.open(name, task: task)
    return InferenceDecoder(
      model: model,
      limits: .init(texts: texts, length: length ?? model.maxLength, truncates: truncates))
  }

  /// What a server answers, but for the batching.
  private func answer(_ decoder: InferenceDecoder, _ body: String, path: String = "/") throws -> JSONValue {
    let document = try JSONValue(parsing: body)
    let inference = try path == "/" ? decoder.inference(document) : decoder.inference(document, path: path)
    return try JSONValue(parsing: inference.answer(decoder.model.rows(inference.sequences)))
  }

  private func path(_ name: String) -> String { Models.path(name) }

  private func isClose(_ json: JSONValue?, _ score: Float) -> Bool {
    // A batch may move scores by 1e-6.
    abs((json?.doubleValue ?? .nan) - Double(score)) < 1e-6
  }

  // MARK: Text classification

  @Test("all labels, the best first, in a list for each text")
  func classification() throws {
    let decoder = try decoder("classifier")
    let classifier = try TextClassifier(path("classifier"), threads: 1)
    for text in ["5.1 3.5 1.4 0.2", "", "paris"] {
      let found = try answer(decoder, #"{"inputs": "\#(text)"}"#)
      let expected = try classifier(text, topK: nil)
      #expect(found.arrayValue?.count == 1 && found[0]?.arrayValue?.count == expected.count)
      for (place, prediction) in expected.enumerated() {
        #expect(found[0]?[place]?["label"]?.stringValue == prediction.label)
        #expect(isClose(found[0]?[place]?["score"], prediction.score))
      }
    }
  }

  @Test("parameters do what they do in the pipeline")
  func parameters() throws {
    let decoder = try decoder("classifier")
    let classifier = try TextClassifier(path("classifier"), threads: 1)
    let best = try answer(
      decoder, #"{"inputs": "a", "parameters": {"top_k": 1}, "options": {"use_cache": false}}"#)
    #expect(best[0]?.arrayValue?.count == 1)
    for (word, function) in [
      ("softmax", TextClassifier.Function.softmax), ("sigmoid", .sigmoid), ("none", .none),
    ] {
      let found = try answer(
        decoder, #"{"inputs": "a", "parameters": {"function_to_apply": "\#(word)", "top_k": null}}"#)
      #expect(isClose(found[0]?[0]?["score"], try classifier("a", function: function)[0].score), "\(word)")
    }
  }

  @Test("pairs and lists")
  func pairs() throws {
    let decoder = try decoder("classifier")
    let classifier = try TextClassifier(path("classifier"), threads: 1)
    let pair = #"{"text": "a b", "text_pair": "c"}"#
    let expected = try classifier("a b", pair: "c")[0]
    let single = try answer(decoder, #"{"inputs": \#(pair)}"#)
    #expect(isClose(single[0]?[0]?["score"], expected.score) && single.arrayValue?.count == 1)
    let list = try answer(decoder, #"{"inputs": ["x", \#(pair), {"text": "y"}]}"#)
    #expect(list.arrayValue?.count == 3)
    #expect(isClose(list[1]?[0]?["score"], expected.score))
    #expect(isClose(list[2]?[0]?["score"], try classifier("y")[0].score))
  }

  @Test("/predict nests as text-embeddings-inference does")
  func predict() throws {
    let decoder = try decoder("classifier")
    let classifier = try TextClassifier(path("classifier"), threads: 1)
    let single = try answer(decoder, #"{"inputs": "a"}"#, path: "/predict")
    #expect(isClose(single[0]?["score"], try classifier("a")[0].score))
    let pair = try answer(decoder, #"{"inputs": ["a", "b"], "raw_scores": true}"#, path: "/predict")
    #expect(
      isClose(
        pair[0]?["score"], try classifier("a", pair: "b", function: TextClassifier.Function.none)[0].score))
    let batch = try answer(decoder, #"{"inputs": [["a"], ["a", "b"]]}"#, path: "/predict")
    #expect(batch.arrayValue?.count == 2 && batch[1]?[0]?["label"]?.stringValue != nil)
  }

  // MARK: Feature extraction

  @Test("a vector for each text of a sentence model")
  func embedding() throws {
    let decoder = try decoder("embedder")
    let embedder = try TextEmbedder(path("embedder"), threads: 1)
    let expected = try embedder(["a", "b c"])
    func isVector(_ json: JSONValue?, _ vector: [Float]) -> Bool {
      json?.arrayValue?.count == vector.count && vector.indices.allSatisfy { isClose(json?[$0], vector[$0]) }
    }
    #expect(isVector(try answer(decoder, #"{"inputs": "a"}"#), expected[0]))
    let list = try answer(decoder, #"{"inputs": ["a", "b c"], "truncate": true}"#)
    #expect(isVector(list[0], expected[0]) && isVector(list[1], expected[1]))
    let plain = try TextEmbedder(path("embedder"), normalizes: false, threads: 1)("a")
    #expect(isVector(try answer(decoder, #"{"inputs": "a", "normalize": false}"#), plain))
    #expect(isVector(try answer(decoder, #"{"inputs": "a", "parameters": {"normalize": false}}"#), plain))
    #expect(isVector(try answer(decoder, #"{"inputs": "a"}"#, path: "/embed")[0], expected[0]))
  }

  @Test("a vector for each token of another encoder")
  func tokens() throws {
    let decoder = try decoder("masked-lm", task: .featureExtraction)
    let embedder = try TextEmbedder(path("masked-lm"), threads: 1)
    let inputs = try BERTInputs(inputIDs: [embedder.tokenizer.encode("a b", truncation: .none).inputIDs])
    let hidden = try embedder.model(inputs).lastHiddenState
    let found = try answer(decoder, #"{"inputs": "a b"}"#)
    #expect(found.arrayValue?.count == 1 && found[0]?.arrayValue?.count == inputs.length)
    for token in 0..<inputs.length {
      for place in 0..<embedder.dimension {
        #expect(isClose(found[0]?[token]?[place], hidden.values[token * embedder.dimension + place]))
      }
    }
    let list = try answer(decoder, #"{"inputs": ["a b", "a b c d e"]}"#)
    #expect(list[0] == found || isClose(list[0]?[0]?[0]?[0], hidden.values[0]))
    #expect(list[0]?[0]?.arrayValue?.count == inputs.length)
    #expect(
      try answer(decoder, #"{"inputs": "a b"}"#, path: "/embed")[0]?.arrayValue?.count == embedder.dimension)
  }

  @Test("cosines of a sentence with others")
  func similarity() throws {
    let decoder = try decoder("embedder")
    let body = #"{"inputs": {"source_sentence": "a", "sentences": ["b c", "a"]}, "parameters": {}}"#
    let vectors = try TextEmbedder(path("embedder"), normalizes: true, threads: 1)(["a", "b c"])
    let found = try answer(decoder, body)
    #expect(isClose(found[0], zip(vectors[0], vectors[1]).reduce(0) { $0 + $1.0 * $1.1 }))
    #expect(isClose(found[1], 1))
    let alone = body.replacing(#", "parameters": {}"#, with: "")
    #expect(try answer(decoder, alone, path: "/similarity").arrayValue?.count == 2)
  }

  // MARK: Masks

  @Test("guesses for a mask, for several, and for several texts")
  func masks() throws {
    let decoder = try decoder("masked-lm")
    let fill = try FillMask(path("masked-lm"), threads: 1)
    let one = try answer(decoder, #"{"inputs": "paris is [MASK]", "parameters": {"top_k": 3}}"#)
    let expected = try fill("paris is [MASK]", topK: 3)[0]
    #expect(one.arrayValue?.count == 3)
    for (place, guess) in expected.enumerated() {
      #expect(one[place]?["token"]?.intValue == guess.id && isClose(one[place]?["score"], guess.score))
      #expect(one[place]?["sequence"]?.stringValue == guess.sequence)
      #expect(one[place]?["token_str"]?.stringValue == fill.tokenizer.decode([guess.id]))
    }
    let two = try answer(decoder, #"{"inputs": "[MASK] is [MASK]"}"#)
    #expect(two.arrayValue?.count == 2 && two[1]?.arrayValue?.count == 5)
    let texts = try answer(
      decoder, #"{"inputs": ["paris is [MASK]", "[MASK] is [MASK]"], "parameters": {"top_k": 3}}"#)
    #expect(texts[0]?.arrayValue?.count == 3 && texts[1]?[1]?.arrayValue?.count == 3)
    #expect(try answer(decoder, #"{"inputs": ["paris is [MASK]"]}"#)[0]?["token"] != nil)
  }

  @Test("guesses among some words, scored as among all")
  func targets() throws {
    let decoder = try decoder("masked-lm")
    let all = try answer(decoder, #"{"inputs": "a [MASK]", "parameters": {"top_k": 1000}}"#)
    let found = try answer(
      decoder, #"{"inputs": "a [MASK]", "parameters": {"targets": ["iris", "a", "iris"]}}"#)
    #expect(found.arrayValue?.count == 2)
    for guess in found.arrayValue ?? [] {
      let same = all.arrayValue?.first { $0["token"] == guess["token"] }
      #expect(isClose(same?["score"], Float(guess["score"]?.doubleValue ?? .nan)))
    }
    #expect(
      try answer(decoder, #"{"inputs": "a [MASK]", "parameters": {"targets": "a"}}"#).arrayValue?.count == 1)
  }

  // MARK: What is refused

  struct Refused: Sendable, CustomTestStringConvertible {
    var model: String
    var body: String
    var path = "/"
    var status = 422
    var says: String

    var testDescription: String { "\(model): \(body.prefix(80))" }
  }

  static let refused: [Refused] = [
    Refused(model: "classifier", body: "[]", says: "the body is"),
    Refused(model: "classifier", body: "{}", says: "there is no 'inputs'"),
    Refused(model: "classifier", body: #"{"inputs": 1}"#, says: "inputs is"),
    Refused(model: "classifier", body: #"{"inputs": []}"#, says: "empty list"),
    Refused(model: "classifier", body: #"{"inputs": ["a", [1]]}"#, says: "inputs[1] is"),
    Refused(model: "classifier", body: #"{"inputs": {"text": 1}}"#, says: "text_pair"),
    Refused(
      model: "classifier", body: #"{"inputs": {"text": "a", "text_pair": 1}}"#, says: "inputs.text_pair is"),
    Refused(model: "classifier", body: #"{"inputs": {"text": "a", "pair": "b"}}"#, says: "'pair'"),
    Refused(model: "classifier", body: #"{"inputs": "a", "top_k": 1}"#, says: "in 'parameters'"),
    Refused(model: "classifier", body: #"{"inputs": "a", "parameters": 1}"#, says: "parameters is"),
    Refused(
      model: "classifier", body: #"{"inputs": "a", "parameters": {"topk": 1}}"#, says: "known are top_k"),
    Refused(model: "classifier", body: #"{"inputs": "a", "parameters": {"top_k": 0}}"#, says: "whole number"),
    Refused(
      model: "classifier", body: #"{"inputs": "a", "parameters": {"top_k": 1.5}}"#, says: "whole number"),
    Refused(
      model: "classifier", body: #"{"inputs": "a", "parameters": {"function_to_apply": "tanh"}}"#,
      says: "'sigmoid'"),
    Refused(
      model: "classifier", body: #"{"inputs": "a", "parameters": {"truncation": 3}}"#, says: "only_first"),
    Refused(
      model: "classifier", body: #"{"inputs": "a", "parameters": {"max_length": 5}}"#, says: "truncation"),
    Refused(
      model: "classifier", body: #"{"inputs": "a", "parameters": {"truncation": true, "max_length": 1}}"#,
      says: "inputs:"),
    Refused(
      model: "classifier", body: #"{"inputs": ["1", "2", "3", "4", "5", "6", "7", "8", "9"]}"#, status: 413,
      says: "9 texts are more than the 8"),
    Refused(
      model: "classifier", body: #"{"inputs": ["a", "\#(String(repeating: "a ", count: 600))"]}"#,
      status: 413,
      says: "truncation: true"),
    Refused(model: "classifier", body: #"{"inputs": ["a", "b", "c"]}"#, path: "/predict", says: "one or two"),
    Refused(
      model: "classifier", body: #"{"inputs": "a"}"#, path: "/embed", status: 404, says: "text-classification"
    ),
    Refused(model: "masked-lm", body: #"{"inputs": "a"}"#, says: "[MASK]"),
    Refused(model: "masked-lm", body: #"{"inputs": {"text": "[MASK]"}}"#, says: "send a string"),
    Refused(
      model: "masked-lm", body: #"{"inputs": "[MASK]", "parameters": {"targets": [1]}}"#,
      says: "list of strings"),
    Refused(
      model: "masked-lm", body: #"{"inputs": "[MASK]", "parameters": {"targets": []}}"#, says: "'targets'"),
    Refused(
      model: "masked-lm",
      body: #"{"inputs": "[MASK][MASK]", "parameters": {"top_k": 9999}}"#, status: 413, says: "send fewer"),
    Refused(model: "embedder", body: #"{"inputs": "a", "prompt_name": "query"}"#, says: "'prompt_name'"),
    Refused(model: "embedder", body: #"{"inputs": "a", "encoding_format": "base64"}"#, says: "'float'"),
    Refused(model: "embedder", body: #"{"inputs": "a", "normalise": true}"#, says: "'normalise'"),
    Refused(
      model: "embedder", body: #"{"inputs": "a", "normalize": true, "parameters": {"normalize": true}}"#,
      says: "twice"),
    Refused(
      model: "embedder", body: #"{"inputs": {"source_sentence": "a", "sentences": []}}"#, says: "at least one"
    ),
    Refused(model: "embedder", body: #"{"inputs": {"source_sentence": "a"}}"#, says: "source_sentence"),
  ]

  @Test("what is not understood is refused, with what to send instead", arguments: refused)
  func refuses(request: Refused) throws {
    let decoder = try decoder(request.model)
    let error = #expect(throws: RequestError.self) { try answer(decoder, request.body, path: request.path) }
    #expect(error?.status.code == request.status)
    #expect(error?.message.contains(request.says) == true, "\(error?.message ?? "")")
  }

  @Test("a great many members are refused as fast as a few")
  func manyMembers() throws {
    let members = (0..<250_000).map { #""\#($0)": 0"# }.joined(separator: ", ")
    let decoder = try decoder("classifier")
    let start = ContinuousClock.now
    #expect(throws: RequestError.self) {
      try answer(decoder, #"{"inputs": "a", "parameters": {\#(members)}}"#)
    }
    // Compared each with each they take minutes.
    #expect(start.duration(to: .now) < .seconds(20))
  }

  static let beyond: [(model: String, body: String, says: String)] = [
    ("classifier", #"{"inputs": ["a", "b [NEW]"]}"#, "inputs[1] has the token '[NEW]' with the id 91"),
    ("classifier", #"{"inputs": {"text": "a", "text_pair": "b"}}"#, "send single texts"),
    ("masked-lm", #"{"inputs": "[NEW] [MASK]"}"#, "ids up to 90"),
    ("masked-lm", #"{"inputs": "[MASK]", "parameters": {"targets": ["a", "[NEW]"]}}"#, "'[NEW]'"),
    ("embedder", #"{"inputs": {"source_sentence": "a", "sentences": ["[NEW]"]}}"#, "the id 91"),
  ]

  @Test(
    "what the tokenizer knows and the model does not is refused before it spoils a batch", arguments: beyond)
  func tables(model: String, body: String, says: String) throws {
    let folder = try narrowModel(model)
    defer { try? FileSystem.removeTree(folder) }
    let served = try ServedModel(folder, threads: 1)
    let decoder = InferenceDecoder(
      model: served, limits: .init(texts: 8, length: served.maxLength, truncates: false))
    let error = #expect(throws: RequestError.self) { try answer(decoder, body) }
    #expect(error?.status == .unprocessable)
    #expect(error?.message.contains(says) == true, "\(error?.message ?? "")")
    _ = try answer(decoder, #"{"inputs": "a [MASK]"}"#)
  }

  @Test("guesses leave out ids that the model does not know")
  func unknownTargets() throws {
    let fill = try FillMask(path("masked-lm"), threads: 1)
    let guesses = fill.predictions(
      logits: [Float](repeating: 0, count: 91), at: 0, of: [4], maskCount: 1, topK: 5, targets: [-1, 7, 91])
    #expect(guesses.map(\.id) == [7])
  }

  @Test("a server may take less than the model, and cut by itself")
  func lengths() throws {
    let text = #"{"inputs": "a a a a a a a a"}"#
    #expect(throws: RequestError.self) { try answer(decoder("classifier", length: 5), text) }
    let cut = try answer(decoder("classifier", length: 5, truncates: true), text)
    #expect(cut == (try answer(decoder("classifier"), #"{"inputs": "a a a"}"#)))
    #expect(throws: RequestError.self) {
      try answer(
        decoder("classifier", length: 5, truncates: true),
        #"{"inputs": "a a a a a", "parameters": {"truncation": false}}"#)
    }
  }

  @Test("the head decides the task, and can be overruled by an encoder's")
  func tasks() throws {
    #expect(try Models.open("classifier").task == .textClassification)
    #expect(try Models.open("masked-lm").task == .fillMask)
    #expect(try Models.open("embedder").task == .featureExtraction)
    #expect(try Models.open("classifier", task: .featureExtraction).task == .featureExtraction)
    #expect(throws: (any Error).self) { try Models.open("embedder", task: .textClassification) }
  }
}
