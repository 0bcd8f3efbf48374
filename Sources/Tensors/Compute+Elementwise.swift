package import CKernels

extension Compute {
  /// da *= activation'(u). Both (T, F).
  package func activationBackward(_ kind: activation_kind, preActivation u: Matrix, inPlace da: Matrix) {
    precondition(u.rows == da.rows && u.columns == da.columns, "two matrices of one shape")
    let set = kernels.set
    forEachRows(u.rows, columns: u.columns) { rows in
      for row in rows { set.pointee.activation_backward(kind, u.row(row), da.row(row), u.columns) }
    }
  }

  /// y = x·scale where the mask is not zero, else 0. All contiguous; y may be x.
  ///
  /// - Parameters:
  ///   - mask: one byte an element.
  ///   - scale: 1 / (1 - p), as torch rounds it.
  package func dropout(_ x: Matrix, mask: UnsafePointer<UInt8>, scale: Float, into y: Matrix) {
    precondition(
      x.isContiguous && y.isContiguous && x.count == y.count, "two contiguous matrices of one shape")
    let set = kernels.set
    forEachPiece(x.count) { piece in
      let first = piece.lowerBound
      set.pointee.dropout(x.start + first, mask + first, scale, y.start + first, piece.count)
    }
  }

  /// target[i] += values[i]
  package func add(_ values: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int) {
    let set = kernels.set
    forEachPiece(count) { piece in
      set.pointee.add(target + piece.lowerBound, values + piece.lowerBound, piece.count)
    }
  }

  /// Replaces every element by its tanh.
  package func tanh(inPlace x: Matrix) {
    let set = kernels.set
    forEachRows(x.rows, columns: x.columns) { rows in
      for row in rows { set.pointee.tanh(x.row(row), x.row(row), x.columns) }
    }
  }

  /// dy *= 1 - y², which takes the gradient of y = tanh(x) to that of x.
  package func tanhBackward(output y: Matrix, inPlace dy: Matrix) {
    precondition(y.rows == dy.rows && y.columns == dy.columns, "two matrices of one shape")
    let set = kernels.set
    forEachRows(y.rows, columns: y.columns) { rows in
      for row in rows { set.pointee.tanh_backward(y.row(row), dy.row(row), dy.row(row), y.columns) }
    }
  }

  /// out (T, C) = (word[ids] + tokenType[types]) + position[positions], in this order of additions.
  ///
  /// - Parameters:
  ///   - word: (V, C); `tokenType` and `position` alike.
  ///   - ids: (T), checked by the caller against the rows of the tables; `types` and `positions` alike.
  package func embed(
    word: UnsafePointer<Float>, tokenType: UnsafePointer<Float>, position: UnsafePointer<Float>,
    ids: UnsafePointer<Int32>, types: UnsafePointer<Int32>, positions: UnsafePointer<Int32>, into out: Matrix
  ) {
    precondition(out.isContiguous, "a contiguous matrix")
    let set = kernels.set
    forEachRows(out.rows, columns: out.columns) { rows in
      let first = rows.lowerBound
      set.pointee.embed(
        word, tokenType, position, ids + first, types + first, positions + first, out.row(first), rows.count,
        out.columns)
    }
  }
}
