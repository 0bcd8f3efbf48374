import CFuzzing

/// An input that is to become another.
///
/// What libFuzzer changes at random seldom gets past a checksum, or a length at the end that counts what comes before.
/// So in some cases the checksums are made right again, and in others one part of a container is changed and the
/// container is put together anew. The rest is left as libFuzzer made it.
struct Mutation {
  let buffer: UnsafeMutableBufferPointer<UInt8>
  /// How many bytes of the buffer are the input.
  var count: Int
  private var random: UInt64

  init(_ buffer: UnsafeMutableBufferPointer<UInt8>, count: Int, seed: UInt32) {
    (self.buffer, self.count, random) = (buffer, count, UInt64(seed) | 1 << 32)
  }

  /// The input.
  var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
  }

  /// A number below `bound`.
  mutating func below(_ bound: Int) -> Int {
    // Knuth's MMIX generator; its upper bits are the good ones.
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(random >> 33) % max(1, bound)
  }

  /// Changes the input as libFuzzer does.
  mutating func change() { count = LLVMFuzzerMutate(buffer.baseAddress, count, buffer.count) }

  /// What libFuzzer makes of some bytes, at most `growth` longer.
  func changed(_ bytes: some Collection<UInt8>, growth: Int = 64) -> [UInt8] {
    var part = Array(bytes)
    let before = part.count
    part += repeatElement(0, count: growth)
    let after = part.withUnsafeMutableBufferPointer { LLVMFuzzerMutate($0.baseAddress, before, $0.count) }
    part.removeLast(part.count - after)
    return part
  }

  /// Takes other bytes for the input, unless they are too many.
  mutating func replace(_ bytes: [UInt8]) {
    guard bytes.count <= buffer.count else { return change() }
    _ = buffer.update(from: bytes)
    count = bytes.count
  }
}

/// libFuzzer looks this function up by its name.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(
  _ start: UnsafeMutablePointer<UInt8>?, _ count: Int, _ limit: Int, _ seed: UInt32
) -> Int {
  var mutation = Mutation(UnsafeMutableBufferPointer(start: start, count: limit), count: count, seed: seed)
  if let mutate = FuzzTarget.chosen?.mutate { mutate(&mutation) } else { mutation.change() }
  return mutation.count
}

// MARK: - Formats with a part that repeats another

extension Mutation {
  /// Makes the length before the header that of the JSON text.
  static let safetensors: @Sendable (inout Mutation) -> Void = { mutation in
    mutation.change()
    let bytes = mutation.bytes
    guard bytes.count > 8, mutation.below(2) == 0 else { return }
    var (depth, isQuoted, place) = (0, false, 8)
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "\\") where isQuoted: place += 1
      case UInt8(ascii: "\""): isQuoted.toggle()
      case UInt8(ascii: "{") where !isQuoted: depth += 1
      case UInt8(ascii: "}") where !isQuoted: depth -= 1
      default: break
      }
      place += 1
      if depth == 0 { break }
    }
    bytes.storeBytes(of: UInt64(place - 8).littleEndian, as: UInt64.self)
  }

  /// Zip and tar files, and what has no checksums.
  static let archive: @Sendable (inout Mutation) -> Void = { mutation in
    let way = mutation.below(4)
    if way < 2, let entries = ZipParts(UnsafeRawBufferPointer(mutation.bytes)) {
      return mutation.replace(entries.changed(by: &mutation))
    }
    mutation.change()
    if way == 2 {
      ZipParts.mendChecksums(mutation.bytes)
      TarParts.mendChecksums(mutation.bytes)
    }
  }

  static let table: @Sendable (inout Mutation) -> Void = { $0.changeTable(ofTensors: false) }
  static let tensorBundle: @Sendable (inout Mutation) -> Void = { $0.changeTable(ofTensors: true) }

  private mutating func changeTable(ofTensors: Bool) {
    let way = below(4)
    if way < 2, let parts = TableParts(UnsafeRawBufferPointer(bytes)) {
      return replace(parts.changed(by: &self, ofTensors: ofTensors))
    }
    change()
    if way == 2 { TableParts.mendChecksums(bytes) }
  }
}
