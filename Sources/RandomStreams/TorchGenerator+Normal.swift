#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension TorchGenerator {
  /// Normally distributed values, bit for bit those of `torch.empty(count).normal_(mean, standardDeviation)`.
  ///
  /// Below sixteen values torch draws in double precision and keeps the second half of an odd pair for its
  /// next small call; from sixteen on it transforms blocks of sixteen uniforms, and draws the last sixteen
  /// values again when `count` is no multiple of sixteen. Source: `ATen/native/cpu/DistributionTemplates.h`,
  /// `normal_fill_AVX2`.
  public mutating func normal(count: Int, mean: Double = 0, standardDeviation: Double = 1) -> [Float] {
    precondition(count >= 0, "normal: negative count")
    guard count >= 16 else {
      return (0..<count).map { _ in Float(normalDouble() * standardDeviation + mean) }
    }
    var values = uniformFloats(count: count)
    let tail = count % 16 == 0 ? [] : uniformFloats(count: 16)
    transform(&values, blockCount: count / 16, mean: mean, standardDeviation: standardDeviation)
    if !tail.isEmpty {
      var last = tail
      transform(&last, blockCount: 1, mean: mean, standardDeviation: standardDeviation)
      values.replaceSubrange(count - 16..<count, with: last)
    }
    return values
  }

  /// A standard normal value of `at::normal_distribution<double>`; four draws for two values.
  private mutating func normalDouble() -> Double {
    if let cached = cachedNormal {
      cachedNormal = nil
      return cached
    }
    let (u1, u2) = (uniform(), uniform())
    let radius = (-2 * log1p(-u2)).squareRoot()
    let angle = 2 * Double.pi * u1
    cachedNormal = radius * sin(angle)
    return radius * cos(angle)
  }

  /// Uniform values in [0, 1) made of the low 24 bits of one draw each.
  private mutating func uniformFloats(count: Int) -> [Float] {
    var draws = [UInt32](repeating: 0, count: count)
    words.withUnsafeMutableBufferPointer { words in
      draws.withUnsafeMutableBufferPointer { draws in
        guard let words = words.baseAddress, let draws = draws.baseAddress else { return }
        RandomKernels.best.draw(words, next: &next, into: draws, count: count)
      }
    }
    return draws.map { Float($0 & 0xff_ffff) * 0x1p-24 }
  }

  private func transform(_ values: inout [Float], blockCount: Int, mean: Double, standardDeviation: Double) {
    values.withUnsafeMutableBufferPointer { values in
      guard let start = values.baseAddress else { return }
      RandomKernels.best.normalBlocks(
        start, blockCount: blockCount, mean: Float(mean), standardDeviation: Float(standardDeviation))
    }
  }
}
