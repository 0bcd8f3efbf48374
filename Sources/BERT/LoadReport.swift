public import ModelFiles

/// What became of the weights of a model and of the tensors of its checkpoint.
public struct LoadReport: Sendable, Equatable {
  /// A weight that has another name in the file.
  public struct Renamed: Sendable, Hashable {
    /// The name in the file.
    public var file: String
    /// The Hugging Face name.
    public var name: String
  }

  /// A weight of the head that has another shape in the file, as a classifier for other labels has.
  public struct Mismatch: Sendable, Hashable {
    /// The Hugging Face name.
    public var name: String
    /// The shape in the model.
    public var expected: [Int]
    /// The shape in the file.
    public var found: [Int]
  }

  /// The weights whose values are the file's, in the order of the model, by their Hugging Face names.
  public internal(set) var loaded: [String] = []
  /// Those of ``loaded`` that have another name in the file.
  public internal(set) var renamed: [Renamed] = []
  /// The weights of the pooler and the head that the file lacks, in the order of the model.
  public internal(set) var newlyInitialised: [String] = []
  /// The weights of the head that the file has in another shape; they are new as well.
  public internal(set) var mismatched: [Mismatch] = []
  /// The tensors that the model has no place for, by their names in the file.
  public internal(set) var unused: [String] = []
  /// The tensors that say nothing new: the buffers `position_ids` and `token_type_ids` of old files, and
  /// copies of weights under another name.
  public internal(set) var ignored: [String] = []
  /// The element types that were converted to F32, in the order of the model.
  public internal(set) var convertedTypes: [ElementType] = []
  /// Whether the file has a decoder that differs from the word embeddings although the configuration ties
  /// them; each then keeps its values, as in transformers 5.
  public internal(set) var isDecoderUntied = false
  /// What new weights were drawn from.
  public internal(set) var seed: UInt64 = 0

  /// Whether every weight came from the file.
  public var isComplete: Bool { newlyInitialised.isEmpty && mismatched.isEmpty }
}

extension LoadReport: CustomStringConvertible {
  /// A line of verdict, and one for everything worth a look; names that repeat in every layer are folded.
  public var description: String {
    let total = loaded.count + newlyInitialised.count + mismatched.count
    var lines = ["\(loaded.count) of \(total) weights loaded"]
    if !convertedTypes.isEmpty {
      lines[0] += " (\(convertedTypes.map(\.rawValue).joined(separator: ", ")) converted to F32)"
    }
    if let example = renamed.first {
      lines.append("\(renamed.count) under another name, such as \(example.file) for \(example.name)")
    }
    if !newlyInitialised.isEmpty {
      lines.append(
        "\(newlyInitialised.count) newly initialised with seed \(seed), to be trained: "
          + newlyInitialised.joined(separator: ", "))
    }
    for mismatch in mismatched {
      lines.append(
        "\(mismatch.name) is \(mismatch.found) in the file and \(mismatch.expected) here: "
          + "newly initialised with seed \(seed), to be trained")
    }
    if isDecoderUntied { lines.append("the decoder differs from the word embeddings: they are not tied") }
    if !unused.isEmpty {
      lines.append("\(unused.count) not used by this model: \(foldedLayers(unused).joined(separator: ", "))")
    }
    return lines.joined(separator: "\n")
  }
}

/// Names in the order of their first appearance, those that differ only in the number of their layer as one:
/// `encoder.layer.{0-5}.output.dense.bias`.
func foldedLayers(_ names: [String]) -> [String] {
  var order: [String] = []
  var layers: [String: [Int]] = [:]
  for name in names {
    let (pattern, layer) = splitLayer(name)
    if layers[pattern] == nil { order.append(pattern) }
    layers[pattern, default: []] += layer.map { [$0] } ?? []
  }
  return order.map { pattern in
    guard let numbers = layers[pattern]?.sorted(), let first = numbers.first else { return pattern }
    return pattern.replacing(
      layerMark, with: numbers.count > 1 ? "{\(rangeText(numbers))}" : "\(first)")
  }
}

/// Stands for the number of a layer.
private let layerMark = "\u{0}"

/// The name with a mark for the number after its first `.layer.`, and the number.
private func splitLayer(_ name: String) -> (pattern: String, layer: Int?) {
  guard let start = name.firstRange(of: ".layer.")?.upperBound else { return (name, nil) }
  let digits = name[start...].prefix { $0.isASCII && $0.isNumber }
  guard let layer = Int(digits), !name.contains(layerMark) else { return (name, nil) }
  return (name[..<start] + layerMark + name[digits.endIndex...], layer)
}

/// `0-5, 7` for sorted numbers.
private func rangeText(_ numbers: [Int]) -> String {
  var ranges: [ClosedRange<Int>] = []
  for number in numbers {
    if let last = ranges.last, number - last.upperBound <= 1 {
      ranges[ranges.count - 1] = last.lowerBound...number
    } else {
      ranges.append(number...number)
    }
  }
  return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    .joined(separator: ", ")
}
