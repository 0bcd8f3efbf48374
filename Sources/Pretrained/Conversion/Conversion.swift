import ForeignFormats
import ModelFiles

/// A checkpoint on its way into another container.
///
/// Everything is written into a temporary folder on the destination's disk, read back and compared there, and only then
/// moved into place. Memory stays bounded by a piece of a tensor, whatever the sizes.
public struct Conversion: Sendable {
  /// The formats that are written.
  public enum Target: String, Sendable, Hashable, CaseIterable {
    case safetensors, pytorch, npz, gguf, tf1, onnx

    /// Endings of file names that ask for one file of this format rather than a folder.
    var extensions: [String] {
      switch self {
      case .safetensors: [".safetensors"]
      case .pytorch: [".bin", ".pt", ".pth"]
      case .npz: [".npz"]
      case .gguf: [".gguf"]
      case .tf1: [".ckpt"]
      case .onnx: [".onnx"]
      }
    }

    /// The name of the file of weights in a folder.
    var fileName: String {
      switch self {
      case .safetensors: "model.safetensors"
      case .pytorch: "pytorch_model.bin"
      case .npz: "model.npz"
      case .gguf: "model.gguf"
      case .tf1: "bert_model.ckpt"
      case .onnx: "model.onnx"
      }
    }

    /// The format that the name of a destination asks for, if it does.
    public init?(destination: String) {
      guard let found = Self.allCases.first(where: { $0.extensions.contains(where: destination.hasSuffix) })
      else { return nil }
      self = found
    }
  }

  public let checkpoint: Checkpoint
  public let target: Target
  /// A folder, or one file where its name ends as the target's files do.
  public let destination: String
  public let options: ConversionOptions
  /// What will be written.
  public let plan: ConversionPlan
  /// Whether ``destination`` is one file rather than a folder.
  public let isFile: Bool

  /// Makes the plan; writes nothing.
  ///
  /// - Throws: ``ConversionError``, ``CanonicalNamesError``, and the containers' errors.
  public init(
    _ checkpoint: Checkpoint, to target: Target, at destination: String, options: ConversionOptions = .init()
  ) throws {
    var destination = destination
    while destination.utf8.count > 1, destination.hasSuffix("/") { destination.removeLast() }
    (self.checkpoint, self.target, self.destination, self.options) = (
      checkpoint, target, destination, options
    )
    isFile = target.extensions.contains(where: destination.hasSuffix) && !FileSystem.isDirectory(destination)
    plan = try ConversionPlan(checkpoint, options)
    if options.maximumShardByteCount != nil {
      guard target == .safetensors || target == .pytorch, !isFile else {
        throw ConversionError.unsupportedOption(
          "--shard-size needs a folder of safetensors or PyTorch files; leave it out, or name a folder")
      }
    }
    if options.quantisation != nil && target != .gguf {
      throw ConversionError.unsupportedOption(
        "quantised types exist in GGUF alone; add --to gguf, or choose F16 or BF16")
    }
  }

  /// The files that are there and would be replaced.
  ///
  /// - Throws: ``ConversionError/destinationExists(path:)`` unless `overwriting`;
  ///   ``ConversionError/ontoItself(path:)``.
  public func check(overwriting: Bool) throws {
    let files = checkpoint.container.files
    let sources = Set(files.compactMap(FileSystem.resolved))
    // Files may be links, as those of the hub's cache are: a folder that names them counts as one that they lie in.
    let named = (files.map(FileSystem.parent) + [checkpoint.folder.path]).compactMap(FileSystem.resolved)
    let folders = Set(sources.map(FileSystem.parent) + named)
    for path in outputs {
      if let real = FileSystem.resolved(path), sources.contains(real) || folders.contains(real) {
        throw ConversionError.ontoItself(path: path)
      }
    }
    guard !overwriting else { return }
    if let path = outputs.first(where: FileSystem.isTaken) {
      if isFile { throw ConversionError.destinationExists(path: path) }
      guard FileSystem.isDirectory(path), try FileSystem.list(path).isEmpty else {
        throw ConversionError.destinationExists(path: path)
      }
    }
  }

  /// What is certain to be written: files, or one folder.
  private var outputs: [String] {
    isFile && target == .tf1
      ? [".index", ".data-00000-of-00001"].map { destination + $0 } : [destination]
  }

  /// Writes, reads back, compares, and moves into place.
  ///
  /// - Parameters:
  ///   - overwriting: whether to replace what is there.
  ///   - progress: called with the bytes written and compared so far, and those there are to write and compare.
  /// - Throws: as ``check(overwriting:)``; ``ConversionError``; the errors of the formats; what `progress` throws. The
  ///   destination is then as it was, unless a file that was ready could not be moved.
  @discardableResult
  public func run(
    overwriting: Bool = false, progress: @escaping (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> ConversionReport {
    try check(overwriting: overwriting)
    let staged = try StagedFolder(for: isFile ? FileSystem.parent(of: destination) : destination)
    defer { staged.clean() }

    let meter = ConversionMeter(total: 2 * plan.byteCount, progress)
    let weightsPath = FileSystem.join(
      staged.path, isFile ? FileSystem.name(of: destination) : target.fileName)
    let writing = ConversionWriting(self, path: weightsPath, folder: staged.path, meter: meter)
    let written = try writing.write()
    var report = try ConversionVerification(self, written, meter: meter).report()
    if !isFile { report.notes += try ConversionFolder(self).write(into: staged.path) }
    for obstacle in try staged.obstacles() {
      switch obstacle {
      case .folder(let path): throw ConversionError.folderInTheWay(path: path)
      case .file(let path):
        if !overwriting { throw ConversionError.destinationExists(path: path) }
      }
    }
    report.files = try staged.move { !isFile && target.shadows($0) }
    return report
  }
}

extension Conversion.Target {
  /// Whether a file in a folder would be taken for this format's weights.
  fileprivate func shadows(_ name: String) -> Bool {
    switch self {
    case .safetensors:
      name.hasPrefix("model") && (name.hasSuffix(".safetensors") || name == "model.safetensors.index.json")
    case .pytorch:
      name.hasPrefix("pytorch_model") && (name.hasSuffix(".bin") || name.hasSuffix(".bin.index.json"))
    default: false
    }
  }
}

/// Counts what a conversion has done.
final class ConversionMeter {
  private let total: Int
  private let progress: (Int, Int) throws -> Void
  private var done = 0

  init(total: Int, _ progress: @escaping (Int, Int) throws -> Void) {
    (self.total, self.progress) = (total, progress)
  }

  func add(_ byteCount: Int) throws {
    done += byteCount
    try progress(min(done, total), total)
  }
}

/// What a conversion did.
public struct ConversionReport: Sendable {
  /// The files that were written.
  public internal(set) var files: [String] = []
  public internal(set) var tensorCount = 0
  /// Of all tensors, as written.
  public internal(set) var byteCount = 0
  /// Of each tensor whose values a change of type altered.
  public internal(set) var losses: [(name: String, loss: CastLoss)] = []
  /// What the user should know, such as what the format cannot hold.
  public internal(set) var notes: [String] = []
}
