extension TorchGenerator {
  /// Draws the mask of one dropout call: `mask[i]` becomes 1 where element `i` is kept and 0 where it is
  /// dropped.
  ///
  /// The elements stand in memory order. Nothing is drawn for an empty mask or a probability of 0 or 1, as in
  /// `torch.nn.functional.dropout`. Kept elements are then to be divided by `Float(1 - probability)`.
  /// Source: `ATen/native/cpu/DistributionKernels.cpp`, `bernoulli_scalar_kernel` and `bernoulli_mkl_kernel`.
  ///
  /// - Parameters:
  ///   - probability: the probability that an element is dropped, in 0 ... 1.
  ///   - dialect: how the bits are drawn: two draws an element, or one for the whole mask.
  package mutating func fillDropoutMask(
    _ mask: UnsafeMutablePointer<UInt8>, count: Int, probability: Double, dialect: RandomDialect
  ) {
    fillDropoutMask(mask, count: count, probability: probability, dialect: dialect, kernels: .best)
  }

  /// The same by a given kernel set; all of them give the same mask.
  package mutating func fillDropoutMask(
    _ mask: UnsafeMutablePointer<UInt8>, count: Int, probability: Double, dialect: RandomDialect,
    kernels: RandomKernels
  ) {
    precondition(0...1 ~= probability, "fillDropoutMask: the probability lies outside 0 ... 1")
    let keep = 1 - probability
    guard count > 0, keep > 0, keep < 1 else {
      if count > 0 { mask.update(repeating: keep == 0 ? 0 : 1, count: count) }
      return
    }
    switch dialect {
    case .torch215:
      // An element is kept if v·2⁻⁵³ < keep. Both sides are exact in double, so whole numbers decide alike.
      let threshold = UInt64((keep * 0x1p53).rounded(.up))
      words.withUnsafeMutableBufferPointer { words in
        guard let start = words.baseAddress else { return }
        kernels.maskTwister(start, next: &next, into: mask, count: count, below: threshold)
      }
    case .torch22:
      let seed = random32() % MCG31.modulus
      kernels.maskCongruential(from: max(seed, 1), into: mask, count: count, below: MCG31.threshold(keep))
    }
  }
}

/// MKL's multiplicative congruential generator `VSL_BRNG_MCG31`: x ← 1132489760·x mod 2³¹-1.
package enum MCG31 {
  /// The states are the numbers below this prime, without 0.
  package static let modulus: UInt32 = 0x7fff_ffff

  /// The least state that drops an element: the first x with float(x)·2⁻³¹ not below float(keep).
  ///
  /// MKL compares in single precision; measured on states next to the threshold, see `edges` of
  /// `Fixtures/random/mkl_masks.json`.
  package static func threshold(_ keep: Double) -> UInt32 {
    let keep = Float(keep)
    func isKept(_ state: UInt32) -> Bool { Float(state) * 0x1p-31 < keep }
    var threshold = UInt32(keep * 0x1p31)
    // Rounding a state moves it by 64 at most.
    while isKept(threshold) { threshold += 1 }
    while threshold > 0, !isKept(threshold - 1) { threshold -= 1 }
    return threshold
  }
}
