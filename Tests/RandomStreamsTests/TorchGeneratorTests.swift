import RandomStreams
import Testing

@Suite("torch.Generator")
struct TorchGeneratorTests {
  @Test("gives torch's 32-bit draws for every kind of seed")
  func draws() throws {
    let vectors = try Vectors.torch.get()
    #expect(vectors.low24.count == 8)
    for vector in vectors.low24 {
      var generator = TorchGenerator(seed: vector.seed.value)
      let draws = vector.values.map { _ in Int(generator.random32() & 0xff_ffff) }
      #expect(draws == vector.values, "seed \(vector.seed.value)")
      #expect(generator.initialSeed == vector.seed.value)
    }
    for vector in vectors.low24Hash {
      var generator = TorchGenerator(seed: vector.seed.value)
      let draws = (0..<vector.count).map { _ in Int(generator.random32() & 0xff_ffff) }
      #expect(Vectors.hash(draws) == vector.hash, "seed \(vector.seed.value)")
    }
  }

  @Test("seeds that differ above 32 bits give one stream")
  func seedsAreCut() {
    var (narrow, wide) = (TorchGenerator(seed: 42), TorchGenerator(seed: 1 << 32 + 42))
    #expect((0..<1000).allSatisfy { _ in narrow.random32() == wide.random32() })
    #expect(narrow.initialSeed != wide.initialSeed)
  }

  @Test("64-bit integers take the first draw as the high half and never the sign")
  func integers() throws {
    for vector in try Vectors.torch.get().int64 {
      var generator = TorchGenerator(seed: vector.seed.value)
      for expected in vector.values { #expect(generator.randomInt64() == expected.value) }
    }
  }

  @Test("permutations are those of torch.randperm")
  func permutations() throws {
    let vectors = try Vectors.torch.get()
    for vector in vectors.randperm {
      var generator = TorchGenerator(seed: vector.seed)
      #expect(generator.randomPermutation(vector.count) == vector.values)
    }
    for vector in vectors.randpermHash {
      var generator = TorchGenerator(seed: vector.seed)
      #expect(Vectors.hash(generator.randomPermutation(vector.count)) == vector.hash)
    }
  }

  @Test("normal values have torch's bits through a series of short and long calls")
  func normals() throws {
    for vector in try Vectors.torch.get().normal {
      var generator = TorchGenerator(seed: vector.seed)
      for (index, call) in vector.calls.enumerated() {
        let values = generator.normal(count: call.count, mean: call.mean, standardDeviation: call.std)
        #expect(
          values.map(\.bitPattern) == call.bits, "seed \(vector.seed), call \(index), \(call.count) values")
      }
    }
  }

  @Test("long normal calls have torch's bits")
  func longNormals() throws {
    for vector in try Vectors.torch.get().normalHash {
      var generator = TorchGenerator(seed: vector.seed)
      let values = generator.normal(count: vector.count, mean: vector.mean, standardDeviation: vector.std)
      #expect(Vectors.hash(values.map { Int($0.bitPattern) }) == vector.hash, "\(vector.count) values")
    }
  }

  @Test("a copy draws what the original draws, and leaves it alone")
  func valueSemantics() {
    var original = TorchGenerator(seed: 3)
    _ = original.normal(count: 3)
    var copy = original
    let drawn = copy.normal(count: 20)
    #expect(copy != original)
    #expect(original.normal(count: 20) == drawn)
    #expect(copy == original)
  }
}

@Suite("saved generator states")
struct TorchGeneratorStateTests {
  /// The generator a state vector describes, made anew from its seed.
  static func generator(_ vector: TorchVectors.State) -> TorchGenerator {
    var generator = TorchGenerator(seed: vector.seed.value)
    _ = generator.normal(count: vector.normals)
    for _ in 0..<vector.draws { _ = generator.random32() }
    return generator
  }

  @Test("a state is written byte for byte as torch writes it")
  func writes() throws {
    for vector in try Vectors.torch.get().states {
      #expect(Self.generator(vector).state == Array(vector.state), "seed \(vector.seed.value)")
    }
  }

  @Test("a state of torch's goes on where torch goes on")
  func restores() throws {
    for vector in try Vectors.torch.get().states {
      var generator = try TorchGenerator(state: Array(vector.state))
      #expect(generator == Self.generator(vector))
      #expect(generator.state == Array(vector.state))
      #expect(generator.normal(count: 2).map(\.bitPattern) == vector.thenNormals)
      #expect(generator.randomInt64() == vector.thenInt64.value)
    }
  }

  /// A sound state with one byte replaced.
  static func damaged(at offset: Int, by byte: UInt8) -> [UInt8] {
    var state = TorchGenerator(seed: 1).state
    state[offset] = byte
    return state
  }

  static let hostile: [([UInt8], TorchGeneratorError)] = [
    ([], .stateLength(expected: 5056, found: 0)),
    ([UInt8](repeating: 0, count: 5055), .stateLength(expected: 5056, found: 5055)),
    ([UInt8](repeating: 0, count: 5056), .stateField(name: "seeded", expected: "1", found: "0")),
    (damaged(at: 16, by: 255), .stateField(name: "left", expected: "370", found: "1")),
    (damaged(at: 17, by: 255), .stateField(name: "next", expected: "0 to 624", found: "65280")),
    (damaged(at: 8, by: 2), .stateField(name: "left", expected: "1", found: "2")),
    (damaged(at: 11, by: 128), .stateField(name: "left", expected: "1", found: "-2147483647")),
    (damaged(at: 28, by: 1), .stateField(name: "state[0]", expected: "a 32-bit number", found: "4294967297")),
  ]

  @Test("a damaged state is refused", arguments: hostile.indices)
  func refuses(index: Int) {
    let (state, error) = Self.hostile[index]
    #expect(throws: error) { try TorchGenerator(state: state) }
  }
}
