public import ModelFiles

/// A computation as an ONNX file describes it: a graph, and what a runtime must know to run it.
///
/// The fields are those of `ModelProto` in `onnx.proto`; weights are named here and written by ``ONNXWriter``.
public struct ONNXModel: Sendable {
  public var graph: ONNXGraph
  /// `ir_version`, the version of the file format.
  public var irVersion: Int
  /// The version of the standard operators, which decides what each ``ONNXGraph/Node/operation`` means.
  public var opsetVersion: Int
  public var producerName: String
  public var producerVersion: String
  /// `doc_string`
  public var documentation: String
  /// `metadata_props`, in the order they are written; keys must differ.
  public var metadata: [(key: String, value: String)]

  /// - Parameters:
  ///   - graph: what is computed.
  ///   - irVersion: 8 is the version that came with operator set 17, in onnx 1.12 and onnxruntime 1.12.
  ///   - opsetVersion: 17 is the first with `LayerNormalization`.
  ///   - producerName: which program wrote the file.
  ///   - producerVersion: of that program.
  ///   - documentation: `doc_string`.
  ///   - metadata: `metadata_props`; keys must differ.
  public init(
    graph: ONNXGraph, irVersion: Int = 8, opsetVersion: Int = 17, producerName: String = "swift-pretrained",
    producerVersion: String = "", documentation: String = "", metadata: [(key: String, value: String)] = []
  ) {
    (self.graph, self.irVersion, self.opsetVersion) = (graph, irVersion, opsetVersion)
    (self.producerName, self.producerVersion) = (producerName, producerVersion)
    (self.documentation, self.metadata) = (documentation, metadata)
  }
}

/// Operators joined by the names of the values that they pass on; `GraphProto` in `onnx.proto`.
public struct ONNXGraph: Sendable {
  public var name: String
  /// In an order in which every value is made before it is used.
  public var nodes: [Node] = []
  /// The weights. They are values from the start, under their names.
  public var initializers: [TensorInfo] = []
  public var inputs: [Value] = []
  public var outputs: [Value] = []
  /// `value_info`: what is known of values in between, for runtimes that cannot infer it.
  public var values: [Value] = []
  /// `doc_string`
  public var documentation = ""

  public init(name: String) { self.name = name }

  /// One operator.
  public struct Node: Sendable, Hashable {
    /// `op_type`, a standard operator such as `MatMul`.
    public var operation: String
    public var name: String
    /// The names of its arguments; an empty one leaves an optional argument out.
    public var inputs: [String]
    public var outputs: [String]
    public var attributes: [Attribute]

    public init(
      _ operation: String, name: String = "", inputs: [String], outputs: [String],
      attributes: [Attribute] = []
    ) {
      (self.operation, self.name, self.attributes) = (operation, name, attributes)
      (self.inputs, self.outputs) = (inputs, outputs)
    }
  }

  /// A named constant of an operator.
  public struct Attribute: Sendable, Hashable {
    public var name: String
    public var value: Value

    public init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }

    public enum Value: Sendable, Hashable {
      case int(Int)
      case ints([Int])
      case float(Float)
      case string(String)
      case tensor(Constant)
    }
  }

  /// A small tensor within the graph; the value of a `Constant` operator.
  public struct Constant: Sendable, Hashable {
    public var elementType: ElementType
    /// Empty for a scalar.
    public var shape: [Int]
    /// Little-endian, row-major.
    public var bytes: [UInt8]

    public init(elementType: ElementType, shape: [Int], bytes: [UInt8]) {
      (self.elementType, self.shape, self.bytes) = (elementType, shape, bytes)
    }

    /// A vector of I64.
    public init(_ values: [Int]) {
      let bytes = values.flatMap { value in
        withUnsafeBytes(of: Int64(value).littleEndian) { Array($0) }
      }
      self.init(elementType: .int64, shape: [values.count], bytes: bytes)
    }
  }

  /// The type and shape of a value: `ValueInfoProto`.
  public struct Value: Sendable, Hashable {
    public var name: String
    public var elementType: ElementType
    public var shape: [Dimension]

    public init(_ name: String, _ elementType: ElementType, _ shape: [Dimension]) {
      (self.name, self.elementType, self.shape) = (name, elementType, shape)
    }
  }

  /// A size, or the name of one that is known only when the graph runs.
  public enum Dimension: Sendable, Hashable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case size(Int)
    case symbol(String)

    public init(integerLiteral value: Int) { self = .size(value) }
    public init(stringLiteral value: String) { self = .symbol(value) }
  }
}

extension ElementType {
  /// The number in `TensorProto.DataType`, or nil for types that files of version 8 cannot hold.
  var onnxCode: Int? {
    switch self {
    case .float32: 1
    case .uint8: 2
    case .int8: 3
    case .uint16: 4
    case .int16: 5
    case .int32: 6
    case .int64: 7
    case .bool: 9
    case .float16: 10
    case .float64: 11
    case .uint32: 12
    case .uint64: 13
    case .complex64: 14
    case .bfloat16: 16
    case .float4, .float6E2M3, .float6E3M2, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ,
      .float8E5M2FNUZ:
      nil
    }
  }
}
