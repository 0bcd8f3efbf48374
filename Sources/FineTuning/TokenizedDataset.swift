import BERT
import RandomStreams
public import WordPiece

/// Texts as token ids, with their labels: what a batch is collated from.
public struct TokenizedDataset: Sendable {
  /// One row's ids, without padding.
  public struct Row: Sendable, Equatable {
    public var inputIDs: [Int32]
    public var tokenTypeIDs: [Int32]
    public var label: Int
  }

  public let rows: [Row]
  private let paddingID: Int32

  public var count: Int { rows.count }
  /// The longest row, in tokens.
  public var longest: Int { rows.map(\.inputIDs.count).max() ?? 0 }

  /// Tokenizes every text of `dataset`.
  ///
  /// - Throws: `TokenizerError` when a text is longer than `truncation` allows.
  public init(_ dataset: TextDataset, tokenizer: WordPieceTokenizer, truncation: Truncation) throws {
    rows = try dataset.texts.indices.map { index in
      let encoding = try tokenizer.encode(
        dataset.texts[index], pair: dataset.textPairs?[index], truncation: truncation)
      return Row(
        inputIDs: encoding.inputIDs, tokenTypeIDs: encoding.tokenTypeIDs, label: dataset.labels[index])
    }
    paddingID = Int32(tokenizer.paddingID)
  }

  /// The batch of some rows, padded on the right to the longest of them. Reference: `DataCollatorWithPadding`.
  func batch(_ indices: some Collection<Int>) throws(BERTInputError) -> (inputs: BERTInputs, labels: [Int]) {
    let length = indices.map { rows[$0].inputIDs.count }.max() ?? 0
    var (ids, types, mask, labels): ([Int32], [Int32], [Int32], [Int]) = ([], [], [], [])
    for index in indices {
      let row = rows[index]
      let padding = length - row.inputIDs.count
      ids += row.inputIDs + repeatElement(paddingID, count: padding)
      types += row.tokenTypeIDs + repeatElement(Int32(0), count: padding)
      mask += repeatElement(1, count: row.inputIDs.count)
      mask += repeatElement(0, count: padding)
      labels.append(row.label)
    }
    let inputs = try BERTInputs(
      batchSize: labels.count, length: length, inputIDs: ids, tokenTypeIDs: types, attentionMask: mask)
    return (inputs, labels)
  }

  /// The ids that occur.
  var words: Set<Int32> { rows.reduce(into: []) { $0.formUnion($1.inputIDs) } }

  /// The capacity that every batch of `size` rows needs, whichever rows it is made of.
  func capacity(batchSize size: Int) -> Workspace.Capacity {
    Workspace.Capacity(sequences: min(size, count), length: longest)
  }
}

/// The order of a training set's rows in one epoch.
///
/// Reference: accelerate's `SeedableRandomSampler`: a fresh generator seeded with the run's seed plus the epoch.
func epochOrder(count: Int, seed: UInt64, epoch: Int) -> [Int] {
  var generator = TorchGenerator(seed: seed &+ UInt64(epoch))
  return generator.randomPermutation(count)
}
