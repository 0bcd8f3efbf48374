import CChecksums
import ModelFiles
import Synchronization
import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Copies bytes from one file to another on one thread, and on a second reads back and compares what was written.
///
/// A piece lies in a buffer that fits the caches while it is read, written, summed up and compared, so that no byte comes
/// from memory twice, and no page of either file is mapped. Only one thread may use a copy.
final class CheckedCopy {
  /// Bytes on their way.
  fileprivate struct Piece {
    var count = 0
    /// In the file that is written.
    var offset = 0
    var name = ""
    /// Of the last piece of what has a checksum.
    var check: (@Sendable (UInt32) throws -> Void)?
    var isLast = false
  }

  fileprivate static let pieceByteCount = 1 << 19
  fileprivate static let pieceCount = 8

  private let shared: Shared
  private var thread: SystemThread?

  /// - Parameters:
  ///   - file: what is written.
  ///   - start: the bytes that have been appended to it already.
  ///   - differs: the error for bytes with this name that read back differently.
  init(to file: AtomicFile.Appended, from start: Int, differs: @escaping @Sendable (String) -> any Error) {
    shared = Shared(file, start, differs)
    thread = startThread { [shared] in shared.work() }
  }

  /// Appends bytes of another file; ``finish()`` says whether they are right.
  ///
  /// - Parameters:
  ///   - name: for errors.
  ///   - progress: called with the number of bytes of each piece.
  /// - Throws: `SystemError`; what an earlier piece was found to be wrong with; what `progress` throws.
  func append(
    _ stored: StoredBytes, named name: String, to file: inout AtomicFile, progress: (Int) throws -> Void
  ) throws {
    let range = stored.bytes.range
    var start = range.lowerBound
    repeat {
      // Up to a multiple of the size of a piece in the file that is written: the system keeps those pages as one.
      let end = min(range.upperBound, start + Self.pieceByteCount - file.byteCount % Self.pieceByteCount)
      let piece = Piece(
        count: end - start, offset: file.byteCount, name: name, check: stored.check,
        isLast: end == range.upperBound)
      let (slot, buffer) = try shared.freeSlot()
      try stored.bytes.file.read(start..<end, into: buffer)
      try file.append(
        UnsafeRawBufferPointer(start: buffer, count: piece.count).bytes, isSentOn: thread == nil)
      shared.add(piece, in: slot)
      // Where the system refuses a thread, this one compares.
      if thread == nil { shared.checkOne() }
      try progress(piece.count)
      start = end
    } while start < range.upperBound
  }

  /// Waits until everything has been compared.
  ///
  /// - Throws: what the bytes were found to be wrong with.
  func finish() throws {
    stop()
    try shared.rethrow()
  }

  /// Waits for the second thread; must be called before the file is dropped.
  func stop() {
    shared.end()
    if let thread { joinThread(thread) }
    thread = nil
  }
}

/// The ring of pieces between the threads. A slot belongs to the writer until its piece is added, then to the checker
/// until that is counted as checked.
private final class Shared: @unchecked Sendable {
  private let file: AtomicFile.Appended
  private let differs: @Sendable (String) -> any Error
  private let buffers: UnsafeMutableRawPointer
  private let readBack: UnsafeMutableRawPointer
  private let pieces: UnsafeMutablePointer<CheckedCopy.Piece>
  private let added = Atomic<Int>(0)
  private let checked = Atomic<Int>(0)
  private let isOver = Atomic<Bool>(false)
  private let hasFailed = Atomic<Bool>(false)
  private let parking = Parking()
  private let failure = Mutex<(any Error)?>(nil)
  // The checker's own.
  private var crc: UInt32 = 0
  private var sentOn: Int

  init(_ file: AtomicFile.Appended, _ start: Int, _ differs: @escaping @Sendable (String) -> any Error) {
    (self.file, self.differs, sentOn) = (file, differs, start)
    buffers = .allocate(byteCount: CheckedCopy.pieceCount * CheckedCopy.pieceByteCount, alignment: 4096)
    readBack = .allocate(byteCount: CheckedCopy.pieceByteCount, alignment: 4096)
    pieces = .allocate(capacity: CheckedCopy.pieceCount)
    pieces.initialize(repeating: .init(), count: CheckedCopy.pieceCount)
  }

  deinit {
    pieces.deinitialize(count: CheckedCopy.pieceCount)
    pieces.deallocate()
    readBack.deallocate()
    buffers.deallocate()
  }

  private func buffer(_ slot: Int) -> UnsafeMutableRawPointer {
    buffers + slot * CheckedCopy.pieceByteCount
  }

  /// Waits for a slot.
  ///
  /// - Throws: what the checker has found.
  func freeSlot() throws -> (slot: Int, buffer: UnsafeMutableRawPointer) {
    let next = added.load(ordering: .relaxed)
    let isFree = { self.checked.load(ordering: .sequentiallyConsistent) > next - CheckedCopy.pieceCount }
    if !isFree() { parking.sleep(until: isFree) }
    if hasFailed.load(ordering: .relaxed) { try rethrow() }
    let slot = next % CheckedCopy.pieceCount
    return (slot, buffer(slot))
  }

  func add(_ piece: CheckedCopy.Piece, in slot: Int) {
    pieces[slot] = piece
    added.add(1, ordering: .sequentiallyConsistent)
    parking.wakeAll()
  }

  func end() {
    isOver.store(true, ordering: .sequentiallyConsistent)
    parking.wakeAll()
  }

  func rethrow() throws {
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// The life of the second thread.
  func work() {
    while true {
      let next = checked.load(ordering: .relaxed)
      let isThere = { self.added.load(ordering: .sequentiallyConsistent) > next }
      if !isThere() {
        parking.sleep { isThere() || self.isOver.load(ordering: .sequentiallyConsistent) }
      }
      // Nothing is added after the end.
      guard isThere() else { return }
      checkOne()
    }
  }

  /// Compares the next piece, which must be there. After a failure pieces are only let go.
  func checkOne() {
    let slot = checked.load(ordering: .relaxed) % CheckedCopy.pieceCount
    if !hasFailed.load(ordering: .relaxed) {
      do { try check(pieces[slot], buffer(slot)) } catch {
        failure.withLock { $0 = error }
        hasFailed.store(true, ordering: .sequentiallyConsistent)
      }
    }
    checked.add(1, ordering: .sequentiallyConsistent)
    parking.wakeAll()
  }

  private func check(_ piece: CheckedCopy.Piece, _ bytes: UnsafeMutableRawPointer) throws {
    if let check = piece.check {
      crc = checksum_crc32(crc, bytes, piece.count)
      if piece.isLast {
        try check(crc)
        crc = 0
      }
    }
    let end = piece.offset + piece.count
    try file.read(piece.offset..<end, into: readBack)
    guard memcmp(bytes, readBack, piece.count) == 0 else { throw differs(piece.name) }
    guard end - sentOn >= AtomicFile.stretch else { return }
    file.sendOn(sentOn..<end)
    sentOn = end
  }
}
