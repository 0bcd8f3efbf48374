import BERT
import ModelFiles
import WordPiece

extension Verification {
  /// Whether `config.json` is BERT's, and the tensors are those it asks for.
  mutating func checkModel(_ checkpoint: Checkpoint) {
    let before = findings.count
    let place = checkpoint.folder.file("config.json") ?? checkpoint.container.path
    guard !checkpoint.configuration.isNull else {
      findings.append(
        .init(
          .note, "noConfiguration",
          "there is no config.json, so whether tensors are missing cannot be told; "
            + "put the model's own beside the weights", at: checkpoint.container.path))
      return
    }
    guard checkpoint.configuration["model_type"]?.stringValue ?? "bert" == "bert" else {
      findings.append(
        .init(
          .note, "otherModel",
          "a model of type '\(checkpoint.configuration["model_type"]?.stringValue ?? "")': only BERT's tensors are known "
            + "here, so names and shapes were not checked", at: place))
      return
    }
    let configuration: BERTConfiguration
    do {
      configuration = try checkpoint.bertConfiguration()
      try configuration.check(file: place)
    } catch {
      record(error, "config", at: place)
      return
    }
    let architecture = checkpoint.architecture ?? InferredConfiguration.architecture(of: checkpoint.weights)
    if checkpoint.architecture == nil {
      let named = checkpoint.configuration["architectures"]?[0]?.stringValue
      findings.append(
        .init(
          .warning, "unknownArchitecture",
          (named.map { "'\($0)' is no class known here" } ?? "no architecture is named")
            + "; the tensors look like \(architecture.rawValue)", at: place))
    }
    let table = WeightTable(configuration, architecture)
    checkTensors(checkpoint, table, architecture)
    checkLabels(checkpoint, configuration)
    close("config", "\(table.specs.count) tensors as \(architecture.rawValue) asks for", since: before)
  }

  private mutating func checkTensors(
    _ checkpoint: Checkpoint, _ table: WeightTable, _ architecture: BERTArchitecture
  ) {
    let weights = checkpoint.weights
    let place = checkpoint.container.path
    let canonical = CanonicalNames(weights.map(\.name))
    var found: [String: TensorInfo] = [:]
    for info in weights { found[CanonicalNames.withPrefix(canonical.canonical(info.name), true)] = info }
    var (missing, known): ([WeightSpec], Set<String>) = ([], [])
    for spec in table.specs {
      let spellings = spec.spellings.map { CanonicalNames.withPrefix($0, true) }
      guard let info = spellings.lazy.compactMap({ found[$0] }).first else {
        missing.append(spec)
        continue
      }
      known.insert(info.name)
      if info.shape != spec.shape {
        findings.append(
          .init(
            .error, "shapeMismatch",
            "the shape is \(info.shape), config.json asks for \(spec.shape); take both from the same model",
            at: "\(place), tensor '\(info.name)'"))
      }
      if !info.elementType.isFloatingPoint {
        findings.append(
          .init(
            .error, "notFloatingPoint",
            "elements are \(info.elementType.rawValue) where numbers with fractions belong",
            at: "\(place), tensor '\(info.name)'"))
      }
    }
    let unknown = weights.filter { info in
      let name = CanonicalNames.withPrefix(canonical.canonical(info.name), true)
      return !known.contains(info.name) && !CanonicalNames.isBuffer(name)
        && canonical.tie(of: canonical.canonical(info.name)) == nil
    }
    report(missing, unknown.map(\.name), weights.map(\.name), at: place)
    for name in unknown.map(\.name) {
      findings.append(
        .init(
          .note, "unexpectedTensor", "\(architecture.rawValue) has no place for it",
          at: "\(place), tensor '\(name)'"))
    }
    let rest = weights.map(\.name).filter { $0.hasPrefix("module.") }
    if !rest.isEmpty {
      let share = rest.count == weights.count ? "all \(weights.count)" : "\(rest.count) of \(weights.count)"
      findings.append(
        .init(
          .warning, "commonPrefix",
          "\(share) names begin with 'module.', of data-parallel training, and transformers would load none of them; "
            + "convert with --strip-prefix module.", at: place))
    }
  }

