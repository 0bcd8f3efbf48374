import Synchronization

/// Rows of X rounded to u8, with a scale and a zero point each.
struct ByteRows {
  let bytes: UnsafeMutablePointer<UInt8>
  /// Bytes from one row to the next.
  let stride: Int
  let scales: UnsafeMutablePointer<Float>
  let zeros: UnsafeMutablePointer<Int32>
}

/// Memory for ``ByteRows``, kept from call to call, so that none is taken after the first ones.
final class ByteBuffers: Sendable {
  private struct Buffer: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let byteCount: Int
  }

  /// Buffers that no call is using; concurrent calls each take their own.
  private let idle = Mutex<[Buffer]>([])

  deinit {
    idle.withLock { for buffer in $0 { buffer.start.deallocate() } }
  }

  /// Gives `body` room for `rows` rows of `columns` bytes.
  func withRows(_ rows: Int, columns: Int, _ body: (ByteRows) -> Void) {
    let stride = (columns + 63) / 64 * 64
    let byteCount = rows * (stride + MemoryLayout<Float>.stride + MemoryLayout<Int32>.stride) + 64
    let buffer = take(byteCount)
    let scales = (buffer.start + rows * stride).assumingMemoryBound(to: Float.self)
    body(
      ByteRows(
        bytes: buffer.start.assumingMemoryBound(to: UInt8.self), stride: stride, scales: scales,
        zeros: UnsafeMutableRawPointer(scales + rows).assumingMemoryBound(to: Int32.self)))
    idle.withLock { $0.append(buffer) }
  }

  private func take(_ byteCount: Int) -> Buffer {
    let found = idle.withLock { $0.popLast() }
    if let found {
      if found.byteCount >= byteCount { return found }
      found.start.deallocate()
    }
    return Buffer(start: .allocate(byteCount: byteCount, alignment: 64), byteCount: byteCount)
  }
}
