import Measuring
import ModelFiles
import WordPiece

/// What reads a model's files, and its tokenizer.
@MainActor func files(_ folder: String) throws -> [Line] {
  let path = folder + "/model.safetensors"
  let opened = try SafetensorsFile(path: path)
  // The header alone is read; its length stands in the first eight bytes.
  let header = Double(opened.tensors.map(\.name.utf8.count).reduce(0, +))
  let tokens = try VocabularyFile(path: folder + "/vocab.txt").tokens
  let tokenizer = try WordPieceTokenizer(vocabulary: Vocabulary(tokens: tokens))
  let words = Words(tokens)
  let texts = (0..<256).map { words.text(Shape("1x14"), row: $0) }
  let size = Double(texts.map(\.utf8.count).reduce(0, +))
  return [
    Line(
      name: "open safetensors, \(opened.tensors.count) tensors, names", set: "", work: header * 1e-9,
      unit: "GB",
      measurement: try budget.measure { _ = try SafetensorsFile(path: path) }),
    Line(
      name: "vocabulary, \(tokens.count) tokens", set: "",
      work: Double(tokens.map { $0.utf8.count + 1 }.reduce(0, +)) * 1e-9, unit: "GB",
      measurement: try budget.measure { _ = try Vocabulary(tokens: tokens) }),
    Line(
      name: "tokenize 256 texts of 12 words, 1 thread", set: "", work: size * 1e-9, unit: "GB",
      measurement: try budget.measure {
        _ = try tokenizer.encodeBatch(texts, truncation: .none, padding: .longest)
      }),
  ]
}
