public import ModelFiles

/// Why the weights of a checkpoint cannot become a model.
@nonexhaustive
public enum BERTLoadError: Error, Hashable, Sendable {
  /// Weights of the embeddings or the encoder are not in the file; without them the model's answers would be
  /// noise. The names are the Hugging Face ones; the hint says what is there instead, and what to do.
  case missingWeights([String], hint: String)
  /// A member of `config.json` disagrees with the tensors: what they ask for, what it says, and the tensor
  /// that shows it.
  case configurationMismatch(key: String, expected: Int, found: Int, tensor: String)
  /// A tensor of the encoder or pooler has another shape than the configuration asks for.
  case shapeMismatch(tensor: String, expected: [Int], found: [Int])
  /// The elements are no floating-point numbers of 16, 32 or 64 bits, as in quantised models.
  case unsupportedElementType(tensor: String, found: ElementType)
  /// One weight is in the file under several names, with different values.
  case ambiguousSpelling(name: String, found: [String])
  /// A model was asked for a weight that it does not have.
  case noSuchWeight(String, nearest: [String])
}

extension BERTLoadError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingWeights(let names, let hint):
      "\(names.count) weights of the encoder are missing, first '\(names.first ?? "")'; \(hint)"
    case .configurationMismatch(let key, let expected, let found, let tensor):
      "config.json: '\(key)' is \(found), but '\(tensor)' shows that it is \(expected); "
        + "correct it, or take the config.json that belongs to these weights"
    case .shapeMismatch(let tensor, let expected, let found):
      "tensor '\(tensor)' is \(found), the configuration asks for \(expected); "
        + "make sure that config.json and the weights are of one model"
    case .unsupportedElementType(let tensor, let found):
      "tensor '\(tensor)' has elements of type \(found.rawValue), where F32, F16, BF16 or F64 can be loaded; "
        + "take the model before it was quantised, or convert it first"
    case .ambiguousSpelling(let name, let found):
      "weight '\(name)' is in the file under \(found.count) names with different values "
        + "(\(found.joined(separator: ", "))); keep one"
    case .noSuchWeight(let name, let nearest):
      "no weight is named '\(name)'; "
        + (nearest.isEmpty
          ? "list the names first" : "nearest: \(nearest.map { "'\($0)'" }.joined(separator: ", "))")
    }
  }
}
