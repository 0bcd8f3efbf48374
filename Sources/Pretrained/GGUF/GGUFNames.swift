import ModelFiles

/// The names of BERT's tensors in Hugging Face checkpoints and in GGUF files.
///
/// The pairs are those of ggml-org/llama.cpp, `gguf-py/gguf/constants.py` (`TENSOR_NAMES`) and `tensor_mapping.py`. The
/// pooler stands where llama.cpp's graph applies a dense layer and a tanh to the first token (`cls`), the classifier
/// behind it (`cls.output`), so that its pooling type `rank` computes what BertForSequenceClassification does.
public enum GGUFNames {
  /// The name in a GGUF file of a tensor of a Hugging Face checkpoint.
  ///
  /// - Parameter name: with or without `bert.`; `gamma` and `beta` are `weight` and `bias`.
  /// - Returns: nil for what GGUF has no name for: `cls.predictions.*`, `cls.seq_relationship.*`, `qa_outputs.*`,
  ///   `embeddings.position_ids`, and whatever is not BERT's.
  public static func ggufName(ofHuggingFace name: String) -> String? {
    guard let (module, parameter) = split(name) else { return nil }
    let suffix =
      switch parameter {
      case "gamma": "weight"
      case "beta": "bias"
      default: parameter
      }
    guard suffix == "weight" || suffix == "bias" else { return nil }
    let bare = module.hasPrefix("bert.") ? String(module.dropFirst(5)) : module
    if let pair = modules.first(where: { $0.huggingFace == bare }) { return "\(pair.gguf).\(suffix)" }
    guard let (number, rest) = layer(of: bare, after: "encoder.layer."),
      let pair = layerModules.first(where: { $0.huggingFace == rest })
    else { return nil }
    return "blk.\(number).\(pair.gguf).\(suffix)"
  }

  /// The name in a Hugging Face checkpoint of a tensor of a GGUF file.
  ///
  /// - Parameters:
  ///   - name: in the GGUF file.
  ///   - prefix: stands before all names but the classifier's: `bert.` for models with a head.
  /// - Returns: nil for names that are not BERT's.
  public static func huggingFaceName(ofGGUF name: String, prefix: String = "") -> String? {
    guard let (module, suffix) = split(name), suffix == "weight" || suffix == "bias" else { return nil }
    if let pair = modules.first(where: { $0.gguf == module }) {
      return (pair.huggingFace == "classifier" ? "" : prefix) + "\(pair.huggingFace).\(suffix)"
    }
    guard let (number, rest) = layer(of: module, after: "blk."),
      let pair = layerModules.first(where: { $0.gguf == rest })
    else { return nil }
    return "\(prefix)encoder.layer.\(number).\(pair.huggingFace).\(suffix)"
  }

  /// Whether a GGUF tensor stays F32 whatever the type of the others, as with llama.cpp's converter
  /// (`conversion/base.py`, `prepare_tensors`): vectors, norms, biases, and the embeddings of positions and segments.
  static func staysFloat32(_ name: String, rank: Int) -> Bool {
    rank < 2 || name.hasSuffix("_norm.weight") || !name.hasSuffix(".weight")
      || name == "position_embd.weight" || name == "token_types.weight"
  }

  private typealias Pair = (huggingFace: String, gguf: String)

  private static let modules: [Pair] = [
    ("embeddings.word_embeddings", "token_embd"), ("embeddings.position_embeddings", "position_embd"),
    ("embeddings.token_type_embeddings", "token_types"), ("embeddings.LayerNorm", "token_embd_norm"),
    ("pooler.dense", "cls"), ("classifier", "cls.output"),
  ]

  private static let layerModules: [Pair] = [
    ("attention.self.query", "attn_q"), ("attention.self.key", "attn_k"), ("attention.self.value", "attn_v"),
    ("attention.output.dense", "attn_output"), ("attention.output.LayerNorm", "attn_output_norm"),
    ("intermediate.dense", "ffn_up"), ("output.dense", "ffn_down"), ("output.LayerNorm", "layer_output_norm"),
  ]

  /// What stands before and behind the last dot.
  private static func split(_ name: String) -> (module: String, parameter: String)? {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    return (String(name[..<dot]), String(name[name.utf8.index(after: dot)...]))
  }

  /// The number behind `prefix`, spelled as this package spells it, and what follows its dot.
  private static func layer(of module: String, after prefix: String) -> (number: Int, rest: String)? {
    guard module.hasPrefix(prefix) else { return nil }
    let parts = module.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
    guard parts.count == 2, let number = Int(parts[0]), number >= 0, "\(number)" == parts[0] else {
      return nil
    }
    return (number, String(parts[1]))
  }
}
