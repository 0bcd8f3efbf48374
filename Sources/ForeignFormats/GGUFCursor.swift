/// Reads the header of a GGUF file one thing after another, from a window at the file's start.
///
/// Nothing is allocated for a count that the file cannot hold.
struct GGUFCursor {
  /// Why reading stopped.
  enum Stop: Error {
    case fault(GGUFError.Fault)
    /// The window ends before the file does.
    case needsMore
  }

  private var reader: ByteReader
  private let fileByteCount: Int
  /// Whether numbers are big-endian.
  var swapping = false

  init(_ window: UnsafeRawBufferPointer, fileByteCount: Int) {
    (reader, self.fileByteCount) = (ByteReader(window), fileByteCount)
  }

  /// Of the next byte, counted from the start of the file.
  var position: Int { reader.position }

  /// How many bytes of the file follow.
  var available: Int { fileByteCount - reader.position }

  mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type = Integer.self
  ) throws(Stop) -> Integer {
    guard let value = reader.integer(type) else { throw shortage(UInt64(MemoryLayout<Integer>.size)) }
    return swapping ? value.byteSwapped : value
  }

  mutating func run(_ count: UInt64) throws(Stop) -> UnsafeRawBufferPointer {
    guard let count = Int(exactly: count), let run = reader.run(count) else { throw shortage(count) }
    return run
  }

  /// A count of things of which each takes at least `byteCount` bytes.
  mutating func count(of things: String, byteCount: Int) throws(Stop) -> Int {
    let offset = position
    let count: UInt64 = try integer()
    guard count <= UInt64(available / byteCount) else {
      throw .fault(.impossibleCount(of: things, count: count, offset: offset, available: available))
    }
    return Int(count)
  }

  /// Text behind its length, or nil when it is not UTF-8.
  mutating func text() throws(Stop) -> (text: String?, bytes: UnsafeRawBufferPointer) {
    let run = try run(integer())
    return (String(validating: run, as: UTF8.self), run)
  }

  mutating func integers<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ count: Int, _ type: Integer.Type = Integer.self
  ) throws(Stop) -> [Integer] {
    let size = MemoryLayout<Integer>.size
    // The count was checked against what is left of the file, so this does not overflow.
    let run = try run(UInt64(count * size))
    return [Integer](unsafeUninitializedCapacity: count) { items, initialised in
      for index in 0..<count {
        let item = Integer(littleEndian: run.loadUnaligned(fromByteOffset: index * size, as: Integer.self))
        items.initializeElement(at: index, to: swapping ? item.byteSwapped : item)
      }
      initialised = count
    }
  }

  private func shortage(_ needed: UInt64) -> Stop {
    needed > UInt64(available)
      ? .fault(.truncated(offset: position, needed: needed, available: available)) : .needsMore
  }
}
