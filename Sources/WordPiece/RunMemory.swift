import CWordPiece

/// Runs that were met before, with their ids; see `wordpiece.h`. Takes at most 2 MB.
struct RunMemory: ~Copyable {
  private var memory: wordpiece_memory
  private var used = 0
  private var placeBits = 9
  /// Each four times the one before, until the text has no more words that come again, or this is reached.
  private static let mostPlaceBits = 15

  /// - Parameter lowercase: whether ASCII letters in either case are the same to the tokenizer.
  init(lowercase: Bool) {
    memory = Self.memory(placeBits, fold: lowercase ? 0x20 : 0)
  }

  deinit { UnsafeMutableRawPointer(memory.runs).deallocate() }

  private static func memory(_ bits: Int, fold: UInt8) -> wordpiece_memory {
    let size = wordpiece_run_size << bits
    let runs = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: wordpiece_run_size)
    runs.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    return wordpiece_memory(runs: OpaquePointer(runs), shift: UInt32(64 - bits), fold: fold)
  }

  /// Reads on for as long as runs are known.
  @inline(__always)
  func read(_ reading: inout wordpiece_reading, with reader: wordpiece_reader) -> wordpiece_state {
    withUnsafePointer(to: memory) { reader.read($0, &reading) }
  }

  /// Remembers the ids of a run, unless there is too much of either.
  @inline(__always)
  mutating func insert(_ run: UnsafePointer<UInt8>, _ count: Int, ids: UnsafePointer<Int32>, _ idCount: Int) {
    guard count <= wordpiece_run_bytes, idCount <= wordpiece_run_ids else { return }
    used += wordpiece_insert(&memory, run, count, ids, idCount)
    if 2 * used > 1 << placeBits, placeBits < Self.mostPlaceBits { grow() }
  }

  private mutating func grow() {
    placeBits += 2
    var larger = Self.memory(placeBits, fold: memory.fold)
    used = wordpiece_move(&memory, &larger)
    UnsafeMutableRawPointer(memory.runs).deallocate()
    memory = larger
  }
}
