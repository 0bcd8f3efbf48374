/// Walks over a pickle of any protocol and finds the globals it names, building nothing.
///
/// It follows just enough of the stack and the memo to know which two strings a STACK_GLOBAL takes. What it cannot
/// follow it reports as unresolved rather than leaving it out.
struct PickleScan {
  /// In the order of the pickle; `offset` counts from the first byte scanned.
  private(set) var globals: [PickleGlobals.Global] = []
  /// Of the byte after STOP, or of the operation that could not be read.
  private(set) var end = 0
  /// Why the walk ended before STOP, or nil.
  private(set) var fault: PickleError?

  private let bytes: [UInt8]
  /// The strings on the stack, nil for values of other kinds. A range of `bytes`, and whether it is a line.
  private var stack: [Range<Int>?] = []
  private var marks: [Int] = []
  private var memo: [UInt64: Range<Int>?] = [:]

  /// Scans one pickle that starts at `start`.
  init(_ bytes: [UInt8], from start: Int = 0) {
    self.bytes = bytes
    end = start
    do throws(PickleError.Fault) {
      while try step() {}
    } catch { fault = PickleError(at: end, error) }
  }

  /// Takes one operation; false after STOP. Moves `end` only over whole operations.
  private mutating func step() throws(PickleError.Fault) -> Bool {
    guard end < bytes.count else { throw .missingStop }
    guard let operation = PickleOpcode(rawValue: bytes[end]) else { throw .unknownOpcode(bytes[end]) }
    let (arguments, next) = try arguments(of: operation, from: end + 1)
    switch operation {
    case .global, .inst:
      if arguments.count == 2 { add(module: text(arguments[0]), name: text(arguments[1]), operation) }
    case .stackGlobal:
      let strings = stack.suffix(2)
      let isThere = strings.count == 2 && stack.count - (marks.last ?? 0) >= 2
      add(
        module: isThere ? strings.first.flatMap { $0 }.flatMap(text) : nil,
        name: isThere ? strings.last.flatMap { $0 }.flatMap(text) : nil, operation)
    case .ext1, .ext2, .ext4: add(module: "copyreg", name: "extension \(number(arguments))", operation)
    default: break
    }
    follow(operation, arguments)
    end = next
    return operation != .stop
  }

  private mutating func add(module: String?, name: String?, _ operation: PickleOpcode) {
    let isResolved = module != nil && name != nil
    let full = PickleAllowList.fullName(module: module ?? "?", name: name ?? "?")
    globals.append(
      PickleGlobals.Global(
        name: full, offset: end, operation: operation.name, isResolved: isResolved,
        isAllowed: isResolved && PickleAllowList.contains(full)))
  }

  private func text(_ range: Range<Int>) -> String? { String(validating: bytes[range], as: UTF8.self) }

  /// The first argument as a little-endian integer, or as decimal text.
  private func number(_ arguments: [Range<Int>]) -> UInt64 {
    guard let range = arguments.first, range.count <= 8 else { return .max }
    return bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  // MARK: Arguments

  /// The ranges of the arguments, lengths left out, and where the next operation starts.
  private func arguments(
    of operation: PickleOpcode, from start: Int
  ) throws(PickleError.Fault) -> ([Range<Int>], next: Int) {
    switch operation.argument {
    case .none: return ([], start)
    case .fixed(let count):
      let range = try range(UInt64(count), from: start)
      return ([range], range.upperBound)
    case .counted(let width):
      let length = try range(UInt64(width), from: start)
      let range = try range(number([length]), from: length.upperBound)
      return ([range], range.upperBound)
    case .lines(let count):
      var (lines, next): ([Range<Int>], Int) = ([], start)
      for _ in 0..<count {
        guard let end = bytes[next...].firstIndex(of: UInt8(ascii: "\n")) else { throw .missingStop }
        lines.append(next..<end)
        next = end + 1
      }
      return (lines, next)
    }
  }

  private func range(_ count: UInt64, from start: Int) throws(PickleError.Fault) -> Range<Int> {
    let available = bytes.count - start
    guard count <= UInt64(available) else { throw .lengthBeyondInput(needed: count, available: available) }
    return start..<start + Int(count)
  }

  // MARK: Following the stack

  private mutating func follow(_ operation: PickleOpcode, _ arguments: [Range<Int>]) {
    switch operation {
    case .mark: marks.append(stack.count)
    case .dup: if let top = stack.last { stack.append(top) }
    case .popMark where marks.isEmpty, .pop where stack.count == marks.last: marks.removeLastIfAny()
    case .memoize: memo[UInt64(memo.count)] = .some(stack.last ?? nil)
    case .binput, .longBinput: memo[number(arguments)] = .some(stack.last ?? nil)
    case .put: memo[decimal(arguments)] = .some(stack.last ?? nil)
    case .binget, .longBinget: stack.append(memo[number(arguments)] ?? nil)
    case .get: stack.append(memo[decimal(arguments)] ?? nil)
    case .shortBinunicode, .binunicode, .binunicode8, .shortBinstring, .binstring, .unicode:
      stack.append(arguments.first)
    case .string: stack.append(arguments.first.map(unquoted))
    default:
      let effect = operation.stackEffect
      if effect.popsToMark {
        let height = marks.popLast() ?? 0
        stack.removeLast(max(0, stack.count - height))
      }
      stack.removeLast(min(effect.pops, stack.count))
      stack.append(contentsOf: repeatElement(nil, count: effect.pushes))
    }
  }

  private func decimal(_ arguments: [Range<Int>]) -> UInt64 {
    arguments.first.flatMap(text).flatMap { UInt64($0) } ?? .max
  }

  /// Without the quotation marks of STRING.
  private func unquoted(_ range: Range<Int>) -> Range<Int> {
    range.count >= 2 ? range.lowerBound + 1..<range.upperBound - 1 : range
  }
}

extension Array {
  fileprivate mutating func removeLastIfAny() { if !isEmpty { removeLast() } }
}
