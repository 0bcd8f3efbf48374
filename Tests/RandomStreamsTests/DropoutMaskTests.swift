import Foundation
import Testing

import RandomStreams

@Suite("dropout masks")
struct DropoutMaskTests {
  static func mask(
    _ generator: inout TorchGenerator, _ count: Int, _ p: Double, _ dialect: RandomDialect,
    _ kernels: RandomKernels = .best
  ) -> [UInt8] {
    var mask = [UInt8](repeating: 0xee, count: count + 1)
    mask.withUnsafeMutableBufferPointer {
      guard let start = $0.baseAddress else { return }
      generator.fillDropoutMask(start, count: count, probability: p, dialect: dialect, kernels: kernels)
    }
    #expect(mask[count] == 0xee, "wrote beyond the mask")
    return Array(mask.dropLast())
  }

  @Test("masks of the current dialect are torch 2.15's", arguments: RandomKernels.available.indices)
  func current(set: Int) throws {
    let (vectors, kernels) = (try Vectors.torch.get(), RandomKernels.available[set])
    for vector in vectors.dropout {
      var generator = TorchGenerator(seed: vector.seed)
      for mask in vector.masks {
        let drawn = Self.mask(&generator, mask.count, mask.p, .torch215, kernels)
        #expect(drawn == mask.bytes, "\(kernels.name), p \(mask.p), \(mask.count) elements")
      }
      #expect(generator.randomInt64() == vector.then.value, "draws left over or taken too many")
    }
  }

  @Test("pairs of draws may straddle the end of the state", arguments: RandomKernels.available.indices)
  func straddling(set: Int) throws {
    let vector = try Vectors.torch.get().dropoutAfterOdd
    var generator = TorchGenerator(seed: vector.seed)
    _ = generator.normal(count: vector.normals)
    let drawn = Self.mask(&generator, vector.count, vector.p, .torch215, RandomKernels.available[set])
    #expect(drawn == MaskVector(count: vector.count, p: vector.p, kept: nil, mask: vector.mask).bytes)
  }

  @Test("the twenty masks of a first training step keep as many elements as torch's")
  func firstStep() throws {
    var generator = TorchGenerator(seed: 42)
    _ = generator.randomInt64()
    for pair in try Vectors.torch.get().stepKept {
      let kept = Self.mask(&generator, pair[0], 0.1, .torch215).reduce(0) { $0 + Int($1) }
      #expect(kept == pair[1])
    }
  }

  @Test(
    "masks of the older dialect are those of torch 2.2 with MKL", arguments: RandomKernels.available.indices)
  func older(set: Int) throws {
    let (vectors, kernels) = (try Vectors.mkl.get(), RandomKernels.available[set])
    for vector in vectors.sequences {
      var generator = TorchGenerator(seed: vector.seed.value)
      for mask in vector.masks {
        let drawn = Self.mask(&generator, mask.count, mask.p, .torch22, kernels)
        #expect(drawn == mask.bytes, "\(kernels.name), p \(mask.p), \(mask.count) elements")
      }
      #expect(generator.randomInt64() == vector.then.value)
    }
    let long = vectors.long
    var generator = TorchGenerator(seed: long.seed)
    let drawn = Self.mask(&generator, long.count, long.p, .torch22, kernels)
    #expect(drawn.reduce(0) { $0 + Int($1) } == long.kept)
    #expect(Array(drawn.suffix(4096)) == MaskVector(count: 4096, p: 0, kept: nil, mask: long.last).bytes)
  }

  @Test("every kernel set gives the same bits for every length", arguments: RandomDialect.allCases)
  func setsAgree(dialect: RandomDialect) {
    for count in Array(0...70) + [623, 624, 625, 1247, 1248, 1249] {
      var expected = TorchGenerator(seed: UInt64(count))
      let mask = Self.mask(&expected, count, 0.3, dialect, RandomKernels.available[0])
      for kernels in RandomKernels.available.dropFirst() {
        var generator = TorchGenerator(seed: UInt64(count))
        #expect(
          Self.mask(&generator, count, 0.3, dialect, kernels) == mask, "\(kernels.name), \(count) elements")
        #expect(generator == expected)
      }
    }
  }

  @Test("every kernel set gives the same normal values")
  func normalsAgree() {
    // Uniform values of 24 bits: a spread of them, the ends, and those next to the branches of log and sine.
    var values: [Float] = [
      0, 0x1p-24, 1 - 0x1p-24, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 0.29289323, 0.29289329,
    ]
    for i in values.count..<16 * 512 {
      let bits = (i &* 2053 &+ 7) & 0xff_ffff
      values.append(Float(bits) * 0x1p-24)
    }
    let results = RandomKernels.available.map { kernels in
      var copy = values
      copy.withUnsafeMutableBufferPointer {
        guard let start = $0.baseAddress else { return }
        kernels.normalBlocks(start, blockCount: 512, mean: 0.5, standardDeviation: 1.25)
      }
      return copy.map(\.bitPattern)
    }
    #expect(results.allSatisfy { $0 == results[0] })
    #expect(results[0].allSatisfy { Float(bitPattern: $0).isFinite })
  }

  @Test("the threshold of MCG31 parts the states that MKL keeps from those it drops, to the last one")
  func threshold() throws {
    for edge in try Vectors.mkl.get().edges {
      let threshold = Int(MCG31.threshold(edge.keep))
      #expect(!edge.kept.isEmpty && edge.kept.allSatisfy { $0 < threshold }, "keep \(edge.keep)")
      #expect(!edge.dropped.isEmpty && edge.dropped.allSatisfy { $0 >= threshold }, "keep \(edge.keep)")
    }
    for keep in [1e-12, 1.0 / 3, 1 - 1e-16, 0x1p-31] {
      let threshold = MCG31.threshold(keep)
      #expect(Float(threshold) * 0x1p-31 >= Float(keep))
      #expect(threshold == 0 || Float(threshold - 1) * 0x1p-31 < Float(keep))
    }
  }
}
