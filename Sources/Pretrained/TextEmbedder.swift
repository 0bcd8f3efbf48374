public import BERT
import ModelFiles
public import WordPiece

/// A model that turns texts into vectors, with its tokenizer.
///
/// Pools and normalises as the folder's `1_Pooling/config.json` and `modules.json` say, which are those of
/// sentence-transformers; without them takes the mean over a text's tokens. Text that is longer than the model takes
/// is an error unless a truncation is given; `max_seq_length`, at which sentence-transformers cuts silently, is not
/// looked at.
public struct TextEmbedder: Sendable {
  public let model: BERTModel
  public let tokenizer: WordPieceTokenizer
  public let pooling: Pooling
  /// Whether vectors are scaled to length 1.
  public let normalizes: Bool

  /// How the vectors of a text's tokens become one.
  public enum Pooling: Sendable, Hashable {
    /// Their mean, padding left out.
    case mean
    /// The vector of the first token, `[CLS]`.
    case firstToken
  }

  /// The length of a vector.
  public var dimension: Int { model.configuration.hiddenSize }

  /// Opens a model.
  ///
  /// - Parameters:
  ///   - path: as for ``Checkpoint/init(_:access:)-(String,_)``.
  ///   - normalizes: whether to scale vectors to length 1; nil: as the folder says.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers; for many texts, `.packed` or `.int8`.
  /// - Throws: ``CheckpointError/pooling(folder:found:)`` and the errors of ``Checkpoint``; `LinearWeightsError` when
  ///   `linearWeights` cannot hold the weights.
  public init(
    _ path: String, normalizes: Bool? = nil, threads: Int? = nil, linearWeights: LinearWeights = .float32
  ) throws {
    try self.init(
      Checkpoint(path), normalizes: normalizes, threads: threads, linearWeights: linearWeights)
  }

  /// Loads the bare model of a checkpoint.
  ///
  /// - Throws: as ``init(_:normalizes:threads:linearWeights:)-(String,_,_,_)``.
  public init(
    _ checkpoint: Checkpoint, normalizes: Bool? = nil, threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws {
    let model = try BERTModel.load(from: checkpoint, threads: threads, linearWeights: linearWeights).model
    let folder = checkpoint.folder
    let modules = try folder.companion("modules.json").map { try JSONValue($0) }
    let normalizesByDefault = (modules?.arrayValue ?? []).contains { module in
      module["type"]?.stringValue?.split(separator: ".").last == "Normalize"
    }
    try self.init(
      model: model, tokenizer: checkpoint.tokenizer(), pooling: Pooling(folder),
      normalizes: normalizes ?? normalizesByDefault)
  }

  /// Joins a model and the tokenizer it was trained with.
  public init(
    model: BERTModel, tokenizer: WordPieceTokenizer, pooling: Pooling = .mean, normalizes: Bool = false
  ) {
    (self.model, self.tokenizer, self.pooling, self.normalizes) = (model, tokenizer, pooling, normalizes)
  }

  /// The vector of a text: ``dimension`` floats.
  ///
  /// - Throws: `TokenizerError` when the text is too long and `truncation` does not cut it.
  public func callAsFunction(_ text: String, truncation: Truncation = .none) throws -> [Float] {
    try self([text], truncation: truncation)[0]
  }

  /// The vector of each text.
  ///
  /// - Parameters:
  ///   - texts: in the order the vectors are to have.
  ///   - truncation: of texts longer than the model takes; `.none` makes them an error.
  ///   - batchSize: texts the model is given at once, padded to the longest of them.
  /// - Throws: `TokenizerError` when a text is too long and `truncation` does not cut it.
  public func callAsFunction(
    _ texts: [String], truncation: Truncation = .none, batchSize: Int = 1
  ) throws -> [[Float]] {
    try tokenizer.batches(texts, pairs: nil, truncation: truncation, size: batchSize).flatMap { inputs in
      try vectors(inputs).map { normalizes ? Self.normalized($0) : $0 }
    }
  }

  /// The pooled vector of each row of a batch, before it is scaled.
  ///
  /// - Throws: `BERTInputError` when an id or the length is outside the model's tables.
  package func vectors(_ inputs: BERTInputs) throws -> [[Float]] {
    switch pooling {
    case .mean: return try model.meanPooled(inputs).rows
    case .firstToken:
      let hidden = try model(inputs).lastHiddenState  // (B, S, C)
      return (0..<inputs.batchSize).map { row in
        Array(hidden.values[row * inputs.length * dimension..<(row * inputs.length + 1) * dimension])
      }
    }
  }

  /// Scaled to length 1, as torch's `normalize` does: lengths below 1e-12 count as that.
  package static func normalized(_ vector: [Float]) -> [Float] {
    let length = Float(vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
    return vector.map { $0 / max(length, 1e-12) }
  }
}

extension TextEmbedder.Pooling {
  /// What `1_Pooling/config.json` asks for; the mean when there is none.
  init(_ folder: ModelFolder) throws {
    let path = FileSystem.join(folder.path, "1_Pooling/config.json")
    guard FileSystem.isRegularFile(path) else {
      self = .mean
      return
    }
    let modes = (try JSONValue(path: path).members ?? []).filter { member in
      member.key.hasPrefix("pooling_mode_") && member.value.boolValue == true
    }.map(\.key)
    switch modes {
    case ["pooling_mode_mean_tokens"]: self = .mean
    case ["pooling_mode_cls_token"]: self = .firstToken
    default: throw CheckpointError.pooling(folder: folder.path, found: modes)
    }
  }
}

extension Checkpoint {
  /// How llama.cpp is to pool, where the folder says so; nil leaves it to whoever loads the model.
  var pooling: GGUFExport.Pooling? {
    guard FileSystem.isRegularFile(FileSystem.join(folder.path, "1_Pooling/config.json")),
      let pooling = try? TextEmbedder.Pooling(folder)
    else { return nil }
    return pooling == .mean ? .mean : .cls
  }
}
