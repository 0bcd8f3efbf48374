import CWordPiece

/// Ids one after the other, in memory that C writes to as well.
struct IDBuffer: ~Copyable {
  /// Memory for `capacity` ids and those that C may write too much.
  private(set) var start: UnsafeMutablePointer<Int32>
  private(set) var capacity: Int
  /// How many there are.
  var count = 0

  init(capacity: Int = 1024) {
    self.capacity = capacity
    start = .allocate(capacity: capacity + wordpiece_id_slack)
  }

  deinit { start.deallocate() }

  /// Makes room for so many more.
  @inline(__always)
  mutating func reserve(_ more: Int) {
    if count &+ more > capacity { grow(count + more) }
  }

  private mutating func grow(_ needed: Int) {
    let larger = max(needed, 2 * capacity)
    let moved = UnsafeMutablePointer<Int32>.allocate(capacity: larger + wordpiece_id_slack)
    moved.update(from: start, count: count)
    start.deallocate()
    (start, capacity) = (moved, larger)
  }

  @inline(__always)
  mutating func append(_ id: Int32) {
    reserve(1)
    start[count] = id
    count &+= 1
  }

  /// Forgets all ids, and memory beyond what most batches need.
  mutating func removeAll() {
    count = 0
    guard capacity > 1 << 20 else { return }
    start.deallocate()
    capacity = 1024
    start = .allocate(capacity: capacity + wordpiece_id_slack)
  }
}

/// Where rows are that lie one after the other.
struct RowBounds {
  /// Where each begins, and lastly where the last one ends.
  var starts: [Int] = []
  /// Where the second part of each begins; empty when there are no pairs.
  var seconds: [Int] = []

  mutating func removeAll() {
    starts.removeAll(keepingCapacity: starts.capacity <= 1 << 16)
    seconds.removeAll(keepingCapacity: seconds.capacity <= 1 << 16)
  }
}
