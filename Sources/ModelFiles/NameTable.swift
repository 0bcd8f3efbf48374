#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Finds names by their UTF-8 bytes.
///
/// Swift compares strings by canonical equivalence, so `é` written as one scalar and as two would be one
/// dictionary key and a tensor would vanish. This table compares bytes. The names stay with their owner, who
/// numbers them from zero in the order of insertion; the table keeps hashes, seeded per process so that a
/// file cannot be made to collide.
package struct NameTable: Sendable {
  /// Open addressing with linear probing, at most half full. The upper half of a slot is that of the hash,
  /// the lower one the number + 1, or 0 for a free slot.
  private var slots: [UInt64]
  private var count = 0

  package init(minimumCapacity: Int = 8) {
    var size = 16
    while size < 2 * minimumCapacity { size *= 2 }
    slots = Array(repeating: 0, count: size)
  }

  /// Eight bytes at a time are mixed with the seed and multiplied, and the halves of the product brought together, as
  /// in wyhash; for names as short as these that is several times faster than `Hasher`.
  package static func hash(_ name: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let (seed, secret) = seeds
    let bytes = UnsafeRawBufferPointer(name)
    var hash = seed ^ UInt64(truncatingIfNeeded: bytes.count)
    var at = 0
    while bytes.count - at >= 8 {
      hash = fold(hash ^ bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self), secret)
      at += 8
    }
    var rest: UInt64 = 0
    while at < bytes.count {
      rest = rest << 8 | UInt64(bytes[at])
      at += 1
    }
    return fold(fold(hash ^ rest, secret), seed | 1)
  }

  private static func fold(_ value: UInt64, _ factor: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: factor)
    return product.high ^ product.low
  }

  /// The factor is odd.
  private static let seeds = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max) | 1)

  package static func hash(_ name: String) -> UInt64 {
    var name = name
    return name.withUTF8 { hash($0) }
  }

  /// Gives a name the next number, unless it is there already.
  ///
  /// - Parameters:
  ///   - hash: ``hash(_:)-(String)`` of the name.
  ///   - isName: whether the name with this number is the one to insert.
  /// - Returns: the number of the equal name, or nil when the name was new.
  package mutating func insert(hash: UInt64, isName: (Int) -> Bool) -> Int? {
    if 2 * (count + 1) > slots.count { grow() }
    let slot = slot(of: hash, isName)
    if let number = Self.number(in: slots[slot]) { return number }
    count += 1
    slots[slot] = hash & ~0xFFFF_FFFF | UInt64(count)
    return nil
  }

  /// The number of the name, or nil when it is not there.
  package func number(hash: UInt64, isName: (Int) -> Bool) -> Int? {
    Self.number(in: slots[slot(of: hash, isName)])
  }

  private static func number(in slot: UInt64) -> Int? {
    let entry = Int(slot & 0xFFFF_FFFF)
    return entry == 0 ? nil : entry - 1
  }

  /// The slot of the name, or the free one where it would be.
  private func slot(of hash: UInt64, _ isName: (Int) -> Bool) -> Int {
    let mask = slots.count - 1
    // From the upper half, all that is left of the hash when the table grows.
    var slot = Int(hash >> 32) & mask
    while let number = Self.number(in: slots[slot]) {
      if slots[slot] >> 32 == hash >> 32 && isName(number) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: 0, count: 2 * old.count)
    for entry in old where entry != 0 { slots[slot(of: entry, { _ in false })] = entry }
  }
}

extension String {
  /// Whether both strings are the same UTF-8 bytes, which `==` does not tell.
  package func hasSameBytes(as other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    let same = utf8.withContiguousStorageIfAvailable { mine in
      other.utf8.withContiguousStorageIfAvailable { theirs in
        guard let left = mine.baseAddress, let right = theirs.baseAddress else { return true }
        return memcmp(left, right, mine.count) == 0
      }
    }
    return (same ?? nil) ?? utf8.elementsEqual(other.utf8)
  }

  /// Orders by UTF-8 bytes, which is the order of Unicode scalars.
  package func precedesInBytes(_ other: String) -> Bool {
    utf8.lexicographicallyPrecedes(other.utf8)
  }
}
