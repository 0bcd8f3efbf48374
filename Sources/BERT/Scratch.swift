import Tensors

/// Cuts one block of memory into 64-byte aligned buffers.
///
/// A carver without a block only measures: run the same cuts through it first, allocate ``floatCount``, then cut in
/// earnest. Buffers of a measuring run have no memory and must not be touched.
struct Carver {
  /// Floats cut so far.
  private(set) var floatCount = 0
  private let start: UnsafeMutablePointer<Float>

  /// Measures.
  init() {
    start = UnsafeMutableRawPointer(bitPattern: 4096).unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
  }

  init(_ block: MemoryBlock) { start = block.start.assumingMemoryBound(to: Float.self) }

  mutating func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    defer { floatCount += (count + 15) / 16 * 16 }
    return start + floatCount
  }

  mutating func integers(_ count: Int) -> UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer(floats(count)).assumingMemoryBound(to: Int32.self)
  }

  mutating func bytes(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(floats((count + 3) / 4)).assumingMemoryBound(to: UInt8.self)
  }

  mutating func matrix(rows: Int, columns: Int) -> Matrix {
    Matrix(floats(rows * columns), rows: rows, columns: columns)
  }

  /// A matrix whose rows are no multiple of 2 kB apart. Otherwise a column's elements would share a few sets of the
  /// first-level cache, and a product that walks down some rows at a time would have to copy them first.
  mutating func spreadMatrix(rows: Int, columns: Int) -> Matrix {
    let stride = columns % 512 == 0 ? columns + 16 : columns
    return Matrix(floats(rows * stride), rows: rows, columns: columns, stride: stride)
  }
}

/// Buffers that live as long as this object, for the heads that are not trained in a loop.
final class Scratch {
  private let block: MemoryBlock
  private var carver: Carver
  private let capacity: Int

  /// Room for `floats`, and a few buffers' worth of alignment.
  init(floats: Int) throws {
    capacity = floats + 16 * 8
    block = try MemoryBlock(byteCount: capacity * MemoryLayout<Float>.stride)
    carver = Carver(block)
  }

  func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    defer { precondition(carver.floatCount <= capacity, "scratch memory was sized too small") }
    return carver.floats(count)
  }

  func matrix(rows: Int, columns: Int) -> Matrix {
    Matrix(floats(rows * columns), rows: rows, columns: columns)
  }

  /// The whole block as bytes.
  var bytes: UnsafeMutablePointer<UInt8> { block.start.assumingMemoryBound(to: UInt8.self) }
}
