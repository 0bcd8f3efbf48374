import ModelFiles

/// Everything that is in the dictionaries and lists of a checkpoint, by names joined with dots.
///
/// Walked without recursion and within limits: the same values may be reached in many ways, and in cycles.
struct PyTorchContents {
  struct Leaf {
    let name: String
    /// The dictionary or list it is in, a number of `containers`.
    let container: Int
    let value: Value

    enum Value {
      case tensor(PyTorchView)
      case leftOut(reason: String)
    }
  }

  /// A dictionary or list that was reached.
  struct Container {
    let name: String
    let parent: Int
    /// The last part of the name; nil in a list, and for numbers and the like.
    let key: String?
    /// How many tensors are in it, not counting those in its own dictionaries and lists; and how many of them are not
    /// scalars.
    var direct = 0
    var directArrays = 0
    /// How many tensors are in it at any depth.
    var total = 0
    /// The number after the last container within this one.
    var end = 0
  }

  private(set) var leaves: [Leaf] = []
  private(set) var containers: [Container] = []
  private(set) var values: [PyTorchFile.Value] = []

  static let depthLimit = 64
  /// The most values that are kept; what tensors a file holds matters more.
  static let valueLimit = 256
  /// The name of a tensor that is all there is.
  static let loneName = "tensor"

  private struct Frame {
    let container: Int
    let prefix: String
    let children: [Child]
    var next = 0
  }

  private struct Child {
    let name: String
    /// The key when it is text, nil for a number.
    let key: String?
    let node: PickleNode
    /// Why nothing can be named by the key.
    var problem: String?
  }

  private let tensors: PyTorchTensors
  private var graph: PickleGraph { tensors.graph }
  private var frames: [Frame] = []
  private var (visits, nameBytes) = (0, 0)
  private let (visitLimit, nameByteLimit): (Int, Int)

  init(_ tensors: PyTorchTensors) throws(PyTorchError.Fault) {
    self.tensors = tensors
    visitLimit = 4 * tensors.graph.count + 4096
    nameByteLimit = 32 * tensors.graph.bytes.count + 1 << 20
    let root = tensors.graph.root
    if let children = try children(of: root, name: "") {
      enter(children, name: "", prefix: "", key: nil)
      try walk()
    } else {
      containers.append(Container(name: "", parent: -1, key: nil, end: 1))
      try take(Child(name: Self.loneName, key: nil, node: root), name: Self.loneName, in: 0)
    }
    for index in containers.indices.reversed() {
      containers[index].total += containers[index].direct
      let parent = containers[index].parent
      if parent >= 0 { containers[parent].total += containers[index].total }
    }
  }

  private mutating func enter(_ children: [Child], name: String, prefix: String, key: String?) {
    let parent = frames.last?.container ?? -1
    frames.append(Frame(container: containers.count, prefix: prefix, children: children))
    containers.append(Container(name: name, parent: parent, key: key))
  }

  private mutating func walk() throws(PyTorchError.Fault) {
    while let frame = frames.last {
      guard frame.next < frame.children.count else {
        containers[frame.container].end = containers.count
        frames.removeLast()
        continue
      }
      frames[frames.count - 1].next += 1
      let child = frame.children[frame.next]
      let name = frame.prefix + child.name
      nameBytes += name.utf8.count
      guard nameBytes <= nameByteLimit else { throw .expansionLimit(name: "", limit: nameByteLimit) }
      if child.problem == nil, let children = try children(of: child.node, name: name) {
        guard frames.count < Self.depthLimit else { throw .nestedTooDeep(name: name, limit: Self.depthLimit) }
        enter(children, name: name, prefix: name + ".", key: child.key)
      } else {
        try take(child, name: name, in: frame.container)
      }
    }
  }

  private mutating func take(_ child: Child, name: String, in container: Int) throws(PyTorchError.Fault) {
    let value: Leaf.Value
    switch try tensors.value(child.node, name: name) {
    case .tensor(let view):
      value = child.problem.map { .leftOut(reason: $0) } ?? .tensor(view)
      containers[container].directArrays += view.shape.isEmpty ? 0 : 1
    case .leftOut(let reason): value = .leftOut(reason: reason)
    case .other:
      if values.count < Self.valueLimit {
        values.append(PyTorchFile.Value(name: name, text: PickleText.preview(child.node, in: graph)))
      }
      return
    }
    containers[container].direct += 1
    leaves.append(Leaf(name: name, container: container, value: value))
  }

