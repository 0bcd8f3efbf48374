import BERT
import ModelFiles
import Testing

@Suite("BERT's config.json")
struct ConfigurationTests {
  static func read(_ text: String) throws -> BERTConfiguration {
    try BERTConfiguration(JSONValue(parsing: Array(text.utf8)), file: "c.json")
  }

  @Test("absent and null members have the defaults of BertConfig")
  func defaults() throws {
    for text in [
      #"{"model_type":"bert"}"#,
      #"{"model_type":"bert","hidden_size":null,"problem_type":null,"id2label":null}"#,
    ] {
      var configuration = try Self.read(text)
      configuration.document = .object([])
      #expect(configuration == BERTConfiguration())
    }
    let configuration = BERTConfiguration()
    #expect(configuration.labels == ["LABEL_0", "LABEL_1"] && configuration.headSize == 64)
    #expect(WeightTable(configuration, .model).parameterCount == 109_482_240)
    #expect(WeightTable(configuration, .preTraining).parameterCount == 110_106_428)
    #expect(WeightTable(configuration, .preTraining).specs.count == 206)
  }

  @Test("every member is read")
  func reads() throws {
    let configuration = try Self.read(
      """
      {"model_type":"bert","vocab_size":9,"hidden_size":6,"num_hidden_layers":3,"num_attention_heads":2,
      "intermediate_size":7,"hidden_act":"gelu_pytorch_tanh","hidden_dropout_prob":0,"attention_probs_dropout_prob":0.25,
      "max_position_embeddings":11,"type_vocab_size":1,"initializer_range":0.5,"layer_norm_eps":1e-5,"pad_token_id":8,
      "classifier_dropout":0.75,"id2label":{"1":"b","0":"a","2":"b"},"label2id":{"a":0,"b":2},
      "problem_type":"multi_label_classification","tie_word_embeddings":false,"unknown":[1]}
      """)
    var expected = BERTConfiguration(
      vocabSize: 9, hiddenSize: 6, numHiddenLayers: 3, numAttentionHeads: 2, intermediateSize: 7,
      hiddenAct: .geluPytorchTanh, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0.25,
      maxPositionEmbeddings: 11,
      typeVocabSize: 1, initializerRange: 0.5, layerNormEps: 1e-5, padTokenID: 8, classifierDropout: 0.75,
      labels: ["a", "b", "b"], problemType: .multiLabelClassification, tieWordEmbeddings: false)
    expected.document = configuration.document
    #expect(configuration == expected)
    #expect(try Self.read(#"{"model_type":"bert","pad_token_id":null}"#).padTokenID == -1)
    #expect(try Self.read(#"{"model_type":"bert","num_labels":1}"#).labels == ["LABEL_0"])
  }

