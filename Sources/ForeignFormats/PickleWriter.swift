/// Writes the pickles of state dicts, in protocol 2 and with the operations that ``PickleMachine`` reads.
struct PickleWriter {
  private(set) var bytes: [UInt8] = [PickleOpcode.proto.rawValue, 2]
  /// What has been written before and can be recalled, by a text that tells it apart.
  private var memo: [String: UInt8] = [:]

  mutating func operation(_ operation: PickleOpcode) { bytes.append(operation.rawValue) }

  mutating func append(_ bytes: some Sequence<UInt8>) { self.bytes += bytes }

  mutating func bool(_ value: Bool) { operation(value ? .newtrue : .newfalse) }

  mutating func integer(_ value: Int) {
    switch value {
    case 0...0xFF: bytes += [PickleOpcode.binint1.rawValue, UInt8(value)]
    case 0...0xFFFF: bytes += [PickleOpcode.binint2.rawValue] + UInt16(value).littleEndianBytes
    case Int(Int32.min)...Int(Int32.max):
      bytes += [PickleOpcode.binint.rawValue] + Int32(value).littleEndianBytes
    default: bytes += [PickleOpcode.long1.rawValue, 8] + Int64(value).littleEndianBytes
    }
  }

  /// - Precondition: less than 4 GiB.
  mutating func text(_ text: String) {
    operation(.binunicode)
    bytes += UInt32(text.utf8.count).littleEndianBytes + text.utf8
  }

  /// Text that is written often.
  mutating func word(_ word: String) { recalling("word " + word) { $0.text(word) } }

  mutating func global(_ module: String, _ name: String) {
    recalling("global \(module) \(name)") {
      $0.operation(.global)
      $0.bytes += "\(module)\n\(name)\n".utf8
    }
  }

  mutating func integers(_ values: [Int]) {
    if values.isEmpty { return operation(.emptyTuple) }
    if values.count > 3 { operation(.mark) }
    for value in values { integer(value) }
    operation(values.count > 3 ? .tuple : [.tuple1, .tuple2, .tuple3][values.count - 1])
  }

  /// `OrderedDict()`.
  mutating func orderedDictionary() {
    global("collections", "OrderedDict")
    operation(.emptyTuple)
    operation(.reduce)
  }

  private mutating func recalling(_ key: String, _ write: (inout PickleWriter) -> Void) {
    if let number = memo[key] {
      bytes += [PickleOpcode.binget.rawValue, number]
      return
    }
    write(&self)
    if let number = UInt8(exactly: memo.count) {
      memo[key] = number
      bytes += [PickleOpcode.binput.rawValue, number]
    }
  }
}
