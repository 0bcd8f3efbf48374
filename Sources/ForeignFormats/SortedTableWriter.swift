import CChecksums

/// Builds a sorted table byte for byte as TensorFlow's `table::TableBuilder` does without compression.
///
/// Source: tensorflow/core/lib/io, `table_builder.cc` and `block_builder.cc`.
package struct SortedTableWriter {
  private var file: [UInt8] = []
  private var data = Block(restartInterval: 16)
  private var index = Block(restartInterval: 1)
  private var lastKey: [UInt8]?
  /// The place of the last block, whose index entry waits for the key after it.
  private var pending: [UInt8]?
  private let blockByteCount: Int

  /// - Parameter blockByteCount: the length from which on a block is closed.
  package init(blockByteCount: Int = 262_144) { self.blockByteCount = blockByteCount }

  /// Appends an entry.
  ///
  /// - Precondition: the key comes after those before it, in the order of their bytes.
  package mutating func append(_ key: [UInt8], _ value: [UInt8]) {
    precondition(lastKey.map { $0.lexicographicallyPrecedes(key) } ?? true, "keys must ascend")
    if lastKey != nil && key.count + value.count >= 2 * blockByteCount { closeBlock() }
    if let pending {
      index.append(Self.separator(between: lastKey ?? [], and: key), pending)
      self.pending = nil
    }
    data.append(key, value)
    lastKey = key
    if data.byteCount >= blockByteCount { closeBlock() }
  }

  /// The bytes of the whole file.
  package consuming func finish() -> [UInt8] {
    closeBlock()
    let metaindex = write(Block(restartInterval: 16))
    if let pending { index.append(Self.successor(of: lastKey ?? []), pending) }
    var footer = metaindex + write(index)
    footer += repeatElement(0, count: SortedTable.footerByteCount - 8 - footer.count)
    withUnsafeBytes(of: SortedTable.magic.littleEndian) { footer.append(contentsOf: $0) }
    return file + footer
  }

  private mutating func closeBlock() {
    guard !data.isEmpty else { return }
    pending = write(data)
    data = Block(restartInterval: 16)
  }

  /// Appends a block with its trailer and returns where it lies.
  private mutating func write(_ block: Block) -> [UInt8] {
    var handle: [UInt8] = []
    var bytes = block.finish()
    handle.appendVarint(UInt64(file.count))
    handle.appendVarint(UInt64(bytes.count))
    bytes.append(0)
    let crc = bytes.withUnsafeBytes { checksum_crc32c(0, $0.baseAddress, $0.count) }
    withUnsafeBytes(of: SortedTable.mask(crc).littleEndian) { bytes.append(contentsOf: $0) }
    file += bytes
    return handle
  }

  /// A key not before `key` and before `next`, as short as changing one byte makes it.
  private static func separator(between key: [UInt8], and next: [UInt8]) -> [UInt8] {
    let shared = zip(key, next).prefix { $0 == $1 }.count
    guard shared < min(key.count, next.count), key[shared] < 0xFF, key[shared] + 1 < next[shared] else {
      return key
    }
    return key[..<shared] + [key[shared] + 1]
  }

  /// A short key that is not before `key`.
  private static func successor(of key: [UInt8]) -> [UInt8] {
    guard let place = key.firstIndex(where: { $0 != 0xFF }) else { return key }
    return key[..<place] + [key[place] + 1]
  }

  private struct Block {
    private var bytes: [UInt8] = []
    private var restarts: [UInt32] = [0]
    private var countSinceRestart = 0
    private var lastKey: [UInt8] = []
    private let restartInterval: Int

    init(restartInterval: Int) { self.restartInterval = restartInterval }

    var isEmpty: Bool { bytes.isEmpty }

    /// With the places at its end.
    var byteCount: Int { bytes.count + 4 * restarts.count + 4 }

    mutating func append(_ key: [UInt8], _ value: [UInt8]) {
      var shared = 0
      if countSinceRestart < restartInterval {
        shared = zip(lastKey, key).prefix { $0 == $1 }.count
      } else {
        restarts.append(UInt32(bytes.count))
        countSinceRestart = 0
      }
      bytes.appendVarint(UInt64(shared))
      bytes.appendVarint(UInt64(key.count - shared))
      bytes.appendVarint(UInt64(value.count))
      bytes += key[shared...]
      bytes += value
      lastKey = key
      countSinceRestart += 1
    }

    func finish() -> [UInt8] {
      var bytes = bytes
      for number in restarts + [UInt32(restarts.count)] {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
      }
      return bytes
    }
  }
}
