import FineTuning
import ModelFiles
import Pretrained
import Reports
import Testing

@Suite("the card of a run")
struct CardTests {
  private func run() -> RunDescription {
    var run = RunDescription(labels: ["a", "b|`c"])
    run.baseModel = .init(name: "org/base", path: "/x")
    (run.data.name, run.data.origin) = ("Some data", "stratified, seed 42")
    run.data.template = "{x} {y}"
    run.data.parts = [
      .init(name: "train", rowCount: 3, classCounts: [2, 1]),
      .init(name: "test", rowCount: 1, classCounts: [1, 0]),
    ]
    var arguments = TrainingArguments()
    arguments.gradientAccumulationSteps = 2
    run.hyperparameters = arguments.hyperparameters
    (run.toolVersion, run.truncation) = ("0.1.0", "an error")
    return run
  }

  @Test("has Trainer's sections, and what they leave open")
  func sections() {
    let card = RunCard(
      name: "m", run: run(), log: [], test: nil, examples: ["1 2"],
      limits: ["Integers change 3 of 4 answers."]
    ).card
    #expect(
      card.sections.map(\.title) == [
        "Model description", "Intended uses & limitations", "Training and evaluation data",
        "Training procedure",
      ])
    let text = card.text
    for part in [
      "base_model: org/base\n", "such as `1 2`", "- Integers change 3 of 4 answers.",
      "A text is made of its row's columns as `{x} {y}`.", "Parts: stratified, seed 42.",
      "| Label | train | test |\n|:--|--:|--:|\n| a | 2 | 1 |\n| b\\|\\`c | 1 | 0 |\n| all | 3 | 1 |",
      "### Training hyperparameters", "- learning_rate: 5e-05", "- total_train_batch_size: 16",
      "- optimizer: AdamW with betas=(0.9,0.999) and epsilon=1e-08, weight decay 0.0", "- num_epochs: 3.0",
      "### Framework versions\n\n- swift-pretrained 0.1.0",
    ] { #expect(text.contains(part), "\(part)") }
    #expect(!text.contains("More information needed"))
    #expect(!text.contains("model-index"), "there are no results to state")
  }

  @Test(
    "labels and names cannot break out of the text",
    arguments: [
      "a\n---\nx: 1", "</details><script>", "[x](javascript:y)", "``` `", "| x |", "", " ",
    ])
  func hostile(name: String) {
    var run = run()
    run.labels = [name, "b"]
    (run.data.name, run.data.origin, run.truncation) = (name, name, name)
    let text = RunCard(name: "m", run: run, log: [], test: nil, examples: [name]).card.text
    let body = text.split(separator: "\n---\n", maxSplits: 1).last ?? ""
    #expect(!body.contains("\n---\n"))
    #expect(!body.split(separator: "\n").contains { $0.hasPrefix("<") })
    #expect(text.ranges(of: "\n---\n").count == 1)
  }
}
