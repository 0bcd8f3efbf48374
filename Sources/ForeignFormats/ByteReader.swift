/// Reads numbers and runs of bytes one after another, and never beyond the end.
///
/// A read that would go beyond it gives nil and leaves the position as it was; what that means, the caller knows.
/// The bytes must outlive the reader: it is for use within the closure that hands them out.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  /// Of the next byte, counted from the start of `bytes`.
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    (self.bytes, self.position) = (bytes, min(max(position, 0), bytes.count))
  }

  var remaining: Int { bytes.count - position }

  mutating func byte() -> UInt8? { integer() }

  /// The next bytes as a little-endian integer.
  mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type = Integer.self
  ) -> Integer? {
    let size = MemoryLayout<Integer>.size
    guard remaining >= size else { return nil }
    defer { position += size }
    return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Integer.self))
  }

  /// The next `count` bytes, in place.
  mutating func run(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, count <= remaining else { return nil }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  /// The next `count` bytes as text, or nil when they are not UTF-8 either.
  mutating func text(_ count: Int) -> String? {
    guard count >= 0, count <= remaining else { return nil }
    guard let text = String(validating: bytes[position..<position + count], as: UTF8.self) else { return nil }
    position += count
    return text
  }

  /// A little-endian number in groups of seven bits (LEB128), as Protocol Buffers and LevelDB write it. Nil beyond ten
  /// bytes, or when it does not fit 64 bits.
  mutating func varint() -> UInt64? {
    var (value, shift, place): (UInt64, UInt64, Int) = (0, 0, position)
    while place < bytes.count {
      let byte = bytes[place]
      if shift == 63 && byte > 1 { return nil }
      value |= UInt64(byte & 0x7F) << shift
      place += 1
      if byte < 0x80 {
        position = place
        return value
      }
      shift += 7
    }
    return nil
  }
}
