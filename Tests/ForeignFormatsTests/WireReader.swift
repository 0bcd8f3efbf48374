/// Takes a Protocol Buffers message apart, for tests: written from the specification, without the writer's code.
struct WireMessage {
  enum Value: Equatable {
    case number(UInt64)
    case bytes([UInt8])
  }

  private(set) var fields: [(number: Int, value: Value)] = []

  /// Nil for bytes that are no message.
  init?(_ bytes: some Sequence<UInt8>) {
    var rest = Array(bytes)[...]
    func varint() -> UInt64? {
      var (value, shift) = (UInt64(0), UInt64(0))
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    while !rest.isEmpty {
      guard let tag = varint() else { return nil }
      switch tag & 7 {
      case 0:
        guard let value = varint() else { return nil }
        fields.append((Int(tag >> 3), .number(value)))
      case 2, 5:
        guard let count = tag & 7 == 5 ? 4 : varint().map(Int.init), count <= rest.count else { return nil }
        fields.append((Int(tag >> 3), .bytes(Array(rest.prefix(count)))))
        rest = rest.dropFirst(count)
      default: return nil
      }
    }
  }

  func numbers(_ field: Int) -> [Int] {
    fields.compactMap { number, value in
      if number == field, case .number(let value) = value { Int(truncatingIfNeeded: value) } else { nil }
    }
  }

  func bytes(_ field: Int) -> [[UInt8]] {
    fields.compactMap { number, value in
      if number == field, case .bytes(let bytes) = value { bytes } else { nil }
    }
  }

  func text(_ field: Int) -> String? { bytes(field).first.map { String(decoding: $0, as: UTF8.self) } }

  /// The nested messages of a field; those that are none are left out.
  func messages(_ field: Int) -> [WireMessage] { bytes(field).compactMap { WireMessage($0) } }
}
