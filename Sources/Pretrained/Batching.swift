import BERT
package import Tensors
import WordPiece

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension WordPieceTokenizer {
  /// Tokenizes texts into batches of `size`, each padded to its longest; made one at a time, as they are asked for.
  ///
  /// - Throws: `TokenizerError` at once when texts and pairs are not as many.
  func batches(
    _ texts: [String], pairs: [String]?, truncation: Truncation, size: Int
  ) throws(TokenizerError) -> Batches {
    if let pairs, pairs.count != texts.count {
      throw .pairCountMismatch(texts: texts.count, pairs: pairs.count)
    }
    return Batches(tokenizer: self, texts: texts, pairs: pairs, truncation: truncation, size: max(1, size))
  }
}

/// Texts on their way into a model.
struct Batches {
  let tokenizer: WordPieceTokenizer
  let texts: [String]
  let pairs: [String]?
  let truncation: Truncation
  let size: Int

  /// Calls `body` with every batch and joins what it returns.
  ///
  /// - Throws: `TokenizerError` for a text that is too long, saying which; what `body` throws.
  func flatMap<Result>(_ body: (BERTInputs) throws -> [Result]) throws -> [Result] {
    var results: [Result] = []
    results.reserveCapacity(texts.count)
    for start in stride(from: 0, to: texts.count, by: size) {
      let rows = start..<min(start + size, texts.count)
      let batch = try tokenizer.encodeBatch(
        Array(texts[rows]), pairs: pairs.map { Array($0[rows]) }, truncation: truncation, padding: .longest)
      results += try body(BERTInputs(batch))
    }
    return results
  }
}

extension BERTInputs {
  /// A batch as the tokenizer makes it.
  init(_ batch: EncodedBatch) throws(BERTInputError) {
    try self.init(
      batchSize: batch.rows, length: batch.length, inputIDs: batch.inputIDs, tokenTypeIDs: batch.tokenTypeIDs,
      attentionMask: batch.attentionMask)
  }
}

extension Tensor {
  /// The rows of a matrix.
  package var rows: [[Float]] {
    let columns = shape[1]
    return (0..<shape[0]).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
  }
}

extension LoadReport {
  /// - Throws: ``CheckpointError/noHead(folder:architecture:missing:)`` when weights of the head had to be made up.
  func requireHead(of checkpoint: Checkpoint, _ name: String) throws(CheckpointError) {
    guard isComplete else {
      let missing = newlyInitialised + mismatched.map(\.name)
      throw .noHead(folder: checkpoint.folder.path, architecture: name, missing: missing)
    }
  }
}

/// `exp(x) / Σ exp(x)`, in float as the pipeline computes it.
package func softmax(_ logits: [Float]) -> [Float] {
  let largest = logits.max() ?? 0
  let powers = logits.map { exp($0 - largest) }
  let sum = powers.reduce(0, +)
  return powers.map { $0 / sum }
}

/// `1 / (1 + exp(-x))`
package func sigmoid(_ logit: Float) -> Float { 1 / (1 + exp(-logit)) }
