import BERT
import ModelFiles
public import Pretrained
import Tensors
import WordPiece

/// What a server does with texts, by the names of the Inference API.
public enum InferenceTask: String, Sendable, Hashable, CaseIterable {
  case textClassification = "text-classification"
  case featureExtraction = "feature-extraction"
  case fillMask = "fill-mask"

  /// The task that a model's head is for.
  ///
  /// - Throws: ``ServingError/noTask(architecture:)`` for a head that no task here uses.
  public init(_ checkpoint: Checkpoint) throws(ServingError) {
    // Models of sentence-transformers are encoders, whatever class they were saved as.
    if checkpoint.folder.companion("modules.json") != nil {
      self = .featureExtraction
      return
    }
    switch checkpoint.architecture {
    case .sequenceClassification: self = .textClassification
    case .maskedLM, .preTraining: self = .fillMask
    case .model: self = .featureExtraction
    case let other: throw .noTask(architecture: other?.rawValue)
    }
  }
}

/// A model in memory, ready to be served.
public struct ServedModel: Sendable {
  enum Head: Sendable {
    case classifier(TextClassifier)
    /// `perToken`: whether the Inference API gives a vector for each token, as transformers' pipeline does; else one
    /// for each text, as for models of sentence-transformers.
    case embedder(TextEmbedder, perToken: Bool)
    case fillMask(FillMask)
  }

  /// What it is called in ``InferenceServer``'s answers about itself.
  public let name: String
  let head: Head

  /// Opens a model.
  ///
  /// - Parameters:
  ///   - path: as for `Checkpoint`.
  ///   - task: by default the one that the model's head is for; any encoder can do feature extraction.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: ``ServingError/noTask(architecture:)``; the errors of `Checkpoint`, and `CheckpointError.noHead` when
  ///   the model lacks the head of the task; `LinearWeightsError` when `linearWeights` cannot hold the weights.
  public init(
    _ path: String, task: InferenceTask? = nil, threads: Int? = nil, linearWeights: LinearWeights = .packed
  ) throws {
    let checkpoint = try Checkpoint(path)
    let name = checkpoint.repository ?? FileSystem.name(of: checkpoint.folder.path)
    switch try task ?? InferenceTask(checkpoint) {
    case .textClassification:
      self.init(try TextClassifier(checkpoint, threads: threads, linearWeights: linearWeights), name: name)
    case .fillMask:
      self.init(try FillMask(checkpoint, threads: threads, linearWeights: linearWeights), name: name)
    case .featureExtraction:
      let isSentenceModel = checkpoint.folder.companion("modules.json") != nil
      let embedder = try TextEmbedder(checkpoint, threads: threads, linearWeights: linearWeights)
      self.init(embedder, name: name, perToken: !isSentenceModel)
    }
  }

  /// Serves text classification.
  public init(_ classifier: TextClassifier, name: String) {
    (head, self.name) = (.classifier(classifier), name)
  }

  /// Serves feature extraction.
  ///
  /// - Parameters:
  ///   - embedder: the encoder.
  ///   - name: what it is called.
  ///   - perToken: whether the Inference API gives a vector for each token rather than for each text.
  public init(_ embedder: TextEmbedder, name: String, perToken: Bool) {
    (head, self.name) = (.embedder(embedder, perToken: perToken), name)
  }

  /// Serves masked language modelling.
  public init(_ fillMask: FillMask, name: String) { (head, self.name) = (.fillMask(fillMask), name) }

  /// What it is for.
  public var task: InferenceTask {
    switch head {
    case .classifier: .textClassification
    case .embedder: .featureExtraction
    case .fillMask: .fillMask
    }
  }

  /// The most tokens that it takes at once, special tokens included.
  public var maxLength: Int {
    let positions = configuration.maxPositionEmbeddings
    return min(positions, tokenizer.options.modelMaxLength ?? positions)
  }

  var configuration: BERTConfiguration {
    switch head {
    case .classifier(let classifier): classifier.model.configuration
    case .embedder(let embedder, _): embedder.model.configuration
    case .fillMask(let fillMask): fillMask.model.configuration
    }
  }

  var tokenizer: WordPieceTokenizer {
    switch head {
    case .classifier(let classifier): classifier.tokenizer
    case .embedder(let embedder, _): embedder.tokenizer
    case .fillMask(let fillMask): fillMask.tokenizer
    }
  }

  // MARK: Computing

  /// What the model makes of a batch, padded to its longest sequence, in the order of the sequences.
  ///
  /// Scores and vectors of a batch differ from those of its texts alone by less than 1e-6.
  ///
  /// - Throws: `BERTInputError` when an id is outside the model's tables.
  package func rows(_ sequences: [TokenSequence]) throws -> [[Float]] {
    switch head {
    case .classifier(let classifier): return try classifier.model.logits(inputs(sequences)).rows
    case .fillMask(let fillMask):
      let inputs = try inputs(sequences)
      let positions = sequences.map(\.positions)
      let all = positions.enumerated().flatMap { row, positions in positions.map { row * inputs.length + $0 }
      }
      var rows = try fillMask.model.logits(inputs, at: all).rows[...]
      return positions.map { positions in
        defer { rows = rows.dropFirst(positions.count) }
        return Array(rows.prefix(positions.count).joined())
      }
    case .embedder(let embedder, _):
      var rows = [[Float]](repeating: [], count: sequences.count)
      let (whole, tokens) = (
        sequences.indices.filter { sequences[$0].wanted == .whole },
        sequences.indices.filter { sequences[$0].wanted != .whole }
      )
      if !whole.isEmpty {
        let vectors = try embedder.vectors(inputs(whole.map { sequences[$0] }))
        for (place, vector) in zip(whole, vectors) { rows[place] = vector }
      }
      if !tokens.isEmpty {
        let inputs = try inputs(tokens.map { sequences[$0] })
        let hidden = try embedder.model(inputs).lastHiddenState.values  // (B, S, C)
        let stride = inputs.length * embedder.dimension
        for (row, place) in tokens.enumerated() {
          rows[place] = Array(
            hidden[row * stride..<row * stride + sequences[place].length * embedder.dimension])
        }
      }
      return rows
    }
  }

  private func inputs(_ sequences: [TokenSequence]) throws -> BERTInputs {
    let length = sequences.map(\.length).max() ?? 0
    var ids: [Int32] = []
    var types: [Int32] = []
    var mask: [Int32] = []
    for sequence in sequences {
      let padding = length - sequence.length
      ids += sequence.inputIDs + repeatElement(Int32(tokenizer.paddingID), count: padding)
      types += sequence.tokenTypeIDs + repeatElement(0, count: padding)
      mask += repeatElement(1, count: sequence.length)
      mask += repeatElement(0, count: padding)
    }
    return try BERTInputs(
      batchSize: sequences.count, length: length, inputIDs: ids, tokenTypeIDs: types, attentionMask: mask)
  }
}

extension TokenSequence {
  fileprivate var positions: [Int] { if case .positions(let positions) = wanted { positions } else { [] } }
}
