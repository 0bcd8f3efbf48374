public import ModelFiles

/// Why an ONNX file could not be written.
public struct ONNXError: Error, Hashable, Sendable {
  public var path: String
  public var fault: Fault

  public init(path: String, _ fault: Fault) { (self.path, self.fault) = (path, fault) }

  /// What is wrong. Every case carries what is needed to find it: a name, what was expected, what was found.
  @nonexhaustive
  public enum Fault: Error, Hashable, Sendable {
    /// There is a file already, and overwriting it was not asked for.
    case destinationExists
    /// ONNX has no such element type, or only in later versions of the format.
    case unsupportedElementType(name: String, ElementType)
    case negativeDimension(name: String, shape: [Int])
    /// The number of bytes that the shape asks for does not fit a machine word, alone or with the tensors before it.
    case shapeOverflow(name: String, shape: [Int])
    /// The bytes produced for a tensor, or those of a constant, are more or fewer than its shape asks for.
    case wrongByteCount(name: String, expected: Int, found: Int)
    /// Two of the graph's inputs, weights and operators' outputs have the same name.
    case duplicateName(String)
    /// A value is used before anything makes it. `user` is the operator, or nil where it is an output of the graph.
    case undefinedValue(String, user: String?)
    case duplicateMetadataKey(String)
    /// The file would be longer than Protocol Buffers allow, and the weights may not go into a file of their own.
    case messageTooLong(byteCount: Int, limit: Int)
  }
}

extension ONNXError: CustomStringConvertible {
  public var description: String { "\(path): \(fault)" }
}

extension ONNXError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .destinationExists: "there is a file already; choose another name, or allow it to be replaced"
    case .unsupportedElementType(let name, let type):
      "'\(name)' is of type \(type.rawValue), which this version of ONNX does not have; convert it to F32 first"
    case .negativeDimension(let name, let shape):
      "'\(name)' has the shape \(shape), and sizes cannot be negative; correct the shape"
    case .shapeOverflow(let name, let shape):
      "'\(name)' has the shape \(shape), which takes more bytes than can be counted; correct the shape"
    case .wrongByteCount(let name, let expected, let found):
      "'\(name)' takes \(expected) bytes and \(found) were given; do shape and element type fit the data?"
    case .duplicateName(let name):
      "two values of the graph are named '\(name)', so which one is meant cannot be told; rename one"
    case .undefinedValue(let name, let user?):
      "operator '\(user)' uses '\(name)', which nothing before it makes; "
        + "correct the name or the order of the operators"
    case .undefinedValue(let name, nil):
      "'\(name)' is an output of the graph, and nothing makes it; correct the name"
    case .duplicateMetadataKey(let key): "the metadata hold '\(key)' twice; leave one out"
    case .messageTooLong(let count, let limit):
      "the file would have \(count) bytes, and readers accept no more than \(limit); "
        + "let the weights go into a file of their own"
    }
  }
}
