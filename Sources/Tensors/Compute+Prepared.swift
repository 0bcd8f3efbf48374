package import CKernels

extension Compute {
  /// y (T, N) = activation(x (T, K)·Wᵀ + bias) with prepared weights.
  ///
  /// Bits do not depend on the number of threads nor on the other rows. Without activation and bias, `.packed` gives
  /// those of ``linear(_:weight:bias:into:)`` with own kernels.
  ///
  /// - Parameters:
  ///   - weights: prepared with the kernels of this object.
  ///   - addsBias: whether the layer's bias is added.
  ///   - activation: nil for none.
  package func linear(
    _ x: Matrix, _ weights: PreparedWeights, addsBias: Bool, activation: activation_kind? = nil,
    into y: Matrix
  ) {
    precondition(
      x.rows == y.rows && x.columns == weights.inputs && y.columns == weights.outputs,
      "the shapes of a product do not fit")
    if weights.form == .int8 {
      weights.memory.buffers.withRows(x.rows, columns: x.columns) { rows in
        linear(x, weights, rows, Epilogue(addsBias ? weights.bias : nil, activation), into: y)
      }
      return
    }
    let (set, form) = (kernels.set, weights.form)
    let panelBytes = kernels.panelByteCount(form, inputs: weights.inputs)
    let epilogue = Epilogue(addsBias ? weights.bias : nil, activation)
    forEachPanel(of: y, depth: x.columns, mostRows: 256) { panel in
      let (left, target) = (x.rows(panel.rows), y.rows(panel.rows).columns(panel.columns))
      let start = weights.panels + panel.columns.lowerBound / kernels.panel * panelBytes
      epilogue.from(panel.columns.lowerBound) { epilogue in
        if form == .float16 {
          set.pointee.linear_halves(
            target.rows, target.columns, x.columns, left.start, left.stride,
            start.assumingMemoryBound(to: UInt16.self), epilogue, target.start, target.stride)
        } else {
          set.pointee.linear_floats(
            target.rows, target.columns, x.columns, left.start, left.stride,
            start.assumingMemoryBound(to: Float.self), epilogue, target.start, target.stride)
        }
      }
    }
  }

  /// The same in bytes; `rows` has room for x.
  private func linear(
    _ x: Matrix, _ weights: PreparedWeights, _ rows: ByteRows, _ epilogue: Epilogue, into y: Matrix
  ) {
    let set = kernels.set
    forEachRows(x.rows, columns: x.columns) { part in
      let first = part.lowerBound
      set.pointee.quantise_rows(
        x.row(first), x.stride, part.count, x.columns, rows.bytes + first * rows.stride, rows.stride,
        rows.scales + first, rows.zeros + first)
    }
    let panelBytes = kernels.panelByteCount(.int8, inputs: weights.inputs)
    forEachPanel(of: y, depth: x.columns, mostRows: 256) { panel in
      let target = y.rows(panel.rows).columns(panel.columns)
      let first = panel.rows.lowerBound
      epilogue.from(panel.columns.lowerBound) { epilogue in
        set.pointee.linear_bytes(
          target.rows, target.columns, x.columns, rows.bytes + first * rows.stride, rows.stride,
          rows.scales + first, rows.zeros + first,
          weights.panels + panel.columns.lowerBound / kernels.panel * panelBytes, epilogue, target.start,
          target.stride)
      }
    }
  }

  /// Whether ``linearByDots(_:weight:bias:activation:into:)`` is faster than a product for so many rows.
  package func prefersDots(rows: Int) -> Bool { rows <= kernels.set.pointee.most_dot_rows }

  /// y (T, N) = activation(x (T, K)·Wᵀ + bias) for a few rows, from the weights as they lie in a file.
  ///
  /// Bits do not depend on the number of threads nor on the other rows, and are not those of
  /// ``linear(_:weight:bias:into:)``.
  ///
  /// - Parameters:
  ///   - weight: W, (N, K).
  ///   - bias: (N), or nil.
  ///   - activation: nil for none.
  package func linearByDots(
    _ x: Matrix, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    activation: activation_kind? = nil,
    into y: Matrix
  ) {
    precondition(x.rows == y.rows, "the shapes of a product do not fit")
    let set = kernels.set
    let epilogue = Epilogue(bias, activation)
    forEachPanel(of: y, depth: x.columns, mostRows: 512) { panel in
      let (left, target) = (x.rows(panel.rows), y.rows(panel.rows).columns(panel.columns))
      epilogue.from(panel.columns.lowerBound) { epilogue in
        set.pointee.linear_dot(
          target.rows, target.columns, x.columns, left.start, left.stride,
          weight + panel.columns.lowerBound * x.columns, x.columns, epilogue, target.start, target.stride)
      }
    }
  }

  /// Cuts a product into panels that threads take one by one.
  ///
  /// The cut may depend on the number of threads, because no bit depends on the cut.
  private func forEachPanel(of y: Matrix, depth: Int, mostRows: Int, _ body: (Panel) -> Void) {
    let bands = max(1, (y.rows + mostRows - 1) / mostRows)
    let units = (y.columns + kernels.panel - 1) / kernels.panel
    // Enough pieces to make up for a thread that loses its processor; not so many that taking them counts.
    let work = y.rows * y.columns * depth
    let wanted = max(1, min(4 * pool.threadCount, work >> 18))
    let across = max(1, min(units, max(wanted / bands, (y.columns + 511) / 512)))
    pool.forEach(bands * across) { index in
      let (band, piece) = index.quotientAndRemainder(dividingBy: across)
      let first = units * piece / across * kernels.panel
      body(
        Panel(
          rows: y.rows * band / bands..<y.rows * (band + 1) / bands,
          columns: first..<min(units * (piece + 1) / across * kernels.panel, y.columns)))
    }
  }
}

/// What follows a product, in Swift's terms.
private struct Epilogue {
  private let bias: UnsafePointer<Float>?
  private let activation: activation_kind?

  init(_ bias: UnsafePointer<Float>?, _ activation: activation_kind?) {
    (self.bias, self.activation) = (bias, activation)
  }

  /// The epilogue of the columns from `column` on.
  func from(_ column: Int, _ body: (UnsafePointer<product_epilogue>) -> Void) {
    let epilogue = product_epilogue(
      bias: bias.map { $0 + column }, activates: activation != nil, activation: activation ?? ACTIVATION_RELU)
    withUnsafePointer(to: epilogue, body)
  }
}
