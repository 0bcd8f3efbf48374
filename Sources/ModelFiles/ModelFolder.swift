/// A model on disk: a folder in the Hugging Face layout, or one file of weights.
///
/// Opening looks at names alone; files are read when they are asked for. Accepted are
///
/// * a folder with `config.json`, weights and a tokenizer,
/// * a `.safetensors` file or an index `….safetensors.index.json`; the other files are those beside it,
/// * a repository in the Hugging Face cache, `models--org--name`: the snapshot that `refs/main` names, or the
///   only one.
///
/// Weights are chosen as transformers chooses them: `model.safetensors`, then `model.safetensors.index.json`,
/// then `pytorch_model.bin`, then its index.
public struct ModelFolder: Sendable {
  /// The folder the files are in.
  public let path: String
  /// The names of the files in the folder, sorted.
  public let files: [String]
  /// The weights that were asked for by name rather than found; nil for a folder.
  private let weightsName: String?

  /// The containers that weights may lie in.
  public enum Weights: Sendable, Hashable {
    /// One `.safetensors` file.
    case safetensors(path: String)
    /// Several, with an index.
    case shardedSafetensors(indexPath: String)
    /// `pytorch_model.bin`.
    case pytorch(path: String)
    /// Several, with an index.
    case shardedPyTorch(indexPath: String)
  }

  /// The paths of the files that describe a tokenizer; nil where there is none.
  struct TokenizerFiles {
    var folder: String
    var found: [String]
    var tokenizer: String?
    var vocabulary: String?
    var configuration: String?
    var specialTokensMap: String?
    var addedTokens: String?
  }

  /// Finds out what is at `path`.
  ///
  /// - Throws: ``ModelFolderError`` when it is nothing that holds a model, ``SystemError``.
  public init(path: String) throws {
    guard FileSystem.exists(path) else {
      throw SystemError(call: "open", path: path, code: SystemError.notFound)
    }
    if FileSystem.isDirectory(path) {
      self.path = try Self.snapshot(inCacheFolder: path) ?? path
      weightsName = nil
    } else {
      let name = FileSystem.name(of: path)
      guard
        [".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json"].contains(where: name.hasSuffix)
      else { throw ModelFolderError.notAModel(path: path) }
      self.path = FileSystem.parent(of: path)
      weightsName = name
    }
    let folder = self.path
    files = try FileSystem.list(folder).filter { !FileSystem.isDirectory(FileSystem.join(folder, $0)) }
  }

  /// The path of a file in the folder, or nil when it is not there.
  public func file(_ name: String) -> String? {
    files.contains { $0.hasSameBytes(as: name) } ? FileSystem.join(path, name) : nil
  }

  // MARK: Weights

  /// Where the weights are, or nil when there are none that transformers would find.
  public var weightsLocation: Weights? {
    let candidates = weightsName.map { [$0] } ?? Self.weightNames
    guard let name = candidates.first(where: { file($0) != nil }), let path = file(name) else { return nil }
    if name.hasSuffix(".safetensors") { return .safetensors(path: path) }
    if name.hasSuffix(".safetensors.index.json") { return .shardedSafetensors(indexPath: path) }
    return name.hasSuffix(".bin") ? .pytorch(path: path) : .shardedPyTorch(indexPath: path)
  }

