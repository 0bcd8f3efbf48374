/// Hashing and comparing byte strings eight bytes at a time.
///
/// All pointers here must be readable for ``slack`` bytes past the string.
enum Bytes {
  /// How far past a string its memory must be readable.
  static let slack = 8

  /// The hash of a byte string: a product per eight bytes, the last ones padded with zeros.
  @inline(__always)
  static func hash(_ start: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
    let raw = UnsafeRawPointer(start)
    var hash = UInt64(truncatingIfNeeded: count)
    var i = 0
    while i &+ 8 < count {
      hash = fold(hash ^ raw.loadUnaligned(fromByteOffset: i, as: UInt64.self))
      i &+= 8
    }
    return fold(hash ^ tail(raw + i, count &- i))
  }

  /// Whether two strings of one length are equal.
  @inline(__always)
  static func equal(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let (a, b) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
    var i = 0
    while i &+ 8 < count {
      guard
        a.loadUnaligned(fromByteOffset: i, as: UInt64.self)
          == b.loadUnaligned(fromByteOffset: i, as: UInt64.self)
      else { return false }
      i &+= 8
    }
    return tail(a + i, count &- i) == tail(b + i, count &- i)
  }

  /// The first `count` bytes, 0...8, as the low ones of a number.
  @inline(__always)
  private static func tail(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
    let bytes = UInt64(littleEndian: start.loadUnaligned(as: UInt64.self))
    return count == 0 ? 0 : bytes & (.max &>> UInt64(truncatingIfNeeded: 64 &- 8 &* count))
  }

  /// Multiplies by an odd number near 2^64 divided by the golden ratio; brings the high half down.
  @inline(__always)
  private static func fold(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
    return product.low ^ product.high
  }
}

/// A map from byte strings to ids, open addressing over keys that lie in one contiguous store.
///
/// Immutable once built. A lookup touches one slot and, when the hash agrees, the key's bytes.
final class ByteTable: Sendable {
  /// A key: where its bytes lie in the store, and what it stands for.
  struct Entry {
    var start: Int
    var count: Int
    var id: Int32
  }

  private struct Slot {
    var hash: UInt32 = 0
    var start: UInt32 = 0
    var count: UInt32 = 0
    var id: Int32 = ByteTable.absent
  }

  /// What a lookup gives for a key that is not there.
  static let absent: Int32 = -1

  /// How many different keys there are.
  let count: Int
  private let store: ByteStore
  private nonisolated(unsafe) let slots: UnsafeMutablePointer<Slot>
  /// For each first byte, the lengths its keys have: bit n for n bytes, bit 63 for 63 and more.
  private nonisolated(unsafe) let lengths: UnsafeMutablePointer<UInt64>
  /// For the first four bytes by their hash, the lengths of the keys that begin so; as above.
  private nonisolated(unsafe) let openings: UnsafeMutablePointer<UInt64>
  /// The length of the longest key.
  private let longest: Int
  private let mask: Int

