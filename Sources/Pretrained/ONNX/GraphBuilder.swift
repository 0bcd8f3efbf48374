import ForeignFormats
import ModelFiles

/// Writes down operators one after another, and the constants and weights they need.
///
/// Every function that adds an operator gives the name of the value it makes. Operators are named for the module they
/// belong to, such as `bert.encoder.layer.0.output.dense/MatMul`, so that a graph can be read.
struct GraphBuilder {
  private(set) var graph: ONNXGraph
  /// In what the graph computes.
  let elementType: ElementType
  /// The module that operators are being added for.
  var module = ""
  private let weights: (String) -> TensorInfo?
  /// How often an operator's name was wanted, so that the second and later ones are numbered.
  private var uses: [String: Int] = [:]
  private var constants: [ONNXGraph.Constant: String] = [:]
  /// The value of each weight that was used: its own name, or that of its conversion.
  private var weightValues: [String: String] = [:]

  /// - Parameter weights: what is known of the weight of a name, or nil when there is none.
  init(name: String, elementType: ElementType, weights: @escaping (String) -> TensorInfo?) {
    (graph, self.elementType, self.weights) = (ONNXGraph(name: name), elementType, weights)
  }

  // MARK: Values

  mutating func input(_ value: ONNXGraph.Value) -> String {
    graph.inputs.append(value)
    return value.name
  }

  /// Makes a value an output of the graph, under a name of its own.
  mutating func output(_ value: String, as name: String, _ shape: [ONNXGraph.Dimension]) {
    graph.nodes.append(.init("Identity", name: name, inputs: [value], outputs: [name]))
    graph.outputs.append(.init(name, elementType, shape))
  }

  /// States the shape of a value that runtimes cannot find out.
  mutating func declare(_ value: String, _ shape: [ONNXGraph.Dimension]) {
    graph.values.append(.init(value, elementType, shape))
  }

  /// A weight, in the type the graph computes in.
  ///
  /// - Throws: ``ONNXExportError`` when there is none of this name and shape, or it is of a type that is no number.
  mutating func weight(_ name: String, _ shape: [Int]) throws(ONNXExportError) -> String {
    if let value = weightValues[name] { return value }
    guard let info = weights(name) else { throw .missingWeight(name) }
    guard info.shape == shape else { throw .shape(weight: name, expected: shape, found: info.shape) }
    guard GraphPrecision.types.contains(info.elementType) else {
      throw .elementType(weight: name, info.elementType)
    }
    graph.initializers.append(TensorInfo(name: name, elementType: info.elementType, shape: shape))
    let value = info.elementType == elementType ? name : cast(name)
    weightValues[name] = value
    return value
  }

  /// A vector of I64.
  mutating func constant(_ values: [Int]) -> String { constant(ONNXGraph.Constant(values)) }

  /// A scalar of I64.
  mutating func index(_ value: Int) -> String {
    var vector = ONNXGraph.Constant([value])
    vector.shape = []
    return constant(vector)
  }

  /// A scalar of the type the graph computes in.
  mutating func constant(_ value: Double) -> String {
    constant(GraphPrecision.constant(value, elementType))
  }

  private mutating func constant(_ value: ONNXGraph.Constant) -> String {
    if let name = constants[value] { return name }
    let name = "constant_\(constants.count)"
    graph.nodes.append(
      .init("Constant", name: name, inputs: [], outputs: [name], attributes: [.init("value", .tensor(value))])
    )
    constants[value] = name
    return name
  }

  // MARK: Operators

  /// Adds an operator with one output.
  mutating func add(
    _ operation: String, _ inputs: String..., attributes: [(String, ONNXGraph.Attribute.Value)] = []
  ) -> String {
    let wanted = module + "/" + operation
    let use = uses[wanted, default: 0]
    uses[wanted] = use + 1
    let name = use == 0 ? wanted : "\(wanted)_\(use)"
    graph.nodes.append(
      .init(
        operation, name: name, inputs: inputs, outputs: [name],
        attributes: attributes.map { .init($0.0, $0.1) }))
    return name
  }

  mutating func transpose(_ value: String, _ permutation: [Int]) -> String {
    add("Transpose", value, attributes: [("perm", .ints(permutation))])
  }

  /// A reshape; 0 keeps the size of the dimension in this place.
  mutating func reshape(_ value: String, _ shape: [Int]) -> String { add("Reshape", value, constant(shape)) }

  /// To the type the graph computes in.
  mutating func cast(_ value: String) -> String {
    // The numbers of `TensorProto.DataType`.
    let code =
      switch elementType {
      case .float16: 10
      case .float64: 11
      case .bfloat16: 16
      default: 1
      }
    return add("Cast", value, attributes: [("to", .int(code))])
  }

  // MARK: Layers

  /// x·Wᵀ + b with the weight as the checkpoint has it, (outputs, inputs).
  ///
  /// The transpose costs nothing when the graph runs: it is computed once, when it is loaded. A `Gemm` that transposes
  /// would need its argument flattened, and runtimes would no longer recognise the attention.
  mutating func linear(
    _ value: String, _ module: String, from inputs: Int, to outputs: Int
  ) throws(ONNXExportError) -> String {
    let weight = try self.weight(module + ".weight", [outputs, inputs])
    let bias = try self.weight(module + ".bias", [outputs])
    return product(value, transposed: weight, bias: bias, module)
  }

  /// x·Wᵀ + b of values that are there already.
  mutating func product(
    _ value: String, transposed weight: String, bias: String, _ module: String
  ) -> String {
    self.module = module
    let transposed = transpose(weight, [1, 0])
    let product = add("MatMul", value, transposed)
    return add("Add", product, bias)
  }

  mutating func layerNorm(
    _ value: String, _ module: String, size: Int, epsilon: Double
  ) throws(ONNXExportError) -> String {
    let weight = try self.weight(module + ".weight", [size])
    let bias = try self.weight(module + ".bias", [size])
    self.module = module
    return add(
      "LayerNormalization", value, weight, bias,
      attributes: [("axis", .int(-1)), ("epsilon", .float(Float(epsilon)))])
  }

  /// The operators that runtimes recognise and replace by one; `Gelu` itself came with a later operator set.
  mutating func activation(_ activation: BERTGraph.Activation, _ x: String, _ module: String) -> String {
    self.module = module
    switch activation {
    case .relu: return add("Relu", x)
    case .gelu:  // x · (1 + erf(x / √2)) · ½
      let scaled = add("Div", x, constant(2.0.squareRoot()))
      let error = add("Erf", scaled)
      let sum = add("Add", error, constant(1.0))
      return add("Mul", add("Mul", x, sum), constant(0.5))
    case .geluTanh:  // ½x · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
      let cube = add("Pow", x, constant(3.0))
      let inner = add("Add", x, add("Mul", cube, constant(0.044715)))
      let tanh = add("Tanh", add("Mul", inner, constant((2 / Double.pi).squareRoot())))
      let sum = add("Add", tanh, constant(1.0))
      return add("Mul", add("Mul", x, constant(0.5)), sum)
    }
  }
}
