/// Why a model and a GGUF file cannot be turned into each other.
@nonexhaustive
public enum GGUFModelError: Error, Hashable, Sendable {
  /// The model, or the file, is of another architecture than BERT.
  case notBERT(found: String)
  /// `config.json` or the metadata lacks a key, or has another kind of value under it.
  case missingKey(String, expected: String, found: String?)
  /// The vocabulary has more tokens than the embedding has rows.
  case vocabularyTooLarge(tokens: Int, rows: Int)
  /// A tensor without which there is no model.
  case missingTensor(String)
  /// A tensor's shape is not what the metadata says.
  case wrongShape(tensor: String, expected: String, found: [Int])
  /// The elements of a tensor are no floats.
  case unsupportedElementType(tensor: String, found: String)
  /// Two tensors would get this name.
  case nameCollision(String)
  /// Something that llama.cpp computes in another way.
  case unsupported(key: String, supported: String, found: String)
}

extension GGUFModelError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notBERT(let found):
      "the architecture is '\(found)' and must be 'bert'; only BERT models are converted"
    case .missingKey(let key, let expected, let found):
      "'\(key)' is \(found ?? "missing") and must be \(expected); correct it and try again"
    case .vocabularyTooLarge(let tokens, let rows):
      "the vocabulary has \(tokens) tokens and the embedding \(rows) rows; use the tokenizer the model belongs to"
    case .missingTensor(let name): "tensor '\(name)' is missing; without it there is no model, fetch it again"
    case .wrongShape(let name, let expected, let found):
      "tensor '\(name)': the shape is \(found) and should be \(expected); fetch the file from its origin"
    case .unsupportedElementType(let name, let found):
      "tensor '\(name)': the element type is \(found); convert it to F32, F16, BF16 or F64"
    case .nameCollision(let name): "two tensors would be named '\(name)'; remove one of them"
    case .unsupported(let key, let supported, let found):
      "'\(key)' is \(found), llama.cpp computes \(supported) only; this model cannot be a GGUF file"
    }
  }
}
