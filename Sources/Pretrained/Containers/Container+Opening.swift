import BERT
import ForeignFormats
public import ModelFiles

extension Container {
  /// Opens a file, an index of several, or the prefix of a TensorFlow checkpoint.
  ///
  /// - Parameters:
  ///   - path: of the file.
  ///   - access: how the bytes are brought into memory.
  /// - Throws: ``ContainerError`` when the file holds no tensors that are read here; the errors of the format.
  public init(path: String, access: FileAccess = .mapped) throws {
    guard FileSystem.exists(path) else {
      guard FileSystem.exists(path + ".index") else {
        throw SystemError(call: "open", path: path, code: SystemError.notFound)
      }
      self = try Self.tensorFlow(path, access)
      return
    }
    let kind = try FileKind(path: path)
    switch kind {
    case .safetensors: self = try Self.safetensors(path, access)
    case .json: self = try Self.sharded(path, access)
    case .zip: self = try Self.archive(path, access)
    case .legacyPyTorch, .tar: self = try Self.pytorch(path, access)
    case .gguf: self = try Self.gguf(path, access)
    case .npy: self = try Self.numpy(path, access)
    case .tensorBundleIndex: self = try Self.tensorFlow(path, access)
    case .pickle where path.hasSuffix(".bin") || path.hasSuffix(".pt") || path.hasSuffix(".pth"):
      throw ContainerError.notReadable(path: path, kind: kind)
    case _ where Self.isShardOfBundle(path): self = try Self.tensorFlow(path, access)
    case _ where path.hasSuffix(".safetensors"):
      // Said to be one: the reader says best what is wrong with it.
      guard kind == .unknown || kind == .empty else {
        throw ContainerError.notReadable(path: path, kind: kind)
      }
      self = try Self.safetensors(path, access)
    default: throw ContainerError.notReadable(path: path, kind: kind)
    }
  }

  /// Opens the weights of a folder: those that transformers would choose; else a TensorFlow checkpoint; else the only
  /// file that is a container.
  ///
  /// - Throws: ``ContainerError/noWeights(folder:found:)``, ``ContainerError/ambiguous(path:found:)``, and the errors of
  ///   the format.
  public init(_ folder: ModelFolder, access: FileAccess = .mapped) throws {
    switch folder.weightsLocation {
    case .safetensors(let path), .shardedSafetensors(let path), .pytorch(let path), .shardedPyTorch(let path),
      .other(let path):
      try self.init(path: path, access: access)
      return
    case nil: break
    @unknown default: break
    }
    if folder.files.contains(where: { $0.hasSuffix(".index") || $0 == "checkpoint" }) {
      self = try Self.tensorFlow(folder.path, access)
      return
    }
    var found: [String] = []
    var unread: [(path: String, kind: FileKind)] = []
    for name in folder.files where !name.hasPrefix(".") {
      let path = FileSystem.join(folder.path, name)
      switch try FileKind(path: path) {
      case .safetensors, .zip, .legacyPyTorch, .tar, .gguf, .npy: found.append(name)
      case let kind where [.onnx, .hdf5, .messagePack, .sevenZip].contains(kind): unread.append((path, kind))
      default: break
      }
    }
    guard let only = found.first else {
      if let other = unread.first { throw ContainerError.notReadable(path: other.path, kind: other.kind) }
      throw ContainerError.noWeights(folder: folder.path, found: folder.files)
    }
    guard found.count == 1 else { throw ContainerError.ambiguous(path: folder.path, found: found) }
    try self.init(path: FileSystem.join(folder.path, only), access: access)
  }

  // MARK: safetensors

  private static func safetensors(_ path: String, _ access: FileAccess) throws -> Container {
    let file = try SafetensorsFile(path: path, access: access)
    var container = Container(.safetensors, path: path, files: [path], source: file)
    container.metadata = file.metadata
    container.findings = file.lint.map(\.description)
    container.ties = aliases(file.metadata, file)
    return container
  }

