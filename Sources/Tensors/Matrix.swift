/// A row-major view of floats that owns nothing.
///
/// Whoever makes a view keeps its memory alive, and sees to it that threads do not write the same elements.
package struct Matrix: @unchecked Sendable {
  package var start: UnsafeMutablePointer<Float>
  package var rows: Int
  package var columns: Int
  /// Floats from one row to the next.
  package var stride: Int

  /// - Parameter stride: `columns` when nil.
  package init(_ start: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    (self.start, self.rows, self.columns, self.stride) = (start, rows, columns, stride ?? columns)
  }

  /// Elements.
  package var count: Int { rows * columns }

  /// Whether the rows follow one another without a gap.
  package var isContiguous: Bool { stride == columns || rows <= 1 }

  /// The first element of a row.
  package func row(_ index: Int) -> UnsafeMutablePointer<Float> { start + index * stride }

  /// Some of the rows.
  package func rows(_ range: Range<Int>) -> Matrix {
    Matrix(row(range.lowerBound), rows: range.count, columns: columns, stride: stride)
  }

  /// Some of the columns.
  package func columns(_ range: Range<Int>) -> Matrix {
    Matrix(start + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// Sets every element.
  package func fill(_ value: Float) {
    if isContiguous {
      start.update(repeating: value, count: count)
    } else {
      for index in 0..<rows { row(index).update(repeating: value, count: columns) }
    }
  }
}
