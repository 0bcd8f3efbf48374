import Testing

import RandomStreams

@Suite("numpy.random.default_rng")
struct NumPyGeneratorTests {
  @Test("seeds spread and outputs follow as in NumPy")
  func raw() throws {
    for vector in try Vectors.numPy.get().streams {
      #expect(SeedSequence(seed: vector.seed.value).state(wordCount: 8) == vector.seedSequence)
      var generator = NumPyGenerator(seed: vector.seed.value)
      for expected in vector.raw { #expect(generator.random64() == expected.value) }
    }
  }

  @Test("permutations and choices on one generator are NumPy's")
  func calls() throws {
    for vector in try Vectors.numPy.get().streams {
      var generator = NumPyGenerator(seed: vector.seed.value)
      #expect(generator.permutation(15) == vector.permutation15)
      #expect(generator.choice(of: Array(0..<3), count: 1) == vector.choice1of3)
      #expect(generator.choice(of: Array(0..<9), count: 5) == vector.choice5of9)
      #expect(generator.choice(of: Array(0..<4), count: 4) == vector.choice4of4)
      #expect(generator.choice(of: Array(0..<4), count: 0) == vector.choice0of4)
      #expect(generator.permutation(of: Array(100..<107)) == vector.permuted)
    }
  }

  @Test("long permutations, Floyd's choice and the tail shuffle are NumPy's")
  func large() throws {
    let vector = try Vectors.numPy.get().large
    var generator = NumPyGenerator(seed: vector.seed)
    #expect(Vectors.hash(generator.permutation(70_000)) == vector.permutation70000)
    let population = Array(0..<20_000)
    #expect(Vectors.hash(generator.choice(of: population, count: 300)) == vector.choice300of20000)
    #expect(Vectors.hash(generator.choice(of: population, count: 500)) == vector.choice500of20000)
    #expect(Vectors.hash(generator.choice(of: population, count: 20_000)) == vector.choice20000of20000)
  }

  @Test("bounded integers are those of Generator.integers")
  func bounded() throws {
    for vector in try Vectors.numPy.get().bounded {
      var generator = NumPyGenerator(seed: vector.seed)
      let values = vector.values.map { _ in generator.bounded(upTo: vector.limit.value) }
      #expect(values == vector.values.map(\.value), "limit \(vector.limit.value)")
    }
  }

  @Test(
    "masked integers stay within their limit and reach it", arguments: [UInt64(1), 6, 255, 1 << 32 + 1, .max])
  func masked(limit: UInt64) {
    var generator = NumPyGenerator(seed: 1)
    let values = (0..<2000).map { _ in generator.masked(upTo: limit) }
    #expect(values.allSatisfy { $0 <= limit })
    #expect(limit > 255 || Set(values).count == Int(limit) + 1)
  }
}
