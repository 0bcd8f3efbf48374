import ModelFiles
import Synchronization
import Tensors

/// What a change of element type did to a tensor's values.
public struct CastLoss: Sendable, Hashable {
  /// The largest |new - old| over elements that stay finite.
  public var maxAbs = 0.0
  /// Finite elements that became infinite.
  public var overflowCount = 0
  /// Elements other than zero that became zero.
  public var vanishedCount = 0
  /// Elements with another value.
  public var changedCount = 0

  public init() {}

  /// Joins what two parts lost.
  public static func + (a: CastLoss, b: CastLoss) -> CastLoss {
    var sum = a
    sum.maxAbs = max(a.maxAbs, b.maxAbs)
    sum.overflowCount += b.overflowCount
    sum.vanishedCount += b.vanishedCount
    sum.changedCount += b.changedCount
    return sum
  }
}

/// Floating-point tensors of a source in another element type; the others as they are.
struct CastWeights: WeightSource {
  let source: any WeightSource
  let elementType: ElementType

  static let castable: Set<ElementType> = [.float64, .float32, .float16, .bfloat16]

  private func type(of info: TensorInfo) -> ElementType {
    Self.castable.contains(info.elementType) ? elementType : info.elementType
  }

  private func cast(_ info: TensorInfo) -> TensorInfo {
    TensorInfo(name: info.name, elementType: type(of: info), shape: info.shape)
  }

  var tensors: [TensorInfo] { source.tensors.map(cast) }
  func tensor(named name: String) -> TensorInfo? { source.tensor(named: name).map(cast) }

  func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    guard let info = source.tensor(named: name) else { return try source.withBytes(of: name, body) }
    return try withElements(of: name, in: 0..<info.elementCount, body)
  }

  func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    guard let info = source.tensor(named: name), type(of: info) != info.elementType else {
      return try source.withElements(of: name, in: range, body)
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, range.count * elementType.bitWidth / 8), alignment: 64)
    defer { buffer.deallocate() }
    try source.withElements(of: name, in: range) { bytes in
      try Self.convert(bytes, info.elementType, count: range.count, to: elementType, buffer)
    }
    let count = range.count * elementType.bitWidth / 8
    return try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
  }

  private static func convert(
    _ bytes: RawSpan, _ from: ElementType, count: Int, to type: ElementType,
    _ target: UnsafeMutableRawBufferPointer
  ) throws {
    guard count > 0, let start = target.baseAddress else { return }
    if type == .float64 {
      try from.doubles(bytes, into: target.assumingMemoryBound(to: Double.self))
      return
    }
    // By way of F32, as torch casts F64 to a half precision too.
    let floats = UnsafeMutablePointer<Float>.allocate(capacity: count)
    defer { floats.deallocate() }
    try bytes.withUnsafeBytes { source in
      guard let source = source.baseAddress else { return }
      try Kernels.best.convert(source, from: from, count: count, into: floats)
    }
    try Kernels.best.convert(floats, count: count, to: type, into: start)
  }
}

extension CastLoss {
  /// What became of elements whose old and new values are given.
  init(_ old: UnsafeBufferPointer<Double>, _ new: UnsafeBufferPointer<Double>) {
    self.init()
    for (x, y) in zip(old, new) where x != y && !(x.isNaN && y.isNaN) {
      changedCount += 1
      if x.isFinite && !y.isFinite {
        overflowCount += 1
      } else {
        maxAbs = max(maxAbs, abs(y - x))
      }
      if y == 0 { vanishedCount += 1 }
    }
  }
}
