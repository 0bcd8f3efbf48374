/// A value of a ``PickleGraph``, by number.
package struct PickleNode: Hashable, Sendable {
  let number: Int32

  init(_ number: Int) { self.number = Int32(truncatingIfNeeded: number) }
}

/// What a pickle says, as data: nothing in it was called, and nothing can be.
///
/// Values refer to one another by number and are never copied, so a pickle that remembers a tuple and doubles it sixty
/// times is sixty values. There are at most as many values as the pickle has bytes. The graph can have cycles: whoever
/// walks it keeps count.
package struct PickleGraph: Sendable {
  /// The pickle, up to and with STOP.
  package internal(set) var bytes: [UInt8]
  /// The value that the pickle stands for.
  package internal(set) var root = PickleNode(0)
  /// Every distinct global as `module.name`, in the order of their first use.
  package internal(set) var globals: [String] = []

  var values: [PickleValue] = []
  /// The elements of all tuples.
  var elements: [PickleNode] = []
  /// The items of all lists; those of one are linked by `next`, -1 after the last.
  var items: [(value: PickleNode, next: Int32)] = []
  /// The entries of all dictionaries, linked likewise.
  var entries: [(key: PickleNode, value: PickleNode, next: Int32)] = []
  /// What BUILD gave to a value last.
  var states: [PickleNode: PickleNode] = [:]

  package subscript(node: PickleNode) -> PickleValue { values[Int(node.number)] }

  /// How many values there are.
  package var count: Int { values.count }

  /// The elements of a tuple or list, or nil for another value.
  ///
  /// - Parameter limit: the most to give. Whoever asks for the same value again and again, because the pickle says so,
  ///   must not pay for its length every time.
  package func sequence(_ node: PickleNode, limit: Int = .max) -> [PickleNode]? {
    switch self[node] {
    case .tuple(let first, let count):
      return Array(elements[Int(first)..<Int(first) + min(Int(count), limit)])
    case .list(let chain):
      var found: [PickleNode] = []
      var next = chain.first
      while next >= 0, found.count < limit {
        found.append(items[Int(next)].value)
        next = items[Int(next)].next
      }
      return found
    default: return nil
    }
  }

  /// The entries of a dictionary in their order, keys that appear twice included; nil for another value.
  ///
  /// - Parameter limit: the most to give.
  package func dictionary(
    _ node: PickleNode, limit: Int = .max
  ) -> [(key: PickleNode, value: PickleNode)]? {
    guard case .dictionary(let chain) = self[node] else { return nil }
    var found: [(key: PickleNode, value: PickleNode)] = []
    var next = chain.first
    while next >= 0, found.count < limit {
      let entry = entries[Int(next)]
      found.append((entry.key, entry.value))
      next = entry.next
    }
    return found
  }

  /// Text, also the byte strings that Python 2 wrote; nil for another value.
  package func text(_ node: PickleNode) -> String? {
    switch self[node] {
    case .text(let slice), .bytes(let slice):
      String(validating: bytes[slice.range], as: UTF8.self)
    default: nil
    }
  }

  package func integer(_ node: PickleNode) -> Int? {
    if case .integer(let value) = self[node] { value } else { nil }
  }

  /// The global's `module.name`, or nil for another value.
  package func symbol(_ node: PickleNode) -> String? {
    if case .symbol(let number) = self[node] { globals[Int(number)] } else { nil }
  }

  /// What would be called and with what, if things were called; nil for another value. Of more than sixteen arguments,
  /// the first sixteen.
  package func call(_ node: PickleNode) -> (function: String, arguments: [PickleNode])? {
    guard case .call(let function, let arguments) = self[node], let name = symbol(function) else {
      return nil
    }
    return (name, sequence(arguments, limit: 16) ?? [])
  }

  /// Every persistent identifier: the values that stand for something outside of the pickle.
  package var persistentNodes: [PickleNode] {
    values.indices.compactMap {
      if case .persistent = values[$0] { PickleNode($0) } else { nil }
    }
  }
}

/// A value of a pickle.
package enum PickleValue: Hashable, Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  /// Beyond 64 bits: two's complement, little-endian.
  case bigInteger(Slice)
  case float(Double)
  case text(Slice)
  case bytes(Slice)
  /// A global, a number of ``PickleGraph/globals``.
  case symbol(Int32)
  /// A range of ``PickleGraph/elements``.
  case tuple(first: Int32, count: Int32)
  case list(Chain)
  case set
  /// A `dict`, `OrderedDict` or `Counter`.
  case dictionary(Chain)
  /// REDUCE or NEWOBJ: a global and a tuple.
  case call(function: PickleNode, arguments: PickleNode)
  /// BINPERSID.
  case persistent(PickleNode)

  /// A range of the pickle's bytes.
  package struct Slice: Hashable, Sendable {
    var start: Int32
    var count: Int32

    var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
  }

  /// The first and the last of linked items, -1 when there are none.
  package struct Chain: Hashable, Sendable {
    var first: Int32 = -1
    var last: Int32 = -1
  }

  /// In the words of Python.
  package var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer, .bigInteger: "an int"
    case .float: "a float"
    case .text: "a str"
    case .bytes: "a bytes"
    case .symbol: "a global"
    case .tuple: "a tuple"
    case .list: "a list"
    case .set: "a set"
    case .dictionary: "a dict"
    case .call: "an object"
    case .persistent: "a persistent value"
    }
  }
}