  /// safetensors keeps one tensor of those that share bytes, and may say so: `metadata[dropped] = kept`.
  private static func aliases(_ metadata: [(key: String, value: String)], _ source: any WeightSource)
    -> [[String]]
  {
    metadata.filter { source.tensor(named: $0.key) == nil && source.tensor(named: $0.value) != nil }
      .map { [$0.value, $0.key] }
  }

  private static func sharded(_ path: String, _ access: FileAccess) throws -> Container {
    let index = try JSONValue(path: path, limit: 100_000_000)
    guard let map = index["weight_map"]?.members else {
      throw ContainerError.notReadable(path: path, kind: .json)
    }
    if map.contains(where: { $0.value.stringValue?.hasSuffix(".safetensors") == false }) {
      let shards = try PyTorchShards(indexPath: path, access: access)
      var container = Container(
        .shardedPyTorch, path: path, files: shards.shards.map(\.path) + [path], source: shards)
      container.findings = shards.findings.map(\.description)
      container.leftOut = shards.shards.flatMap(\.leftOut).map { LeftOut(name: $0.name, reason: $0.reason) }
      container.ties = shards.shards.flatMap(\.ties)
      return container
    }
    let weights = try ShardedWeights(indexPath: path, access: access)
    var container = Container(
      .shardedSafetensors, path: path, files: weights.shards.map(\.path) + [path], source: weights)
    for member in weights.shards.flatMap(\.metadata)
    where !container.metadata.contains(where: { $0.key == member.key }) {
      container.metadata.append(member)
    }
    container.ties = aliases(container.metadata, weights)
    container.findings =
      weights.lint.map(\.description) + weights.shards.flatMap { $0.lint.map(\.description) }
    return container
  }

  // MARK: Zip archives

  private static func archive(_ path: String, _ access: FileAccess) throws -> Container {
    let archive = try ZipArchive(MappedFile(path: path, access: access))
    let names = archive.entries.map(\.name).filter { !$0.hasSuffix("/") }
    func contains(_ name: String) -> Bool { names.contains { $0 == name || $0.hasSuffix("/" + name) } }
    if contains("constants.pkl")
      || names.contains(where: { $0.split(separator: "/").dropFirst().first == "code" })
    {
      throw ContainerError.otherArchive(
        path: path, what: "a TorchScript archive, a program with its weights",
        instead: "save the model's state_dict() instead")
    }
    if contains("data.pkl") { return try pytorch(path, access) }
    let bundles = TensorBundle.prefixes(in: archive)
    if let prefix = bundles.first {
      guard bundles.count == 1 else { throw ContainerError.ambiguous(path: path, found: bundles) }
      return try tensorFlow(archive, prefix, path)
    }
    if names.contains(where: { $0.hasSuffix(".npy") }) { return try numpy(path, access) }
    if contains("Manifest.json")
      || names.contains(where: { $0.contains(".mlpackage/") || $0.hasSuffix(".mlmodel") })
    {
      throw ContainerError.otherArchive(
        path: path, what: "a Core ML package", instead: "fetch model.safetensors of the same repository")
    }
    if contains("model.weights.h5") {
      throw ContainerError.otherArchive(
        path: path, what: "a Keras archive", instead: "fetch model.safetensors of the same repository")
    }
    throw ContainerError.unknownArchive(path: path, contents: names)
  }

  // MARK: The others

  private static func pytorch(_ path: String, _ access: FileAccess) throws -> Container {
    let file = try PyTorchFile(path: path, access: access)
    var container = Container(.pytorch, path: path, files: [path], source: file)
    container.variant = file.container.description
    container.ties = file.ties
    container.leftOut = file.leftOut.map { LeftOut(name: $0.name, reason: $0.reason) }
    container.findings = file.findings.map(\.description)
    if !file.wrapper.isEmpty { container.metadata.append(("wrapper", file.wrapper)) }
    container.metadata += file.values.map { ($0.name, $0.text) }
    return container
  }

  private static func numpy(_ path: String, _ access: FileAccess) throws -> Container {
    let file = try NumPyFile(path: path, access: access)
    var container = Container(.numpy, path: path, files: [path], source: file)
    container.leftOut = file.leftOut.map { LeftOut(name: $0.name, reason: $0.reason) }
    container.findings = file.notes
    return container
  }

