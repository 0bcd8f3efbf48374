package import ModelFiles
import Pretrained
import WordPiece

/// A request for the model, decoded: what it is to compute, and what to make of that.
package struct Inference: Sendable {
  /// The inputs of the model, in order.
  package var sequences: [TokenSequence]
  /// The body of the answer, from the model's row for each sequence.
  package var answer: @Sendable ([[Float]]) -> [UInt8]
}

/// Decodes the requests for one model.
package struct InferenceDecoder: Sendable {
  /// How much one request may ask for.
  package struct Limits: Sendable, Equatable {
    /// Texts.
    package var texts: Int
    /// Tokens of a text, special tokens included; at most what the model takes.
    package var length: Int
    /// Whether to cut longer texts when the request does not say.
    package var truncates: Bool

    package init(texts: Int, length: Int, truncates: Bool) {
      (self.texts, self.length, self.truncates) = (texts, length, truncates)
    }
  }

  /// Numbers in an answer; of a vector for each token there are many.
  static let valueLimit = 4 << 20
  /// Masks of a request, and guesses for all of them.
  static let (maskLimit, guessLimit) = (128, 10_000)

  package let model: ServedModel
  package let limits: Limits

  package init(model: ServedModel, limits: Limits) { (self.model, self.limits) = (model, limits) }

  /// A request to `/`, as the Inference API takes it.
  ///
  /// - Throws: ``RequestError``
  package func inference(_ body: JSONValue) throws(RequestError) -> Inference {
    try requireObject(body)
    switch model.head {
    case .classifier(let classifier):
      var parameters = try RequestParameters([("parameters", body["parameters"])])
      let texts = try RequestTexts(body["inputs"], limit: limits.texts, takesPairs: true)
      let inference = try classification(classifier, texts, &parameters)
      try checkMembers(body)
      return inference
    case .fillMask(let fillMask):
      var parameters = try RequestParameters(
        [
          ("parameters", body["parameters"]), ("tokenizer_kwargs", body["parameters"]?["tokenizer_kwargs"]),
        ], excluding: ["tokenizer_kwargs"])
      let texts = try RequestTexts(body["inputs"], limit: limits.texts, takesPairs: false)
      let inference = try fill(fillMask, texts, &parameters)
      try checkMembers(body)
      return inference
    case .embedder(let embedder, let perToken):
      // This task's parameters stand beside the inputs; older clients send them as the others'.
      var parameters = try RequestParameters(
        [("the body", body), ("parameters", body["parameters"])], excluding: Self.members)
      if body["inputs"]?["source_sentence"] != nil { return try similarity(embedder, body, &parameters) }
      let texts = try RequestTexts(body["inputs"], limit: limits.texts, takesPairs: false)
      return try embedding(embedder, texts, &parameters, perToken: perToken, nestsSingle: false)
    }
  }

  /// A request to `/predict`, `/embed` or `/similarity`, as text-embeddings-inference takes it.
  ///
  /// - Throws: ``RequestError``; with the status 404 for a path that is not the model's task.
  package func inference(_ body: JSONValue, path: String) throws(RequestError) -> Inference {
    try requireObject(body)
    var parameters = try RequestParameters([("the body", body)], excluding: ["inputs"])
    switch (path, model.head) {
    case ("/predict", .classifier(let classifier)):
      let texts = try RequestTexts(nested: body["inputs"], limit: limits.texts)
      return try classification(classifier, texts, &parameters, isFlat: true)
    case ("/embed", .embedder(let embedder, _)):
      let texts = try RequestTexts(body["inputs"], limit: limits.texts, takesPairs: false)
      return try embedding(embedder, texts, &parameters, perToken: false, nestsSingle: true)
    case ("/similarity", .embedder(let embedder, _)): return try similarity(embedder, body, &parameters)
    default:
      throw RequestError(
        status: .notFound, message: "\(path) is not served by a model for \(model.task.rawValue)")
    }
  }

  /// The members of a body that are no parameters; `options` is of the Inference API's cache and means nothing here.
  private static let members: Set<String> = ["inputs", "parameters", "options"]

  private func requireObject(_ body: JSONValue) throws(RequestError) {
    guard body.members != nil else {
      throw .invalid("the body is \(body.kind); send an object, as {\"inputs\": \"a text\"}")
    }
  }

  private func checkMembers(_ body: JSONValue) throws(RequestError) {
    guard let other = body.members?.first(where: { !Self.members.contains($0.key) }) else { return }
    throw .invalid("there is no '\(other.key.prefix(64))' beside inputs; send it in 'parameters'")
  }

  // MARK: Tasks

  /// Labels and scores, all of them unless `top_k` says how many; as `pipeline("text-classification", top_k=None)`.
  private func classification(
    _ classifier: TextClassifier, _ texts: RequestTexts, _ parameters: inout RequestParameters,
    isFlat: Bool = false
  ) throws(RequestError) -> Inference {
    var function = classifier.defaultFunction
    var topK = Int.max
    if isFlat {
      if try parameters.takeBool("raw_scores") == true { function = .none }
    } else {
      topK = try parameters.takeCount("top_k", atMost: 1_000_000) ?? .max
      switch try parameters.takeWord("function_to_apply", among: ["softmax", "sigmoid", "none"]) {
      case "softmax": function = .softmax
      case "sigmoid": function = .sigmoid
      case "none": function = .none
      default: break
      }
    }
    let truncation = try parameters.takeTruncation(limit: limits.length, isDefault: limits.truncates)
    try parameters.finish()
    let sequences = try encode(texts, truncation) { _ in .whole }
    // One text is answered with a list in a list too, which the client takes apart.
    let unwraps = isFlat && !texts.isList
    return Inference(sequences: sequences) { [function, topK] rows in
      let lists = rows.map { logits in
        JSONValue.array(classifier.answer(logits: logits, function).predictions.prefix(topK).map(\.json))
      }
      var json = JSONBytes()
      json.append(unwraps ? lists[0] : .array(lists))
      return json.bytes
    }
  }

  /// Guesses for each mask, as `pipeline("fill-mask")`: a list for a text with one mask, a list of those for one with
  /// several; of several texts a list of either.
  private func fill(
    _ fillMask: FillMask, _ texts: RequestTexts, _ parameters: inout RequestParameters
  ) throws(RequestError) -> Inference {
    let topK = try parameters.takeCount("top_k", atMost: Self.guessLimit) ?? 5
    let targets = try parameters.take("targets").map { value throws(RequestError) in
      try fillMask.targets(value)
    }
    let truncation = try parameters.takeTruncation(limit: limits.length, isDefault: limits.truncates)
    try parameters.finish()
    let mask = fillMask.tokenizer.options.maskToken
    var maskCount = 0
    let sequences = try encode(texts, truncation) { ids throws(RequestError) in
      let masks = fillMask.masks(of: ids)
      guard !masks.isEmpty else {
        throw .invalid("there is no \(mask) in a text; write \(mask) where a word is to be found")
      }
      maskCount += masks.count
      return .positions(masks)
    }
    guard maskCount <= Self.maskLimit, maskCount * min(topK, targets?.count ?? topK) <= Self.guessLimit else {
      throw .tooLarge(
        "\(maskCount) masks with \(topK) guesses each are more than the \(Self.maskLimit) masks and "
          + "\(Self.guessLimit) guesses computed at once; send fewer")
    }
    return Inference(sequences: sequences) { rows in
      let answers = zip(sequences, rows).map { sequence, row -> JSONValue in
        guard case .positions(let masks) = sequence.wanted else { return .array([]) }
        let width = row.count / masks.count
        let lists = masks.enumerated().map { index, mask in
          JSONValue.array(
            fillMask.predictions(
              logits: Array(row[index * width..<(index + 1) * width]), at: mask, of: sequence.inputIDs,
              maskCount: masks.count, topK: topK, targets: targets
            ).map { $0.json(fillMask.tokenizer) })
        }
        return lists.count == 1 ? lists[0] : .array(lists)
      }
      var json = JSONBytes()
      json.append(answers.count == 1 ? answers[0] : .array(answers))
      return json.bytes
    }
  }

  /// Vectors: for each text, or for each token as `pipeline("feature-extraction")`.
  private func embedding(
    _ embedder: TextEmbedder, _ texts: RequestTexts, _ parameters: inout RequestParameters, perToken: Bool,
    nestsSingle: Bool
  ) throws(RequestError) -> Inference {
    let normalize = try parameters.takeBool("normalize")
    guard !perToken || normalize != true else {
      throw .invalid("'normalize' is for one vector a text, and this model gives one a token; send to /embed")
    }
    let normalizes = normalize ?? (nestsSingle || embedder.normalizes)
    _ = try parameters.takeWord("encoding_format", among: ["float"])
    for name in ["prompt_name", "dimensions"] where parameters.take(name) != nil {
      throw .invalid(
        "'\(name)' is not known here; write the prompt before the text, or cut the vectors yourself")
    }
    let truncation = try parameters.takeTruncation(limit: limits.length, isDefault: limits.truncates)
    try parameters.finish()
    let sequences = try encode(texts, truncation) { _ in perToken ? .tokens : .whole }
    let dimension = embedder.dimension
    if perToken {
      let values = sequences.reduce(0) { $0 + $1.length } * dimension
      guard values <= Self.valueLimit else {
        throw .tooLarge(
          "\(values) numbers are more than the \(Self.valueLimit) of one answer; send fewer texts, or to /embed"
        )
      }
    }
    let isNested = texts.isList || nestsSingle
    return Inference(sequences: sequences) { rows in
      var json = JSONBytes()
      if perToken {
        // The pipeline gives (1, tokens, dimension) for a text, and a list of those for a list.
        json.append(list: rows) { json, row in
          if isNested { json.append(literal: "[") }
          json.append(list: stride(from: 0, to: row.count, by: dimension)) { json, start in
            json.append(numbers: row[start..<start + dimension])
          }
          if isNested { json.append(literal: "]") }
        }
      } else {
        let vectors = normalizes ? rows.map(TextEmbedder.normalized) : rows
        if isNested {
          json.append(list: vectors) { $0.append(numbers: $1) }
        } else {
          json.append(numbers: vectors[0])
        }
      }
      return json.bytes
    }
  }

  /// The cosine of a sentence with each of several.
  private func similarity(
    _ embedder: TextEmbedder, _ body: JSONValue, _ parameters: inout RequestParameters
  ) throws(RequestError) -> Inference {
    let texts = try SimilarityTexts(body["inputs"], limit: limits.texts)
    let truncation = try parameters.takeTruncation(limit: limits.length, isDefault: limits.truncates)
    try parameters.finish()
    var all = try RequestTexts(.strings(texts.sentences), limit: limits.texts, takesPairs: false)
    all.items.insert(.init(text: texts.source), at: 0)
    return Inference(sequences: try encode(all, truncation) { _ in .whole }) { rows in
      let source = TextEmbedder.normalized(rows[0])
      var json = JSONBytes()
      json.append(
        numbers: rows.dropFirst().map { row in
          Float(zip(source, TextEmbedder.normalized(row)).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
        })
      return json.bytes
    }
  }

  /// Tokenizes the texts of a request.
  private func encode(
    _ texts: RequestTexts, _ truncation: Truncation,
    wanted: ([Int32]) throws(RequestError) -> TokenSequence.Wanted
  ) throws(RequestError) -> [TokenSequence] {
    var sequences: [TokenSequence] = []
    for (place, item) in texts.items.enumerated() {
      let name = texts.isList ? "inputs[\(place)]" : "inputs"
      let batch: EncodedBatch
      do {
        batch = try model.tokenizer.encodeBatch(
          [item.text], pairs: item.pair.map { [$0] }, truncation: truncation, padding: .longest)
      } catch {
        guard case .tooLong(let length, _) = error else { throw .invalid("\(name): \(error)") }
        throw tooLong(name, length)
      }
      guard batch.length <= limits.length else { throw tooLong(name, batch.length) }
      try checkTables(batch, name)
      sequences.append(
        TokenSequence(
          inputIDs: batch.inputIDs, tokenTypeIDs: batch.tokenTypeIDs, wanted: try wanted(batch.inputIDs)))
    }
    return sequences
  }

  /// Whether the model has a row for every token: a tokenizer may know more than the model does, and one request must
  /// not spoil the batch it is computed in.
  private func checkTables(_ batch: EncodedBatch, _ name: String) throws(RequestError) {
    let (words, types) = (model.configuration.vocabSize, model.configuration.typeVocabSize)
    if let id = batch.inputIDs.first(where: { !(0..<words).contains(Int($0)) }) {
      let token = model.tokenizer.token(of: Int(id)).map { " '\($0.prefix(64))'" } ?? ""
      throw .invalid(
        "\(name) has the token\(token) with the id \(id), the model knows ids up to \(words - 1); leave it out"
      )
    }
    if let type = batch.tokenTypeIDs.first(where: { !(0..<types).contains(Int($0)) }) {
      throw .invalid(
        "\(name) has tokens of type \(type), the model knows types up to \(types - 1); send single texts, no pairs"
      )
    }
  }

  private func tooLong(_ name: String, _ length: Int) -> RequestError {
    .tooLarge(
      "\(name) has \(length) tokens, more than the \(limits.length) taken; shorten it, or send truncation: true"
    )
  }
}

extension TextClassifier.Prediction {
  fileprivate var json: JSONValue { ["label": .string(label), "score": .number(Double(score))] }
}

extension FillMask.Prediction {
  fileprivate func json(_ tokenizer: WordPieceTokenizer) -> JSONValue {
    [
      "score": .number(Double(score)), "token": .number(id),
      "token_str": .string(tokenizer.decode([id])), "sequence": .string(sequence),
    ]
  }
}

extension FillMask {
  /// The ids of `targets`: of the vocabulary, or of the first piece of a word that is not in it.
  ///
  /// - Throws: ``RequestError`` when there is none, or one that the model does not know.
  fileprivate func targets(_ value: JSONValue) throws(RequestError) -> [Int] {
    let values = value.arrayValue ?? [value]
    let words = values.compactMap(\.stringValue)
    guard words.count == values.count else {
      throw .invalid("'targets' is not a list of strings; send words")
    }
    let ids = words.compactMap { word in
      tokenizer.id(of: word)
        ?? (try? tokenizer.encodeBatch(
          [word], addSpecialTokens: false, truncation: .longestFirst(maxLength: 1), padding: .longest))?
        .inputIDs
        .first.map(Int.init)
    }
    guard !ids.isEmpty else {
      throw .invalid("'targets' has no word that the vocabulary can spell; send another")
    }
    let limit = model.configuration.vocabSize
    if let id = ids.first(where: { $0 >= limit }) {
      throw .invalid(
        "'targets' has '\((tokenizer.token(of: id) ?? "").prefix(64))' with the id \(id), the model knows ids up to "
          + "\(limit - 1); leave it out")
    }
    return Set(ids).sorted()
  }
}
