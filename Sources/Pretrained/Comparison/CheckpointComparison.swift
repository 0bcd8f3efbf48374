public import ModelFiles

/// How two checkpoints differ, tensor by tensor under their canonical names, whatever containers they lie in.
public struct CheckpointComparison: Sendable {
  /// A tensor that both have.
  public struct Pair: Sendable {
    public var name: String
    public var first: TensorInfo
    public var second: TensorInfo
    /// Nil where the shapes differ.
    public var difference: TensorDifference?
    /// Whether ``CheckpointComparison`` counts it as changed.
    public var isChanged: Bool
  }

  /// A member of the configurations, or what else differs beside the tensors.
  public struct Setting: Sendable, Hashable {
    public var key: String
    /// Nil where there is none.
    public var first: JSONValue?
    public var second: JSONValue?
    /// Whether both say something, and not the same.
    public var isConflict: Bool { first != nil && second != nil }

    public static func == (a: Setting, b: Setting) -> Bool {
      a.key == b.key && a.first == b.first && a.second == b.second
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
  }

  /// When two tensors count as the same.
  public enum Criterion: Sendable, Hashable {
    /// All bits, and so the element types, are.
    case bits
    /// No element is further from the other than this; 0: all values are equal, whatever their types.
    case tolerance(Double)
  }

  /// Only in the second checkpoint.
  public let added: [TensorInfo]
  /// Only in the first.
  public let removed: [TensorInfo]
  /// In both, sorted by name.
  public let pairs: [Pair]
  public let settings: [Setting]

  /// The pairs that are not the same.
  public var changed: [Pair] { pairs.filter(\.isChanged) }

  /// Whether nothing differs: no tensor, and no setting of which both have one.
  public var isIdentical: Bool {
    added.isEmpty && removed.isEmpty && changed.isEmpty && !settings.contains(where: \.isConflict)
  }

  /// Compares; reads all tensors that both have.
  ///
  /// - Parameters:
  ///   - first: of any format.
  ///   - second: of any format.
  ///   - criterion: when tensors count as the same.
  ///   - progress: called with the elements compared so far and all there are.
  /// - Throws: ``CanonicalNamesError``; the containers' errors; what `progress` throws.
  public init(
    _ first: Checkpoint, _ second: Checkpoint, criterion: Criterion = .tolerance(0),
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    var (a, b) = (try CanonicalWeights(first), try CanonicalWeights(second))
    // With a head on one alone, both get the names of a model with one, so that the encoders meet.
    if a.hasHead != b.hasHead {
      (a, b) = (try CanonicalWeights(first, hasHead: true), try CanonicalWeights(second, hasHead: true))
    }
    added = b.tensors.filter { a.tensor(named: $0.name) == nil }
    removed = a.tensors.filter { b.tensor(named: $0.name) == nil }
    let common = a.tensors.compactMap { info in b.tensor(named: info.name).map { (info, $0) } }
    let total = common.reduce(0) { $0 + $1.0.elementCount }
    var done = 0
    var pairs: [Pair] = []
    for (one, other) in common {
      var pair = Pair(name: one.name, first: one, second: other, difference: nil, isChanged: true)
      if one.shape == other.shape {
        let difference = try TensorDifference(one, in: a, other, in: b)
        pair.difference = difference
        switch criterion {
        case .bits: pair.isChanged = !difference.areBitsEqual
        case .tolerance(let bound):
          pair.isChanged = !difference.isZero && !(difference.maxAbs <= bound && bound > 0)
        }
      }
      pairs.append(pair)
      done += one.elementCount
      try progress(done, total)
    }
    self.pairs = pairs
    settings = try SettingsComparison(first, second).settings
  }
}
