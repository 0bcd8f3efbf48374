/// NumPy's `numpy.random.default_rng(seed)`: a PCG64 generator seeded through `SeedSequence`.
///
/// A value type: a copy is a saved state. The streams of `permutation` and `choice` are those of NumPy 1.17
/// and later. Source: `numpy/random/_generator.pyx`, `bit_generator.pyx`,
/// `src/distributions/distributions.c`, `src/pcg64/pcg64.h`.
public struct NumPyGenerator: Sendable, Equatable {
  private var state: UInt128 = 0
  private let increment: UInt128
  /// The high half of a 64-bit output whose low half was taken as 32 bits.
  private var bufferedHalf: UInt32?

  /// Makes the generator that `default_rng(seed)` returns.
  public init(seed: UInt64) {
    let words = SeedSequence(seed: seed).state(wordCount: 8)
    func half(_ i: Int) -> UInt128 { UInt128(words[2 * i]) | UInt128(words[2 * i + 1]) << 32 }
    let (initial, stream) = (half(0) << 64 | half(1), half(2) << 64 | half(3))
    increment = stream << 1 | 1
    step()
    state &+= initial
    step()
  }

  private mutating func step() {
    state = state &* 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645 &+ increment
  }

  /// The next 64 random bits (the XSL-RR output of PCG64).
  public mutating func random64() -> UInt64 {
    step()
    let value = UInt64(truncatingIfNeeded: state >> 64) ^ UInt64(truncatingIfNeeded: state)
    let rotation = UInt64(truncatingIfNeeded: state >> 122)
    return value &>> rotation | value &<< (64 &- rotation)
  }

  /// The next 32 random bits: the low half of a 64-bit output, then its high half.
  public mutating func random32() -> UInt32 {
    if let half = bufferedHalf {
      bufferedHalf = nil
      return half
    }
    let value = random64()
    bufferedHalf = UInt32(truncatingIfNeeded: value >> 32)
    return UInt32(truncatingIfNeeded: value)
  }

  /// A random order of 0 ..< `count`, as `Generator.permutation(count)` gives it.
  public mutating func permutation(_ count: Int) -> [Int] { permutation(of: Array(0..<count)) }

  /// The elements in a random order, as `Generator.permutation(elements)` gives them for a one-dimensional
  /// array.
  public mutating func permutation<Element>(of elements: [Element]) -> [Element] {
    var result = elements
    for i in result.indices.dropFirst().reversed() { result.swapAt(i, Int(masked(upTo: UInt64(i)))) }
    return result
  }

  /// `count` different elements, as `Generator.choice(elements, count, replace=False)` picks them.
  ///
  /// - Precondition: `count` lies in 0 ... `elements.count`.
  public mutating func choice<Element>(of elements: [Element], count: Int) -> [Element] {
    precondition(0...elements.count ~= count, "choice: more elements asked for than there are")
    return choiceIndices(of: elements.count, count: count).map { elements[$0] }
  }

  private mutating func choiceIndices(of population: Int, count: Int) -> [Int] {
    var indices: [Int]
    if population > 10_000 && count > population / 50 {  // shuffle the tail of all indices
      indices = Array(0..<population)
      shuffleTail(of: &indices, downTo: max(population - count, 1))
      indices.removeFirst(population - count)
    } else {  // Floyd's method
      indices = []
      var seen: Set<Int> = []
      for j in population - count..<population {
        let pick = Int(bounded(upTo: UInt64(j)))
        let taken = seen.insert(pick).inserted ? pick : j
        seen.insert(taken)
        indices.append(taken)
      }
      shuffleTail(of: &indices, downTo: 1)
    }
    return indices
  }

  /// Shuffles the places `first` and above. `choice` draws here by multiplication, where `permutation` masks.
  private mutating func shuffleTail(of values: inout [Int], downTo first: Int) {
    for i in stride(from: values.count - 1, through: first, by: -1) {
      values.swapAt(i, Int(bounded(upTo: UInt64(i))))
    }
  }

  /// A uniform integer in 0 ... `limit` by bit mask and rejection (`random_interval`).
  package mutating func masked(upTo limit: UInt64) -> UInt64 {
    guard limit > 0 else { return 0 }
    let mask = UInt64.max >> UInt64(limit.leadingZeroBitCount)
    while true {
      let value = (limit <= UInt64(UInt32.max) ? UInt64(random32()) : random64()) & mask
      if value <= limit { return value }
    }
  }

  /// A uniform integer in 0 ... `limit` by Lemire's multiplication (`random_bounded_uint64`).
  package mutating func bounded(upTo limit: UInt64) -> UInt64 {
    switch limit {
    case 0: return 0
    case ..<UInt64(UInt32.max):
      let range = UInt32(limit) + 1
      var product = range.multipliedFullWidth(by: random32())
      if product.low < range {
        let threshold = (UInt32.max - UInt32(limit)) % range
        while product.low < threshold { product = range.multipliedFullWidth(by: random32()) }
      }
      return UInt64(product.high)
    case UInt64(UInt32.max): return UInt64(random32())
    case UInt64.max: return random64()
    default:
      let range = limit + 1
      var product = range.multipliedFullWidth(by: random64())
      if product.low < range {
        let threshold = (UInt64.max - limit) % range
        while product.low < threshold { product = range.multipliedFullWidth(by: random64()) }
      }
      return product.high
    }
  }
}

/// NumPy's `SeedSequence`: spreads a small seed over a pool of four 32-bit words.
package struct SeedSequence {
  private let pool: [UInt32]

  /// Mixes the two halves of the seed.
  package init(seed: UInt64) {
    var hash: UInt32 = 0x43b0_d7e5
    func hashMix(_ input: UInt32) -> UInt32 {
      var value = input ^ hash
      hash = hash &* 0x931e_8875
      value = value &* hash
      return value ^ value >> 16
    }
    func mix(_ x: UInt32, _ y: UInt32) -> UInt32 {
      let value = 0xca01_f9dd &* x &- 0x4973_f715 &* y
      return value ^ value >> 16
    }
    // A 64-bit seed fills at most two of the four words, so no entropy is left over to mix in afterwards.
    let entropy = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32), 0, 0]
    var pool = entropy.map(hashMix)
    for source in pool.indices {
      for target in pool.indices where target != source {
        pool[target] = mix(pool[target], hashMix(pool[source]))
      }
    }
    self.pool = pool
  }

  /// The first `wordCount` words of `generate_state(wordCount, uint32)`.
  package func state(wordCount: Int) -> [UInt32] {
    var hash: UInt32 = 0x8b51_f9dd
    return (0..<wordCount).map { i in
      var value = pool[i % pool.count] ^ hash
      hash = hash &* 0x58f3_8ded
      value = value &* hash
      return value ^ value >> 16
    }
  }
}
