import BERT
import ForeignFormats
import ModelFiles

/// Writes the tensors of a conversion, format by format.
struct ConversionWriting {
  /// What was written, and how to read it back.
  struct Written {
    /// The tensors under the names they have in the file.
    var tensors: [TensorInfo]
    /// What they must read back as.
    var source: any WeightSource
    /// Tensors that were compared while they were written, and where in the file that was.
    var compared: [String: Range<Int>] = [:]
    /// Tensors that the format stores in another type, and so only nearly.
    var quantised: Set<String> = []
    var notes: [String] = []
    var container: () throws -> any WeightSource
  }

  private let conversion: Conversion
  /// Of the file of weights, or what the names of several begin with.
  private let path: String
  private let folder: String
  private let meter: ConversionMeter

  init(_ conversion: Conversion, path: String, folder: String, meter: ConversionMeter) {
    (self.conversion, self.path, self.folder, self.meter) = (conversion, path, folder, meter)
  }

  private var plan: ConversionPlan { conversion.plan }

  /// - Throws: ``ConversionError``; the errors of the formats and of the checkpoint.
  func write() throws -> Written {
    switch conversion.target {
    case .safetensors: try safetensors()
    case .pytorch: try pytorch()
    case .npz: try npz()
    case .tf1: try tensorFlow()
    case .gguf: try gguf()
    case .onnx: try onnx()
    }
  }

  /// Hands a tensor to a writer, piece by piece.
  private func produce(_ source: any WeightSource) -> (TensorInfo, SafetensorsWriter.Sink) throws -> Void {
    { info, sink in
      try source.forEachPiece(of: info) { _, bytes in
        try sink(bytes)
        try meter.add(bytes.byteCount)
      }
    }
  }

  // MARK: Formats that keep names and types

  private func safetensors() throws -> Written {
    let tensors = plan.untied
    var metadata = [(key: "format", value: "pt")]
    // Metadata of the file's own stays; so does what says which names were dropped as copies.
    if conversion.checkpoint.container.format == .safetensors {
      metadata += conversion.checkpoint.container.metadata.filter { $0.key != "format" && $0.value != "" }
        .filter { member in !plan.ties.contains { $0.name == member.key } }
    }
    // What BERT ties by design is not said, unless the names of the checkpoint are kept as they are.
    let names = Set(plan.items.map(\.info.name))
    metadata += plan.ties.filter { names.contains($0.name) || conversion.options.keepsNames }.map {
      ($0.name, $0.kept)
    }
    var compared: [String: Range<Int>] = [:]
    func fill(_ layout: SafetensorsLayout, _ file: inout AtomicFile) throws {
      let done = try copy(layout, to: &file)
      compared.merge(done) { $1 }
    }
    if conversion.isFile {
      try SafetensorsWriter.write(tensors, metadata: metadata, to: path, filling: fill)
    } else {
      try ShardedWeights.write(
        tensors, metadata: metadata, to: folder,
        maximumShardByteCount: conversion.options.maximumShardByteCount ?? 50_000_000_000, filling: fill)
    }
    return Written(tensors: tensors, source: plan.source, compared: compared) {
      [path, folder, isFile = conversion.isFile] in
      if isFile || FileSystem.exists(path) { return try SafetensorsFile(path: path) }
      return try ShardedWeights(indexPath: FileSystem.join(folder, "model.safetensors.index.json"))
    }
  }

  /// Appends the tensors of a layout; those that lie in their file as they are written are compared meanwhile.
  ///
  /// - Returns: the tensors that were compared, and where they are in the file.
  private func copy(_ layout: SafetensorsLayout, to file: inout AtomicFile) throws -> [String: Range<Int>] {
    let source = plan.source as? any MappedWeightSource
    let copy = CheckedCopy(to: file.appended, from: file.byteCount) { [conversion] name in
      ConversionError.differs(path: conversion.destination, tensor: name)
    }
    defer { copy.stop() }
    var compared: [String: Range<Int>] = [:]
    for (info, byteCount) in zip(layout.tensors, layout.byteCounts) {
      let start = file.byteCount
      if let stored = source?.storedBytes(of: info.name), stored.bytes.range.count == byteCount {
        try copy.append(stored, named: info.name, to: &file) { try meter.add(2 * $0) }
        compared[info.name] = start..<file.byteCount
      } else {
        try produce(plan.source)(info) { try file.append($0) }
        guard file.byteCount - start == byteCount else {
          throw SafetensorsError(
            path: path,
            .wrongByteCount(tensor: info.name, expected: byteCount, found: file.byteCount - start))
        }
      }
    }
    try copy.finish()
    return compared
  }

