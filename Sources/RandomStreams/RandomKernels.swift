import CKernels

/// The random stream kernels for one instruction set.
///
/// Every set gives the same bits; they differ in speed only.
package struct RandomKernels: Sendable {
  /// All sets this processor can run, slowest first. Tests compare them with one another.
  package static let available: [RandomKernels] = {
    var count = 0
    let first = random_kernel_sets(&count)
    return UnsafeBufferPointer(start: first, count: count).map(RandomKernels.init)
  }()

  /// The fastest set this processor can run.
  package static let best = available[available.count - 1]

  // The C table holds nothing but constant pointers to functions and a name.
  private nonisolated(unsafe) let set: random_kernel_set

  private init(_ set: random_kernel_set) { self.set = set }

  /// The instruction set, such as `avx2`.
  package var name: String { String(cString: set.name) }

  /// Writes the next `count` outputs of the MT19937 state `words` to `output`.
  ///
  /// - Parameter next: the index of the next word; 0 or 624 when the state must be advanced before it is
  ///   read.
  func draw(
    _ words: UnsafeMutablePointer<UInt32>, next: inout UInt32, into output: UnsafeMutablePointer<UInt32>,
    count: Int
  ) {
    set.mt19937_draw(words, &next, output, count)
  }

  /// Sets each byte of `mask` to 1 where the low 53 bits of a pair of draws lie below `threshold`, else to 0.
  func maskTwister(
    _ words: UnsafeMutablePointer<UInt32>, next: inout UInt32, into mask: UnsafeMutablePointer<UInt8>,
    count: Int,
    below threshold: UInt64
  ) {
    set.mt19937_mask(words, &next, mask, count, threshold)
  }

  /// Sets each byte of `mask` to 1 where the MCG31 sequence that begins with `first` lies below `threshold`,
  /// else to 0.
  func maskCongruential(
    from first: UInt32, into mask: UnsafeMutablePointer<UInt8>, count: Int, below threshold: UInt32
  ) {
    set.mcg31_mask(first, mask, count, threshold)
  }

  /// Replaces each block of sixteen uniform values in [0, 1) by sixteen normal values.
  package func normalBlocks(
    _ values: UnsafeMutablePointer<Float>, blockCount: Int, mean: Float, standardDeviation: Float
  ) {
    set.normal_blocks(values, blockCount, mean, standardDeviation)
  }
}
