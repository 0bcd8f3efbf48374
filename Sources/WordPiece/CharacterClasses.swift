/// What the tokenizer needs to know of a Unicode scalar, as the reference sees it.
///
/// Built once from ``CharacterTables``, in under a millisecond.
final class CharacterClasses: Sendable {
  static let shared = CharacterClasses()

  /// The classes a scalar belongs to.
  struct Traits: OptionSet {
    var rawValue: UInt8
    static let removed = Traits(rawValue: 1)
    static let blanked = Traits(rawValue: 2)
    static let ideograph = Traits(rawValue: 4)
    static let mark = Traits(rawValue: 8)
    static let punctuation = Traits(rawValue: 16)
    static let whitespace = Traits(rawValue: 32)
    /// It decomposes, or has a combining class other than 0.
    static let reordered = Traits(rawValue: 64)
    static let uppercase = Traits(rawValue: 128)
  }

  private let traits: ScalarMap<UInt8>
  private let classes: ScalarMap<UInt8>
  private let lowercaseDistance: ScalarMap<Int32>
  private let decompositionStart: ScalarMap<UInt16>

  private init() {
    var traits = ScalarMap<UInt8>(default: 0)
    for (table, trait) in [
      (CharacterTables.removed, Traits.removed), (CharacterTables.blanked, .blanked),
      (CharacterTables.ideograph, .ideograph), (CharacterTables.mark, .mark),
      (CharacterTables.punctuation, .punctuation), (CharacterTables.whitespace, .whitespace),
    ] {
      for i in stride(from: 0, to: table.count, by: 2) {
        for scalar in table[i]...table[i + 1] { traits[scalar] |= trait.rawValue }
      }
    }
    var classes = ScalarMap<UInt8>(default: 0)
    for i in stride(from: 0, to: CharacterTables.combiningClass.count, by: 3) {
      let table = CharacterTables.combiningClass
      for scalar in table[i]...table[i + 1] {
        classes[scalar] = UInt8(table[i + 2])
        traits[scalar] |= Traits.reordered.rawValue
      }
    }
    var distances = ScalarMap<Int32>(default: 0)
    for i in stride(from: 0, to: CharacterTables.lowercase.count, by: 4) {
      let table = CharacterTables.lowercase
      for scalar in stride(from: table[i], through: table[i + 1], by: Int(table[i + 2])) {
        distances[UInt32(scalar)] = table[i + 3]
        traits[UInt32(scalar)] |= Traits.uppercase.rawValue
      }
    }
    traits[Self.dottedI] |= Traits.uppercase.rawValue
    var starts = ScalarMap<UInt16>(default: 0)
    var at = 0
    while at < CharacterTables.decomposition.count {
      let scalar = CharacterTables.decomposition[at]
      starts[scalar] = UInt16(at + 1)  // of the count; 0 stands for none
      traits[scalar] |= Traits.reordered.rawValue
      at += 2 + Int(CharacterTables.decomposition[at + 1])
    }
    for scalar in Self.hangul { traits[scalar] |= Traits.reordered.rawValue }
    self.traits = traits
    self.classes = classes
    lowercaseDistance = distances
    decompositionStart = starts
  }

  @inline(__always)
  func traits(of scalar: UInt32) -> Traits { Traits(rawValue: traits[scalar]) }

  /// The canonical combining class; 0 for a starter.
  @inline(__always)
  func combiningClass(of scalar: UInt32) -> UInt8 { classes[scalar] }

  /// İ, the only scalar with a lower case of two: i and a dot above.
  static let dottedI: UInt32 = 0x130
  static let dotAbove: UInt32 = 0x307

  /// The lower case of one scalar; of `İ` only the `i`.
  @inline(__always)
  func lowercase(of scalar: UInt32) -> UInt32 {
    scalar == Self.dottedI ? 0x69 : UInt32(bitPattern: Int32(bitPattern: scalar) &+ lowercaseDistance[scalar])
  }

  private static let hangul: ClosedRange<UInt32> = 0xAC00...0xD7A3

  /// Calls `body` with each part of the full canonical decomposition, in order.
  @inline(__always)
  func forEachPart(of scalar: UInt32, _ body: (UInt32) -> Void) {
    if Self.hangul.contains(scalar) {
      let index = scalar - Self.hangul.lowerBound  // The Unicode Standard, section 3.12
      body(0x1100 + index / 588)
      body(0x1161 + index % 588 / 28)
      if index % 28 != 0 { body(0x11A7 + index % 28) }
    } else if case let start = Int(decompositionStart[scalar]), start > 0 {
      let count = Int(CharacterTables.decomposition[start])
      for i in start + 1...start + count { body(CharacterTables.decomposition[i]) }
    } else {
      body(scalar)
    }
  }

  /// Whether a scalar is part of a word in the sense of `\w`, for added tokens that must stand alone.
  static func isWordCharacter(_ scalar: UInt32) -> Bool {
    let table = CharacterTables.wordCharacter
    var (low, high) = (0, table.count / 2)
    while low < high {
      let middle = (low + high) / 2
      if table[2 * middle + 1] < scalar { low = middle + 1 } else { high = middle }
    }
    return low < table.count / 2 && table[2 * low] <= scalar
  }
}

/// A value for every Unicode scalar, in pages of 256 of which only the used ones exist.
struct ScalarMap<Value: BitwiseCopyable & Sendable>: Sendable {
  private var pages = [UInt16](repeating: 0, count: 0x1100)
  private var values: [Value]
  private let initial: Value

  init(default initial: Value) {
    self.initial = initial
    values = [Value](repeating: initial, count: 256)  // page 0: nothing set
  }

  /// The value of a scalar, which must be below 0x110000.
  subscript(scalar: UInt32) -> Value {
    @inline(__always) get { values[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)] }
    set {
      let page = Int(scalar >> 8)
      if pages[page] == 0 {
        pages[page] = UInt16(values.count >> 8)
        values.append(contentsOf: repeatElement(initial, count: 256))
      }
      values[Int(pages[page]) << 8 | Int(scalar & 0xFF)] = newValue
    }
  }
}
