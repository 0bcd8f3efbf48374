public import ModelFiles

/// How a GGUF file stores the elements of a tensor.
///
/// The numbers, names and sizes are those of ggml-org/llama.cpp, `gguf-py/gguf/constants.py`,
/// `GGMLQuantizationType` and `GGML_QUANT_SIZES`. Numbers that are missing here belonged to types that ggml no longer
/// reads.
@nonexhaustive
public enum GGUFTensorType: UInt32, Sendable, Hashable, CaseIterable {
  case float32 = 0
  case float16 = 1
  case q40 = 2
  case q41 = 3
  case q50 = 6
  case q51 = 7
  case q80 = 8
  case q81 = 9
  case q2K = 10
  case q3K = 11
  case q4K = 12
  case q5K = 13
  case q6K = 14
  case q8K = 15
  case iq2XXS = 16
  case iq2XS = 17
  case iq3XXS = 18
  case iq1S = 19
  case iq4NL = 20
  case iq3S = 21
  case iq2S = 22
  case iq4XS = 23
  case int8 = 24
  case int16 = 25
  case int32 = 26
  case int64 = 27
  case float64 = 28
  case iq1M = 29
  case bfloat16 = 30
  case tq10 = 34
  case tq20 = 35
  case mxfp4 = 39
  case nvfp4 = 40
  case q10 = 41

  /// As ggml spells it: `F32`, `Q4_0`, `IQ2_XXS`.
  public var name: String { facts.name }

  /// The elements of a block, consecutive in a row; 1 for types that are not quantised.
  public var blockElementCount: Int { facts.elements }

  /// The bytes of a block.
  public var blockByteCount: Int { facts.bytes }

  /// Whether elements are stored in blocks that share scales.
  public var isQuantised: Bool { facts.elements > 1 }

  /// The element type of the same bytes, or nil when the elements are quantised.
  public var elementType: ElementType? {
    switch self {
    case .float32: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float64: .float64
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    default: nil
    }
  }

  /// The type named `name` as ggml spells it, in either case, or nil.
  public init?(named name: String) {
    let name = name.uppercased()
    guard let type = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = type
  }

  private var facts: (name: String, elements: Int, bytes: Int) {
    switch self {
    case .float32: ("F32", 1, 4)
    case .float16: ("F16", 1, 2)
    case .q40: ("Q4_0", 32, 18)
    case .q41: ("Q4_1", 32, 20)
    case .q50: ("Q5_0", 32, 22)
    case .q51: ("Q5_1", 32, 24)
    case .q80: ("Q8_0", 32, 34)
    case .q81: ("Q8_1", 32, 40)
    case .q2K: ("Q2_K", 256, 84)
    case .q3K: ("Q3_K", 256, 110)
    case .q4K: ("Q4_K", 256, 144)
    case .q5K: ("Q5_K", 256, 176)
    case .q6K: ("Q6_K", 256, 210)
    case .q8K: ("Q8_K", 256, 292)
    case .iq2XXS: ("IQ2_XXS", 256, 66)
    case .iq2XS: ("IQ2_XS", 256, 74)
    case .iq3XXS: ("IQ3_XXS", 256, 98)
    case .iq1S: ("IQ1_S", 256, 50)
    case .iq4NL: ("IQ4_NL", 32, 18)
    case .iq3S: ("IQ3_S", 256, 110)
    case .iq2S: ("IQ2_S", 256, 82)
    case .iq4XS: ("IQ4_XS", 256, 136)
    case .int8: ("I8", 1, 1)
    case .int16: ("I16", 1, 2)
    case .int32: ("I32", 1, 4)
    case .int64: ("I64", 1, 8)
    case .float64: ("F64", 1, 8)
    case .iq1M: ("IQ1_M", 256, 56)
    case .bfloat16: ("BF16", 1, 2)
    case .tq10: ("TQ1_0", 256, 54)
    case .tq20: ("TQ2_0", 256, 66)
    case .mxfp4: ("MXFP4", 32, 17)
    case .nvfp4: ("NVFP4", 64, 36)
    case .q10: ("Q1_0", 128, 18)
    }
  }
}

extension GGUFTensorType {
  /// The bytes that a tensor of this type takes.
  ///
  /// - Parameter shape: outermost dimension first.
  /// - Throws: a fault when a dimension is negative, when the last is no multiple of the block, and when the number of
  ///   elements or bytes, dimensions of zero left out, does not fit a machine word.
  func byteCount(tensor: String, shape: [Int]) throws(GGUFError.Fault) -> Int {
    guard shape.allSatisfy({ $0 >= 0 }) else { throw .negativeDimension(tensor: tensor, shape: shape) }
    let row = shape.last ?? 1
    guard row % blockElementCount == 0 else {
      throw .partialBlock(tensor: tensor, rowLength: row, type: self)
    }
    // Eight bytes an element at most, read or written, must be countable too.
    var size = max(blockByteCount, 8)
    for dimension in shape where dimension > 0 {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      if overflow { throw .shapeOverflow(tensor: tensor, shape: shape) }
      size = product
    }
    return shape.reduce(1, *) / blockElementCount * blockByteCount
  }
}
