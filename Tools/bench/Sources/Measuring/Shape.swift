/// A batch of texts, as both sides make it: rows of whole words, chosen by row and place alone. See peers/common.py.
public struct Shape {
  public let batchSize: Int
  /// Tokens of every row; nil: from 5 to 60.
  public let tokens: Int?

  /// Reads `8x14` or `32xragged`.
  public init(_ text: String) {
    let parts = text.split(separator: "x").map(String.init)
    guard parts.count == 2, let batchSize = Int(parts[0]), parts[1] == "ragged" || Int(parts[1]) != nil else {
      Options.fail("the shape '\(text)' is none: write BATCHxTOKENS or BATCHxragged", status: 64)
    }
    (self.batchSize, tokens) = (batchSize, Int(parts[1]))
  }

  /// Tokens of a row, [CLS] and [SEP] included.
  public func length(row: Int) -> Int { tokens ?? 5 + 37 * row % 56 }

  /// The words of a row, as places in a list of `count` words.
  public func words(row: Int, count: Int) -> [Int] {
    (0..<length(row: row) - 2).map { (7919 * ($0 + 1) + 104_729 * row) % count }
  }
}

/// The whole lower-case words of a vocabulary, which the tokenizer leaves in one piece.
public struct Words {
  /// Each word and its id.
  public let all: [(text: String, id: Int32)]

  /// - Parameter tokens: the vocabulary, in the order of the ids.
  public init(_ tokens: some Sequence<String>) {
    all = tokens.enumerated().compactMap { id, token in
      let isWord =
        !token.isEmpty && token.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
      return isWord ? (token, Int32(id)) : nil
    }
  }

  /// A row as text.
  public func text(_ shape: Shape, row: Int) -> String {
    shape.words(row: row, count: all.count).map { all[$0].text }.joined(separator: " ")
  }
}
