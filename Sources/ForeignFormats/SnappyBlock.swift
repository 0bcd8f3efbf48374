/// Unpacks the block format of snappy, that is without the framing of `.sz` files.
///
/// Source: google/snappy, `format_description.txt`.
package enum SnappyBlock {
  /// The unpacked bytes.
  ///
  /// Takes no more memory than 64 thirds of the block's length, the most that a block can unpack to.
  ///
  /// - Throws: what is wrong with the block.
  package static func decode(_ block: UnsafeRawBufferPointer) throws(SnappyFault) -> [UInt8] {
    var reader = ByteReader(block)
    guard let claimed = reader.varint(), claimed <= UInt64(UInt32.max), let byteCount = Int(exactly: claimed)
    else { throw .invalidLength }
    // The densest element gives 64 bytes and takes three.
    let limit = reader.remaining * 64 / 3
    guard byteCount <= limit else { throw .lengthBeyondInput(claimed: byteCount, limit: limit) }

    var output: [UInt8] = []
    output.reserveCapacity(byteCount)
    while reader.remaining > 0 {
      let place = reader.position
      guard let element = try element(&reader) else { throw .truncated(offset: place) }
      guard element.count <= byteCount - output.count else {
        throw .tooLong(offset: place, expected: byteCount)
      }
      switch element {
      case .literal(let bytes): output.append(contentsOf: bytes)
      case .copy(let distance, let count):
        guard distance > 0, distance <= output.count else {
          throw .copyBeforeStart(offset: place, distance: distance, available: output.count)
        }
        // One after another: a copy may reach into what it writes, which repeats a pattern.
        for _ in 0..<count { output.append(output[output.count - distance]) }
      }
    }
    guard output.count == byteCount else { throw .tooShort(expected: byteCount, found: output.count) }
    return output
  }

  private enum Element {
    case literal(UnsafeRawBufferPointer)
    case copy(distance: Int, count: Int)

    var count: Int {
      switch self {
      case .literal(let bytes): bytes.count
      case .copy(_, let count): count
      }
    }
  }

  /// The next element, or nil when the block ends within it.
  private static func element(_ reader: inout ByteReader) throws(SnappyFault) -> Element? {
    guard let tag = reader.byte() else { return nil }
    let upper = Int(tag >> 2)
    switch tag & 3 {
    case 0:
      // 60 to 63: the length less one follows, in one to four bytes.
      var count = upper
      if upper >= 60 {
        count = 0
        for index in 0..<upper - 59 {
          guard let byte = reader.byte() else { return nil }
          count |= Int(byte) << (8 * index)
        }
      }
      return reader.run(count + 1).map { .literal($0) }
    case 1:
      return reader.byte().map { .copy(distance: (upper >> 3) << 8 | Int($0), count: (upper & 7) + 4) }
    case 2: return reader.integer(UInt16.self).map { .copy(distance: Int($0), count: upper + 1) }
    default: return reader.integer(UInt32.self).map { .copy(distance: Int($0), count: upper + 1) }
    }
  }
}

/// What can be wrong with a snappy block; offsets count its bytes.
@nonexhaustive
public enum SnappyFault: Error, Hashable, Sendable {
  /// The block does not begin with a length below 2^32.
  case invalidLength
  /// The block claims to unpack to more than a block of its length can.
  case lengthBeyondInput(claimed: Int, limit: Int)
  /// The block ends within an element.
  case truncated(offset: Int)
  /// A copy reaches back beyond the first byte, or to itself.
  case copyBeforeStart(offset: Int, distance: Int, available: Int)
  /// An element goes on beyond the length the block claims.
  case tooLong(offset: Int, expected: Int)
  /// The block gives fewer bytes than it claims.
  case tooShort(expected: Int, found: Int)
}

extension SnappyFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidLength: "it does not begin with its length"
    case .lengthBeyondInput(let claimed, let limit):
      "it claims to unpack to \(claimed) bytes and can give \(limit) at most"
    case .truncated(let offset): "it ends within the element at its byte \(offset)"
    case .copyBeforeStart(let offset, let distance, let available):
      "the copy at its byte \(offset) reaches back \(distance) bytes where there are \(available)"
    case .tooLong(let offset, let expected):
      "the element at its byte \(offset) goes beyond the \(expected) bytes it claims"
    case .tooShort(let expected, let found): "it unpacks to \(found) bytes and claims \(expected)"
    }
  }
}
