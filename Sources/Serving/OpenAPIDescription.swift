package import ModelFiles

/// The server's interface in the terms of OpenAPI 3.1, for its one task.
package struct OpenAPIDescription {
  let model: String
  let task: InferenceTask
  let limits: InferenceDecoder.Limits
  let hasToken: Bool

  /// - Parameters:
  ///   - model: its name.
  ///   - task: what it is for; decides which paths there are, and what they take.
  ///   - limits: of one request.
  ///   - hasToken: whether clients must send one.
  package init(model: String, task: InferenceTask, limits: InferenceDecoder.Limits, hasToken: Bool) {
    (self.model, self.task, self.limits, self.hasToken) = (model, task, limits, hasToken)
  }

  /// The document, in JSON.
  var json: String { document.compactText() }

  /// The document.
  package var document: JSONValue {
    var document: JSONValue = [
      "openapi": "3.1.0",
      "info": [
        "title": .string("\(model): \(task.rawValue)"), "version": "1",
        "description": "A model served by ckpt, as the Inference API of the Hugging Face Hub.",
      ],
      "paths": .object(paths.map { JSONValue.Member($0, $1) }),
    ]
    var components: JSONValue = ["schemas": .object(schemas.map { JSONValue.Member($0, $1) })]
    if hasToken {
      components.set("securitySchemes", ["bearer": ["type": "http", "scheme": "bearer"]])
      document.set("security", [["bearer": []]])
    }
    document.set("components", components)
    return document
  }

  // MARK: Paths

  private var paths: [(String, JSONValue)] {
    var health = get("health", "Whether requests are taken.", schema("Health"), ["503"])
    health.set("security", [])
    var paths: [(String, JSONValue)] = [
      (
        "/",
        [
          "get": get("about", "The model and its limits.", schema("Info")),
          "post": inference("infer", "Input", "Output"),
        ]
      ),
      ("/info", ["get": get("info", "The model and its limits.", schema("Info"))]),
      ("/health", ["get": health]),
      (
        "/metrics",
        [
          "get": get("metrics", "Counters, for Prometheus.", ["type": "string"], type: "text/plain")
        ]
      ),
      ("/openapi.json", ["get": get("openapi", "This document.", ["type": "object"])]),
    ]
    switch task {
    case .textClassification:
      paths.append(("/predict", ["post": inference("predict", "PredictInput", "PredictOutput")]))
    case .featureExtraction:
      paths.append(("/embed", ["post": inference("embed", "EmbedInput", "EmbedOutput")]))
      paths.append(("/similarity", ["post": inference("similarity", "SimilarityInput", "SimilarityOutput")]))
    case .fillMask: break
    }
    return paths
  }

  private func get(
    _ id: String, _ summary: String, _ schema: JSONValue, _ errors: [String] = [],
    type: String = "application/json"
  ) -> JSONValue {
    let ok: JSONValue = [
      "description": "OK", "content": .object([JSONValue.Member(type, ["schema": schema])]),
    ]
    return [
      "operationId": .string(id), "summary": .string(summary), "responses": responses(ok, errors),
    ]
  }

  private func inference(_ id: String, _ input: String, _ output: String) -> JSONValue {
    let ok: JSONValue = ["description": "OK", "content": ["application/json": ["schema": schema(output)]]]
    return [
      "operationId": .string(id), "summary": .string(task.rawValue),
      "requestBody": ["required": true, "content": ["application/json": ["schema": schema(input)]]],
      "responses": responses(ok, ["400", "413", "415", "422", "429", "500", "503"]),
    ]
  }

  private func responses(_ ok: JSONValue, _ errors: [String]) -> JSONValue {
    let meanings = [
      "400": "Not JSON", "401": "No token, or a wrong one", "413": "More than is taken at once",
      "415": "Not sent as JSON", "421": "Another host's name", "422": "Not what the task takes",
      "429": "The line is full; see Retry-After",
      "500": "The model failed", "503": "Stopping, or out of time; see Retry-After",
    ]
    var responses: JSONValue = ["200": ok]
    for code in (hasToken ? ["401"] : ["421"]) + errors {
      responses.set(
        code,
        [
          "description": .string(meanings[code] ?? ""),
          "content": ["application/json": ["schema": schema("Error")]],
        ])
    }
    return responses
  }

  private func schema(_ name: String) -> JSONValue { ["$ref": .string("#/components/schemas/\(name)")] }

  // MARK: Schemas

  private var schemas: [(String, JSONValue)] {
    let common: [(String, JSONValue)] = [
      ("Error", object(["error": text, "error_type": text], required: ["error", "error_type"])),
      ("Health", object(["status": ["const": "ok"]], required: ["status"])),
      ("Info", ["type": "object", "required": ["model_id", "task", "max_input_length"]]),
    ]
    switch task {
    case .textClassification: return common + classification
    case .featureExtraction: return common + embedding
    case .fillMask: return common + masks
    }
  }

  private let text: JSONValue = ["type": "string"]
  private let flag: JSONValue = ["type": ["boolean", "null"]]
  private let number: JSONValue = ["type": "number"]
  private let count: JSONValue = ["type": ["integer", "null"], "minimum": 1]

  private func list(_ items: JSONValue, atMost limit: Int? = nil) -> JSONValue {
    var list: JSONValue = ["type": "array", "items": items]
    if let limit {
      list.set("minItems", 1)
      list.set("maxItems", .number(limit))
    }
    return list
  }

  private func object(_ properties: JSONValue, required: JSONValue = []) -> JSONValue {
    ["type": "object", "properties": properties, "required": required, "additionalProperties": false]
  }

  private var truncation: [JSONValue.Member] {
    [
      .init(
        "truncation",
        ["enum": [true, false, "longest_first", "only_first", "only_second", "do_not_truncate", nil]]),
      .init("truncate", flag),
      .init("max_length", ["type": ["integer", "null"], "minimum": 1, "maximum": .number(limits.length)]),
      .init("truncation_direction", ["enum": ["left", "right", nil]]),
    ]
  }

  private func parameters(_ members: [JSONValue.Member]) -> JSONValue {
    var parameters = object(.object(members + truncation))
    parameters.set("type", ["object", "null"])
    return parameters
  }

  private func input(_ inputs: JSONValue, _ parameters: JSONValue) -> JSONValue {
    object(["inputs": inputs, "parameters": parameters, "options": ["type": "object"]], required: ["inputs"])
  }

  private var classification: [(String, JSONValue)] {
    let pair = object(["text": text, "text_pair": ["type": ["string", "null"]]], required: ["text"])
    let one: JSONValue = ["anyOf": [text, pair]]
    let predictions = list(object(["label": text, "score": number], required: ["label", "score"]))
    let parts: JSONValue = ["type": "array", "items": text, "minItems": 1, "maxItems": 2]
    let root: [JSONValue.Member] = [
      .init("inputs", ["anyOf": [text, parts, list(parts, atMost: limits.texts)]]), .init("raw_scores", flag),
    ]
    return [
      (
        "Input",
        input(
          ["anyOf": [text, pair, list(one, atMost: limits.texts)]],
          parameters([
            .init("top_k", count), .init("function_to_apply", ["enum": ["softmax", "sigmoid", "none", nil]]),
          ]))
      ),
      ("Output", list(predictions)),
      ("PredictInput", object(.object(root + truncation), required: ["inputs"])),
      ("PredictOutput", ["anyOf": [predictions, list(predictions)]]),
    ]
  }

  private var embedding: [(String, JSONValue)] {
    let texts: JSONValue = ["anyOf": [text, list(text, atMost: limits.texts)]]
    let vector = list(number)
    let known: [JSONValue.Member] =
      [.init("normalize", flag), .init("encoding_format", ["enum": ["float", nil]])] + truncation
    let similarity = object(
      ["source_sentence": text, "sentences": list(text, atMost: limits.texts - 1)],
      required: ["source_sentence", "sentences"])
    var nested: JSONValue = object(.object(known))
    nested.set("type", ["object", "null"])
    let root: [JSONValue.Member] = [
      .init("inputs", ["anyOf": [text, list(text, atMost: limits.texts), similarity]]),
      .init("parameters", nested), .init("options", ["type": "object"]),
    ]
    return [
      ("Input", object(.object(root + known), required: ["inputs"])),
      ("Output", ["type": "array", "items": ["anyOf": [number, vector, list(vector), list(list(vector))]]]),
      ("EmbedInput", object(.object([.init("inputs", texts)] + known), required: ["inputs"])),
      ("EmbedOutput", list(vector)),
      ("SimilarityInput", object(.object([.init("inputs", similarity)] + truncation), required: ["inputs"])),
      ("SimilarityOutput", vector),
    ]
  }

  private var masks: [(String, JSONValue)] {
    let guess = object(
      ["score": number, "token": ["type": "integer"], "token_str": text, "sequence": text],
      required: ["score", "token", "token_str", "sequence"])
    return [
      (
        "Input",
        input(
          ["anyOf": [text, list(text, atMost: limits.texts)]],
          parameters([
            .init("top_k", count), .init("targets", ["anyOf": [text, list(text), ["type": "null"]]]),
            .init("tokenizer_kwargs", parameters([])),
          ]))
      ),
      ("Output", ["type": "array", "items": ["anyOf": [guess, list(guess), list(list(guess))]]]),
    ]
  }
}
