/// Normalised text as UTF-8, with what the steps after normalisation need beside every byte.
struct NormalizedText {
  /// What a byte is to the splitter.
  enum Kind: UInt8 { case word, space, punctuation, continuation }

  var bytes: [UInt8] = []
  /// Of the scalar whose first byte it is; `.continuation` for the others.
  var kinds: [Kind] = []
  /// The first of the original text's scalars that the byte stands for, and the one after the last.
  var starts: [Int32] = []
  var ends: [Int32] = []

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    kinds.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  /// Appends a scalar that stands for number `source` of the original text.
  @inline(__always)
  mutating func append(_ scalar: UInt32, _ kind: Kind, source: Int32) {
    appendByte(
      scalar < 0x80
        ? UInt8(scalar)
        : scalar < 0x800
          ? UInt8(0xC0 | scalar >> 6)
          : scalar < 0x10000 ? UInt8(0xE0 | scalar >> 12) : UInt8(0xF0 | scalar >> 18),
      kind, source)
    if scalar >= 0x10000 { appendByte(UInt8(0x80 | scalar >> 12 & 0x3F), .continuation, source) }
    if scalar >= 0x800 { appendByte(UInt8(0x80 | scalar >> 6 & 0x3F), .continuation, source) }
    if scalar >= 0x80 { appendByte(UInt8(0x80 | scalar & 0x3F), .continuation, source) }
  }

  @inline(__always)
  private mutating func appendByte(_ byte: UInt8, _ kind: Kind, _ source: Int32) {
    bytes.append(byte)
    kinds.append(kind)
    starts.append(source)
    ends.append(source + 1)
  }
}

/// The normalisation of BERT: clean, set ideographs apart, strip accents, lower-case, in this order.
///
/// Exact for every Unicode scalar. Text may be cut before and after ASCII white space and ASCII punctuation
/// and normalised piece by piece: none of them combines with a neighbour.
struct Normalizer {
  let cleans: Bool
  let separatesIdeographs: Bool
  let stripsAccents: Bool
  let lowercases: Bool
  // Made when it is first needed: plain English never does.
  private var classes: CharacterClasses { .shared }

  init(_ options: TokenizerOptions) {
    cleans = options.cleanText
    separatesIdeographs = options.tokenizeChineseChars
    stripsAccents = options.stripAccents ?? options.lowercase
    lowercases = options.lowercase
  }

  /// Appends the normalised form of UTF-8 text.
  ///
  /// - Parameters:
  ///   - source: well-formed UTF-8.
  ///   - first: the number of its first scalar in the original text.
  /// - Returns: how many scalars the source has.
  @discardableResult
  func append(_ source: UnsafeBufferPointer<UInt8>, first: Int, to text: inout NormalizedText) -> Int {
    var pending = PendingMarks()
    var at = 0
    var number = Int32(first)
    while at < source.count {
      var scalar = UTF8Scalars.scalar(in: source, at: at)
      at += UTF8Scalars.width(of: scalar)
      defer { number += 1 }
      let traits = classes.traits(of: scalar)
      if cleans {
        if traits.contains(.removed) { continue }
        if traits.contains(.blanked) { scalar = 0x20 }
      }
      if separatesIdeographs && traits.contains(.ideograph) {
        decompose(0x20, number, &pending, &text)
        decompose(scalar, number, &pending, &text)
        decompose(0x20, number, &pending, &text)
      } else {
        decompose(scalar, number, &pending, &text)
      }
    }
    flush(&pending, &text)
    return Int(number) - first
  }

  /// Marks that wait for their canonical order, and the source numbers not yet given away.
  ///
  /// The reference aligns by position, not by mark: of what one scalar decomposes into, the first part takes
  /// the next source in line and the others repeat the last one taken, wherever the ordering has moved them.
  private struct PendingMarks {
    var marks: [(class: UInt8, place: Int, scalar: UInt32, isFirst: Bool)] = []
    var sources: [Int32] = []
    var taken = 0

    mutating func source(isFirst: Bool) -> Int32 {
      if isFirst { taken += 1 }
      return sources[max(taken - 1, 0)]
    }
  }

