/// A text, or a pair, as the model's input. All arrays have one element a token.
public struct Encoding: Sendable {
  /// The ids of the tokens.
  public internal(set) var inputIDs: [Int32] = []
  /// 0 for the first text and what surrounds it, 1 for the second and its separator.
  public internal(set) var tokenTypeIDs: [Int32] = []
  /// 1 for every token; 0 is for padding, which only batches have.
  public internal(set) var attentionMask: [Int32] = []
  /// 1 for tokens that the tokenizer put around the texts, 0 for those of the texts.
  public internal(set) var specialTokensMask: [Int32] = []
  /// The Unicode scalars of its own text that each token stands for; empty at 0 for special tokens.
  ///
  /// Scalars that normalisation drops belong to the token around them.
  public internal(set) var offsets: [Range<Int>] = []
  /// The number of the word each token belongs to, counted in its text; nil for special tokens.
  public internal(set) var wordIDs: [Int?] = []
  /// 0 for tokens of the first text, 1 for those of the second; nil for special tokens.
  public internal(set) var sequenceIDs: [Int?] = []
  /// What truncation cut off, as windows that are inputs in their own right; of a pair, every combination.
  ///
  /// Made anew each time: two long texts have very many.
  public var overflowing: [Encoding] { makeOverflowing?() ?? [] }

  var makeOverflowing: (@Sendable () -> [Encoding])?
  /// Where tokens read otherwise than their ids: added tokens as they stood in the text.
  var spellings: [Int: String] = [:]
  let model: WordPieceModel

  init(model: WordPieceModel) { self.model = model }

  /// The number of tokens.
  public var count: Int { inputIDs.count }

  /// The tokens as text, made on demand: pieces as in the vocabulary, added tokens as they stood in the text.
  public var tokens: [String] {
    inputIDs.indices.map { i in
      spellings[i] ?? model.vocabulary[Int(inputIDs[i])] ?? model.added.spellings[inputIDs[i]]
        ?? model.unknownToken
    }
  }

  mutating func append(special id: Int32, type: Int32) {
    inputIDs.append(id)
    tokenTypeIDs.append(type)
    attentionMask.append(1)
    specialTokensMask.append(1)
    offsets.append(0..<0)
    wordIDs.append(nil)
    sequenceIDs.append(nil)
  }

  mutating func append(_ pieces: Pieces, _ range: Range<Int>, sequence: Int) {
    for (place, spelling) in pieces.spellings where range.contains(place) {
      spellings[count + place - range.lowerBound] = spelling
    }
    inputIDs += pieces.ids[range]
    tokenTypeIDs += repeatElement(Int32(sequence), count: range.count)
    attentionMask += repeatElement(1, count: range.count)
    specialTokensMask += repeatElement(0, count: range.count)
    offsets += range.lazy.map { Int(pieces.starts[$0])..<Int(pieces.ends[$0]) }
    wordIDs += pieces.words[range].lazy.map { Optional(Int($0)) }
    sequenceIDs += repeatElement(Optional(sequence), count: range.count)
  }
}

/// Equally long encodings in rows, ready for a model.
public struct EncodedBatch: Sendable, Equatable {
  /// The ids, row after row; `rows` × `length` elements, as in the other two.
  public internal(set) var inputIDs: [Int32]
  /// 0 for the first text, 1 for the second, 0 for padding.
  public internal(set) var tokenTypeIDs: [Int32]
  /// 1 for tokens, 0 for padding.
  public internal(set) var attentionMask: [Int32]
  /// The number of texts.
  public let rows: Int
  /// The number of tokens in a row, with padding.
  public let length: Int
}
