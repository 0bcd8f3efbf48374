import Pretrained
import Testing

@Suite("a model card")
struct ModelCardTests {
  @Test("states results in the form the hub reads")
  func results() {
    var card = ModelCard(name: "bert-iris", pipelineTag: "text-classification", summary: "Names irises.")
    card.baseModel = "sentence-transformers/all-MiniLM-L6-v2"
    card.dataset = .init(name: "Iris as text", type: "iris", split: "test")
    card.metrics = [.init(type: "loss", value: 0.35515448451042175), .init(type: "f1", value: 1e-5)]
    card.widgetTexts = ["5.1 3.5 1.4 0.2"]
    card.sections = [.init("Limits", "It knows irises only.")]
    #expect(
      card.text == """
        ---
        library_name: transformers
        pipeline_tag: text-classification
        base_model: sentence-transformers/all-MiniLM-L6-v2
        tags:
        - swift-pretrained
        - bert
        metrics:
        - f1
        widget:
        - text: "5.1 3.5 1.4 0.2"
        model-index:
        - name: bert-iris
          results:
          - task:
              name: Text Classification
              type: text-classification
            dataset:
              name: Iris as text
              type: iris
              config: default
              split: test
            metrics:
            - name: F1
              type: f1
              value: 1.0e-05
        ---

        # bert-iris

        Names irises.

        Results on the test split of Iris as text:

        - Loss: 0.3552
        - F1: 0.0

        ## Limits

        It knows irises only.

        """)
  }

  @Test("leaves out what the hub would refuse")
  func refused() {
    var card = ModelCard(name: "x", pipelineTag: "text-classification", summary: "S.")
    card.baseModel = "../models/bert"
    card.metrics = [.init(type: "accuracy", value: .nan)]
    card.dataset = .init(name: "d", type: "d", split: "test")
    for field in ["base_model", "metrics", "model-index", "nan"] { #expect(!card.text.contains(field)) }
    card.metrics = [.init(type: "accuracy", value: 1)]
    card.dataset = nil
    #expect(!card.text.contains("model-index"), "results without a data set are refused")
  }

  static let strings: [(value: String, yaml: String)] = [
    ("plain words", "plain words"), ("a/b-c_d.e", "a/b-c_d.e"), ("", #""""#), ("1.0", #""1.0""#),
    ("No", #""No""#),
    ("null", #""null""#), (" x", #"" x""#), ("x ", #""x ""#), ("a: b", #""a: b""#), ("- x", #""- x""#),
    ("say \"hi\\\"", #""say \"hi\\\"""#), ("é日", #""é日""#),
    ("a\nb\u{7F}\u{2028}\u{FEFF}", #""a\x0ab\x7f\u2028\ufeff""#),
    ("😀", #""😀""#), ("\u{F0000}\u{FFFF}", "\"\u{F0000}\\uffff\""), ("2024-01-01", #""2024-01-01""#),
  ]

  @Test("quotes what YAML would take for something else", arguments: strings.indices)
  func quoting(index: Int) { #expect(YAMLText.string(Self.strings[index].value) == Self.strings[index].yaml) }
}
