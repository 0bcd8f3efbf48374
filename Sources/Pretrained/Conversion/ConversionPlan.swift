import ForeignFormats
public import ModelFiles

/// Which tensors of a checkpoint are written under which names.
public struct ConversionPlan: Sendable {
  /// A tensor on its way.
  public struct Item: Sendable, Hashable {
    /// Its name in the checkpoint.
    public var original: String
    /// As it is written.
    public var info: TensorInfo
  }

  /// In the order of the checkpoint's canonical names.
  public let items: [Item]
  /// Names that share another's bytes: the one that is dropped where a format has no ties, and the one that is kept, which
  /// is among the items.
  public let ties: [(name: String, kept: String)]
  /// Tensors of the checkpoint that are not written, with the reason.
  public let leftOut: [Container.LeftOut]
  /// The tensors to write, under their new names and in their new types.
  let source: any WeightSource
  /// The same in the types they have in the checkpoint.
  let uncast: any WeightSource

  /// - Throws: ``ConversionError/collision(name:first:second:)``, ``ConversionError/nothingLeft``,
  ///   ``CanonicalNamesError``, and the containers' errors.
  init(_ checkpoint: Checkpoint, _ options: ConversionOptions) throws {
    let path = checkpoint.container.path
    let weights: any WeightSource
    var (leftOut, ties) = ([Container.LeftOut](), [(name: String, kept: String)]())
    var originals: (String) -> String = { $0 }
    if options.keepsNames {
      (weights, leftOut) = (checkpoint.weights, checkpoint.weights.leftOut)
      ties = TieGroups(checkpoint.container.ties).groups.flatMap { group in
        group.dropFirst().map { (name: $0, kept: group[0]) }
      }
    } else {
      let canonical = try CanonicalWeights(checkpoint)
      (weights, leftOut, ties) = (canonical, canonical.leftOut, canonical.ties)
      originals = { canonical.originalName(of: $0) ?? $0 }
    }

    let only = options.only.map { NamePattern($0) }
    let excluded = options.excluding.map { NamePattern($0) }
    var items: [WeightView.Item] = []
    var names: [String: String] = [:]
    var rules = options.renaming
    if let prefix = options.strippedPrefix {
      var stripping = RenameRules()
      stripping.addStripping(prefix)
      rules = rules.isEmpty ? stripping : rules.after(stripping)
    }
    /// Why the patterns leave a name out; nil when they do not.
    func reason(for name: String) -> String? {
      if !only.isEmpty && !only.contains(where: { $0.match(name) != nil }) { return "not among --only" }
      return excluded.contains { $0.match(name) != nil } ? "excluded" : nil
    }
    /// Gives a name of the checkpoint its new one, which nothing else may have.
    func rename(_ original: String) throws -> String {
      let name = rules.renamed(original)
      if let other = names[name] {
        throw ConversionError.collision(name: name, first: other, second: original)
      }
      names[name] = original
      return name
    }
    var itemNames: [String: String] = [:]
    for info in weights.tensors {
      if let reason = reason(for: info.name) {
        leftOut.append(.init(name: info.name, reason: reason))
        continue
      }
      let name = try rename(info.name)
      itemNames[info.name] = name
      items.append(.init(name: name, original: info))
    }
    guard !items.isEmpty else { throw ConversionError.nothingLeft(path: path) }
    uncast = try WeightView(weights, path: path, items)
    source = options.elementType.map { [uncast] in CastWeights(source: uncast, elementType: $0) } ?? uncast
    let source = source
    self.items = zip(items, source.tensors).map { item, info in
      Item(original: originals(item.original.name), info: info)
    }
    // Of a group those that are left are tied to the first that is a tensor here; the others may be names alone.
    self.ties = try TieGroups(ties.map { [$0.kept, $0.name] }).groups.flatMap { group in
      let left = group.filter { itemNames[$0] != nil || reason(for: $0) == nil }
      guard let kept = left.first(where: { itemNames[$0] != nil }) else { return [(String, String)]() }
      return try left.filter { $0 != kept }.map {
        (try itemNames[$0] ?? rename($0), itemNames[kept] ?? kept)
      }
    }
    self.leftOut = leftOut
  }

  /// The bytes of all tensors together.
  public var byteCount: Int { items.reduce(0) { $0 + $1.info.byteCount } }

  /// The tensors, without those that only repeat another, for formats that keep one name of a tie.
  var untied: [TensorInfo] {
    let dropped = Set(ties.map(\.name))
    return items.map(\.info).filter { !dropped.contains($0.name) }
  }
}

/// What a conversion is to do besides changing the container.
public struct ConversionOptions: Sendable {
  /// The type of floating-point tensors; nil leaves them as they are.
  public var elementType: ElementType?
  /// GGUF's type of matrices, such as `Q8_0`; nil: ``elementType``, or as they are.
  public var quantisation: String?
  /// The most bytes of tensors in one file, for formats that have shards.
  public var maximumShardByteCount: Int?
  /// Applied to the names after ``strippedPrefix``.
  public var renaming = RenameRules()
  /// Taken away from names that begin with it.
  public var strippedPrefix: String?
  /// Patterns, with `*` for any characters; only tensors whose canonical name matches one are written. None: all.
  public var only: [String] = []
  /// Patterns of tensors that are not written.
  public var excluding: [String] = []
  /// Keeps the checkpoint's names, constants and repeated tensors rather than the canonical ones.
  public var keepsNames = false

  public init() {}
}

/// Why nothing was converted.
@nonexhaustive
public enum ConversionError: Error, Hashable, Sendable {
  case invalidRule(String, reason: String)
  /// Two tensors would have the same name.
  case collision(name: String, first: String, second: String)
  /// The patterns leave no tensor to write.
  case nothingLeft(path: String)
  /// The target exists, and nobody said that it may be replaced.
  case destinationExists(path: String)
  /// A folder has the name of a file that is to be written.
  case folderInTheWay(path: String)
  /// The source lies where the result should go.
  case ontoItself(path: String)
  /// The format needs something that the checkpoint does not have.
  case missing(what: String, target: String, remedy: String)
  /// The format cannot hold a tensor.
  case notRepresentable(tensor: String, why: String, target: String)
  /// What was read back is not what was written.
  case differs(path: String, tensor: String)
  /// The options do not go together.
  case unsupportedOption(String)
}

extension ConversionError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidRule(let rule, let reason): "the rule '\(rule)' cannot be used: \(reason)"
    case .collision(let name, let first, let second):
      "'\(first)' and '\(second)' would both be named '\(name)'; change the rules"
    case .nothingLeft(let path): "\(path): no tensor is left to write; check --only and --exclude"
    case .destinationExists(let path):
      "\(path): there is something already; choose another name or add --force"
    case .folderInTheWay(let path): "\(path): there is a folder where a file belongs; move it away"
    case .ontoItself(let path): "\(path): the result would replace what it is made from; choose another name"
    case .missing(let what, let target, let remedy): "\(target) needs \(what), and there is none; \(remedy)"
    case .notRepresentable(let tensor, let why, let target):
      "tensor '\(tensor)' cannot be written as \(target): \(why)"
    case .differs(let path, let tensor):
      "\(path): not written, since tensor '\(tensor)' would read back differently; is the disk sound?"
    case .unsupportedOption(let text): text
    }
  }
}
