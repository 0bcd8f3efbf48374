// Regions are laid out as in the documents.
// swift-format-ignore-file
import WordPiece

private func landingPage() throws {
  // WordPiece.md 1
  let vocabulary = try Vocabulary(tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "iris", "##es"])
  let tokenizer = try WordPieceTokenizer(vocabulary: vocabulary)
  let encoding = try tokenizer.encode("Irises", truncation: .none)
  print(encoding.inputIDs, encoding.tokens, encoding.offsets)  // [2, 5, 6, 3] …
  print(tokenizer.decode(encoding.inputIDs, skipSpecialTokens: true))  // irises
  // end
}
