/// A model on disk: a folder in the Hugging Face layout, or one file of weights.
///
/// Opening looks at names alone; files are read when they are asked for. Accepted are
///
/// * a folder with `config.json`, weights and a tokenizer,
/// * a file of weights or the index of several; the other files are those beside it,
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
  package let weightsName: String?
  /// Small files that are not on disk but came with a container; they come before those on disk.
  private var companions: [(name: String, contents: [UInt8])] = []

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
    /// A file that was named itself, and whose name says nothing that is known here.
    case other(path: String)
  }

  /// The files that describe a tokenizer; nil where there is none.
  struct TokenizerFiles {
    var folder: String
    var found: [String]
    var tokenizer: CompanionFile?
    var vocabulary: CompanionFile?
    var configuration: CompanionFile?
    var specialTokensMap: CompanionFile?
    var addedTokens: CompanionFile?
  }

  /// Finds out what is at `path`.
  ///
  /// - Throws: ``ModelFolderError`` for a repository in the cache that is not whole, ``SystemError``.
  public init(path: String) throws {
    guard FileSystem.exists(path) else {
      throw SystemError(call: "open", path: path, code: SystemError.notFound)
    }
    if FileSystem.isDirectory(path) {
      self.path = try Self.snapshot(inCacheFolder: path) ?? path
      weightsName = nil
    } else {
      self.path = FileSystem.parent(of: path)
      weightsName = FileSystem.name(of: path)
    }
    let folder = self.path
    files = try FileSystem.list(folder).filter { !FileSystem.isDirectory(FileSystem.join(folder, $0)) }
  }

  /// The contents of a container: nothing beside it counts.
  ///
  /// - Parameters:
  ///   - path: of the container.
  ///   - companions: the small files that came with it, under the names they have in a folder.
  package init(container path: String, companions: [(name: String, contents: [UInt8])]) {
    (self.path, files, weightsName) = (path, companions.map(\.name).sorted(), nil)
    self.companions = companions
  }

  /// Puts a small file into the folder without writing it; one that is there on disk is not looked at.
  package mutating func add(_ name: String, _ contents: [UInt8]) { companions.append((name, contents)) }

  /// A small file of the folder, or nil when it is not there.
  package func companion(_ name: String) -> CompanionFile? {
    if let found = companions.first(where: { $0.name == name }) {
      return CompanionFile(path: FileSystem.join(path, name), contents: found.contents)
    }
    return file(name).map { CompanionFile(path: $0) }
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
    if name.hasSuffix(".bin") { return .pytorch(path: path) }
    return name.hasSuffix(".bin.index.json") ? .shardedPyTorch(indexPath: path) : .other(path: path)
  }

  private static let weightNames = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
  ]

  /// Opens the weights if they are safetensors; reads headers only.
  ///
  /// - Throws: ``ModelFolderError`` when there are none or in a format that is not read here; the errors of
  ///   ``SafetensorsFile`` and ``ShardedWeights``.
  package func weights(access: FileAccess = .mapped) throws -> any MappedWeightSource {
    switch weightsLocation {
    case .safetensors(let path): return try SafetensorsFile(path: path, access: access)
    case .shardedSafetensors(let path): return try ShardedWeights(indexPath: path, access: access)
    case .pytorch(let path), .shardedPyTorch(let path), .other(let path):
      throw ModelFolderError.notSafetensors(path: path)
    case nil: throw ModelFolderError.noWeights(folder: path, found: files)
    }
  }

  /// Opens the weights if they are safetensors; reads headers only. `Pretrained` opens every other container too.
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
    try companion("config.json").map { try JSONValue($0) }
  }

  /// What the tokenizer's files say, taken together.
  ///
  /// - Throws: ``ModelFolderError/noVocabulary(folder:found:)``, ``ConfigurationError``, ``VocabularyError``,
  ///   ``JSONError`` or ``SystemError``.
  public func tokenizerDescription() throws -> TokenizerDescription {
    let files = TokenizerFiles(
      folder: path, found: files, tokenizer: companion("tokenizer.json"),
      vocabulary: companion("vocab.txt"), configuration: companion("tokenizer_config.json"),
      specialTokensMap: companion("special_tokens_map.json"), addedTokens: companion("added_tokens.json"))
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
  case noWeights(folder: String, found: [String])
  /// The weights are in another format than safetensors, which this module does not read.
  case notSafetensors(path: String)
  case noVocabulary(folder: String, found: [String])
  /// `refs/main` of a cached repository names a snapshot that is not there.
  case noSnapshot(path: String, commit: String)
  /// A cached repository has no `refs/main` and not exactly one snapshot.
  case ambiguousSnapshot(path: String, found: [String])
}

extension ModelFolderError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noWeights(let folder, let found):
      "\(folder): no weights, neither model.safetensors nor its index; \(Self.list(found))"
    case .notSafetensors(let path):
      "\(path): not a safetensors file; open it as a Checkpoint of module Pretrained, which reads other formats too"
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
