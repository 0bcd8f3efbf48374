package import CKernels

/// The two factors of a weight's gradient, and the weight: dW (N, K) = outputGradientᵀ·input.
package struct WeightUpdate: @unchecked Sendable {
  /// dY, (T, N).
  package let outputGradient: Matrix
  /// X, (T, K).
  package let input: Matrix
  /// Floats from the start of the parameters to W, (N, K), contiguous.
  package let offset: Int

  package init(outputGradient: Matrix, input: Matrix, offset: Int) {
    precondition(outputGradient.rows == input.rows, "the factors of a gradient have the same tokens")
    (self.outputGradient, self.input, self.offset) = (outputGradient, input, offset)
  }

  /// The most tokens of an update.
  package static var tokenLimit: Int { Int(UPDATE_TOKENS) }

  /// Floats that the packed input needs.
  fileprivate func panelCount(_ set: UnsafePointer<kernel_set>) -> Int {
    let width = set.pointee.panel
    return (input.columns + width - 1) / width * width * input.rows
  }

  fileprivate func factors(panels: UnsafePointer<Float>? = nil) -> gradient_factors {
    gradient_factors(
      tokens: input.rows, rows: outputGradient.columns, columns: input.columns, dy: outputGradient.start,
      dy_stride: outputGradient.stride, x: input.start, x_stride: input.stride, panels: panels)
  }

  fileprivate var normParts: Int { (input.rows + Int(NORM_TOKENS) - 1) / Int(NORM_TOKENS) }
}

extension Compute {
  /// The sum of the squares of all gradients, which are not formed; in double, in the order of the updates.
  ///
  /// ‖dYᵀ·X‖² is taken from the Gram matrices of the factors, as differentially private training does for single
  /// examples (Goodfellow, arXiv:1510.01799; Li et al., arXiv:2110.05679, section 4), here for a whole batch.
  package func sumOfSquares(_ updates: [WeightUpdate]) -> Double {
    let set = kernels.set
    let parts = updates.indices.flatMap { index in (0..<updates[index].normParts).map { (index, $0) } }
    var sums = [Double](repeating: 0, count: parts.count)
    sums.withUnsafeMutableBufferPointer { sums in
      let target = SharedBuffer(sums)
      pool.forEach(parts.count) { task in
        var factors = updates[parts[task].0].factors()
        target[task] = set.pointee.gradient_norm(&factors, parts[task].1)
      }
    }
    return sums.reduce(0, +)
  }

  /// One AdamW step on the weight of an update, without its gradient ever being in memory.
  ///
  /// A parameter moves as ``adamW(parameters:firstMoment:secondMoment:gradient:_:count:)`` moves it given the product
  /// of the factors, bit for bit.
  ///
  /// - Parameters:
  ///   - parameters: the start of the block that the update's offset counts from; the moments alike.
  ///   - panels: scratch memory of ``panelFloats(_:)``.
  package func adamW(
    _ update: WeightUpdate, parameters: UnsafeMutablePointer<Float>, firstMoment: UnsafeMutablePointer<Float>,
    secondMoment: UnsafeMutablePointer<Float>, _ step: adamw_step, panels: UnsafeMutablePointer<Float>
  ) {
    let set = kernels.set
    let (rows, columns) = (update.outputGradient.columns, update.input.columns)
    pool.forEachRange(columns, grain: 4 * set.pointee.panel) { range in
      var factors = update.factors()
      set.pointee.pack_columns(&factors, range.lowerBound, range.upperBound, panels)
    }
    // About a tenth of a millisecond a task; 48 is a multiple of the rows of every set's tile.
    let grain = max(1, (8 << 20) / max(48 * columns * update.input.rows, 1)) * 48
    pool.forEachRange(rows, grain: grain) { range in
      var (factors, step) = (update.factors(panels: panels), step)
      set.pointee.adamw_product(
        &factors, range.lowerBound, range.upperBound, parameters + update.offset,
        firstMoment + update.offset, secondMoment + update.offset, &step)
    }
  }

  /// The floats of scratch that the largest of some updates needs.
  package func panelFloats(_ updates: [WeightUpdate]) -> Int {
    updates.reduce(0) { max($0, $1.panelCount(kernels.set)) }
  }
}

/// A buffer of which tasks write different elements.
private struct SharedBuffer: @unchecked Sendable {
  private let start: UnsafeMutablePointer<Double>?

  init(_ buffer: UnsafeMutableBufferPointer<Double>) { start = buffer.baseAddress }

  subscript(index: Int) -> Double {
    get { start?[index] ?? 0 }
    nonmutating set { start?[index] = newValue }
  }
}
