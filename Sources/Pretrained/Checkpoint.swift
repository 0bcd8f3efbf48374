public import BERT
public import ModelFiles
public import WordPiece

/// A model on disk, opened: its weights' names and shapes, its configuration, its tokenizer.
///
/// ```swift
/// let checkpoint = try Checkpoint("sentence-transformers/all-MiniLM-L6-v2")
/// for tensor in checkpoint.weights { print(tensor.name, tensor.elementType, tensor.shape) }
/// ```
///
/// Opening reads headers and `config.json`; the weights are mapped and read when they are used. The format is told
/// from the content: safetensors, PyTorch, TensorFlow 1 (also in Google's zip archives), NumPy or GGUF.
public struct Checkpoint: Sendable {
  /// Which file is which.
  public let folder: ModelFolder
  /// The files the weights lie in.
  public let container: Container
  /// The tensors under transformers' names.
  public let weights: CheckpointWeights
  /// `config.json` as it is written; null when there is none, as beside a lone file of weights. Made from
  /// `bert_config.json` or from GGUF's metadata where there are only these.
  public let configuration: JSONValue
  /// Whether ``configuration`` was made from something else than a `config.json`.
  public let isConfigurationInferred: Bool

  /// Opens what is at `path`.
  ///
  /// - Parameters:
  ///   - path: a folder in the Hugging Face layout, a file of weights in any format, an index of shards, the prefix or
  ///     the folder of a TensorFlow checkpoint, the folder of a repository in the Hugging Face cache, or, when nothing
  ///     of that name is there, the name of such a repository.
  ///   - access: how the weights are brought into memory.
  /// - Throws: ``CheckpointError/notFound(path:cache:)``, ``ContainerError``, the errors of the formats, `JSONError` or
  ///   `SystemError`.
  public init(_ path: String, access: FileAccess = .mapped) throws {
    if FileSystem.exists(path) ? FileSystem.isDirectory(path) : !FileSystem.exists(path + ".index") {
      try self.init(ModelFolder(pathOrRepository: path), access: access)
    } else {
      try self.init(Container(path: path, access: access))
    }
  }

  /// Opens a folder that has been looked at already.
  ///
  /// - Throws: as ``init(_:access:)-(String,_)``.
  public init(_ folder: ModelFolder, access: FileAccess = .mapped) throws {
    try self.init(Container(folder, access: access), in: folder)
  }

  /// A container with what lies beside it.
  init(_ container: Container) throws {
    let folder =
      container.isSelfContained
      ? ModelFolder(container: container.path, companions: container.companions)
      : try ModelFolder(path: container.files.first ?? container.path)
    try self.init(container, in: folder)
  }

  private init(_ container: Container, in folder: ModelFolder) throws {
    var folder =
      container.isSelfContained && !container.companions.isEmpty
      ? ModelFolder(container: container.path, companions: container.companions) : folder
    weights = try CheckpointWeights(container)
    var configuration = try folder.configuration()
    var isInferred = container.format == .gguf && configuration != nil
    if configuration == nil, let google = try folder.companion("bert_config.json").map({ try JSONValue($0) })
    {
      let document = InferredConfiguration(google: google, weights: weights).document
      folder.add("config.json", Array(document.pythonText().utf8))
      (configuration, isInferred) = (document, true)
    }
    (self.folder, self.container) = (folder, container)
    (self.configuration, isConfigurationInferred) = (configuration ?? .null, isInferred)
  }

  /// `config.json` as BERT's configuration.
  ///
  /// - Throws: ``CheckpointError/noConfiguration(folder:)``, or `ConfigurationError` when it is not BERT's.
  public func bertConfiguration() throws -> BERTConfiguration { try folder.bertConfiguration() }

  /// The tokenizer that belongs to the weights.
  ///
  /// - Throws: the errors of `ModelFolder.tokenizerDescription()`, `TokenizerError` or `VocabularyError`.
  public func tokenizer() throws -> WordPieceTokenizer { try WordPieceTokenizer(folder) }

  /// The class that `config.json` names first, if it is one of BERT's.
  public var architecture: BERTArchitecture? {
    configuration["architectures"]?[0]?.stringValue.flatMap(BERTArchitecture.init)
  }

  /// The name of the repository the files come from, when they lie in the Hugging Face cache.
  public var repository: String? { HubCache.repositoryName(ofPath: folder.path) }
}

extension ModelFolder {
  /// Finds out what is at `path`; when nothing is, `path` may name a repository in the Hugging Face cache.
  ///
  /// - Parameter path: as for ``Checkpoint/init(_:access:)-(String,_)``.
  /// - Throws: ``CheckpointError/notFound(path:cache:)``, `ModelFolderError` or `SystemError`.
  public init(pathOrRepository path: String) throws {
    try self.init(pathOrRepository: path, cache: HubCache.folder())
  }

  package init(pathOrRepository path: String, cache: String) throws {
    guard !FileSystem.exists(path) else {
      self = try ModelFolder(path: path)
      return
    }
    guard let folder = HubCache.repository(path, in: cache) else {
      throw CheckpointError.notFound(path: path, cache: HubCache.isRepositoryName(path) ? cache : nil)
    }
    try self.init(path: folder)
  }

  /// `config.json` as BERT's configuration.
  ///
  /// - Throws: ``CheckpointError/noConfiguration(folder:)``, or `ConfigurationError` when it is not BERT's.
  public func bertConfiguration() throws -> BERTConfiguration {
    guard let document = try configuration() else { throw CheckpointError.noConfiguration(folder: path) }
    return try BERTConfiguration(document, file: file("config.json") ?? "config.json")
  }
}

/// Why a model cannot be opened or used as asked.
@nonexhaustive
public enum CheckpointError: Error, Equatable {
  /// Nothing is at the path. `cache` is where a repository of that name was looked for, nil when it cannot be one.
  case notFound(path: String, cache: String?)
  /// There is no `config.json`.
  case noConfiguration(folder: String)
  /// The weights lack a head, so that the model's answers would be random.
  case noHead(folder: String, architecture: String, missing: [String])
  /// The folder asks for a way of pooling that is not known.
  case pooling(folder: String, found: [String])
}

extension CheckpointError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notFound(let path, let cache):
      "\(path): no such file or folder"
        + (cache.map { ", and no repository of that name in \($0); check the name, or download the model" }
          ?? "; check the path")
    case .noConfiguration(let folder):
      "\(folder): no config.json, which says how large the model is; put the model's own beside the weights"
    case .noHead(let folder, let architecture, let missing):
      "\(folder): the weights have no \(missing.joined(separator: ", ")) of the shape that config.json asks for, "
        + "so this is no finished \(architecture); fine-tune it first, or choose another model"
    case .pooling(let folder, let found):
      "\(folder): 1_Pooling/config.json asks for \(found.isEmpty ? "nothing" : found.joined(separator: " and ")); "
        + "only pooling_mode_mean_tokens or pooling_mode_cls_token alone can be followed"
    }
  }
}