  private static func gguf(_ path: String, _ access: FileAccess) throws -> Container {
    let file = try GGUFFile(path: path, access: access)
    var container = Container(.gguf, path: path, files: [path], source: file)
    container.variant = "version \(file.version)"
    container.metadata = file.metadata.map { ($0.key, summary(of: $0.value)) }
    container.leftOut = file.leftOut.map { LeftOut(name: $0.name, reason: $0.reason) }
    container.findings = file.findings.map(\.description)
    guard file["general.architecture"]?.stringValue == "bert" else { return container }
    let model: GGUFModel
    do { model = try GGUFModel(file) } catch {
      // A file may hold BERT's tensors without all that llama.cpp asks for.
      container.findings.append("\(error)")
      return container
    }
    container.translated = model.weights
    container.leftOut = model.leftOut.map { LeftOut(name: $0.name, reason: $0.reason) }
    container.findings += model.notes
    container.isSelfContained = true
    container.companions = [("config.json", Array(model.configuration.pythonText().utf8))]
    if let tokenizer = model.tokenizer {
      container.companions += [
        ("tokenizer.json", tokenizer.tokenizerFile.bytes),
        ("tokenizer_config.json", TokenizerConfiguration(tokenizer).bytes),
      ]
    }
    return container
  }

  /// A value of GGUF's metadata on one short line.
  private static func summary(of value: GGUFValue) -> String {
    if let text = value.stringValue { return text.count > 80 ? text.prefix(80) + "…" : text }
    if let number = value.intValue { return "\(number)" }
    if let number = value.doubleValue { return "\(number)" }
    if let answer = value.boolValue { return "\(answer)" }
    return value.kind
  }

  private static func isShardOfBundle(_ path: String) -> Bool {
    guard let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
    return path[dot...].hasPrefix(".data-") && FileSystem.exists(path[..<dot] + ".index")
  }

  private static func tensorFlow(_ path: String, _ access: FileAccess) throws -> Container {
    let bundle = try TensorBundle(path: path, access: access)
    return tensorFlow(bundle, path: bundle.path, files: filePaths(of: bundle))
  }

  private static func tensorFlow(_ archive: ZipArchive, _ prefix: String, _ path: String) throws -> Container
  {
    let bundle = try TensorBundle(archive: archive, prefix: prefix, path: path)
    var container = tensorFlow(bundle, path: path, files: [path])
    container.isSelfContained = true
    container.variant = "in a zip archive"
    let folder = prefix.contains("/") ? prefix[..<(prefix.lastIndex(of: "/") ?? prefix.startIndex)] + "/" : ""
    for entry in archive.entries where entry.name.hasPrefix(folder) {
      let name = String(entry.name.dropFirst(folder.count))
      guard companionNames.contains(name) else { continue }
      container.companions.append((name, try archive.bytes(of: entry, limit: TokenizerFile.maximumByteCount)))
    }
    return container
  }

  /// The small files that are of use to a model.
  private static let companionNames: Set = [
    "config.json", "bert_config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json",
  ]

  private static func filePaths(of bundle: TensorBundle) -> [String] {
    [bundle.path + ".index"]
      + (0..<bundle.shardCount).map { bundle.path + TensorBundle.dataSuffix($0, of: bundle.shardCount) }
  }

  private static func tensorFlow(_ bundle: TensorBundle, path: String, files: [String]) -> Container {
    var container = Container(.tensorFlow, path: path, files: files, source: bundle)
    container.leftOut = bundle.leftOut.map { LeftOut(name: $0.name, reason: $0.reason) }
    container.findings = bundle.unclaimed.map {
      "\($0.range.count) bytes of data file \($0.shard) belong to no tensor, from byte \($0.range.lowerBound)"
    }
    if bundle.isObjectBased {
      container.findings.append(
        "written by tf.train.Checkpoint of TensorFlow 2: names are paths of Python objects")
    }
    return container
  }
}
