import CKernels

extension Compute {
  /// z = dropout(x + bias) + residual in place of x, then y = LayerNorm(z). All (T, C), contiguous.
  ///
  /// - Parameters:
  ///   - bias: (C), or nil.
  ///   - mask: one byte an element, not zero where it is kept; nil keeps all and scales none.
  ///   - residual: (T, C), or nil.
  ///   - gamma: (C); `beta` alike.
  ///   - mean: (T), for the backward, or nil; `rstd` alike.
  package func biasDropoutResidualLayerNorm(
    _ x: Matrix, bias: UnsafePointer<Float>?, mask: UnsafePointer<UInt8>?, maskScale: Float,
    residual: Matrix?,
    gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>, epsilon: Float, into y: Matrix,
    mean: UnsafeMutablePointer<Float>?, rstd: UnsafeMutablePointer<Float>?
  ) {
    precondition(x.isContiguous && y.isContiguous && residual?.isContiguous != false, "contiguous matrices")
    let set = kernels.set
    forEachRows(x.rows, columns: x.columns) { rows in
      let first = rows.lowerBound
      set.pointee.bias_dropout_residual_layernorm(
        x.row(first), bias, mask.map { $0 + first * x.columns }, maskScale, residual?.row(first), gamma, beta,
        epsilon, y.row(first), mean.map { $0 + first }, rstd.map { $0 + first }, rows.count, x.columns)
    }
  }

  /// dz (T, C) from dy, with z and its statistics as the forward left them. All contiguous; dz may be dy.
  package func layerNormBackward(
    _ dy: Matrix, input z: Matrix, mean: UnsafePointer<Float>, rstd: UnsafePointer<Float>,
    gamma: UnsafePointer<Float>, into dz: Matrix
  ) {
    precondition(dy.isContiguous && z.isContiguous && dz.isContiguous, "contiguous matrices")
    let set = kernels.set
    forEachRows(dy.rows, columns: dy.columns) { rows in
      let first = rows.lowerBound
      set.pointee.layernorm_backward(
        dy.row(first), z.row(first), mean + first, rstd + first, gamma, dz.row(first), rows.count, dy.columns)
    }
  }

  /// Adds the gradients of gamma and beta, (C) each, given dy and z (T, C), contiguous.
  package func layerNormBackwardParameters(
    _ dy: Matrix, input z: Matrix, mean: UnsafePointer<Float>, rstd: UnsafePointer<Float>,
    gammaGradient: UnsafeMutablePointer<Float>, betaGradient: UnsafeMutablePointer<Float>
  ) {
    precondition(dy.isContiguous && z.isContiguous, "contiguous matrices")
    let set = kernels.set
    forEachColumns(dy.columns, rows: dy.rows) { columns in
      set.pointee.layernorm_backward_parameters(
        dy.start, z.start, mean, rstd, gammaGradient, betaGradient, dy.rows, dy.columns, columns.lowerBound,
        columns.upperBound)
    }
  }

  /// sums (N) += the sum of the rows of x (T, N).
  package func columnSums(_ x: Matrix, addingTo sums: UnsafeMutablePointer<Float>) {
    let set = kernels.set
    forEachColumns(x.columns, rows: x.rows) { columns in
      set.pointee.column_sums(x.start, x.stride, sums, x.rows, columns.lowerBound, columns.upperBound)
    }
  }

  /// The cross entropy of each row of logits (R, V), contiguous, which become their gradient.
  ///
  /// - Parameters:
  ///   - targets: (R) columns; a negative one has loss and gradient 0.
  ///   - smoothing: ε of label smoothing.
  ///   - weight: the factor of the gradient, 1/R for the mean.
  ///   - losses: receives (R) values.
  package func crossEntropy(
    inPlace logits: Matrix, targets: UnsafePointer<Int32>, smoothing: Float, weight: Float,
    losses: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(
      logits.isContiguous && losses.count >= logits.rows, "contiguous logits and a loss for every row")
    guard let first = losses.baseAddress else { return }
    let set = kernels.set
    forEachRows(logits.rows, columns: logits.columns) { rows in
      let x = logits.row(rows.lowerBound)
      set.pointee.cross_entropy(
        x, targets + rows.lowerBound, smoothing, weight, first + rows.lowerBound, x, rows.count,
        logits.columns)
    }
  }

  /// Runs `body` on pieces of the columns of a matrix with so many rows.
  private func forEachColumns(_ columns: Int, rows: Int, _ body: (Range<Int>) -> Void) {
    // Whole cache lines, so that two threads never write into the same one.
    pool.forEachRange(columns, grain: max(64, Self.grain / max(rows, 1) / 64 * 64), body)
  }
}
