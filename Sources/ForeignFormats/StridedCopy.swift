/// Gathers elements of a strided array into row-major order.
struct StridedCopy {
  let shape: [Int]
  /// In elements.
  let strides: [Int]
  /// In bytes: 1, 2, 4, 8 or 16.
  let elementSize: Int
  let swapping: Bool
  /// Elements of eight bytes are two numbers of four, each of which is swapped.
  var isPaired = false

  /// The range of bytes, from the array's first element, that the elements in `range` lie in; nil for none.
  ///
  /// - Parameter range: counts elements in row-major order.
  func span(of range: Range<Int>) -> Range<Int>? {
    guard !range.isEmpty else { return nil }
    // Whole rows of the outermost dimension that the range crosses; inner ones are taken whole.
    guard let outer = shape.first, let stride = strides.first else { return 0..<elementSize }
    let inner = max(1, shape.dropFirst().reduce(1, *))
    let rows = range.lowerBound / inner..<min(outer, (range.upperBound - 1) / inner + 1)
    let tail = zip(shape, strides).dropFirst().reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    return rows.lowerBound * stride * elementSize..<((rows.upperBound - 1) * stride + tail + 1) * elementSize
  }

  /// Copies the elements in `range` to `target`, row-major and little-endian.
  ///
  /// - Parameters:
  ///   - source: where the array's first element would be; every element of the range must lie in readable memory.
  ///   - target: has room for the range.
  func copy(_ range: Range<Int>, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
    switch elementSize {
    case 1: copy(range, from: source, to: target, as: UInt8.self)
    case 2: copy(range, from: source, to: target, as: UInt16.self)
    case 4: copy(range, from: source, to: target, as: UInt32.self)
    default: copy(range, from: source, to: target, as: UInt64.self)
    }
  }

  private func copy<Word: FixedWidthInteger & BitwiseCopyable>(
    _ range: Range<Int>, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, as type: Word.Type
  ) {
    let size = MemoryLayout<Word>.size
    guard let columns = shape.last, let step = strides.last, columns > 0 else {
      if !range.isEmpty { store(source, target, as: type) }
      return
    }
    // A transposed matrix is walked in tiles: one pass over a row of the result touches one cache line an element.
    if shape.count == 2, step != 1, range.lowerBound % columns == 0, range.upperBound % columns == 0 {
      let rows = range.lowerBound / columns..<range.upperBound / columns
      let tile = 32
      for firstRow in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: tile) {
        for firstColumn in Swift.stride(from: 0, to: columns, by: tile) {
          for row in firstRow..<min(firstRow + tile, rows.upperBound) {
            var from = source + (row * strides[0] + firstColumn * step) * size
            var to = target + ((row - rows.lowerBound) * columns + firstColumn) * size
            for _ in firstColumn..<min(firstColumn + tile, columns) {
              store(from, to, as: type)
              from += step * size
              to += size
            }
          }
        }
      }
      return
    }
    var place = range.lowerBound
    var to = target
    while place < range.upperBound {
      let column = place % columns
      var (rest, offset) = (place / columns, column * step)
      for dimension in shape.indices.dropLast().reversed() {
        offset += rest % shape[dimension] * strides[dimension]
        rest /= shape[dimension]
      }
      let count = min(columns - column, range.upperBound - place)
      var from = source + offset * size
      if step == 1 && !swapping {
        to.copyMemory(from: from, byteCount: count * size)
        to += count * size
      } else {
        for _ in 0..<count {
          store(from, to, as: type)
          from += step * size
          to += size
        }
      }
      place += count
    }
  }

  @inline(__always)
  private func store<Word: FixedWidthInteger & BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, as type: Word.Type
  ) {
    let word = source.loadUnaligned(as: Word.self)
    var swapped = word.byteSwapped
    // Swapped as a whole, the two numbers have changed places.
    if isPaired { swapped = swapped << (Word.bitWidth / 2) | swapped >> (Word.bitWidth / 2) }
    target.storeBytes(of: swapping ? swapped : word, as: Word.self)
  }
}
