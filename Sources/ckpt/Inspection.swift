import Pretrained

/// What `inspect` says of a checkpoint.
struct Inspection {
  private let checkpoint: Checkpoint

  init(_ checkpoint: Checkpoint) throws { self.checkpoint = checkpoint }

  private var weights: CheckpointWeights { checkpoint.weights }

  private var architecture: String? { checkpoint.configuration["architectures"]?[0]?.stringValue }

  private func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  // MARK: JSON

  var json: JSONValue {
    let tensors = weights.map { info -> JSONValue in
      let location = weights.location(of: info.name)
      return [
        "name": .string(info.name), "dtype": .string(info.elementType.rawValue),
        "shape": .integers(info.shape),
        "bytes": .number(location?.byteRange.count ?? 0),
        "file": location.map { .string(fileName($0.path)) } ?? .null,
        "offset": location.map { .number($0.byteRange.lowerBound) } ?? .null,
      ]
    }
    return [
      "architecture": architecture.map { .string($0) } ?? .null,
      "parameters": .number(weights.parameterCount),
      "tensors": .array(tensors),
      "metadata": .object(metadata.map { JSONValue.Member($0.key, .string($0.value)) }),
      "files": .strings(checkpoint.folder.files),
    ]
  }

  /// Of all files; of a key that several have, the first value.
  private var metadata: [(key: String, value: String)] {
    var found: [(key: String, value: String)] = []
    for member in weights.files.flatMap(\.metadata) where !found.contains(where: { $0.key == member.key }) {
      found.append(member)
    }
    return found
  }

  // MARK: For people

  func lines(_ path: String, listingTensors: Bool) throws -> [String] {
    var facts = Table([.left, .left])
    let configuration = try? checkpoint.bertConfiguration()
    facts.add("architecture", ([architecture ?? "unknown"] + shape(configuration)).joined(separator: " · "))
    facts.add("parameters", parameters)
    for (index, file) in weights.files.enumerated() {
      let header = (file.entries.map(\.byteRange.lowerBound).min() ?? file.byteCount).bytesText
      facts.add(
        index == 0 ? "weights" : "",
        "\(fileName(file.path))  \(file.byteCount.bytesText), header \(header), "
          + file.entries.count.counted("tensor"))
    }
    let others = checkpoint.folder.files.filter { name in
      !weights.files.contains { fileName($0.path) == name } && !name.hasPrefix(".")
    }
    if !others.isEmpty { facts.add("beside", others.joined(separator: ", ")) }
    if !metadata.isEmpty {
      facts.add("metadata", metadata.map { "\($0.key)=\($0.value)" }.joined(separator: ", "))
    }
    if let tokenizer { facts.add("tokenizer", tokenizer) }
    if checkpoint.configuration["id2label"] != nil, let labels = configuration?.labels {
      let more = labels.count > 12 ? " and \((labels.count - 12).grouped) more" : ""
      facts.add("labels", labels.prefix(12).joined(separator: ", ") + more)
    }
    for (index, finding) in findings(configuration).enumerated() {
      facts.add(index == 0 ? "notes" : "", finding)
    }
    return [Terminal.bold(path)] + facts.lines + [""] + (listingTensors ? tensorLines : moduleLines)
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
    guard let tokenizer = try? checkpoint.tokenizer() else { return nil }
    let options = tokenizer.options
    let longest = options.modelMaxLength.map { ", at most \($0.counted("token"))" } ?? ""
    return
      "WordPiece, \(tokenizer.vocabulary.count.grouped) pieces, \(options.lowercase ? "lower case" : "cased")"
      + longest
  }

  /// What is unusual: the files' own oddities, and how the tensors compare with the configuration.
  private func findings(_ configuration: BERTConfiguration?) -> [String] {
    var findings = weights.findings
    if let configuration, let architecture = checkpoint.architecture {
      findings += comparison(WeightTable(configuration, architecture))
    }
    if let tokenizer = try? checkpoint.tokenizer(), let configuration,
      tokenizer.idLimit > configuration.vocabSize
    {
      findings.append(
        "the tokenizer has ids up to \(tokenizer.idLimit - 1), the word table \(configuration.vocabSize) rows"
      )
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
      let bytes = weights.location(of: info.name)?.byteRange.count ?? 0
      table.add(info.name, info.elementType.rawValue, "\(info.shape)", bytes.grouped)
    }
    return table.lines
  }

  /// One line a module, repeated layers folded into one.
  private var moduleLines: [String] {
    var modules: [(name: String, layers: Set<String>, tensors: Int, parameters: Int)] = []
    for info in weights {
      let (name, layer) = Self.module(of: info.name)
      let index = modules.firstIndex { $0.name == name } ?? modules.endIndex
      if index == modules.endIndex { modules.append((name, [], 0, 0)) }
      if let layer { modules[index].layers.insert(layer) }
      modules[index].tensors += 1
      modules[index].parameters += info.elementCount
    }
    var table = Table([.left, .right, .right, .right, .left])
    table.add("module", "tensors", "parameters", "share")
    for module in modules.sorted(by: { $0.name < $1.name }) {
      let share = 100 * Double(module.parameters) / Double(max(weights.parameterCount, 1))
      let layers = module.layers.count
      let isEven = layers > 1 && module.parameters % layers == 0
      table.add(
        layers > 1 ? "\(module.name).{0…\(layers - 1)}" : module.name, module.tensors.grouped,
        module.parameters.grouped, "\(share.fixed(1)) %",
        isEven ? "\((module.parameters / layers).grouped) a layer" : "")
    }
    return table.lines
  }

  /// The module a tensor belongs to; for one of several layers, what they have in common and the layer's number.
  private static func module(of name: String) -> (name: String, layer: String?) {
    let parts = name.split(separator: ".").map(String.init)
    if let number = parts.firstIndex(where: { Int($0) != nil }), number > 0 {
      return (parts[..<number].joined(separator: "."), parts[number])
    }
    let depth = parts.first == "bert" ? 2 : 1
    return (parts.dropLast().prefix(depth).joined(separator: "."), nil)
  }
}