  /// Of equal keys the last one wins.
  init(_ entries: some Collection<Entry>, in store: ByteStore) {
    let capacity = 1 << max(4, Int.bitWidth - entries.count.leadingZeroBitCount + 1)  // load below 1/2
    self.store = store
    mask = capacity - 1
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: Slot(), count: capacity)
    lengths = .allocate(capacity: 256)
    lengths.initialize(repeating: 0, count: 256)
    openings = .allocate(capacity: 1 << Self.openingBits)
    openings.initialize(repeating: 0, count: 1 << Self.openingBits)
    var (distinct, longest) = (0, 0)
    for entry in entries {
      let key = store.start + entry.start
      let hash = Bytes.hash(key, entry.count)
      let slot = Self.slot(of: key, entry.count, hash, slots, mask, store.start)
      if slots[slot].id == Self.absent { distinct += 1 }
      slots[slot] = Slot(
        hash: UInt32(truncatingIfNeeded: hash &>> 32), start: UInt32(entry.start),
        count: UInt32(entry.count), id: entry.id)
      longest = max(longest, entry.count)
      let length: UInt64 = 1 &<< UInt64(truncatingIfNeeded: min(entry.count, 63))
      if entry.count > 0 { lengths[Int(key[0])] |= length }
      if entry.count >= 4 { openings[Self.opening(of: key)] |= length }
    }
    count = distinct
    self.longest = longest
  }

  deinit {
    slots.deallocate()
    lengths.deallocate()
    openings.deallocate()
  }

  /// The id of the `count` bytes at `key`, which must be readable for a little longer, or `absent`.
  @inline(__always)
  func id(of key: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
    slots[Self.slot(of: key, count, Bytes.hash(key, count), slots, mask, store.start)].id
  }

  /// The id of a whole byte string, or nil.
  func id(of key: some Collection<UInt8>) -> Int32? {
    let found = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: key.count + Bytes.slack) { copy in
      copy.initialize(repeating: 0)
      for (i, byte) in key.enumerated() { copy[i] = byte }
      return copy.baseAddress.map { id(of: $0, key.count) } ?? Self.absent
    }
    return found == Self.absent ? nil : found
  }

  private static let openingBits = 12

  /// The place of the four bytes at `key` in `openings`.
  @inline(__always)
  private static func opening(of key: UnsafePointer<UInt8>) -> Int {
    let bytes = UnsafeRawPointer(key).loadUnaligned(as: UInt32.self)
    return Int(truncatingIfNeeded: (bytes &* 0x9E37_79B1) &>> UInt32(32 - openingBits))
  }

  /// The longest key that begins at `key`, at most `count` bytes long.
  @inline(__always)
  func longestPrefix(of key: UnsafePointer<UInt8>, _ count: Int) -> (id: Int32, count: Int)? {
    var candidates = lengths[Int(key[0])]
    if count >= 4 { candidates &= openings[Self.opening(of: key)] | 0b1111 }
    if count < 63 {
      candidates &= (1 << UInt64(count + 1)) - 1
    } else if candidates >> 63 != 0 {
      for length in stride(from: min(count, longest), through: 63, by: -1) {
        let found = id(of: key, length)
        if found != Self.absent { return (found, length) }
      }
      candidates &= ~(1 << 63)
    }
    while candidates != 0 {
      let length = 63 - candidates.leadingZeroBitCount
      let found = id(of: key, length)
      if found != Self.absent { return (found, length) }
      candidates &= ~(1 << UInt64(length))
    }
    return nil
  }

  /// The slot that holds the key, or the empty one where it would go.
  @inline(__always)
  private static func slot(
    of key: UnsafePointer<UInt8>, _ count: Int, _ hash: UInt64, _ slots: UnsafeMutablePointer<Slot>,
    _ mask: Int,
    _ store: UnsafePointer<UInt8>
  ) -> Int {
    let tag = UInt32(truncatingIfNeeded: hash &>> 32)
    var at = Int(truncatingIfNeeded: hash) & mask
    while slots[at].id != absent {
      if slots[at].hash == tag && Int(slots[at].count) == count
        && Bytes.equal(key, store + Int(slots[at].start), count)
      {
        break
      }
      at = (at &+ 1) & mask
    }
    return at
  }
}

/// Bytes that never move or change, freed with the last reference; readable a little past their end.
final class ByteStore: Sendable {
  nonisolated(unsafe) let start: UnsafePointer<UInt8>
  let count: Int

  init(_ bytes: [UInt8]) {
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + Bytes.slack)
    bytes.withUnsafeBufferPointer { bytes in
      if let from = bytes.baseAddress { copy.initialize(from: from, count: bytes.count) }
    }
    (copy + bytes.count).initialize(repeating: 0, count: Bytes.slack)
    start = UnsafePointer(copy)
    count = bytes.count
  }

  deinit { start.deallocate() }

  /// The text of a range of bytes that came from a string.
  func string(_ range: Range<Int>) -> String {
    String(decoding: UnsafeBufferPointer(start: start + range.lowerBound, count: range.count), as: UTF8.self)
  }
}
