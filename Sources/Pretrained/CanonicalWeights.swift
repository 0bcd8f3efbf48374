import BERT
import ForeignFormats
public import ModelFiles

/// The tensors of a checkpoint, as they would be whatever container they came from.
///
/// Names are transformers' (see ``Checkpoint/weights``), with `bert.` in front of the encoder's exactly when there is
/// a head; `LayerNorm.gamma` and `beta` are weight and bias. Constants that older versions wrote, and parameters that
/// repeat another by BERT's design, are left out; other names that share bytes are there each. Tensors are sorted by
/// the bytes of their names.
public struct CanonicalWeights: Sendable {
  /// Tensors that go by another name than in the checkpoint.
  public let renamed: [(file: String, name: String)]
  /// What is not among the tensors, with the reason.
  public let leftOut: [Container.LeftOut]
  /// Names that share another's bytes in the checkpoint: by design of BERT, left out, or both among the tensors.
  public let ties: [(name: String, kept: String)]
  /// Whether there is a head on the encoder.
  public let hasHead: Bool
  private let view: WeightView

  /// - Parameters:
  ///   - checkpoint: of any format.
  ///   - hasHead: decides on `bert.` in front of the encoder's names; nil: as the tensors show.
  /// - Throws: the container's errors, as tied tensors are read.
  public init(_ checkpoint: Checkpoint, hasHead: Bool? = nil) throws {
    try self.init(
      checkpoint.weights, ties: checkpoint.container.ties, leftOut: checkpoint.weights.leftOut,
      path: checkpoint.container.path, hasHead: hasHead)
  }

  package init(
    _ source: some WeightSource, ties: [[String]] = [], leftOut: [Container.LeftOut] = [], path: String,
    hasHead: Bool? = nil
  ) throws {
    var originals = source.tensors.map { (name: $0.name, info: $0) }
    // Names that are only said to share another's bytes.
    for tie in ties {
      guard let kept = tie.lazy.compactMap({ source.tensor(named: $0) }).first else { continue }
      originals += tie.filter { source.tensor(named: $0) == nil }.map { ($0, kept) }
    }
    let names = CanonicalNames(originals.map(\.name), hasHead: hasHead)
    self.hasHead = names.hasHead

    var places: [String: Int] = [:]
    var items: [WeightView.Item] = []
    var leftOut = leftOut
    for (name, info) in originals {
      let canonical = names.canonical(name)
      if names.isBERT && CanonicalNames.isBuffer(canonical) {
        leftOut.append(.init(name: name, reason: "a constant, which newer versions do not keep"))
      } else if let place = places[canonical] {
        guard try source.haveSameBytes(items[place].original, info) else {
          throw CanonicalNamesError.ambiguous(
            path: path, name: canonical, found: [items[place].original.name, name])
        }
        leftOut.append(.init(name: name, reason: "repeats \(items[place].original.name)"))
      } else {
        places[canonical] = items.count
        items.append(.init(name: canonical, original: info))
      }
    }
    var tied: Set<String> = []
    var pairs: [(name: String, kept: String)] = []
    for item in items {
      guard let tie = names.tie(of: item.name), let place = places[tie],
        try source.haveSameBytes(items[place].original, item.original)
      else { continue }
      leftOut.append(.init(name: item.original.name, reason: "tied to \(items[place].original.name)"))
      tied.insert(item.name)
      pairs.append((item.name, tie))
    }
    items.removeAll { tied.contains($0.name) }
    // Spellings of one name are one: what is tied to itself must stay.
    let shared = TieGroups(
      ties.map { $0.map(names.canonical).filter { places[$0] != nil && !tied.contains($0) } })
    for group in shared.groups { pairs += group.dropFirst().map { ($0, group[0]) } }
    self.ties = pairs
    items.sort { $0.name.precedesInBytes($1.name) }
    renamed = items.filter { $0.name != $0.original.name }.map { ($0.original.name, $0.name) }
    self.leftOut = leftOut
    view = try WeightView(source, path: path, items)
  }

  /// The name a tensor has in the checkpoint.
  public func originalName(of name: String) -> String? { view[name]?.original.name }
}

extension CanonicalWeights: MappedWeightSource {
  public var tensors: [TensorInfo] { view.tensors }
  public func tensor(named name: String) -> TensorInfo? { view.tensor(named: name) }

  public func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try view.withBytes(of: name, body)
  }

  public func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    try view.withElements(of: name, in: range, body)
  }

  package func mappedBytes(of name: String) -> MappedBytes? { view.mappedBytes(of: name) }

  package func storedBytes(of name: String) -> StoredBytes? { view.storedBytes(of: name) }
}

/// Why the tensors of a checkpoint have no canonical names.
@nonexhaustive
public enum CanonicalNamesError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Two tensors with different values are spellings of the same name.
  case ambiguous(path: String, name: String, found: [String])

  public var description: String {
    switch self {
    case .ambiguous(let path, let name, let found):
      "\(path): \(found.joined(separator: " and ")) are both spellings of '\(name)' and have different values; "
        + "remove the one that is not meant"
    }
  }
}

extension CheckpointWeights {
  /// Whether two tensors are of one type and shape and equal bit for bit.
  ///
  /// - Throws: the container's errors.
  public func areIdentical(_ a: TensorInfo, _ b: TensorInfo) throws -> Bool { try haveSameBytes(a, b) }
}

extension WeightSource {
  /// Whether two tensors of the source are of one type and shape and equal bit for bit.
  func haveSameBytes(_ a: TensorInfo, _ b: TensorInfo) throws -> Bool {
    guard a.shape == b.shape, a.elementType == b.elementType else { return false }
    if a.name == b.name { return true }
    var isSame = true
    try forEachPiece(of: a) { range, left in
      guard isSame else { return }
      isSame = try withElements(of: b.name, in: range) { left.hasSameBytes(as: $0) }
    }
    return isSame
  }
}
