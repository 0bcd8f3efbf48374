import Pretrained

/// What `inspect` says of a checkpoint.
struct Inspection {
  private let checkpoint: Checkpoint
  private let statistics: InspectionStatistics?
  /// What the tokenizer's files say, or why they say nothing; building one from them would take several times as long.
  private let tokenizerFiles: Result<TokenizerDescription, any Error>

  init(_ checkpoint: Checkpoint, statistics: InspectionStatistics? = nil) throws {
    (self.checkpoint, self.statistics) = (checkpoint, statistics)
    tokenizerFiles = Result { try checkpoint.folder.tokenizerDescription() }
  }

  private var description: TokenizerDescription? { try? tokenizerFiles.get() }

  /// Why the configuration or the tokenizer of a BERT model must not be used; nil when they are sound or absent.
  var problem: (any Error)? {
    guard let members = checkpoint.configuration.members, !members.isEmpty,
      checkpoint.configuration["model_type"].map({ $0 == "bert" }) ?? (checkpoint.architecture != nil)
    else { return nil }
    do {
      try checkpoint.bertConfiguration().check(file: checkpoint.folder.file("config.json") ?? "config.json")
      _ = try tokenizerFiles.get()
      return nil
    } catch ModelFolderError.noVocabulary { return nil } catch { return error }
  }

  private var weights: CheckpointWeights { checkpoint.weights }
  private var container: Container { checkpoint.container }

  private var architecture: String? { checkpoint.configuration["architectures"]?[0]?.stringValue }

  private func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  // MARK: JSON

  var json: JSONValue {
    let tensors = weights.map { info -> JSONValue in
      let location = weights.location(of: info.name)
      var tensor: JSONValue = [
        "name": .string(info.name), "dtype": .string(info.elementType.rawValue),
        "shape": .integers(info.shape), "bytes": .number(info.byteCount),
        "file": location.map { .string(fileName($0.path)) } ?? .null,
        "offset": location.map { .number($0.byteRange.lowerBound) } ?? .null,
      ]
      if let values = statistics?[info.name] { tensor.set("stats", InspectionStatistics.json(values)) }
      return tensor
    }
    var answer: JSONValue = [
      "architecture": architecture.map { .string($0) } ?? .null,
      "parameters": .number(weights.parameterCount),
      "tensors": .array(tensors),
      "metadata": .object(container.metadata.map { JSONValue.Member($0.key, .string($0.value)) }),
      "files": .strings(checkpoint.folder.files),
      "format": .string(container.format.rawValue),
      "ties": .array(container.ties.map { .strings($0) }),
      "left_out": .array(
        weights.leftOut.map { ["name": .string($0.name), "reason": .string($0.reason)] }),
      "notes": .strings(findings(try? checkpoint.bertConfiguration())),
      "memory": .array(
        memory.map { estimate in
          [
            "batch": .number(estimate.batchSize), "length": .number(estimate.length),
            "inference": .number(estimate.inference), "fine_tuning": .number(estimate.fineTuning),
          ]
        }),
    ]
    if let statistics { answer.set("identical", .array(statistics.identical.map { .strings($0) })) }
    return answer
  }

  // MARK: For people