  private static let weightNames = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
  ]

  /// Opens the weights; reads headers only.
  ///
  /// - Throws: ``ModelFolderError`` when there are none or in a format that is not read; the errors of
  ///   ``SafetensorsFile`` and ``ShardedWeights``.
  package func weights(access: FileAccess = .mapped) throws -> any MappedWeightSource {
    switch weightsLocation {
    case .safetensors(let path): return try SafetensorsFile(path: path, access: access)
    case .shardedSafetensors(let path): return try ShardedWeights(indexPath: path, access: access)
    case .pytorch(let path), .shardedPyTorch(let path): throw ModelFolderError.notYetReadable(path: path)
    case nil: throw ModelFolderError.noWeights(folder: path, found: files)
    }
  }

  /// Opens the weights, whatever container they lie in; reads headers only.
  ///
  /// - Throws: ``ModelFolderError`` when there are none or in a format that is not read; the errors of
  ///   ``SafetensorsFile`` and ``ShardedWeights``.
  public func weightSource(access: FileAccess = .mapped) throws -> any WeightSource {
    try weights(access: access)
  }

  // MARK: Descriptions

  /// `config.json`, or nil when there is none.
  ///
  /// - Throws: ``JSONError`` with the path, ``SystemError``.
  public func configuration() throws -> JSONValue? {
    try file("config.json").map { try JSONValue(path: $0) }
  }

  /// What the tokenizer's files say, taken together.
  ///
  /// - Throws: ``ModelFolderError/noVocabulary(folder:found:)``, ``ConfigurationError``, ``VocabularyError``,
  ///   ``JSONError`` or ``SystemError``.
  public func tokenizerDescription() throws -> TokenizerDescription {
    let files = TokenizerFiles(
      folder: path, found: files, tokenizer: file("tokenizer.json"), vocabulary: file("vocab.txt"),
      configuration: file("tokenizer_config.json"), specialTokensMap: file("special_tokens_map.json"),
      addedTokens: file("added_tokens.json"))
    return try TokenizerDescription(files, modelConfiguration: configuration())
  }

  // MARK: The cache

  /// The folder of the snapshot, if `path` is a repository in the Hugging Face cache.
  private static func snapshot(inCacheFolder path: String) throws -> String? {
    let snapshots = FileSystem.join(path, "snapshots")
    guard FileSystem.name(of: path).hasPrefix("models--"), FileSystem.isDirectory(snapshots) else {
      return nil
    }
    let reference = FileSystem.join(path, "refs/main")
    if FileSystem.isRegularFile(reference) {
      let text = String(decoding: try FileSystem.read(reference, limit: 4096), as: UTF8.self)
      let commit = String(text.prefix { !$0.isWhitespace })
      let folder = FileSystem.join(snapshots, commit)
      guard !commit.isEmpty, !commit.utf8.contains(UInt8(ascii: "/")), commit != "..",
        FileSystem.isDirectory(folder)
      else {
        throw ModelFolderError.noSnapshot(path: path, commit: commit)
      }
      return folder
    }
    let names = try FileSystem.list(snapshots).filter {
      FileSystem.isDirectory(FileSystem.join(snapshots, $0))
    }
    guard names.count == 1, let name = names.first else {
      throw ModelFolderError.ambiguousSnapshot(path: path, found: names)
    }
    return FileSystem.join(snapshots, name)
  }
}

/// Why a path cannot be used as a model.
@nonexhaustive
public enum ModelFolderError: Error, Hashable, Sendable {
  /// The file is of a kind that holds no model.
  case notAModel(path: String)
  case noWeights(folder: String, found: [String])
  /// The weights are in a format that is recognised and not read.
  case notYetReadable(path: String)
  case noVocabulary(folder: String, found: [String])
  /// `refs/main` of a cached repository names a snapshot that is not there.
  case noSnapshot(path: String, commit: String)
  /// A cached repository has no `refs/main` and not exactly one snapshot.
  case ambiguousSnapshot(path: String, found: [String])
}

extension ModelFolderError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notAModel(let path):
      "\(path): not a model; name a folder, a .safetensors file or a .safetensors.index.json"
    case .noWeights(let folder, let found):
      "\(folder): no weights, neither model.safetensors nor its index; \(Self.list(found))"
    case .notYetReadable(let path):
      "\(path): PyTorch's format is not read yet; save the model as safetensors"
    case .noVocabulary(let folder, let found):
      "\(folder): no vocabulary, neither tokenizer.json nor vocab.txt; \(Self.list(found))"
    case .noSnapshot(let path, let commit):
      "\(path): refs/main names the snapshot '\(commit)', which is not there; download the model again"
    case .ambiguousSnapshot(let path, let found):
      "\(path): no refs/main and \(found.count) snapshots; name the folder of one"
    }
  }

  private static func list(_ names: [String]) -> String {
    guard !names.isEmpty else { return "the folder is empty, check the path" }
    let shown = names.prefix(12).joined(separator: ", ")
    return "found \(shown)\(names.count > 12 ? " and \(names.count - 12) more" : ""); check the path"
  }
}