  // MARK: Containers

  /// What is in a dictionary, or in a list that holds more than plain values; nil for everything else.
  private mutating func children(of node: PickleNode, name: String) throws(PyTorchError.Fault) -> [Child]? {
    if let entries = try entries(of: node, name: name) {
      try count(entries.count, name: name)
      return try named(entries, in: name)
    }
    guard let elements = graph.sequence(node) else { return nil }
    try count(elements.count, name: name)
    let isPlain = elements.allSatisfy { element in
      switch graph[element] {
      case .dictionary, .list, .tuple, .call, .persistent: false
      default: true
      }
    }
    if isPlain && !frames.isEmpty { return nil }
    return elements.enumerated().map { Child(name: String($0), key: nil, node: $1) }
  }

  private mutating func count(_ count: Int, name: String) throws(PyTorchError.Fault) {
    visits += count + 1
    guard visits <= visitLimit else { throw .expansionLimit(name: name, limit: visitLimit) }
  }

  /// Of a dictionary; also of one that Python 2 wrote as a call with a list of pairs.
  private mutating func entries(
    of node: PickleNode, name: String
  ) throws(PyTorchError.Fault) -> [(key: PickleNode, value: PickleNode)]? {
    if let entries = graph.dictionary(node) { return entries }
    guard let call = graph.call(node),
      call.function == "collections.OrderedDict" || call.function == "collections.Counter",
      let argument = call.arguments.first
    else { return nil }
    if let entries = graph.dictionary(argument) { return entries }
    guard let pairs = graph.sequence(argument) else { return nil }
    try count(pairs.count, name: name)
    var entries: [(key: PickleNode, value: PickleNode)] = []
    for pair in pairs {
      guard let parts = graph.sequence(pair, limit: 3), parts.count == 2 else { return nil }
      entries.append((parts[0], parts[1]))
    }
    return entries
  }

  private func named(
    _ entries: [(key: PickleNode, value: PickleNode)], in name: String
  ) throws(PyTorchError.Fault) -> [Child] {
    var (children, odd): ([Child], [Child]) = ([], [])
    var names = NameTable(minimumCapacity: entries.count)
    for (key, value) in entries {
      let child: Child
      if let text = graph.text(key) {
        child = Child(name: text, key: text, node: value)
      } else if let number = graph.integer(key) {
        child = Child(name: String(number), key: nil, node: value)
      } else {
        odd.append(
          Child(
            name: PickleText.preview(key, in: graph), key: nil, node: value,
            problem: "its key is \(graph[key].kind), which is no name"))
        continue
      }
      let known = names.insert(hash: NameTable.hash(child.name)) {
        children[$0].name.hasSameBytes(as: child.name)
      }
      guard known == nil else { throw .duplicateKey(name.isEmpty ? child.name : name + "." + child.name) }
      children.append(child)
    }
    return children + odd
  }

  // MARK: The weights among it all

  /// Names under which training programs keep the weights beside other things, most telling first.
  private static let wrapperNames = [
    "state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights", "params",
  ]

  /// The container that holds the weights: a number of `containers`.
  ///
  /// Begins with the outermost. While that has no tensors of its own and exactly one dictionary in it has any, that one
  /// is gone on with. So it is with one of the well-known names, whatever is beside it, unless there are arrays. The
  /// last dictionary on this way that has tensors of its own is the one.
  var weightContainer: Int {
    var (current, best) = (0, 0)
    while let next = wrapped(in: current) {
      current = next
      if containers[current].direct > 0 { best = current }
    }
    return best
  }

  private func wrapped(in outer: Int) -> Int? {
    guard containers[outer].directArrays == 0 else { return nil }
    let inner = (outer + 1..<max(outer + 1, containers[outer].end)).filter {
      containers[$0].parent == outer && containers[$0].total > 0
    }
    if containers[outer].direct == 0, inner.count == 1 { return inner.first { containers[$0].key != nil } }
    for name in Self.wrapperNames {
      if let found = inner.first(where: { containers[$0].key?.hasSameBytes(as: name) == true }) {
        return found
      }
    }
    return nil
  }
}
