/// The sizes of the buffers of an ``Arena``, gathered before it is allocated.
package struct ArenaPlan: Sendable {
  /// Where a buffer will lie.
  package struct Buffer: Sendable {
    fileprivate let offset: Int
    /// Floats.
    package let count: Int
  }

  /// Floats of all buffers with their alignment.
  package private(set) var floatCount = 0

  package init() {}

  /// Plans a buffer of `count` floats, 64-byte aligned.
  package mutating func floats(_ count: Int) -> Buffer {
    defer { floatCount += (count + 15) / 16 * 16 }
    return Buffer(offset: floatCount, count: count)
  }
}

/// Buffers that live and die together, cut out of one block that is sized once.
package final class Arena: Sendable {
  private let block: MemoryBlock

  /// - Throws: ``MemoryError`` when the block cannot be had.
  package init(_ plan: ArenaPlan) throws(MemoryError) {
    block = try MemoryBlock(byteCount: plan.floatCount * MemoryLayout<Float>.stride)
  }

  /// The floats of a planned buffer; zeros at first.
  package subscript(buffer: ArenaPlan.Buffer) -> UnsafeMutablePointer<Float> {
    block.floats(at: buffer.offset, count: buffer.count)
  }
}
