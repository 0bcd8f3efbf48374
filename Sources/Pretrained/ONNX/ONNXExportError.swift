public import ModelFiles

/// Why a model cannot be written as an ONNX graph.
@nonexhaustive
public enum ONNXExportError: Error, Hashable, Sendable {
  /// The graph needs a weight that is not there.
  case missingWeight(String)
  /// A weight does not have the shape that the configuration asks for.
  case shape(weight: String, expected: [Int], found: [Int])
  /// A weight is of a type that the graph cannot compute with.
  case elementType(weight: String, ElementType)
}

extension ONNXExportError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingWeight(let name):
      "the graph needs '\(name)', and the weights do not have it; is config.json that of these weights?"
    case .shape(let name, let expected, let found):
      "'\(name)' has the shape \(found) and should have \(expected); is config.json that of these weights?"
    case .elementType(let name, let type):
      "'\(name)' is of type \(type.rawValue), and a graph computes in F32, F16, BF16 or F64; convert it to F32 first"
    }
  }
}
