import ModelFiles
import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How far two tensors of one shape are apart. All sums are taken in double precision.
public struct TensorDifference: Sendable, Hashable {
  /// Elements with other values. NaN equals NaN, and +0 equals -0.
  public private(set) var changedCount = 0
  public private(set) var elementCount = 0
  /// The largest |b - a|; infinite or NaN where one of the values is and the other is not the same.
  public private(set) var maxAbs = 0.0
  /// Whether all bits are the same, and so the element types.
  public internal(set) var areBitsEqual = true
  private var (sumA, sumB, sumAB, sumDelta) = (0.0, 0.0, 0.0, 0.0)

  /// The root of the mean square of b - a, divided by that of a; infinite where a is zero throughout and b is not.
  public var relativeRMS: Double { sumDelta == 0 ? 0 : (sumDelta / sumA).squareRoot() }

  /// The cosine of the angle between both, seen as vectors; 1 where they are equal.
  public var cosine: Double {
    if changedCount == 0 { return 1 }
    let norm = (sumA * sumB).squareRoot()
    return norm == 0 ? 0 : max(-1, min(1, sumAB / norm))
  }

  /// Whether all values are equal.
  public var isZero: Bool { changedCount == 0 }

  /// Enters elements that are known to be equal.
  mutating func addEqual(_ count: Int) { elementCount += count }

  /// Enters |b - a| of an element that differs; once NaN, the largest stays so.
  private mutating func enter(_ delta: Double) {
    if !maxAbs.isNaN && !(delta <= maxAbs) { maxAbs = delta }
    if delta.isFinite { sumDelta += delta * delta }
  }

  /// Enters what elements that ``add(_:_:)`` took as equal still differ by: integers of 64 bits that are no doubles.
  fileprivate mutating func addRounded(
    _ a: RawSpan, _ first: ElementType, _ b: RawSpan, _ second: ElementType,
    _ rounded: UnsafeBufferPointer<Double>
  ) {
    for (index, value) in rounded.enumerated() where abs(value) >= 0x1p53 && abs(value) <= 0x1p64 {
      let (x, y) = (first.integer(a, at: index, value), second.integer(b, at: index, value))
      // What the doubles say has been entered.
      guard x != y, Double(x) == Double(y) else { continue }
      changedCount += 1
      enter(Double(x > y ? x - y : y - x))
    }
  }

  /// Enters elements of both tensors.
  mutating func add(_ a: UnsafeBufferPointer<Double>, _ b: UnsafeBufferPointer<Double>) {
    for (x, y) in zip(a, b) where x != y {
      if x.isNaN && y.isNaN { continue }
      changedCount += 1
      let delta = abs(y - x)
      enter(delta)
    }
    for (x, y) in zip(a, b) where x.isFinite && y.isFinite {
      sumA += x * x
      sumB += y * y
      sumAB += x * y
    }
    elementCount += a.count
  }
}

extension ElementType {
  /// Whether elements are numbers that a Double holds, 64-bit integers rounded.
  var isNumeric: Bool {
    switch self {
    case .bool, .uint8, .int8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .float16, .bfloat16,
      .float32,
      .float64:
      true
    default: false
    }
  }

  /// Whether elements may be numbers between two doubles.
  fileprivate var isRounded: Bool { self == .int64 || self == .uint64 }

  /// The element at `index` exactly, which as a double is `value`, a whole number.
  fileprivate func integer(_ bytes: RawSpan, at index: Int, _ value: Double) -> Int128 {
    bytes.withUnsafeBytes { bytes in
      switch self {
      case .int64: Int128(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self))
      case .uint64: Int128(bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
      default: Int128(value)
      }
    }
  }

  /// Gives the elements as doubles.
  ///
  /// - Precondition: ``isNumeric``.
  func doubles(_ bytes: RawSpan, into values: UnsafeMutableBufferPointer<Double>) throws {
    func each<Element: BitwiseCopyable>(_ type: Element.Type, _ value: (Element) -> Double) {
      bytes.withUnsafeBytes { bytes in
        for index in values.indices {
          let offset = index * MemoryLayout<Element>.size
          values[index] = value(bytes.loadUnaligned(fromByteOffset: offset, as: type))
        }
      }
    }
    switch self {
    case .bool, .uint8: each(UInt8.self) { Double($0) }
    case .int8: each(Int8.self) { Double($0) }
    case .int16: each(Int16.self) { Double($0) }
    case .uint16: each(UInt16.self) { Double($0) }
    case .int32: each(Int32.self) { Double($0) }
    case .uint32: each(UInt32.self) { Double($0) }
    case .int64: each(Int64.self) { Double($0) }
    case .uint64: each(UInt64.self) { Double($0) }
    case .float32: each(Float.self) { Double($0) }
    case .float64: each(Double.self) { $0 }
    case .bfloat16: each(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
    default:
      try withUnsafeTemporaryAllocation(of: Float.self, capacity: values.count) { floats in
        guard let start = floats.baseAddress else { return }
        try bytes.withUnsafeBytes { bytes in
          guard let source = bytes.baseAddress else { return }
          try convert(source, from: self, count: values.count, into: start)
        }
        for index in values.indices { values[index] = Double(floats[index]) }
      }
    }
  }
}

extension TensorDifference {
  /// Compares two tensors of one shape, some elements at a time.
  ///
  /// - Throws: the containers' errors.
  init(
    _ a: TensorInfo, in first: some WeightSource, _ b: TensorInfo, in second: some WeightSource
  ) throws {
    self.init()
    areBitsEqual = a.elementType == b.elementType
    let isComparable = a.elementType.isNumeric && b.elementType.isNumeric
    let step = 1 << 16
    let left = UnsafeMutableBufferPointer<Double>.allocate(capacity: step)
    let right = UnsafeMutableBufferPointer<Double>.allocate(capacity: step)
    defer {
      left.deallocate()
      right.deallocate()
    }
    // 64 bits an element at most, so that a piece of a is a piece of b.
    let pieceBytes = step * a.elementType.bitWidth / 8
    try first.forEachPiece(of: a, byteCount: pieceBytes) { range, mine in
      try second.withElements(of: b.name, in: range) { theirs in
        if a.elementType == b.elementType, mine.hasSameBytes(as: theirs) {
          addEqual(range.count)
          return
        }
        areBitsEqual = false
        guard isComparable else {
          addIncomparable(range.count)
          return
        }
        let (x, y) = (
          UnsafeMutableBufferPointer(rebasing: left[..<range.count]),
          UnsafeMutableBufferPointer(rebasing: right[..<range.count])
        )
        try a.elementType.doubles(mine, into: x)
        try b.elementType.doubles(theirs, into: y)
        add(UnsafeBufferPointer(x), UnsafeBufferPointer(y))
        if a.elementType.isRounded || b.elementType.isRounded {
          addRounded(mine, a.elementType, theirs, b.elementType, UnsafeBufferPointer(x))
        }
      }
    }
  }

  /// Enters elements whose bits differ and whose values are not known here.
  private mutating func addIncomparable(_ count: Int) {
    changedCount += count
    elementCount += count
    maxAbs = .nan
  }
}