  func lines(_ path: String, listingTensors: Bool, folding: Bool) -> [String] {
    var facts = Table([.left, .left])
    let configuration = try? checkpoint.bertConfiguration()
    facts.add("architecture", ([architecture ?? "unknown"] + shape(configuration)).joined(separator: " · "))
    facts.add("parameters", parameters)
    for (index, line) in fileLines.enumerated() { facts.add(index == 0 ? "weights" : "", line) }
    // What GGUF's metadata stands for is no file.
    let others = (container.format == .gguf ? [] : checkpoint.folder.files).filter { name in
      !container.files.contains { fileName($0) == name } && !name.hasPrefix(".")
        && (!isLoneFile || Self.companions.contains(name))
    }
    if !others.isEmpty { facts.add("beside", Self.list(others, 16)) }
    let metadata = container.metadata.map { "\($0.key)=\($0.value)" }
    if metadata.count <= 4 {
      if !metadata.isEmpty { facts.add("metadata", metadata.joined(separator: ", ")) }
    } else {
      for (index, member) in metadata.prefix(24).enumerated() {
        facts.add(index == 0 ? "metadata" : "", member)
      }
      if metadata.count > 24 { facts.add("", "and \(metadata.count - 24) more; --json lists all") }
    }
    if let tokenizer { facts.add("tokenizer", tokenizer) }
    if checkpoint.configuration["id2label"] != nil, let labels = configuration?.labels {
      facts.add("labels", Self.list(labels, 12))
    }
    for (index, tie) in container.ties.prefix(8).enumerated() {
      facts.add(index == 0 ? "tied" : "", tie.joined(separator: " = "))
    }
    if container.ties.count > 8 { facts.add("", "and \(container.ties.count - 8) more") }
    for (index, names) in (statistics?.identical ?? []).prefix(8).enumerated() {
      facts.add(index == 0 ? "identical" : "", Self.list(names, 4, separator: " = "))
    }
    for (index, line) in leftOutLines.enumerated() { facts.add(index == 0 ? "left out" : "", line) }
    for (index, estimate) in memory.enumerated() {
      facts.add(
        index == 0 ? "memory" : "",
        "batch \(estimate.batchSize) × \(estimate.length) tokens: inference \(estimate.inference.bytesText), "
          + "fine-tuning \(estimate.fineTuning.bytesText)")
    }
    for (index, finding) in findings(configuration).enumerated() {
      facts.add(index == 0 ? "notes" : "", finding)
    }
    let body =
      if let statistics {
        statistics.lines(weights)
      } else if listingTensors {
        tensorLines
      } else {
        ModuleTable(weights, folding: folding).lines
      }
    return [Terminal.bold(path)] + facts.lines + [""] + body
  }

  /// Whether a file was named rather than a folder: what lies beside it may not belong to it.
  private var isLoneFile: Bool { checkpoint.folder.weightsName != nil }

  /// What is read for a file of weights when it lies beside it.
  private static let companions: Set = [
    "config.json", "bert_config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "modules.json",
  ]

  private static func list(_ items: [String], _ limit: Int, separator: String = ", ") -> String {
    items.prefix(limit).joined(separator: separator)
      + (items.count > limit ? " and \((items.count - limit).grouped) more" : "")
  }

  /// The files of the weights, one a line.
  private var fileLines: [String] {
    let safetensors =
      (container.source as? ShardedWeights)?.shards ?? (container.source as? SafetensorsFile).map { [$0] }
      ?? []
    guard safetensors.isEmpty else {
      return safetensors.map { file in
        let header = (file.entries.map(\.byteRange.lowerBound).min() ?? file.byteCount).bytesText
        return "\(fileName(file.path))  \(file.byteCount.bytesText), header \(header), "
          + file.entries.count.counted("tensor")
      }
    }
    let format = ([container.format.rawValue] + (container.variant.map { [$0] } ?? [])).joined(
      separator: ", ")
    return container.files.enumerated().map { index, path in
      let size = FileSystem.byteCount(of: path).map { "  \($0.bytesText)" } ?? ""
      return fileName(path) + size
        + (index == 0 ? ", \(format), \(container.tensors.count.counted("tensor"))" : "")
    }
  }

  /// What is not read, reasons with many names folded.
  private var leftOutLines: [String] {
    var reasons: [(reason: String, names: [String])] = []
    for left in weights.leftOut {
      if let index = reasons.firstIndex(where: { $0.reason == left.reason }) {
        reasons[index].names.append(left.name)
      } else {
        reasons.append((left.reason, [left.name]))
      }
    }
    return reasons.prefix(8).map { "\(Self.list($0.names, 2)): \($0.reason)" }
      + (reasons.count > 8 ? ["and \(reasons.count - 8) more reasons"] : [])
  }

