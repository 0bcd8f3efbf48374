import BERT
public import ModelFiles
public import WordPiece

/// A model on its way into a folder that transformers 4 and 5 open.
///
/// The folder holds model.safetensors, config.json, vocab.txt, tokenizer.json, tokenizer_config.json,
/// special_tokens_map.json, and when given README.md and trainer_state.json.
public struct ModelExport: Sendable {
  /// The tensors to write, under their Hugging Face names.
  public var weights: any WeightSource
  /// What becomes of `config.json`.
  public var configuration: ConfigurationFile
  public var tokenizer: TokenizerDescription
  /// What becomes of `README.md`; nil writes none.
  public var card: ModelCard?
  /// What becomes of `trainer_state.json`; nil writes none.
  public var trainerState: JSONValue?

  /// The version of transformers whose configuration files are written.
  static let transformersVersion = "5.23.0"

  public init(weights: any WeightSource, configuration: ConfigurationFile, tokenizer: TokenizerDescription) {
    (self.weights, self.configuration, self.tokenizer) = (weights, configuration, tokenizer)
  }

  /// A model in memory, with the tokenizer it was trained with.
  ///
  /// - Throws: `ConfigurationError`.
  public init(_ model: some PretrainedModel, tokenizer: WordPieceTokenizer) throws {
    let document = model.configuration.document(
      architecture: model.architecture, transformersVersion: Self.transformersVersion)
    self.init(
      weights: model.weights, configuration: try ConfigurationFile(document),
      tokenizer: TokenizerDescription(tokenizer))
  }

  /// Writes the folder, opens it again and compares everything with what was to be written.
  ///
  /// The files are made in a temporary folder on the disk of `path` and moved when they have been compared. A folder that is
  /// there already, which may be a link or a mount, keeps its other files.
  ///
  /// - Parameters:
  ///   - path: a folder; it and those it lies in are made when they are missing.
  ///   - overwriting: replaces the model in a folder that holds files.
  ///   - verifying: whether to compare; without it nothing is read back.
  /// - Throws: ``ExportError`` when the folder holds files already, or when what was written differs;
  ///   `SystemError` and the other errors of writing. The destination is then as it was, unless a file that was ready could
  ///   not be moved.
  public func write(to path: String, overwriting: Bool = false, verifying: Bool = true) throws {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    if FileSystem.exists(path) {
      guard FileSystem.isDirectory(path) else { throw ExportError.notAFolder(path: path) }
      guard try overwriting || FileSystem.list(path).isEmpty else {
        throw ExportError.folderNotEmpty(path: path)
      }
    }
    let staged = try StagedFolder(for: path)
    defer { staged.clean() }
    try writeFiles(into: staged.path)
    if verifying { try compare(with: staged.path, shownAs: path) }
    for case .folder(let path) in try staged.obstacles() { throw ExportError.folderInTheWay(path: path) }
    try staged.move(removing: Self.shadowing.contains)
  }

  /// Writes the folder without reading it back, and further files into it; a folder that is there is replaced whole.
  ///
  /// - Parameters:
  ///   - path: the folder; those it lies in are made when they are missing.
  ///   - addFiles: writes what else belongs into the folder it is given.
  /// - Throws: the errors of writing; then nothing has changed.
  func writeReplacing(_ path: String, addFiles: (_ folder: String) throws -> Void) throws {
    try FileSystem.createFolder(FileSystem.parent(of: path))
    let temporary = try FileSystem.createTemporaryFolder(beside: path)
    do {
      try writeFiles(into: temporary)
      try addFiles(temporary)
      try FileSystem.replaceFolder(path, by: temporary)
    } catch {
      try? FileSystem.removeTree(temporary)
      throw error
    }
  }

  private func writeFiles(into folder: String) throws {
    try SafetensorsWriter.write(weights.tensors, to: FileSystem.join(folder, "model.safetensors")) {
      info, sink in
      try weights.withBytes(of: info.name) { try sink($0) }
    }
    try configuration.write(to: FileSystem.join(folder, "config.json"))
    try tokenizer.write(to: folder)
    if let card { try AtomicFile.write(card.text, to: FileSystem.join(folder, "README.md")) }
    if let trainerState {
      try AtomicFile.write(
        trainerState.pythonText() + "\n", to: FileSystem.join(folder, "trainer_state.json"))
    }
  }

  /// Files of another model that would be read beside this one's.
  private static let shadowing = ["added_tokens.json", "vocab.txt"]
}

extension ModelCard {
  /// The least that can be said of a model.
  public init(name: String, of model: some PretrainedModel) {
    self.init(name: name, summary: "A BERT model, \(model.architecture.rawValue) in transformers.")
    switch model.architecture {
    case .sequenceClassification:
      let labels = model.configuration.labels
      let more = labels.count > 20 ? " and \(labels.count - 20) more" : ""
      pipelineTag = "text-classification"
      summary =
        "A BERT model that gives a text one of these labels: \(labels.prefix(20).joined(separator: ", "))\(more)."
    case .maskedLM: pipelineTag = "fill-mask"
    case .tokenClassification: pipelineTag = "token-classification"
    case .questionAnswering: pipelineTag = "question-answering"
    case .model: pipelineTag = "feature-extraction"
    case .nextSentencePrediction, .preTraining: break
    }
  }
}
