import BERT
import Foundation
import ModelFiles
import Testing

let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "Fixtures")

func fixtureJSON(_ path: String) throws -> JSONValue {
  try JSONValue(parsing: Array(Data(contentsOf: fixtures.appending(path: path))))
}

/// Tensors in memory, as no file has them.
struct MemoryWeights: WeightSource {
  struct Tensor {
    var name: String
    var type: ElementType
    var shape: [Int]
    var bytes: [UInt8]
  }

  struct NoSuchTensor: Error { var name: String }

  var list: [Tensor] = []

  init() {}

  /// Every tensor of another source.
  init(_ source: any WeightSource) throws {
    for info in source.tensors {
      list.append(
        Tensor(
          name: info.name, type: info.elementType, shape: info.shape,
          bytes: try source.withBytes(of: info.name) { span in span.withUnsafeBytes { Array($0) } }))
    }
  }

  /// Every parameter of a class, each filled with a number of its own.
  init(_ configuration: BERTConfiguration, _ architecture: BERTArchitecture) {
    for (number, spec) in WeightTable(configuration, architecture).specs.enumerated() {
      add(spec.name, spec.shape, [Float](repeating: Float(number + 1), count: spec.elementCount))
    }
  }

  var tensors: [TensorInfo] { list.map { TensorInfo(name: $0.name, elementType: $0.type, shape: $0.shape) } }

  func tensor(named name: String) -> TensorInfo? { tensors.first { $0.name == name } }

  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    guard let tensor = list.first(where: { $0.name == name }) else { throw NoSuchTensor(name: name) }
    return try body(tensor.bytes.span.bytes)
  }

  mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
    add(name, shape, .float32, values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } })
  }

  mutating func add(_ name: String, _ shape: [Int], _ type: ElementType, _ bytes: [UInt8]) {
    list.append(Tensor(name: name, type: type, shape: shape, bytes: bytes))
  }

  mutating func drop(_ isDropped: (String) -> Bool) { list.removeAll { isDropped($0.name) } }

  mutating func rename(_ name: (String) -> String) {
    for index in list.indices { list[index].name = name(list[index].name) }
  }

  /// Gives a tensor another shape and zeros to fill it.
  mutating func reshape(_ name: String, _ shape: [Int]) {
    drop { $0 == name }
    add(name, shape, [Float](repeating: 0, count: shape.reduce(1, *)))
  }
}

extension ParameterStore {
  /// The values of a parameter.
  func values(_ name: String) throws -> [Float] {
    let count = try #require(table[name]).elementCount
    return Array(UnsafeBufferPointer(start: self[name], count: count))
  }
}

/// FNV-1a, 64 bits, over the bits of floats.
func hash(_ values: [Float]) -> String {
  let value = values.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
    ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01b3
  }
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}

/// A model small enough to make its weights up: 4 columns, 2 layers.
let tiny = BERTConfiguration(
  vocabSize: 6, hiddenSize: 4, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 8,
  maxPositionEmbeddings: 5)
