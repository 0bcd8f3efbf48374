/// Reads the pickles that torch reads when it loads weights only, and nothing else.
///
/// It takes exactly the 34 operations of torch's restricted unpickler, and of globals those that it allows
/// (``PickleAllowList``). It has nothing that could be called: REDUCE, NEWOBJ and BUILD only write down what would be.
///
/// Where torch is lenient about what no pickler writes, this is strict: PROTO belongs at the start, STOP must leave one
/// value, and SETITEMS needs a value for every key.
///
/// Source: `torch/_weights_only_unpickler.py` of torch 2.15.
package struct PickleMachine: ~Copyable {
  /// The longest pickle that is read, in bytes. A checkpoint of 100 000 tensors takes about 20 MB; the values of a
  /// hostile pickle take about thirty times its length in memory.
  package static let byteLimit = 1 << 26

  /// Reads one pickle.
  ///
  /// - Parameters:
  ///   - bytes: starts with the pickle.
  ///   - allowingMore: whether bytes may follow the pickle.
  ///   - globals: names that are allowed besides those of ``PickleAllowList``; they too are only symbols.
  /// - Throws: ``PickleError/Fault/missingStop`` or ``PickleError/Fault/lengthBeyondInput(needed:available:)`` when
  ///   the bytes end too early, other faults for what no bytes that follow can mend.
  package static func read(
    _ bytes: [UInt8], allowingMore: Bool = false, globals: Set<String> = []
  ) throws(PickleError) -> PickleGraph {
    guard bytes.count <= byteLimit else { throw PickleError(at: byteLimit, .tooLong(limit: byteLimit)) }
    var machine = PickleMachine(bytes, globals)
    do throws(PickleError.Fault) {
      while try machine.step() {}
    } catch { throw PickleError(at: machine.start, error) }
    if machine.position < bytes.count {
      guard allowingMore else {
        throw PickleError(at: machine.position, .bytesAfterStop(bytes.count - machine.position))
      }
      machine.graph.bytes.removeLast(bytes.count - machine.position)
    }
    return machine.graph
  }

  private var graph: PickleGraph
  private let count: Int
  private let otherGlobals: Set<String>
  /// Of the next byte, and of the operation that is being carried out.
  private var (position, start) = (0, 0)
  private var stack: [PickleNode] = []
  /// Heights of the stack. Operations do not reach below the last, as in torch, which begins a new stack at a mark.
  private var marks: [Int32] = []
  /// Picklers number what they remember from 0; other numbers go to `rareMemo`, so that none costs more than itself.
  private var memo: [PickleNode] = []
  private var rareMemo: [UInt32: PickleNode] = [:]
  private var symbols: [String: PickleNode] = [:]

  private init(_ bytes: [UInt8], _ globals: Set<String>) {
    (graph, count, otherGlobals) = (PickleGraph(bytes: bytes), bytes.count, globals)
    // One of each, whatever a pickle says how often.
    graph.values = [.none, .bool(false), .bool(true), .tuple(first: 0, count: 0)]
  }

  /// Carries out one operation; false after STOP.
  private mutating func step() throws(PickleError.Fault) -> Bool {
    start = position
    guard position < count else { throw .missingStop }
    let byte = graph.bytes[position]
    guard let operation = PickleOpcode(rawValue: byte) else { throw .unknownOpcode(byte) }
    position += 1
    switch operation {
    case .proto:
      guard start == 0 else { throw .misplacedProtocol }
      _ = try integer(of: 1)  // torch takes any number, and so do others; the operations decide
    case .stop:
      guard marks.isEmpty, stack.count <= 1 else { throw .valuesLeft(max(stack.count - 1, 1)) }
      graph.root = try pop()
      return false
    case .mark: marks.append(Int32(truncatingIfNeeded: stack.count))

    case .none: stack.append(PickleNode(0))
    case .newfalse: stack.append(PickleNode(1))
    case .newtrue: stack.append(PickleNode(2))
    case .emptyTuple: stack.append(PickleNode(3))
    case .binint: push(.integer(Int(Int32(truncatingIfNeeded: try integer(of: 4)))))
    case .binint1: push(.integer(try integer(of: 1)))
    case .binint2: push(.integer(try integer(of: 2)))
    case .long1: try pushLong(slice(of: integer(of: 1)))
    case .binfloat:
      let bits = graph.bytes[try slice(of: 8).range].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      push(.float(Double(bitPattern: bits)))
    case .binunicode:
      let slice = try slice(of: integer(of: 4))
      guard String(validating: graph.bytes[slice.range], as: UTF8.self) != nil else { throw .invalidText }
      push(.text(slice))
    case .shortBinstring: push(.bytes(try slice(of: integer(of: 1))))
    case .emptyList: push(.list(.init()))
    case .emptySet: push(.set)
    case .emptyDict: push(.dictionary(.init()))

    case .tuple: try pushTuple(of: stack.count - popMark())
    case .tuple1: try pushTuple(of: 1)
    case .tuple2: try pushTuple(of: 2)
    case .tuple3: try pushTuple(of: 3)
    case .append: try append(1)
    case .appends: try append(stack.count - popMark())
    case .setitem: try setItems(2)
    case .setitems: try setItems(stack.count - popMark())

    case .binput: try remember(UInt32(integer(of: 1)))
    case .longBinput: try remember(UInt32(truncatingIfNeeded: integer(of: 4)))
    case .binget: try recall(UInt32(integer(of: 1)))
    case .longBinget: try recall(UInt32(truncatingIfNeeded: integer(of: 4)))

    case .global: try pushGlobal()
    case .reduce, .newobj: try pushCall()
    case .build:
      let state = try pop()
      graph.states[try top()] = state
    case .binpersid: push(.persistent(try pop()))
    default: throw .unsupportedOpcode(operation.name)
    }
    return true
  }

  // MARK: Arguments

  /// The next `width` bytes as an unsigned little-endian integer.
  private mutating func integer(of width: Int) throws(PickleError.Fault) -> Int {
    graph.bytes[try slice(of: width).range].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  private mutating func slice(of length: Int) throws(PickleError.Fault) -> PickleValue.Slice {
    guard length <= count - position else {
      throw .lengthBeyondInput(needed: UInt64(length), available: count - position)
    }
    defer { position += length }
    return PickleValue.Slice(
      start: Int32(truncatingIfNeeded: position), count: Int32(truncatingIfNeeded: length))
  }

  /// The next line, without its line feed.
  private mutating func line() throws(PickleError.Fault) -> String {
    guard let end = graph.bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else { throw .missingStop }
    guard let text = String(validating: graph.bytes[position..<end], as: UTF8.self) else {
      throw .invalidText
    }
    position = end + 1
    return text
  }

  // MARK: The stack

  private mutating func push(_ value: PickleValue) {
    stack.append(PickleNode(graph.values.count))
    graph.values.append(value)
  }

  /// How many values an operation may use.
  private var available: Int { stack.count - Int(marks.last ?? 0) }

  private func top() throws(PickleError.Fault) -> PickleNode {
    guard available > 0, let node = stack.last else { throw .stackUnderflow }
    return node
  }

  private mutating func pop() throws(PickleError.Fault) -> PickleNode {
    let node = try top()
    stack.removeLast()
    return node
  }

  /// Removes the last mark, and gives the height of the stack it stood for.
  private mutating func popMark() throws(PickleError.Fault) -> Int {
    guard let mark = marks.popLast() else { throw .missingMark }
    return Int(mark)
  }

  private mutating func pushTuple(of count: Int) throws(PickleError.Fault) {
    guard count <= available else { throw .stackUnderflow }
    let first = Int32(truncatingIfNeeded: graph.elements.count)
    graph.elements.append(contentsOf: stack.suffix(count))
    stack.removeLast(count)
    push(.tuple(first: first, count: Int32(truncatingIfNeeded: count)))
  }

  private mutating func pushLong(_ slice: PickleValue.Slice) {
    let bytes = graph.bytes[slice.range]
    guard bytes.count <= 8 else { return push(.bigInteger(slice)) }
    let isNegative = (bytes.last ?? 0) & 0x80 != 0
    push(.integer(bytes.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) }))
  }

  // MARK: Containers

  /// Appends the last `count` values to the list below them.
  private mutating func append(_ count: Int) throws(PickleError.Fault) {
    guard count < available else { throw .stackUnderflow }
    let target = stack[stack.count - count - 1]
    guard case .list(var chain) = graph[target] else {
      throw .wrongOperand(expected: "a list", found: graph[target].kind)
    }
    for value in stack.suffix(count) {
      let place = Int32(truncatingIfNeeded: graph.items.count)
      graph.items.append((value, -1))
      if chain.last >= 0 { graph.items[Int(chain.last)].next = place } else { chain.first = place }
      chain.last = place
    }
    graph.values[Int(target.number)] = .list(chain)
    stack.removeLast(count)
  }

  /// Gives the last `count` values, keys and values in turn, to the dictionary below them.
  private mutating func setItems(_ count: Int) throws(PickleError.Fault) {
    guard count < available else { throw .stackUnderflow }
    guard count % 2 == 0 else { throw .keyWithoutValue }
    let target = stack[stack.count - count - 1]
    guard case .dictionary(var chain) = graph[target] else {
      throw .wrongOperand(expected: "a dict", found: graph[target].kind)
    }
    for place in stride(from: stack.count - count, to: stack.count, by: 2) {
      let entry = Int32(truncatingIfNeeded: graph.entries.count)
      graph.entries.append((stack[place], stack[place + 1], -1))
      if chain.last >= 0 { graph.entries[Int(chain.last)].next = entry } else { chain.first = entry }
      chain.last = entry
    }
    graph.values[Int(target.number)] = .dictionary(chain)
    stack.removeLast(count)
  }

  // MARK: The memo

  private mutating func remember(_ number: UInt32) throws(PickleError.Fault) {
    let node = try top()
    switch Int(number) {
    case memo.count where rareMemo[number] == nil: memo.append(node)
    case ..<memo.count: memo[Int(number)] = node
    default: rareMemo[number] = node
    }
  }

  private mutating func recall(_ number: UInt32) throws(PickleError.Fault) {
    if Int(number) < memo.count {
      stack.append(memo[Int(number)])
    } else if let node = rareMemo[number] {
      stack.append(node)
    } else {
      throw .unsetMemo(number)
    }
  }

  // MARK: Globals

  private mutating func pushGlobal() throws(PickleError.Fault) {
    let (module, name) = (try line(), try line())
    let full = PickleAllowList.fullName(module: module, name: name)
    guard PickleAllowList.contains(full, or: otherGlobals) else { throw .forbiddenGlobal(full) }
    if let known = symbols[full] { return stack.append(known) }
    push(.symbol(Int32(truncatingIfNeeded: graph.globals.count)))
    graph.globals.append(full)
    symbols[full] = try top()
  }

  /// A global and its arguments become a value that says so; an empty `OrderedDict()` is a dictionary.
  private mutating func pushCall() throws(PickleError.Fault) {
    guard available >= 2 else { throw .stackUnderflow }
    let (arguments, function) = (try pop(), try pop())
    guard let name = graph.symbol(function) else {
      throw .wrongOperand(expected: "a global", found: graph[function].kind)
    }
    guard case .tuple(_, let count) = graph[arguments] else {
      throw .wrongOperand(expected: "a tuple", found: graph[arguments].kind)
    }
    let isDictionary = name == "collections.OrderedDict" || name == "collections.Counter"
    push(isDictionary && count == 0 ? .dictionary(.init()) : .call(function: function, arguments: arguments))
  }
}
