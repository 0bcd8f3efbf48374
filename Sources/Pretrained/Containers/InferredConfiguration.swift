import BERT
import ModelFiles

/// A `config.json` made from Google's `bert_config.json` and from what the tensors show.
struct InferredConfiguration {
  /// The completed document.
  let document: JSONValue

  /// - Parameters:
  ///   - google: `bert_config.json`, which names neither class nor labels, and leaves the rest at defaults.
  ///   - weights: under transformers' names.
  init(google: JSONValue, weights: some WeightSource) {
    var document = google
    func add(_ key: String, _ value: JSONValue) { if document[key] == nil { document.set(key, value) } }
    add("architectures", .strings([Self.architecture(of: weights).rawValue]))
    add("model_type", "bert")
    add("layer_norm_eps", .number(1e-12))
    add("pad_token_id", .number(0))
    if let rows = weights.tensor(named: "classifier.weight")?.shape.first, rows != 2,
      (1...10_000).contains(rows)
    {
      let labels = BERTConfiguration.defaultLabels(rows)
      add("id2label", .object(labels.enumerated().map { .init("\($0)", .string($1)) }))
      add("label2id", .object(labels.enumerated().map { .init($1, .number($0)) }))
    }
    self.document = document
  }

  /// The class whose heads the tensors have. A classifier of tokens looks like one of texts; that is taken.
  static func architecture(of weights: some WeightSource) -> BERTArchitecture {
    func has(_ name: String) -> Bool { weights.tensor(named: name) != nil }
    if has("classifier.weight") { return .sequenceClassification }
    if has("qa_outputs.weight") { return .questionAnswering }
    let predicts = has("cls.predictions.bias") || has("cls.predictions.transform.dense.weight")
    switch (predicts, has("cls.seq_relationship.weight")) {
    case (true, true): return .preTraining
    case (true, false): return .maskedLM
    case (false, true): return .nextSentencePrediction
    case (false, false): return .model
    }
  }
}
