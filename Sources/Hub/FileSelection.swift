/// Which files of a repository are wanted.
public struct FileSelection: Sendable, Equatable {
  /// Patterns, of which a file must match one; none lets every file in. `*` stands for any characters, `?` for one.
  public var include: [String]
  /// Patterns of which a file must match none.
  public var exclude: [String]
  /// Whether files are left out that say the same in another framework's words, or that only training needs.
  public var isPlain: Bool

  public init(include: [String] = [], exclude: [String] = [], isPlain: Bool = true) {
    (self.include, self.exclude, self.isPlain) = (include, exclude, isPlain)
  }

  /// What is needed to use a model: its weights once, and every small file.
  public static let model = FileSelection()
  /// Every file.
  public static let everything = FileSelection(isPlain: false)
  /// What is needed to take texts apart, and the configuration.
  public static let tokenizer = FileSelection(include: [
    "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "*modules.json", "sentence_bert_config.json", "*_Pooling/config.json",
  ])

  /// The selected ones of `paths`, in their order.
  package func select(from paths: [String]) -> [String] {
    let chosen = paths.filter { path in
      (include.isEmpty || include.contains { Self.matches(path, $0) })
        && !exclude.contains { Self.matches(path, $0) }
    }
    // What was asked for by name is not left out for being of another framework.
    guard isPlain && include.isEmpty else { return chosen }
    let weights = Self.weights(chosen)
    return chosen.filter { path in
      !Self.isAside(path) && (Self.isWeights(path) ? weights.contains(path) : true)
    }
  }

  // MARK: Weights

  private static let weightExtensions: Set<Substring> = [
    "safetensors", "bin", "pt", "pth", "h5", "msgpack", "ot", "onnx", "onnx_data", "gguf", "ggml", "tflite",
    "ckpt",
    "npz", "mlmodel", "pb", "zip", "gz", "tar", "pkl", "pickle", "model",
  ]

  private static func isWeights(_ path: String) -> Bool {
    let name = fileName(path)
    if name == "tokenizer.model" || name == "spiece.model" || name == "sentencepiece.bpe.model" {
      return false
    }
    return name.hasSuffix(".index.json")
      || name.split(separator: ".").last.map { weightExtensions.contains($0) && name.contains(".") } == true
      || name.contains(".ckpt.") || name.contains(".ckpt-")
  }

  /// Of each folder, the weights that transformers would take; where there are none of its own, all there are.
  private static func weights(_ paths: [String]) -> Set<String> {
    var chosen: Set<String> = []
    let candidates = paths.filter { isWeights($0) && !isAside($0) }
    for (folder, paths) in Dictionary(grouping: candidates, by: folder) {
      let families: [(single: String, prefix: String, suffix: String)] = [
        ("model.safetensors", "model-", ".safetensors"), ("pytorch_model.bin", "pytorch_model-", ".bin"),
      ]
      let prefix = folder.isEmpty ? "" : folder + "/"
      let ours = families.lazy.compactMap { family -> [String]? in
        if paths.contains(prefix + family.single) { return [prefix + family.single] }
        let index = prefix + family.single + ".index.json"
        guard paths.contains(index) else { return nil }
        return [index] + paths.filter { $0.hasPrefix(prefix + family.prefix) && $0.hasSuffix(family.suffix) }
      }.first
      chosen.formUnion(ours ?? paths)
    }
    return chosen
  }

  /// What no reader of the model needs: other frameworks' folders, states of a training, git's own files.
  private static func isAside(_ path: String) -> Bool {
    let parts = path.split(separator: "/")
    let folders: Set<Substring> = ["onnx", "openvino", "coreml", "flax", "tf", "runs", "logs", "original"]
    if parts.dropLast().contains(where: { folders.contains($0) || $0.hasPrefix("checkpoint-") }) {
      return true
    }
    let name = fileName(path)
    let states: Set<Substring> = [
      ".gitattributes", ".gitignore", "training_args.bin", "optimizer.pt", "optimizer.bin", "scheduler.pt",
      "scaler.pt", "trainer_state.json",
    ]
    return states.contains(name) || name.hasPrefix("rng_state") || name.contains("tfevents")
  }

  private static func fileName(_ path: String) -> Substring {
    path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
  }

  private static func folder(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  }

  // MARK: Patterns

  /// Whether the whole path matches; as in Python's `fnmatch`, `*` also stands for slashes.
  package static func matches(_ path: String, _ pattern: String) -> Bool {
    let (text, wanted) = (Array(path.utf8), Array(pattern.utf8))
    var (i, j) = (0, 0)
    var star: (pattern: Int, text: Int)?
    while i < text.count {
      if j < wanted.count && wanted[j] == UInt8(ascii: "*") {
        star = (j, i)
        j += 1
      } else if j < wanted.count && (wanted[j] == UInt8(ascii: "?") || wanted[j] == text[i]) {
        (i, j) = (i + 1, j + 1)
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        (i, j) = (last.text + 1, last.pattern + 1)
      } else {
        return false
      }
    }
    return wanted[j...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
