import Pretrained

/// Every weight of a BERT classifier, random, so that a step can be timed without a download.
struct RandomWeights: WeightSource {
  let tensors: [TensorInfo]

  init(_ configuration: BERTConfiguration) {
    tensors = WeightTable(configuration, .sequenceClassification).specs.map {
      TensorInfo(name: $0.name, elementType: .float32, shape: $0.shape)
    }
  }

  func tensor(named name: String) -> TensorInfo? { tensors.first { $0.name == name } }

  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    guard let tensor = tensor(named: name) else { throw SafetensorsError.noSuchTensor(name, nearest: []) }
    var generator = SystemRandomNumberGenerator()
    let isNorm = name.hasSuffix("LayerNorm.weight")
    let values = (0..<tensor.elementCount).map { _ in
      isNorm ? Float(1) : Float.random(in: -0.035...0.035, using: &generator)
    }
    return try body(values.span.bytes)
  }
}
