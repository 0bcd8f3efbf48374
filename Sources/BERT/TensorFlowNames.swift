/// What the variables of google-research/bert are called there and in transformers.
///
/// The reference is transformers 4, `load_tf_weights_in_bert`, for what it reads; it stops at the heads that
/// `run_classifier.py` and `run_squad.py` put at the root, which are read here.
package enum TensorFlowNames {
  /// What a TensorFlow variable is.
  package enum Meaning: Equatable, Sendable {
    /// A parameter; `isTransposed`: TensorFlow keeps (inputs, outputs) where PyTorch keeps (outputs, inputs).
    case parameter(String, isTransposed: Bool)
    /// A slot of the optimiser or a step counter.
    case optimiser
    case unknown
  }

  /// The names that are not a matter of parts: the heads of Google's scripts.
  private static let heads: [(tensorFlow: String, huggingFace: String)] = [
    ("cls/predictions/output_bias", "cls.predictions.bias"),
    ("cls/seq_relationship/output_weights", "cls.seq_relationship.weight"),
    ("cls/seq_relationship/output_bias", "cls.seq_relationship.bias"),
    ("output_weights", "classifier.weight"),
    ("output_bias", "classifier.bias"),
    ("cls/squad/output_weights", "qa_outputs.weight"),
    ("cls/squad/output_bias", "qa_outputs.bias"),
  ]

  private static let optimiserParts: Set = [
    "adam_m", "adam_v", "AdamWeightDecayOptimizer", "AdamWeightDecayOptimizer_1", "LAMB", "LAMB_1",
    "global_step", "bad_steps", "good_steps", "loss_scale",
  ]

  /// What the variable `name` is in transformers.
  package static func meaning(of name: String) -> Meaning {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if parts.contains(where: optimiserParts.contains) { return .optimiser }
    if let head = heads.first(where: { $0.tensorFlow == name }) {
      return .parameter(head.huggingFace, isTransposed: false)
    }
    guard parts.first == "bert" || parts.starts(with: ["cls", "predictions", "transform"]) else {
      return .unknown
    }
    var result: [String] = []
    var isTransposed = false
    for (index, part) in parts.enumerated() {
      let isLast = index == parts.count - 1
      switch part {
      case "kernel" where isLast:
        result.append("weight")
        isTransposed = true
      case "gamma" where isLast: result.append("weight")
      case "beta" where isLast: result.append("bias")
      case "word_embeddings" where isLast, "position_embeddings" where isLast,
        "token_type_embeddings" where isLast:
        result += [part, "weight"]
      case _ where part.hasPrefix("layer_"):
        guard let number = Int(part.dropFirst("layer_".count)), number >= 0, "layer_\(number)" == part else {
          return .unknown
        }
        result += ["layer", String(number)]
      case "": return .unknown
      default: result.append(part)
      }
    }
    return .parameter(result.joined(separator: "."), isTransposed: isTransposed)
  }

  /// The variable that google-research/bert keeps a parameter in, or nil where it has none.
  ///
  /// - Parameter name: with `bert.` in front of the encoder's names, as ``WeightTable`` has them for a model with
  ///   a head.
  package static func variable(of name: String) -> (name: String, isTransposed: Bool)? {
    if let head = heads.first(where: { $0.huggingFace == name }) { return (head.tensorFlow, false) }
    var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.first == "bert" || parts.starts(with: ["cls", "predictions", "transform"]),
      let kind = parts.popLast(), let owner = parts.last, kind == "weight" || kind == "bias"
    else { return nil }
    var isTransposed = false
    if owner == "LayerNorm" {
      parts.append(kind == "weight" ? "gamma" : "beta")
    } else if kind == "bias" {
      parts.append("bias")
    } else if !owner.hasSuffix("_embeddings") {
      parts.append("kernel")
      isTransposed = true
    }
    if let layer = parts.firstIndex(of: "layer"), layer + 1 < parts.count {
      parts.replaceSubrange(layer...layer + 1, with: ["layer_" + parts[layer + 1]])
    }
    let variable = parts.joined(separator: "/")
    // Only what reads back as the same parameter is a name of Google's.
    guard meaning(of: variable) == .parameter(name, isTransposed: isTransposed) else { return nil }
    return (variable, isTransposed)
  }
}
