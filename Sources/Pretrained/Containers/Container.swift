public import ForeignFormats
public import ModelFiles

/// A file, or several that belong together, that holds named tensors; in whatever format.
///
/// The format is told from the content. Names and shapes are those of the file; ``Checkpoint/weights`` gives them the
/// names that transformers uses.
public struct Container: Sendable {
  /// The formats that are read.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    case safetensors
    case shardedSafetensors = "sharded safetensors"
    case pytorch = "PyTorch"
    case shardedPyTorch = "sharded PyTorch"
    case tensorFlow = "TensorFlow 1 checkpoint"
    case numpy = "NumPy"
    case gguf = "GGUF"
  }

  /// A tensor or another thing that the container holds and that is not among ``tensors``.
  public struct LeftOut: Sendable, Hashable {
    public var name: String
    /// Why, for people.
    public var reason: String
  }

  public let format: Format
  /// More exactly: the kind of PyTorch file, the versions, for people.
  public internal(set) var variant: String?
  /// The path that was opened.
  public let path: String
  /// The files the tensors lie in, and the index if there is one.
  public internal(set) var files: [String]
  /// The tensors under the names of the file.
  package let source: any WeightSource
  /// What the file says of itself, in its order.
  public internal(set) var metadata: [(key: String, value: String)] = []
  public internal(set) var leftOut: [LeftOut] = []
  /// What is sound and yet unusual, for people.
  public internal(set) var findings: [String] = []
  /// Groups of names that share their bytes in the file, or are said to.
  public internal(set) var ties: [[String]] = []
  /// Small files that came with the tensors, under the names they have in a folder.
  package var companions: [(name: String, contents: [UInt8])] = []
  /// Whether nothing beside the file belongs to it, as with a zip archive.
  package var isSelfContained = false
  /// The tensors under transformers' names, where the format is a model's own and has others.
  package var translated: (any WeightSource)?

  init(_ format: Format, path: String, files: [String], source: any WeightSource) {
    (self.format, self.path, self.files, self.source) = (format, path, files, source)
  }

  /// The tensors under the names of the file, in its order.
  public var tensors: [TensorInfo] { source.tensors }
}

/// Why nothing could be opened.
@nonexhaustive
public enum ContainerError: Error, Hashable, Sendable {
  /// The file is recognised, and holds no tensors that are read here.
  case notReadable(path: String, kind: FileKind)
  /// The zip archive holds nothing that is known; `contents` are some of its names.
  case unknownArchive(path: String, contents: [String])
  /// The archive is of another format than those that are read.
  case otherArchive(path: String, what: String, instead: String)
  /// A folder or an archive holds several checkpoints.
  case ambiguous(path: String, found: [String])
  /// A folder holds no weights.
  case noWeights(folder: String, found: [String])
}

extension ContainerError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notReadable(let path, let kind): "\(path): this is \(kind); \(kind.remedy)"
    case .unknownArchive(let path, let contents):
      "\(path): a zip archive without a PyTorch, NumPy or TensorFlow checkpoint in it; it holds \(Self.list(contents))"
    case .otherArchive(let path, let what, let instead): "\(path): this is \(what); \(instead)"
    case .ambiguous(let path, let found):
      "\(path): there are several checkpoints, \(Self.list(found)); name the one you mean"
    case .noWeights(let folder, let found):
      "\(folder): no weights; \(found.isEmpty ? "the folder is empty" : "found \(Self.list(found))"); check the path"
    }
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(8).joined(separator: ", ") + (names.count > 8 ? " and \(names.count - 8) more" : "")
  }
}
