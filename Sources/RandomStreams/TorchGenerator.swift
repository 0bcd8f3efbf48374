/// PyTorch's CPU random generator, `torch.Generator`: the 32-bit Mersenne Twister and what torch draws from
/// it.
///
/// A value type: a copy is a saved state. Equal seeds and equal calls give torch's bits on every platform;
/// `normal` follows torch's AVX2 build, which the libm build of other processors leaves by one unit in the
/// last place now and then.
///
/// Source: `ATen/core/MT19937RNGEngine.h` and `ATen/core/TransformationHelper.h`.
public struct TorchGenerator: Sendable, Equatable {
  /// The seed as given, what `torch.initial_seed()` returns.
  public let initialSeed: UInt64

  var words: [UInt32]
  /// The index of the next word; 0 in a fresh state, which is advanced before its first draw.
  var next: UInt32
  /// The second value of the last pair of scalar normals, when it was not used yet.
  var cachedNormal: Double?
  /// The same for `float` distributions, which nothing here draws; kept so that a restored state writes back
  /// whole.
  var cachedFloatNormal: Float?

  /// Makes the generator that `torch.manual_seed(seed)` leaves.
  ///
  /// Only the low 32 bits choose the stream, so 42 and 2³² + 42 give the same numbers. torch takes negative
  /// seeds as their two's complement: pass `UInt64(bitPattern:)`.
  public init(seed: UInt64) {
    initialSeed = seed
    var words = [UInt32](repeating: UInt32(truncatingIfNeeded: seed), count: Self.wordCount)
    for i in 1..<words.count {
      words[i] = 1_812_433_253 &* (words[i - 1] ^ (words[i - 1] >> 30)) &+ UInt32(i)
    }
    self.words = words
    next = 0
  }

  init(initialSeed: UInt64, words: [UInt32], next: UInt32, cachedNormal: Double?, cachedFloatNormal: Float?) {
    self.initialSeed = initialSeed
    self.words = words
    self.next = next
    self.cachedNormal = cachedNormal
    self.cachedFloatNormal = cachedFloatNormal
  }

  static let wordCount = 624

  /// The next 32 random bits.
  public mutating func random32() -> UInt32 {
    var value: UInt32 = 0
    words.withUnsafeMutableBufferPointer { words in
      if let start = words.baseAddress { RandomKernels.best.draw(start, next: &next, into: &value, count: 1) }
    }
    return value
  }

  /// The next 64 random bits: two draws, the first of which is the high half.
  public mutating func random64() -> UInt64 {
    let high = random32()
    return UInt64(high) << 32 | UInt64(random32())
  }

  /// A non-negative 64-bit integer, as `torch.empty((), dtype=torch.int64).random_()` draws it.
  ///
  /// Two draws. Every `iter(DataLoader)` takes one of these as its `_base_seed`, even without workers.
  public mutating func randomInt64() -> Int64 { Int64(random64() & UInt64(Int64.max)) }

  /// A random order of 0 ..< `count`, as `torch.randperm(count)` gives it; `count` - 1 draws.
  ///
  /// - Precondition: `count` is below 214,748,364, from where on torch draws 64 bits for each element.
  public mutating func randomPermutation(_ count: Int) -> [Int] {
    precondition(
      count >= 0 && count < Int(UInt32.max / 20), "randomPermutation: count outside 0 ..< 214,748,364")
    var order = Array(0..<count)
    for i in order.indices.dropLast() {
      order.swapAt(i, i + Int(random32() % UInt32(count - i)))
    }
    return order
  }

  /// A uniform value in [0, 1) made of 53 bits; two draws.
  mutating func uniform() -> Double { Double(random64() & (1 << 53 - 1)) * 0x1p-53 }
}
