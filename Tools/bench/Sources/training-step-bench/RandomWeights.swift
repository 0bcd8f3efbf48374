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
    guard let tensor = tensor(named: name) else { throw NoSuchWeight(name: name) }
    var generator = SplitMix(state: UInt64(tensor.elementCount))
    let isNorm = name.hasSuffix("LayerNorm.weight")
    let values = (0..<tensor.elementCount).map { _ in
      isNorm ? Float(1) : Float.random(in: -0.035...0.035, using: &generator)
    }
    return try body(values.span.bytes)
  }
}

/// Fast and good enough to fill weights with. Steele, Lea, Flood: Fast splittable pseudorandom number generators.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

/// Somebody asked for a weight that no BERT classifier has.
struct NoSuchWeight: Error {
  let name: String
}
