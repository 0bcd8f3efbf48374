public import ModelFiles

/// What became of the weights of a model and of the tensors of its checkpoint.
public struct LoadReport: Sendable, Equatable {
  /// A weight that the file spells in another way.
  public struct Renamed: Sendable, Equatable {
    public var file: String
    public var name: String
  }

  /// A tensor of another shape than the model asks for; the weight was initialised anew.
  public struct Mismatch: Sendable, Equatable {
    public var name: String
    public var expected: [Int]
    public var found: [Int]
  }

  /// Canonical names of the weights taken from the checkpoint.
  public internal(set) var loaded: [String] = []
  /// Those of them that the file spells in another way than transformers does today.
  public internal(set) var renamed: [Renamed] = []
  /// Weights that the checkpoint lacks, drawn from ``seed``.
  public internal(set) var newlyInitialised: [String] = []
  /// Tensors of the checkpoint that this model has no place for.
  public internal(set) var unused: [String] = []
  /// Head weights whose shape differs; they are among ``newlyInitialised``.
  public internal(set) var mismatched: [Mismatch] = []
  /// The element types that were converted to float, in order of first use.
  public internal(set) var convertedTypes: [ElementType] = []
  /// Of the new weights.
  public internal(set) var seed: UInt64 = 0
}

extension LoadReport: CustomStringConvertible {
  /// One line a fact, with names folded over layers.
  public var description: String {
    var lines = ["\(loaded.count) weights loaded"]
    if !convertedTypes.isEmpty {
      lines[0] += " (\(convertedTypes.map(\.rawValue).joined(separator: ", ")) converted to F32)"
    }
    if !renamed.isEmpty {
      let example = renamed[0]
      lines.append("\(renamed.count) under another spelling, such as \(example.file) for \(example.name)")
    }
    for mismatch in mismatched {
      lines.append("\(mismatch.name) is \(mismatch.found) in the checkpoint and \(mismatch.expected) here")
    }
    if !newlyInitialised.isEmpty {
      lines.append(
        "\(newlyInitialised.count) newly initialised with seed \(seed), to be trained: "
          + newlyInitialised.joined(separator: ", "))
    }
    if !unused.isEmpty {
      let shown = unused.prefix(6).joined(separator: ", ")
      lines.append("\(unused.count) of the checkpoint unused: \(shown)\(unused.count > 6 ? ", …" : "")")
    }
    return lines.joined(separator: "\n")
  }
}

/// Why the weights of a checkpoint cannot become a model.
@nonexhaustive
public enum BERTLoadError: Error, Equatable, CustomStringConvertible {
  /// Weights of the encoder are missing; `hint` says what is there instead, where that can be told.
  case missingWeights([String], hint: String)
  /// A tensor of the encoder has another shape than the configuration asks for.
  case shapeMismatch(tensor: String, expected: [Int], found: [Int])
  /// Elements that are no floats.
  case unsupportedElementType(tensor: String, found: ElementType)
  /// One weight under two spellings.
  case ambiguousSpelling(name: String, found: [String])

  public var description: String {
    switch self {
    case .missingWeights(let names, let hint):
      "\(names.count) weights are missing, first '\(names.first ?? "")'; \(hint)"
    case .shapeMismatch(let tensor, let expected, let found):
      "tensor '\(tensor)' is \(found), the configuration asks for \(expected); "
        + "make sure that config.json and the weights are of one model"
    case .unsupportedElementType(let tensor, let found):
      "tensor '\(tensor)' is \(found.rawValue); convert it to F32, F16 or BF16 first"
    case .ambiguousSpelling(let name, let found):
      "weight '\(name)' is in the file under \(found.count) names (\(found.joined(separator: ", "))); keep one"
    }
  }
}
