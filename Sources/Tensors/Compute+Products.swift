package import CKernels

extension Compute {
  /// c (M, N) = op(a)·op(b), or c += op(a)·op(b) when `adding`.
  ///
  /// - Parameters:
  ///   - a: (M, K), or (K, M) when transposed.
  ///   - b: (K, N), or (N, K) when transposed.
  package func product(
    _ a: Matrix, transposed aTransposed: Bool = false, _ b: Matrix, transposed bTransposed: Bool = false,
    into c: Matrix, adding: Bool = false
  ) {
    product(a, aTransposed, b, bTransposed, into: c, adding: adding) { _ in }
  }

  /// y (T, N) = x (T, K)·Wᵀ + bias.
  ///
  /// - Parameters:
  ///   - weight: W, (N, K).
  ///   - bias: (N), or nil.
  package func linear(_ x: Matrix, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>?, into y: Matrix)
  {
    let w = Matrix(UnsafeMutablePointer(mutating: weight), rows: y.columns, columns: x.columns)
    let set = kernels.set
    product(x, false, w, true, into: y, adding: false) { panel in
      guard let bias else { return }
      let part = y.rows(panel.rows).columns(panel.columns)
      set.pointee.add_bias(part.start, part.stride, bias + panel.columns.lowerBound, part.rows, part.columns)
    }
  }

  /// a (T, N) = activation(x (T, K)·Wᵀ + bias).
  ///
  /// - Parameters:
  ///   - weight: W, (N, K).
  ///   - bias: (N).
  ///   - u: (T, N), receives the argument of the activation; may be `a`, which is then overwritten with the result.
  package func linear(
    _ x: Matrix, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, _ kind: activation_kind,
    preActivation u: Matrix, into a: Matrix
  ) {
    precondition(u.rows == a.rows && u.columns == a.columns, "two matrices of one shape")
    let w = Matrix(UnsafeMutablePointer(mutating: weight), rows: u.columns, columns: x.columns)
    let set = kernels.set
    product(x, false, w, true, into: u, adding: false) { panel in
      let part = u.rows(panel.rows).columns(panel.columns)
      let target = a.rows(panel.rows).columns(panel.columns)
      set.pointee.bias_activation(
        kind, part.start, part.stride, bias + panel.columns.lowerBound, target.start, target.stride,
        part.rows,
        part.columns)
    }
  }

  /// Sets every row of `c` (T, N) to `bias` (N).
  package func fillRows(_ c: Matrix, with bias: UnsafePointer<Float>) {
    forEachRows(c.rows, columns: c.columns) { rows in
      for row in rows { c.row(row).update(from: bias, count: c.columns) }
    }
  }

  /// The product in panels that threads take one by one; `finish` sees each when it is done, still in the cache.
  private func product(
    _ a: Matrix, _ aTransposed: Bool, _ b: Matrix, _ bTransposed: Bool, into c: Matrix, adding: Bool,
    finish: (Panel) -> Void
  ) {
    let depth = aTransposed ? a.rows : a.columns
    precondition(
      (aTransposed ? a.columns : a.rows) == c.rows && (bTransposed ? b.columns : b.rows) == depth
        && (bTransposed ? b.rows : b.columns) == c.columns, "the shapes of a product do not fit")
    let cut = PanelCut(rows: c.rows, columns: c.columns, depth: depth)
    let multiply = products.function(kernels)
    pool.forEach(cut.count) { index in
      let panel = cut[index]
      let left = aTransposed ? a.columns(panel.rows) : a.rows(panel.rows)
      let right = bTransposed ? b.rows(panel.columns) : b.columns(panel.columns)
      let target = c.rows(panel.rows).columns(panel.columns)
      multiply(
        aTransposed, bTransposed, target.rows, target.columns, depth, left.start, left.stride, right.start,
        right.stride, adding ? 1 : 0, target.start, target.stride)
      finish(panel)
    }
  }
}

/// `matrix_product` of kernels.h: transposeA, transposeB, m, n, k, a, lda, b, ldb, beta, c, ldc.
package typealias ProductFunction =
  @convention(c) (
    Bool, Bool, Int, Int, Int, UnsafePointer<Float>?, Int, UnsafePointer<Float>?, Int, Float,
    UnsafeMutablePointer<Float>?, Int
  ) -> Void

/// Who multiplies matrices.
package enum ProductImplementation: String, Sendable, CaseIterable {
  /// Our own kernels, whose results do not depend on how a product is cut.
  case kernels
  /// OpenBLAS, or Accelerate on macOS.
  case blas

  /// With AVX2 and AVX-512 our own are faster for the few hundred rows of a training step; elsewhere, and on Apple's
  /// matrix units, the library is. `ckpt --version` measures both on the processor at hand.
  package static func fastest(for kernels: Kernels) -> ProductImplementation {
    #if canImport(Darwin)
      .blas
    #else
      kernels.name == "baseline" ? .blas : .kernels
    #endif
  }

  /// Whether what it needs is installed; loads the library where there is one, which takes 2 ms once a process.
  package var isAvailable: Bool { self == .kernels || blas_prepare() }

  /// The function that multiplies, on one thread. Only for what ``isAvailable``.
  package func function(_ kernels: Kernels) -> ProductFunction {
    switch self {
    case .kernels: kernels.set.pointee.product
    case .blas: matrix_product
    }
  }
}

/// One thread's share of a product: a block of C.
package struct Panel {
  package let rows: Range<Int>
  package let columns: Range<Int>
}

/// How a product is cut into panels, by its shape alone.
package struct PanelCut {
  private let rowsPerPanel: Int
  private let columnsPerPanel: Int
  private let panelsAcross: Int
  private let rows: Int
  private let columns: Int
  /// Panels.
  package let count: Int

  /// - Parameters:
  ///   - rows: of C.
  ///   - columns: of C.
  ///   - depth: the terms of each sum.
  package init(rows: Int, columns: Int, depth: Int) {
    (self.rows, self.columns) = (rows, columns)
    // The part of A that a panel works on at a time, 256 columns of it, stays in the second-level cache beside what it
    // makes of C.
    let bands = max(1, (rows + 255) / 256)
    rowsPerPanel = max(1, (rows + bands - 1) / bands)
    // About 8 million multiplications a panel, or a megabyte of B where rows are so few that reading it takes longer: a
    // tenth of a millisecond, long against the cost of taking one.
    let wanted = min((8 << 20) / max(rowsPerPanel * depth, 1), (1 << 18) / max(depth, 1))
    let most = max(64, (wanted + 63) / 64 * 64)
    // Even ones, so that no thread waits for another that got a long one last.
    let across = max(1, (columns + most - 1) / most)
    columnsPerPanel = max(64, ((columns + across - 1) / across + 63) / 64 * 64)
    panelsAcross = (columns + columnsPerPanel - 1) / columnsPerPanel
    count = (rows + rowsPerPanel - 1) / rowsPerPanel * panelsAcross
  }

  /// The panel of that number.
  package subscript(index: Int) -> Panel {
    let (band, across) = index.quotientAndRemainder(dividingBy: panelsAcross)
    return Panel(
      rows: band * rowsPerPanel..<min((band + 1) * rowsPerPanel, rows),
      columns: across * columnsPerPanel..<min((across + 1) * columnsPerPanel, columns))
  }
}