  @inline(__always)
  private func decompose(
    _ scalar: UInt32, _ number: Int32, _ pending: inout PendingMarks, _ text: inout NormalizedText
  ) {
    guard stripsAccents else { return finish(scalar, number, &text) }
    guard !pending.marks.isEmpty || classes.traits(of: scalar).contains(.reordered) else {
      return finish(scalar, number, &text)
    }
    if pending.marks.isEmpty {
      pending.sources.removeAll(keepingCapacity: true)
      pending.taken = 0
    }
    pending.sources.append(number)
    var isFirst = true
    classes.forEachPart(of: scalar) { part in
      let combiningClass = classes.combiningClass(of: part)
      if combiningClass == 0 {
        flush(&pending, &text)
        finish(part, pending.source(isFirst: isFirst), &text)
      } else {
        pending.marks.append((combiningClass, pending.marks.count, part, isFirst))
      }
      isFirst = false
    }
  }

  private func flush(_ pending: inout PendingMarks, _ text: inout NormalizedText) {
    guard !pending.marks.isEmpty else { return }
    if pending.marks.count > 1 {
      pending.marks.sort { ($0.class, $0.place) < ($1.class, $1.place) }
    }
    for mark in pending.marks {
      finish(mark.scalar, pending.source(isFirst: mark.isFirst), &text)
    }
    pending.marks.removeAll(keepingCapacity: true)
  }

  /// Drops what is stripped, lower-cases the rest.
  @inline(__always)
  private func finish(_ scalar: UInt32, _ source: Int32, _ text: inout NormalizedText) {
    let traits = classes.traits(of: scalar)
    if stripsAccents && traits.contains(.mark) { return }
    guard lowercases && traits.contains(.uppercase) else {
      return text.append(scalar, kind(traits), source: source)
    }
    let lower = classes.lowercase(of: scalar)
    text.append(lower, kind(classes.traits(of: lower)), source: source)
    if scalar == CharacterClasses.dottedI {
      text.append(CharacterClasses.dotAbove, .word, source: source)
    }
  }

  @inline(__always)
  private func kind(_ traits: CharacterClasses.Traits) -> NormalizedText.Kind {
    if traits.isDisjoint(with: [.whitespace, .punctuation]) { return .word }
    return traits.contains(.whitespace) ? .space : .punctuation
  }
}

extension Normalizer {
  /// Whether a scalar may have parts that stay and change places with marks beside them.
  func reorders(_ scalar: UInt32) -> Bool {
    var reorders = false
    if stripsAccents {
      classes.forEachPart(of: scalar) { part in
        if classes.combiningClass(of: part) != 0, !classes.traits(of: part).contains(.mark) {
          reorders = true
        }
      }
    }
    return reorders
  }
}

/// Reading scalars out of well-formed UTF-8.
enum UTF8Scalars {
  @inline(__always)
  static func scalar(at bytes: UnsafePointer<UInt8>) -> UInt32 {
    scalar(in: UnsafeBufferPointer(start: bytes, count: 4), at: 0)
  }

  @inline(__always)
  static func scalar(in bytes: UnsafeBufferPointer<UInt8>, at i: Int) -> UInt32 {
    let lead = UInt32(bytes[i])
    if lead < 0x80 { return lead }
    if lead < 0xE0 { return (lead & 0x1F) << 6 | UInt32(bytes[i + 1]) & 0x3F }
    let middle = UInt32(bytes[i + 1]) & 0x3F
    if lead < 0xF0 { return (lead & 0x0F) << 12 | middle << 6 | UInt32(bytes[i + 2]) & 0x3F }
    return (lead & 0x07) << 18 | middle << 12 | (UInt32(bytes[i + 2]) & 0x3F) << 6 | UInt32(bytes[i + 3])
      & 0x3F
  }

  /// The scalar that ends where `i` is, which is above 0.
  static func scalar(in bytes: UnsafeBufferPointer<UInt8>, before i: Int) -> UInt32 {
    var at = i - 1
    while at > 0 && bytes[at] & 0xC0 == 0x80 { at -= 1 }
    return scalar(in: bytes, at: at)
  }

  @inline(__always)
  static func width(of scalar: UInt32) -> Int {
    scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4
  }
}
