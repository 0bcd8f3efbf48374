package import CKernels

extension Compute {
  /// One AdamW step on `count` parameters.
  ///
  /// - Parameters:
  ///   - gradient: nil stands for zeros.
  ///   - step: the factors of this step.
  package func adamW(
    parameters: UnsafeMutablePointer<Float>, firstMoment: UnsafeMutablePointer<Float>,
    secondMoment: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>?, _ step: adamw_step, count: Int
  ) {
    let kernels = kernels
    forEachPiece(count) { piece in
      let first = piece.lowerBound
      kernels.adamW(
        parameters + first, firstMoment + first, secondMoment + first, gradient.map { $0 + first }, step,
        piece.count)
    }
  }

  /// The sum of the squares, in double precision, of pieces that are added in their order.
  package func sumOfSquares(_ values: UnsafePointer<Float>, count: Int) -> Double {
    // At most 256 pieces, whose sums fit on the stack.
    let grain = max(4 * Self.grain, (count + 255) / 256)
    let pieces = (count + grain - 1) / grain
    let set = kernels.set
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: pieces) { sums in
      guard let first = sums.baseAddress else { return 0 }
      pool.forEach(pieces) { index in
        let start = index * grain
        (first + index).initialize(
          to: set.pointee.sum_of_squares(values + start, min(grain, count - start)))
      }
      return sums.reduce(0, +)
    }
  }

  /// values[i] *= factor
  package func scale(_ values: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
    let kernels = kernels
    forEachPiece(count) { kernels.scale(values + $0.lowerBound, factor, $0.count) }
  }
}