  private func pytorch() throws -> Written {
    let tensors = plan.untied
    let ties = Dictionary(plan.ties.map { ($0.name, $0.kept) }, uniquingKeysWith: { first, _ in first })
    /// The tensors with those that share a storage of theirs.
    func withTies(_ tensors: [TensorInfo]) -> [TensorInfo] {
      tensors.flatMap { info in
        [info]
          + plan.ties.filter { $0.kept == info.name }.map {
            TensorInfo(name: $0.name, elementType: info.elementType, shape: info.shape)
          }
      }
    }
    guard let limit = conversion.options.maximumShardByteCount else {
      try PyTorchWriter.write(withTies(tensors), ties: ties, to: path, produce: produce(plan.source))
      return Written(tensors: tensors, source: plan.source) { [path] in try PyTorchFile(path: path) }
    }
    let shards: ShardPlan
    do throws(SafetensorsError.Fault) {
      shards = try ShardPlan(tensors, maximumShardByteCount: limit, stem: "pytorch_model", suffix: "bin")
    } catch { throw SafetensorsError(path: path, error) }
    for shard in shards.shards {
      let names = Set(shard.tensors.map(\.name))
      try PyTorchWriter.write(
        withTies(shard.tensors), ties: ties.filter { names.contains($0.value) },
        to: FileSystem.join(folder, shard.name),
        produce: produce(plan.source))
    }
    guard shards.shards.count > 1 else {
      return Written(tensors: tensors, source: plan.source) { [path] in try PyTorchFile(path: path) }
    }
    let index = FileSystem.join(folder, shards.indexName)
    try AtomicFile.write(shards.indexText(ties: plan.ties), to: index)
    return Written(tensors: tensors, source: plan.source) { try PyTorchShards(indexPath: index) }
  }

  private func npz() throws -> Written {
    let tensors = plan.items.map(\.info)
    try NumPyWriter.writeNPZ(tensors, to: path, produce: produce(plan.source))
    return Written(tensors: tensors, source: plan.source) { [path] in try NumPyFile(path: path) }
  }

  // MARK: Formats with names of their own

  private func tensorFlow() throws -> Written {
    let isBERT = plan.source.tensors.contains { $0.name.hasSuffix("embeddings.word_embeddings.weight") }
    var (items, notes): ([WeightView.Item], [String]) = ([], [])
    for info in plan.source.tensors {
      guard isBERT, let variable = TensorFlowNames.variable(of: CanonicalNames.withPrefix(info.name, true))
      else {
        if isBERT { notes.append("\(info.name) has no name in google-research/bert; it keeps its own") }
        items.append(.init(name: info.name, original: info))
        continue
      }
      items.append(.init(name: variable.name, original: info, isTransposed: variable.isTransposed))
    }
    let view = try WeightView(plan.source, path: path, items)
    try TensorBundleWriter.write(view.tensors, to: path, produce: produce(view))
    return Written(tensors: view.tensors, source: view, notes: notes) { [path] in try TensorBundle(path: path)
    }
  }

  private func gguf() throws -> Written {
    let checkpoint = conversion.checkpoint
    let type = try ggufType()
    guard (try? checkpoint.bertConfiguration()) != nil else { return try plainGGUF(type) }
    let pooling: GGUFExport.Pooling? =
      plan.source.tensor(named: "classifier.weight") != nil ? .rank : checkpoint.pooling
    let export = try GGUFExport(
      plan.source, configuration: checkpoint.configuration,
      tokenizer: try? checkpoint.folder.tokenizerDescription(),
      name: checkpoint.repository ?? FileSystem.name(of: checkpoint.folder.path), type: type, pooling: pooling
    )
    try export.write(to: path)
    try meter.add(plan.byteCount)
    var items: [WeightView.Item] = []
    var quantised: Set<String> = []
    for info in plan.source.tensors {
      guard let name = GGUFNames.ggufName(ofHuggingFace: info.name),
        let tensor = export.tensors.first(where: { $0.name == name })
      else { continue }
      items.append(.init(name: name, original: info))
      if tensor.type.elementType != info.elementType { quantised.insert(name) }
    }
    let view = try WeightView(plan.source, path: path, items)
    let notes = export.leftOut.map { "\($0.name) is left out: \($0.reason)" } + export.notes
    return Written(tensors: view.tensors, source: view, quantised: quantised, notes: notes) { [path] in
      try GGUFFile(path: path)
    }
  }