  @Test("Google's bert_config.json, without model_type, is read when it states every size")
  func google() throws {
    let text =
      #"{"attention_probs_dropout_prob":0.1,"hidden_act":"gelu","hidden_dropout_prob":0.1,"hidden_size":768,"#
      + #""initializer_range":0.02,"intermediate_size":3072,"max_position_embeddings":512,"num_attention_heads":12,"#
      + #""num_hidden_layers":12,"type_vocab_size":2,"vocab_size":21128}"#
    #expect(try Self.read(text).vocabSize == 21128)
    for key in ["hidden_size", "num_attention_heads", "type_vocab_size", "vocab_size", "intermediate_size"] {
      var document = try JSONValue(parsing: Array(text.utf8))
      document.remove(key)
      #expect(throws: ConfigurationError.missingKey(key, file: "f")) {
        try BERTConfiguration(document, file: "f")
      }
    }
  }

  /// Members beside `"model_type": "bert"`, and the error.
  static let faults: [(members: String, error: ConfigurationError)] = {
    let (file, limit) = ("c.json", 1 << 22)
    func range(_ key: String, _ expected: String, _ found: String) -> ConfigurationError {
      .outOfRange(key: key, expected: expected, found: found, file: file)
    }
    func type(_ key: String, _ expected: String, _ found: String) -> ConfigurationError {
      .wrongType(key: key, expected: expected, found: found, file: file)
    }
    func other(_ key: String, _ supported: String, _ found: String) -> ConfigurationError {
      .unsupported(key: key, supported: supported, found: found, file: file)
    }
    func mismatch(_ key: String, _ expected: String, _ found: String) -> ConfigurationError {
      .mismatch(key: key, expected: expected, found: found, file: file)
    }
    let inverse = "the inverse of 'id2label'"
    return [
      (#""vocab_size":"30522""#, type("vocab_size", "an integer", "a string")),
      (#""vocab_size":30522.0"#, type("vocab_size", "an integer", "the number 30522.0")),
      (#""hidden_size":true"#, type("hidden_size", "an integer", "true")),
      (#""layer_norm_eps":"1e-12""#, type("layer_norm_eps", "a number", "a string")),
      (#""hidden_act":3"#, type("hidden_act", "a string", "the number 3")),
      (#""is_decoder":1"#, type("is_decoder", "true or false", "the number 1")),
      (#""id2label":["a","b"]"#, type("id2label", "an object", "an array")),
      (#""id2label":{"0":1}"#, type("id2label.0", "a string", "the number 1")),
      (#""label2id":{"LABEL_0":"0","LABEL_1":1}"#, type("label2id.LABEL_0", "an integer", "a string")),
      (#""vocab_size":0"#, range("vocab_size", "in 1...\(limit)", "0")),
      (#""hidden_size":-768"#, range("hidden_size", "in 1...\(limit)", "-768")),
      (#""num_hidden_layers":1000000000"#, range("num_hidden_layers", "in 0...4096", "1000000000")),
      (#""num_attention_heads":0"#, range("num_attention_heads", "in 1...\(limit)", "0")),
      (#""vocab_size":9223372036854775807"#, range("vocab_size", "in 1...\(limit)", "9223372036854775807")),
      (#""pad_token_id":-1"#, range("pad_token_id", "in 0...\(limit)", "-1")),
      (#""pad_token_id":30522"#, range("pad_token_id", "in -1...30521", "30522")),
      (#""num_labels":0"#, range("num_labels", "in 1...\(limit)", "0")),
      (#""num_labels":4000000000000"#, range("num_labels", "in 1...\(limit)", "4000000000000")),
      (#""hidden_dropout_prob":1.5"#, range("hidden_dropout_prob", "a probability from 0 to 1", "1.5")),
      (#""classifier_dropout":-0.5"#, range("classifier_dropout", "a probability from 0 to 1", "-0.5")),
      (#""layer_norm_eps":-1e-12"#, range("layer_norm_eps", "a number from 0", "-1e-12")),
      (#""id2label":{}"#, range("id2label", "an object with a label", "empty")),
      (
        #""id2label":{"0":"a","2":"b"}"#,
        range("id2label", "numbered 0 to 1 without gaps", "numbered with 2 among 2")
      ),
      (#""id2label":{"a":"0"}"#, range("id2label", "an object whose keys are numbers from 0", "keyed 'a'")),
      (#""num_attention_heads":7"#, mismatch("num_attention_heads", "a divisor of 'hidden_size', 768", "7")),
      (#""num_labels":3,"id2label":{"0":"a","1":"b"}"#, mismatch("num_labels", "2, as 'id2label' has", "3")),
      (
        #""id2label":{"0":"a","1":"b"},"label2id":{"a":1,"b":0}"#,
        mismatch("label2id", inverse, "one with 'a' as 1")
      ),
      (#""id2label":{"0":"a","1":"b"},"label2id":{"a":0}"#, mismatch("label2id", inverse, "one without 'b'")),
      (#""label2id":{"x":0,"y":1}"#, mismatch("label2id", inverse, "one with 'x' as 0")),
      (#""id2label":{"0":"a"},"label2id":{"a":7}"#, mismatch("label2id", inverse, "one with 'a' as 7")),
      (
        #""problem_type":"single_label_classification","num_labels":1"#,
        mismatch(
          "problem_type", "'regression' where there is one label", "'single_label_classification'")
      ),
      (#""model_type":"roberta""#, other("model_type", "'bert'", "'roberta'")),
      (#""is_decoder":true"#, other("is_decoder", "false", "true")),
      (#""add_cross_attention":true"#, other("add_cross_attention", "false", "true")),
      (
        #""position_embedding_type":"relative_key""#,
        other("position_embedding_type", "'absolute'", "'relative_key'")
      ),
      (#""pruned_heads":{"0":[1]}"#, other("pruned_heads", "an empty object", "an object")),
      (
        #""hidden_act":"silu""#,
        other("hidden_act", "'gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu'", "'silu'")
      ),
      (
        #""problem_type":"ranking""#,
        other(
          "problem_type", "'regression', 'single_label_classification', 'multi_label_classification'",
          "'ranking'")
      ),
    ]
  }()

  @Test(
    "a value of the wrong kind, out of range, or at odds with another is an error of its own",
    arguments: faults.indices)
  func refuses(index: Int) throws {
    let (members, error) = Self.faults[index]
    let prefix = members.contains("model_type") ? "" : #""model_type":"bert","#
    #expect(throws: error) { try Self.read("{\(prefix)\(members)}") }
  }

  @Test("what is no object is refused", arguments: ["[]", "1", "null", #""bert""#])
  func refusesOthers(text: String) {
    #expect(throws: ConfigurationError.self) { try Self.read(text) }
  }

  // MARK: Writing

  static let written = (try? fixtureJSON("bertloading/configurations.json").arrayValue) ?? []

  @Test("transformers 5.23 writes the same bytes after reading the same document", arguments: written.indices)
  func matchesTransformers(index: Int) throws {
    #expect(Self.written.count == 14)
    let item = Self.written[index]
    let document = try #require(item["document"])
    var configuration = try BERTConfiguration(document)
    if let labels = item["labels"]?.arrayValue { configuration.labels = labels.compactMap(\.stringValue) }
    if let problem = item["problem_type"]?.stringValue {
      configuration.problemType = ProblemType(rawValue: problem)
    }
    let architecture = try #require(BERTArchitecture(rawValue: item["architecture"]?.stringValue ?? ""))
    let result = configuration.document(architecture: architecture, transformersVersion: "5.23.0")
    let text = try #require(item["written"]?.stringValue)
    #expect(String(decoding: try ConfigurationFile(result).bytes, as: UTF8.self) == text)
    // What version 5 wrote is written again as it is.
    let again = try BERTConfiguration(JSONValue(parsing: Array(text.utf8)))
    let unchanged = again.document(architecture: architecture)
    #expect(String(decoding: try ConfigurationFile(unchanged).bytes, as: UTF8.self) == text)
    var (expected, found) = (configuration, again)
    (expected.document, found.document) = (.null, .null)
    #expect(found == expected)
  }

  @Test("what has changed is replaced in its place, the rest keeps its order and spelling")
  func replaces() throws {
    var configuration = try Self.read(
      #"{"z":1E2,"layer_norm_eps":1.0E-12,"model_type":"bert","hidden_dropout_prob":0.10,"num_labels":2,"a":null}"#
    )
    configuration.hiddenDropoutProb = 0
    let document = configuration.document(architecture: .model)
    #expect(
      document.compactText().hasPrefix(
        #"{"z":1E2,"layer_norm_eps":1.0E-12,"model_type":"bert","hidden_dropout_prob":0.0,"a":null,"architectures":["BertModel"]"#
      ))
    #expect(document["transformers_version"] == nil && document["num_labels"] == nil)
    var read = try BERTConfiguration(document)
    read.document = configuration.document
    #expect(read == configuration)
  }

  @Test("a configuration made in code is written whole and read as the same")
  func fromScratch() throws {
    let configuration = BERTConfiguration(
      vocabSize: 9, hiddenSize: 6, numHiddenLayers: 1, numAttentionHeads: 3, padTokenID: -1,
      classifierDropout: 0.5,
      labels: ["é", "e\u{301}", "e\u{301}"], problemType: .regression, tieWordEmbeddings: false)
    let document = configuration.document(
      architecture: .sequenceClassification, transformersVersion: "5.23.0")
    #expect(document["pad_token_id"]?.isNull == true && document["dtype"]?.stringValue == "float32")
    #expect(document["label2id"]?.members?.map(\.value) == [2, 0])
    var read = try BERTConfiguration(JSONValue(parsing: try ConfigurationFile(document).bytes))
    read.document = configuration.document
    #expect(read == configuration)
  }
}
