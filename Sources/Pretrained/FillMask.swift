public import BERT
public import WordPiece

/// A masked language model with its tokenizer: finds the words that `[MASK]` most likely stands for.
///
/// Scores and their order are those of `pipeline("fill-mask")` in transformers 5.23.
public struct FillMask: Sendable {
  public let model: BERTForMaskedLM
  public let tokenizer: WordPieceTokenizer

  /// A token that may stand for the mask.
  public struct Prediction: Sendable, Hashable, CustomStringConvertible {
    public var id: Int
    /// As in the vocabulary: `##ing` continues a word.
    public var token: String
    /// The probability; those of the whole vocabulary add up to 1.
    public var score: Float
    /// The whole text with the token in the mask's place, as the tokenizer decodes it.
    public var sequence: String

    public var description: String { "\(token) \(score)" }
  }

  /// Opens a masked language model.
  ///
  /// - Parameters:
  ///   - path: as for ``Checkpoint/init(_:access:)-(String,_)``.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers; the product with the word table stays in floats.
  /// - Throws: ``CheckpointError/noHead(folder:architecture:missing:)`` when the model cannot predict tokens; the
  ///   errors of ``Checkpoint``; `LinearWeightsError` when `linearWeights` cannot hold the weights.
  public init(_ path: String, threads: Int? = nil, linearWeights: LinearWeights = .float32) throws {
    try self.init(Checkpoint(path), threads: threads, linearWeights: linearWeights)
  }

  /// Loads the masked language model of a checkpoint.
  ///
  /// - Throws: as ``init(_:threads:linearWeights:)-(String,_,_)``.
  public init(_ checkpoint: Checkpoint, threads: Int? = nil, linearWeights: LinearWeights = .float32) throws {
    let (model, report) = try BERTForMaskedLM.load(
      from: checkpoint, threads: threads, linearWeights: linearWeights)
    try report.requireHead(of: checkpoint, "masked language model")
    try self.init(model: model, tokenizer: checkpoint.tokenizer())
  }

  /// Joins a model and the tokenizer it was trained with.
  public init(model: BERTForMaskedLM, tokenizer: WordPieceTokenizer) {
    (self.model, self.tokenizer) = (model, tokenizer)
  }

  /// The likeliest tokens for every mask of a text, in the order of the text.
  ///
  /// - Parameters:
  ///   - text: with the tokenizer's mask token, `[MASK]`, once or more.
  ///   - topK: how many tokens for each mask, the likeliest first.
  ///   - truncation: of a text longer than the model takes; `.none` makes that an error.
  /// - Throws: ``FillMaskError/noMask(text:mask:)``; `TokenizerError` when the text is too long and `truncation` does
  ///   not cut it.
  public func callAsFunction(
    _ text: String, topK: Int = 5, truncation: Truncation = .none
  ) throws -> [[Prediction]] {
    let encoding = try tokenizer.encode(text, truncation: truncation)
    let masks = self.masks(of: encoding.inputIDs)
    guard !masks.isEmpty else {
      throw FillMaskError.noMask(text: text, mask: tokenizer.options.maskToken)
    }
    let inputs = try BERTInputs(inputIDs: [encoding.inputIDs], tokenTypeIDs: [encoding.tokenTypeIDs])
    let logits = try model.logits(inputs, at: masks)
    return zip(masks, logits.rows).map { mask, row in
      predictions(logits: row, at: mask, of: encoding.inputIDs, maskCount: masks.count, topK: topK)
    }
  }

  /// Where a text has masks.
  package func masks(of inputIDs: [Int32]) -> [Int] {
    inputIDs.indices.filter { Int(inputIDs[$0]) == tokenizer.maskID }
  }

  /// The likeliest tokens for one mask.
  ///
  /// - Parameters:
  ///   - logits: one of each token of the vocabulary.
  ///   - mask: the place of the mask.
  ///   - inputIDs: of the whole text.
  ///   - maskCount: how many masks the text has; other masks are kept in the sequences.
  ///   - topK: how many tokens.
  ///   - targets: the only ids to choose from, of which those that the model does not know are left out; nil chooses
  ///     from all. Scores are of all tokens either way.
  package func predictions(
    logits: [Float], at mask: Int, of inputIDs: [Int32], maskCount: Int, topK: Int, targets: [Int]? = nil
  ) -> [Prediction] {
    let scores = softmax(logits)
    // The reference takes the k largest; equal ones by their ids.
    let ids = targets.map { $0.filter(scores.indices.contains) } ?? Array(scores.indices)
    return largest(topK, of: ids, by: scores).map { id in
      var ids = inputIDs
      ids[mask] = Int32(id)
      return Prediction(
        id: id, token: tokenizer.token(of: id) ?? tokenizer.options.unknownToken, score: scores[id],
        sequence: tokenizer.decode(ids, skipSpecialTokens: maskCount == 1))
    }
  }
}

/// The `count` ids with the highest scores, the highest first; equal ones in the order given.
///
/// A vocabulary is not sorted for the few that are wanted of it.
private func largest(_ count: Int, of ids: [Int], by scores: [Float]) -> [Int] {
  var best: [Int] = []
  guard count > 0 else { return best }
  for id in ids {
    if best.count == count {
      guard let last = best.last, scores[id] > scores[last] else { continue }
      best.removeLast()
    }
    best.insert(id, at: best.lastIndex { scores[$0] >= scores[id] }.map { $0 + 1 } ?? 0)
  }
  return best
}

/// Why a text cannot be filled in.
@nonexhaustive
public enum FillMaskError: Error, Equatable, CustomStringConvertible {
  /// The text has no mask.
  case noMask(text: String, mask: String)

  public var description: String {
    switch self {
    case .noMask(let text, let mask):
      "'\(text)' has no \(mask); write \(mask) where a word is to be found"
    }
  }
}
