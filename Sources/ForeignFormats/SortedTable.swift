import CChecksums

/// The sorted string table of LevelDB, in the form that TensorFlow writes.
///
/// A file of blocks: data blocks with sorted keys and their values, a metaindex block, an index block with the place of
/// every data block, and a footer of 48 bytes with the places of those two and a magic number. Every block is followed
/// by how it is compressed (one byte: 0 not, 1 snappy) and a masked CRC-32C of itself and that byte.
///
/// Source: tensorflow/core/lib/io, `format.cc`, `block_builder.cc`, `table_builder.cc`; google/leveldb,
/// `doc/table_format.md`.
package enum SortedTable {
  static let footerByteCount = 48
  static let trailerByteCount = 5
  static let magic: UInt64 = 0xDB47_7524_8B80_FB57

  /// CRC-32C as LevelDB stores it: rotated and shifted, because the CRC of bytes with a CRC among them is weak.
  package static func mask(_ crc: UInt32) -> UInt32 { (crc >> 15 | crc << 17) &+ 0xA282_EAD8 }

  /// Where a block lies, without its trailer.
  struct Handle {
    var offset: Int
    var byteCount: Int

    /// Nil when there are no two numbers that fit.
    init?(_ reader: inout ByteReader) {
      guard let offset = reader.varint().flatMap({ Int(exactly: $0) }),
        let byteCount = reader.varint().flatMap({ Int(exactly: $0) })
      else { return nil }
      (self.offset, self.byteCount) = (offset, byteCount)
    }
  }

  /// Calls `body` with every key and its value, in ascending order of the keys' bytes.
  ///
  /// Takes time and memory in proportion to the file: blocks may not overlap, and all keys together, which share
  /// prefixes in the file, may not be longer than 64 times the file and a megabyte.
  ///
  /// - Throws: what is wrong with the table; what `body` throws.
  package static func forEachEntry(
    in file: UnsafeRawBufferPointer,
    _ body: (_ key: [UInt8], _ value: UnsafeRawBufferPointer) throws(TensorBundleError.Fault) -> Void
  ) throws(TensorBundleError.Fault) {
    let dataEnd = file.count - footerByteCount
    guard dataEnd >= 0 else { throw .notAnIndex(byteCount: file.count) }
    var footer = ByteReader(UnsafeRawBufferPointer(rebasing: file[dataEnd...]))
    guard let metaindex = Handle(&footer), let index = Handle(&footer) else {
      throw .notAnIndex(byteCount: file.count)
    }
    var last = ByteReader(footer.bytes, at: footerByteCount - 8)
    guard last.integer(UInt64.self) == magic else { throw .notAnIndex(byteCount: file.count) }

    let data = UnsafeRawBufferPointer(rebasing: file[..<dataEnd])
    // TensorFlow writes an empty one and never looks at it again; it is checked for damage like the others.
    try withBlock(metaindex, in: data) { _ throws(TensorBundleError.Fault) in }

    var keyBytes = 0
    let keyLimit = (1 << 20) + 64 * min(file.count, 1 << 40)
    var previousKey: [UInt8]?
    var previousSeparator: [UInt8]?
    var previousEnd = 0
    try withBlock(index, in: data) { (block) throws(TensorBundleError.Fault) in
      try entries(of: block, at: index.offset) { (separator, value) throws(TensorBundleError.Fault) in
        var reader = ByteReader(value)
        guard let handle = Handle(&reader), reader.remaining == 0 else {
          throw .malformedBlock(offset: index.offset)
        }
        guard handle.offset >= previousEnd else {
          throw .overlappingBlocks(offset: handle.offset, previousEnd: previousEnd)
        }
        let keysBefore = keyBytes
        try withBlock(handle, in: data) { (block) throws(TensorBundleError.Fault) in
          try entries(of: block, at: handle.offset) { (key, value) throws(TensorBundleError.Fault) in
            let isAscending = previousSeparator.map { $0.lexicographicallyPrecedes(key) } ?? true
            guard isAscending else { throw .keysOutOfOrder(offset: handle.offset) }
            keyBytes += key.count + 1
            guard keyBytes <= keyLimit else { throw .expansionLimit(byteCount: keyLimit) }
            try body(key, value)
            previousKey = key
          }
        }
        // An empty block is never written, and could be named again and again.
        guard keyBytes > keysBefore else { throw .malformedBlock(offset: handle.offset) }
        if let previousKey, separator.lexicographicallyPrecedes(previousKey) {
          throw .keysOutOfOrder(offset: handle.offset)
        }
        previousSeparator = separator
        // Both are within the file, as `withBlock` has found.
        previousEnd = handle.offset + handle.byteCount + trailerByteCount
      }
    }
  }

  /// Checks a block and calls `body` with it, unpacked.
  private static func withBlock(
    _ handle: Handle, in data: UnsafeRawBufferPointer,
    _ body: (UnsafeRawBufferPointer) throws(TensorBundleError.Fault) -> Void
  ) throws(TensorBundleError.Fault) {
    let (withTrailer, overflow) = handle.byteCount.addingReportingOverflow(trailerByteCount)
    guard !overflow, handle.offset <= data.count, withTrailer <= data.count - handle.offset else {
      throw .blockBeyondFile(offset: handle.offset, byteCount: handle.byteCount, available: data.count)
    }
    let block = UnsafeRawBufferPointer(rebasing: data[handle.offset..<handle.offset + handle.byteCount])
    var trailer = ByteReader(data, at: handle.offset + handle.byteCount)
    guard let compression = trailer.byte(), let stored = trailer.integer(UInt32.self) else {
      throw .malformedBlock(offset: handle.offset)
    }
    let found = mask(checksum_crc32c(0, data.baseAddress.map { $0 + handle.offset }, handle.byteCount + 1))
    guard stored == found else {
      throw .blockChecksum(offset: handle.offset, expected: stored, found: found)
    }
    switch compression {
    case 0: try body(block)
    case 1:
      let unpacked: [UInt8]
      do throws(SnappyFault) { unpacked = try SnappyBlock.decode(block) } catch {
        throw .damagedCompression(offset: handle.offset, error)
      }
      try unpacked.span.bytes.withUnsafeBytes(body)
    default: throw .unknownCompression(offset: handle.offset, compression)
    }
  }

  /// Calls `body` with the entries of a block.
  ///
  /// An entry is three numbers (how many bytes the key shares with the one before, how many follow, and the length of
  /// the value), the rest of the key, and the value. Behind the entries stand the places of those that share nothing,
  /// from which others search, and their number. They must be such places: what a search finds and what a walk finds
  /// must not differ.
  private static func entries(
    of block: UnsafeRawBufferPointer, at offset: Int,
    _ body: (_ key: [UInt8], _ value: UnsafeRawBufferPointer) throws(TensorBundleError.Fault) -> Void
  ) throws(TensorBundleError.Fault) {
    let malformed = TensorBundleError.Fault.malformedBlock(offset: offset)
    var tail = ByteReader(block, at: block.count - 4)
    guard block.count >= 8, let count = tail.integer(UInt32.self).map(Int.init), count > 0,
      count <= (block.count - 4) / 4
    else { throw malformed }
    let end = block.count - 4 - 4 * count
    var restarts = ByteReader(block, at: end)
    var restart = restarts.integer(UInt32.self).map(Int.init)
    guard restart == 0 else { throw malformed }
    var restartsLeft = count

    var reader = ByteReader(UnsafeRawBufferPointer(rebasing: block[..<end]))
    var key: [UInt8] = []
    var isFirst = true
    while reader.remaining > 0 {
      let place = reader.position
      guard let shared = reader.varint(), let unshared = reader.varint().flatMap({ Int(exactly: $0) }),
        let valueByteCount = reader.varint().flatMap({ Int(exactly: $0) }), shared <= UInt64(key.count),
        let suffix = reader.run(unshared), let value = reader.run(valueByteCount)
      else { throw malformed }
      if restart == place {
        guard shared == 0 else { throw malformed }
        restartsLeft -= 1
        restart = restartsLeft > 0 ? restarts.integer(UInt32.self).map(Int.init) : nil
      }
      // The shared parts are equal, so only what follows them decides.
      let isAscending =
        isFirst || key[Int(shared)...].lexicographicallyPrecedes(suffix)
      guard isAscending else { throw .keysOutOfOrder(offset: offset) }
      key.removeSubrange(Int(shared)...)
      key.append(contentsOf: suffix)
      isFirst = false
      try body(key, value)
    }
    // A block without entries has one place all the same, the one where the first would be.
    guard restartsLeft == 0 || (isFirst && restartsLeft == 1) else { throw malformed }
  }
}
