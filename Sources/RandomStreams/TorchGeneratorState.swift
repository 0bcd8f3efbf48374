/// Why a saved generator state cannot be restored.
@nonexhaustive
public enum TorchGeneratorError: Error, Equatable {
  /// The state has another length than torch's CPU generator writes.
  case stateLength(expected: Int, found: Int)
  /// A field of the state contradicts the others or lies outside its range.
  case stateField(name: String, expected: String, found: String)
}

extension TorchGeneratorError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .stateLength(let expected, let found):
      "a generator state has \(expected) bytes, this one has \(found); take the 'cpu' entry of rng_state.pth"
    case .stateField(let name, let expected, let found):
      "generator state: '\(name)' is \(found), expected \(expected); "
        + "save the state again with torch.get_rng_state()"
    }
  }
}

extension TorchGenerator {
  /// The length of `torch.get_rng_state()`, in bytes.
  public static let stateByteCount = 5056

  // Offsets in CPUGeneratorImplState (aten/src/ATen/CPUGeneratorImpl.cpp), little-endian:
  // u64 seed, i32 left, i32 seeded, u64 next, 624 × u64 words, f64 normal_x, f64 normal_y, f64 normal_rho,
  // i32 normal_is_valid, (4 bytes padding), f32 next float normal, bool is it valid, (3 bytes padding).
  private enum Offset {
    static let (seed, left, seeded, next, words) = (0, 8, 12, 16, 24)
    static let (normalY, normalIsValid, floatNormal, floatNormalIsValid) = (5024, 5040, 5048, 5052)
  }

  /// The state as `torch.get_rng_state()` returns it, byte for byte; 5056 bytes.
  public var state: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.stateByteCount)
    func put(_ value: some FixedWidthInteger, at offset: Int) {
      withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }
    put(initialSeed, at: Offset.seed)
    put(Int32(next == 0 ? 1 : Int(Self.wordCount) + 1 - Int(next)), at: Offset.left)
    put(Int32(1), at: Offset.seeded)
    put(UInt64(next), at: Offset.next)
    for (i, word) in words.enumerated() { put(UInt64(word), at: Offset.words + 8 * i) }
    if let cachedNormal {
      put(cachedNormal.bitPattern, at: Offset.normalY)
      put(Int32(1), at: Offset.normalIsValid)
    }
    if let cachedFloatNormal {
      put(cachedFloatNormal.bitPattern, at: Offset.floatNormal)
      put(UInt8(1), at: Offset.floatNormalIsValid)
    }
    return bytes
  }

  /// Restores what `torch.get_rng_state()` or `state` saved.
  public init(state: [UInt8]) throws(TorchGeneratorError) {
    guard state.count == Self.stateByteCount else {
      throw .stateLength(expected: Self.stateByteCount, found: state.count)
    }
    func get<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T {
      state.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
    }
    let left = get(Int32.self, at: Offset.left)
    let seeded = get(Int32.self, at: Offset.seeded)
    let next = get(UInt64.self, at: Offset.next)
    guard seeded == 1 else { throw .stateField(name: "seeded", expected: "1", found: "\(seeded)") }
    guard next <= UInt64(Self.wordCount) else {
      throw .stateField(name: "next", expected: "0 to \(Self.wordCount)", found: "\(next)")
    }
    let expectedLeft = next == 0 ? 1 : Self.wordCount + 1 - Int(next)
    guard Int(left) == expectedLeft else {
      throw .stateField(name: "left", expected: "\(expectedLeft)", found: "\(left)")
    }
    var words: [UInt32] = []
    words.reserveCapacity(Self.wordCount)
    for i in 0..<Self.wordCount {
      let word = get(UInt64.self, at: Offset.words + 8 * i)
      guard let narrow = UInt32(exactly: word) else {
        throw .stateField(name: "state[\(i)]", expected: "a 32-bit number", found: "\(word)")
      }
      words.append(narrow)
    }
    self.init(
      initialSeed: get(UInt64.self, at: Offset.seed), words: words, next: UInt32(next),
      cachedNormal: get(Int32.self, at: Offset.normalIsValid) == 0
        ? nil : Double(bitPattern: get(UInt64.self, at: Offset.normalY)),
      cachedFloatNormal: get(UInt8.self, at: Offset.floatNormalIsValid) == 0
        ? nil : Float(bitPattern: get(UInt32.self, at: Offset.floatNormal)))
  }
}
