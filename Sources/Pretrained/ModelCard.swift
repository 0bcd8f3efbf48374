import ModelFiles

/// The `README.md` of a model folder: front matter that the hub accepts, and prose made of what is known.
///
/// The hub refuses a whole upload for a field of the wrong kind. Here a field is left out unless it is complete: a
/// base model that is no repository's name, a metric that is not finite, results without a data set.
/// Reference: `transformers/modelcard.py` and the hub's own validation.
public struct ModelCard: Sendable {
  /// What the model was measured on.
  public struct Dataset: Sendable, Hashable {
    /// For people, such as `Iris as text`.
    public var name: String
    /// The identifier, such as `iris`.
    public var type: String
    public var config: String
    public var split: String

    public init(name: String, type: String, config: String = "default", split: String) {
      (self.name, self.type, self.config, self.split) = (name, type, config, split)
    }
  }

  /// One result, such as `accuracy`.
  public struct Metric: Sendable, Hashable {
    /// As the hub names it: `accuracy`, `f1`, `precision`, `recall`, `loss`.
    public var type: String
    public var value: Double

    public init(type: String, value: Double) { (self.type, self.value) = (type, value) }

    /// For people: `F1`, `Accuracy`.
    var name: String { type.prefix(1).uppercased() + type.dropFirst() }
  }

  /// A part of the text: a heading and Markdown below it.
  public struct Section: Sendable, Hashable {
    public var title: String
    public var text: String

    public init(_ title: String, _ text: String) { (self.title, self.text) = (title, text) }
  }

  /// The model's name; the folder's, as a rule.
  public var name: String
  /// What kind of question the model answers, as the hub calls it: `text-classification`.
  public var pipelineTag: String?
  /// The repository the model was fine-tuned from, `org/name`.
  public var baseModel: String?
  public var license: String?
  public var tags = ["swift-pretrained", "bert"]
  public var dataset: Dataset?
  public var metrics: [Metric] = []
  /// Texts that the hub's page offers to try.
  public var widgetTexts: [String] = []
  /// One paragraph, in Markdown.
  public var summary: String
  public var sections: [Section] = []

  public init(name: String, pipelineTag: String? = nil, summary: String) {
    (self.name, self.pipelineTag, self.summary) = (name, pipelineTag, summary)
  }

  /// The whole file.
  public var text: String {
    var text = "---\n\(frontMatter)---\n\n# \(name)\n\n\(summary)\n"
    if !measured.isEmpty {
      let split = dataset.map { " on the \($0.split) split of \($0.name)" } ?? ""
      text += "\nResults\(split):\n\n"
      text += measured.map {
        "- \($0.name): \(JSONValue.number($0.value.rounded(toDigits: 4)).compactText())\n"
      }.joined()
    }
    for section in sections { text += "\n## \(section.title)\n\n\(section.text)\n" }
    return text
  }

  /// The metrics that can be stated.
  private var measured: [Metric] { metrics.filter { $0.value.isFinite } }

  private var frontMatter: String {
    var yaml = YAMLText()
    yaml.field("library_name", "transformers")
    if let pipelineTag { yaml.field("pipeline_tag", pipelineTag) }
    if let license { yaml.field("license", license) }
    if let baseModel, HubCache.isRepositoryName(baseModel) { yaml.field("base_model", baseModel) }
    yaml.list("tags", tags)
    // The hub knows a loss as no metric of a model.
    let results = measured.filter { $0.type != "loss" }
    if !results.isEmpty { yaml.list("metrics", results.map(\.type)) }
    if !widgetTexts.isEmpty {
      yaml.line("widget:")
      for text in widgetTexts { yaml.field("- text", text) }
    }
    if let dataset, let pipelineTag, !results.isEmpty {
      yaml.line("model-index:")
      yaml.field("- name", name)
      yaml.line("  results:")
      yaml.line("  - task:")
      yaml.field(
        "      name", pipelineTag.split(separator: "-").map(\.capitalizedFirst).joined(separator: " "))
      yaml.field("      type", pipelineTag)
      yaml.line("    dataset:")
      for (key, value) in [
        ("name", dataset.name), ("type", dataset.type), ("config", dataset.config), ("split", dataset.split),
      ] { yaml.field("      \(key)", value) }
      yaml.line("    metrics:")
      for metric in results {
        yaml.field("    - name", metric.name)
        yaml.field("      type", metric.type)
        yaml.line("      value: \(YAMLText.number(metric.value))")
      }
    }
    return yaml.text
  }
}

extension Double {
  /// Rounded to a number of decimals, for people.
  fileprivate func rounded(toDigits digits: Int) -> Double {
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    return (self * scale).rounded() / scale
  }
}

extension Substring {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