  /// For a short text, and for the longest the model takes.
  private var memory: [MemoryEstimate] {
    guard let configuration = try? checkpoint.bertConfiguration(), let architecture = checkpoint.architecture,
      (try? configuration.check()) != nil
    else { return [] }
    let longest = min(512, configuration.maxPositionEmbeddings)
    let sizes = [(1, min(16, longest)), (8, min(128, longest)), (32, longest)]
    return sizes.map { MemoryEstimate(configuration, architecture, batchSize: $0, length: $1) }
  }

  private func shape(_ configuration: BERTConfiguration?) -> [String] {
    guard let configuration else { return [] }
    return [
      configuration.numHiddenLayers.counted("layer"), "hidden \(configuration.hiddenSize.grouped)",
      configuration.numAttentionHeads.counted("head"),
      "feed-forward \(configuration.intermediateSize.grouped)",
      "vocabulary \(configuration.vocabSize.grouped)",
      configuration.maxPositionEmbeddings.counted("position"),
    ]
  }

  private var parameters: String {
    var types: [ElementType] = []
    for info in weights where !types.contains(info.elementType) { types.append(info.elementType) }
    return "\(weights.parameterCount.grouped) in \(weights.count.counted("tensor")), "
      + "\(types.map(\.rawValue).joined(separator: " and ")), \(weights.byteCount.bytesText)"
  }

  private var tokenizer: String? {
    guard let description else { return nil }
    let limits = [description.modelMaxLength, checkpoint.configuration["max_position_embeddings"]?.intValue]
    let longest = limits.compactMap(\.self).min().map { ", at most \($0.counted("token"))" } ?? ""
    let pieces = description.tokens.reduce(0) { $0 + ($1.isEmpty ? 0 : 1) }
    return "WordPiece, \(pieces.grouped) pieces, \(description.lowercase ? "lower case" : "cased")\(longest)"
  }

  /// What is unusual: the files' own oddities, and how the tensors compare with the configuration.
  private func findings(_ configuration: BERTConfiguration?) -> [String] {
    var findings = container.findings
    if let configuration, let architecture = checkpoint.architecture {
      findings += comparison(WeightTable(configuration, architecture))
    }
    if let description, let configuration {
      let limit = max(description.tokens.count, (description.addedTokens.map(\.id).max() ?? -1) + 1)
      if limit > configuration.vocabSize {
        findings.append(
          "the tokenizer has ids up to \(limit - 1), the word table \(configuration.vocabSize) rows")
      }
    }
    return findings
  }

  private func comparison(_ table: WeightTable) -> [String] {
    var (missing, misshapen, renamed): ([String], [String], [(file: String, name: String)]) = ([], [], [])
    var known: Set<String> = []
    for spec in table.specs {
      guard let info = spec.spellings.lazy.compactMap(weights.tensor(named:)).first else {
        missing.append(spec.name)
        continue
      }
      known.insert(info.name)
      if info.shape != spec.shape { misshapen.append(info.name) }
      if info.name != spec.name { renamed.append((info.name, spec.name)) }
    }
    let unknown = weights.map(\.name).filter { !known.contains($0) }
    func listed(_ names: [String], _ what: String) -> [String] {
      guard let first = names.first else { return [] }
      return ["\(names.count.counted("tensor")) \(what), such as \(first)"]
    }
    return listed(missing, "missing") + listed(misshapen, "of another shape than config.json asks for")
      + listed(unknown, "that this architecture has no place for")
      + (renamed.first.map {
        ["\(renamed.count.counted("tensor")) under another spelling, such as \($0.file) for \($0.name)"]
      } ?? [])
  }

  // MARK: Tensors

  private var tensorLines: [String] {
    var table = Table([.left, .left, .left, .right])
    table.add("tensor", "type", "shape", "bytes")
    for info in weights {
      table.add(info.name, info.elementType.rawValue, "\(info.shape)", info.byteCount.grouped)
    }
    return table.lines
  }
}
