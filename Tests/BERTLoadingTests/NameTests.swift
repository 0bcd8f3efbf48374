import BERT
import Testing

@Suite("names of BERT's tensors elsewhere")
struct NameTests {
  static let variables: [(variable: String, name: String, isTransposed: Bool)] = [
    ("bert/embeddings/word_embeddings", "bert.embeddings.word_embeddings.weight", false),
    ("bert/embeddings/LayerNorm/gamma", "bert.embeddings.LayerNorm.weight", false),
    (
      "bert/encoder/layer_11/attention/self/query/kernel",
      "bert.encoder.layer.11.attention.self.query.weight", true
    ),
    (
      "bert/encoder/layer_0/attention/output/dense/bias", "bert.encoder.layer.0.attention.output.dense.bias",
      false
    ),
    ("bert/encoder/layer_0/output/LayerNorm/beta", "bert.encoder.layer.0.output.LayerNorm.bias", false),
    ("bert/pooler/dense/kernel", "bert.pooler.dense.weight", true),
    ("cls/predictions/transform/dense/kernel", "cls.predictions.transform.dense.weight", true),
    ("cls/predictions/transform/LayerNorm/gamma", "cls.predictions.transform.LayerNorm.weight", false),
    ("cls/predictions/output_bias", "cls.predictions.bias", false),
    ("cls/seq_relationship/output_weights", "cls.seq_relationship.weight", false),
    ("output_weights", "classifier.weight", false), ("output_bias", "classifier.bias", false),
    ("cls/squad/output_weights", "qa_outputs.weight", false),
    ("cls/squad/output_bias", "qa_outputs.bias", false),
  ]

  @Test("TensorFlow's are translated both ways", arguments: variables.indices)
  func tensorFlow(index: Int) throws {
    let (variable, name, isTransposed) = Self.variables[index]
    #expect(TensorFlowNames.meaning(of: variable) == .parameter(name, isTransposed: isTransposed))
    let back = try #require(TensorFlowNames.variable(of: name))
    #expect(back.name == variable && back.isTransposed == isTransposed)
  }

  @Test(
    "the optimiser's state is told apart, and what is unknown",
    arguments: [
      ("bert/pooler/dense/kernel/adam_m", true), ("output_weights/adam_v", true), ("global_step", true),
      ("bert/pooler/dense/kernel/AdamWeightDecayOptimizer_1", true), ("dense/kernel", false), ("", false),
      ("bert//dense/kernel", false), ("bert/encoder/layer_01/output/dense/kernel", false),
      ("bert/encoder/layer_x/output/dense/kernel", false),
    ])
  func others(name: String, isOptimiser: Bool) {
    #expect(TensorFlowNames.meaning(of: name) == (isOptimiser ? .optimiser : .unknown))
  }

  @Test("every parameter of every class has a variable, but for heads that Google's scripts do not have")
  func complete() throws {
    for architecture in BERTArchitecture.allCases {
      for spec in WeightTable(BERTConfiguration(numHiddenLayers: 2), architecture).specs {
        let name = CanonicalNames.withPrefix(spec.name, true)
        let variable = try #require(TensorFlowNames.variable(of: name), "\(name)")
        guard case .parameter(name, _) = TensorFlowNames.meaning(of: variable.name) else {
          Issue.record("\(variable.name) reads back as something else than \(name)")
          continue
        }
      }
    }
  }

  @Test("canonical names have the prefix of transformers' class exactly when there is a head")
  func canonical() {
    let base = ["module.embeddings.word_embeddings.weight", "module.embeddings.LayerNorm.gamma"]
    #expect(
      base.map(CanonicalNames(base).canonical) == [
        "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight",
      ])
    let classifier = ["bert.embeddings.word_embeddings.weight", "classifier.weight"]
    #expect(classifier.map(CanonicalNames(classifier).canonical) == classifier)
    let other = ["vit.embeddings.patch", "classifier.weight"]
    #expect(other.map(CanonicalNames(other).canonical) == other)
  }
}