  /// Tensors under their own names, of a model that is not known: a container, which llama.cpp cannot run.
  private func plainGGUF(_ type: GGUFTensorType) throws -> Written {
    guard conversion.options.quantisation == nil else {
      throw ConversionError.missing(
        what: "a BERT config.json", target: "a quantised GGUF file",
        remedy: "put the model's own beside the weights")
    }
    let tensors = try plan.source.tensors.map { info -> GGUFTensor in
      guard let type = GGUFTensorType.allCases.first(where: { $0.elementType == info.elementType }) else {
        throw ConversionError.notRepresentable(
          tensor: info.name,
          why: "there is no type for \(info.elementType.rawValue); convert with --dtype F32",
          target: "GGUF")
      }
      return GGUFTensor(name: info.name, shape: info.shape, type: type)
    }
    let kind = conversion.checkpoint.configuration["model_type"]?.stringValue ?? "unknown"
    let source = plan.source
    try GGUFWriter.write(
      metadata: [("general.architecture", .string(kind)), ("general.type", "model")], tensors, to: path
    ) { tensor, sink in
      guard let info = source.tensor(named: tensor.name) else { return }
      try produce(source)(info, sink)
    }
    let note =
      "there is no BERT config.json, so the file holds the tensors alone, and llama.cpp cannot run it"
    return Written(tensors: source.tensors, source: source, notes: [note]) { [path] in
      try GGUFFile(path: path)
    }
  }

  /// The type of matrices: as asked for, else as the checkpoint's are.
  private func ggufType() throws -> GGUFTensorType {
    if let name = conversion.options.quantisation {
      let known: [GGUFTensorType] = [.q80, .q40, .q41, .q50, .q51]
      guard let type = known.first(where: { $0.name == name }) else {
        throw ConversionError.unsupportedOption(
          "--dtype \(name): of GGUF's quantised types \(known.map(\.name).joined(separator: ", ")) are written"
        )
      }
      return type
    }
    switch plan.source.tensors.first(where: { $0.shape.count == 2 })?.elementType {
    case .float16: return .float16
    case .bfloat16: return .bfloat16
    default: return .float32
    }
  }
}

// MARK: - ONNX

extension ConversionWriting {
  fileprivate func onnx() throws -> Written {
    let checkpoint = conversion.checkpoint
    guard !checkpoint.configuration.isNull else {
      throw ConversionError.missing(
        what: "a config.json", target: "ONNX", remedy: "put the model's own beside the weights")
    }
    // The class that config.json names may have a head that the tensors lack: what is there is written.
    let found = InferredConfiguration.architecture(of: plan.source)
    let named = checkpoint.architecture
    let architecture =
      named == .tokenClassification && found == .sequenceClassification ? .tokenClassification : found
    var configuration = try checkpoint.bertConfiguration()
    // A decoder that is there although it is said to be tied has values of its own.
    if plan.source.tensor(named: "cls.predictions.decoder.weight") != nil {
      configuration.tieWordEmbeddings = false
    }
    let export = try ONNXExport(
      weights: plan.source, configuration: configuration, architecture: architecture)
    try export.write(to: path)
    try meter.add(plan.byteCount)
    let items = export.model.graph.initializers.compactMap { info in
      plan.source.tensor(named: export.sourceName(of: info.name)).map {
        WeightView.Item(name: info.name, original: $0)
      }
    }
    let view = try WeightView(plan.source, path: path, items)
    var notes = ["the graph computes \(architecture.rawValue)"]
    let written = Set(items.map(\.original.name))
    notes += plan.source.tensors.filter { !written.contains($0.name) }.map {
      "\($0.name) is no part of the graph"
    }
    return Written(tensors: view.tensors, source: view, notes: notes) { [path, model = export.model] in
      try ONNXWriter.written(model, at: path)
    }
  }
}