  /// Missing tensors, with what they may be called here.
  private mutating func report(
    _ missing: [WeightSpec], _ unknown: [String], _ all: [String], at place: String
  ) {
    guard !missing.isEmpty else { return }
    if missing.count > 20, let prefix = commonPrefix(unknown) {
      findings.append(
        .init(
          .error, "missingTensors",
          "\(missing.count) tensors are missing, and all \(unknown.count) unknown names begin with '\(prefix)'; "
            + "convert with --strip-prefix \(prefix)", at: place))
      return
    }
    for spec in missing.prefix(20) {
      // A head that is new is for fine-tuning to make; an encoder with holes is no model.
      let isHead = spec.part == .head || spec.part == .pooler
      let near = nearestNames(to: spec.name, in: unknown)
      findings.append(
        .init(
          isHead ? .warning : .error, "missingTensor",
          "\(spec.name) \(spec.shape) is missing"
            + (near.isEmpty
              ? (isHead ? "; it would be drawn at random" : "; fetch the model again")
              : "; is it \(near.map { "'\($0)'" }.joined(separator: " or "))?"),
          at: place))
    }
    if missing.count > 20 {
      findings.append(
        .init(.error, "missingTensors", "and \(missing.count - 20) more are missing", at: place))
    }
  }

  /// What all names begin with, up to a dot.
  private func commonPrefix(_ names: [String]) -> String? {
    guard let first = names.first, let dot = first.firstIndex(of: ".") else { return nil }
    let prefix = String(first[...dot])
    return names.count > 1 && names.allSatisfy { $0.hasPrefix(prefix) } ? prefix : nil
  }

  private mutating func checkLabels(_ checkpoint: Checkpoint, _ configuration: BERTConfiguration) {
    let place = checkpoint.folder.file("config.json") ?? checkpoint.container.path
    if let rows = checkpoint.weights.tensor(named: "classifier.weight")?.shape.first,
      rows != configuration.labels.count
    {
      findings.append(
        .init(
          .error, "labelMismatch",
          "\(configuration.labels.count) labels are named and the classifier has \(rows) rows; correct id2label in "
            + "config.json", at: place))
    }
  }

  /// Whether there is a tokenizer, and the word embeddings have a row for each of its ids.
  mutating func checkTokenizer(_ checkpoint: Checkpoint) {
    guard checkpoint.configuration["model_type"]?.stringValue ?? "bert" == "bert",
      !checkpoint.configuration.isNull
    else { return }
    let before = findings.count
    let place = checkpoint.folder.path
    let description: TokenizerDescription
    let tokenizer: WordPieceTokenizer
    do {
      description = try checkpoint.folder.tokenizerDescription()
      tokenizer = try checkpoint.tokenizer()
    } catch let error as ModelFolderError {
      findings.append(.init(.warning, Self.code(of: error), "\(error)", at: place))
      return
    } catch {
      record(error, "tokenizer", at: place)
      return
    }
    for finding in description.findings { findings.append(.init(.note, "tokenizer", finding, at: place)) }
    if let rows = checkpoint.configuration["vocab_size"]?.intValue {
      if tokenizer.idLimit > rows {
        findings.append(
          .init(
            .error, "vocabularyTooLarge",
            "the tokenizer has ids up to \(tokenizer.idLimit - 1), and vocab_size is \(rows): some texts could not be read; "
              + "take both from the same model", at: place))
      } else if tokenizer.idLimit < rows {
        findings.append(
          .init(
            .note, "unusedRows", "\(rows - tokenizer.idLimit) rows of the word embeddings belong to no token",
            at: place))
      }
    }
    close(
      "tokenizer", "WordPiece, \(tokenizer.vocabulary.count) pieces, as many as the word embeddings allow",
      since: before)
  }
}

extension ElementType {
  fileprivate var isFloatingPoint: Bool { CastWeights.castable.contains(self) }
}
