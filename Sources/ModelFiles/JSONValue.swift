/// A JSON document that writes back as it was read.
///
/// Objects keep their order, and numbers the characters they were written with: a `config.json` with keys
/// this package knows nothing of survives a round trip byte for byte. Keys and strings are compared as UTF-8
/// bytes.
public enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number as it is spelled in the document.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// One `"key": value` of an object.
  public struct Member: Sendable, Equatable {
    public var key: String
    public var value: JSONValue

    public init(_ key: String, _ value: JSONValue) { (self.key, self.value) = (key, value) }

    public static func == (a: Member, b: Member) -> Bool {
      a.key.hasSameBytes(as: b.key) && a.value == b.value
    }
  }
}

extension JSONValue: Equatable {
  /// Equal documents are spelled alike: `1` and `1.0` differ, and so do objects in another order.
  public static func == (a: JSONValue, b: JSONValue) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.number(let a), .number(let b)): a.hasSameBytes(as: b)
    case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a == b
    default: false
    }
  }
}

// MARK: - Looking inside

extension JSONValue {
  public var isNull: Bool { self == .null }

  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }

  /// The number, if it is spelled as an integer and fits; `2.0` and `2e0` are not integers.
  public var intValue: Int? { if case .number(let text) = self { Int(text) } else { nil } }

  /// The nearest `Double` to any number.
  public var doubleValue: Double? {
    guard case .number(let text) = self else { return nil }
    return switch text {
    case "NaN": .nan
    case "Infinity": .infinity
    case "-Infinity": -.infinity
    default: Double(text)
    }
  }

  public var arrayValue: [JSONValue]? { if case .array(let items) = self { items } else { nil } }

  public var members: [Member]? { if case .object(let members) = self { members } else { nil } }

  /// The value of the member named `key`, or nil when there is none or this is no object.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.hasSameBytes(as: key) }?.value
  }

  /// The item at `index`, or nil when there is none or this is no array.
  public subscript(index: Int) -> JSONValue? {
    guard case .array(let items) = self, items.indices.contains(index) else { return nil }
    return items[index]
  }

  /// What kind of value this is, for messages: `a string`, `the number 1.5`.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let text): "the number \(text)"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

// MARK: - Building and changing

extension JSONValue {
  /// Gives `key` a value: in its place when the object has it, else at the end. Anything but an object
  /// becomes one.
  public mutating func set(_ key: String, _ value: JSONValue) {
    var members = self.members ?? []
    self = .null  // so that the array is changed in place
    if let index = members.firstIndex(where: { $0.key.hasSameBytes(as: key) }) {
      members[index].value = value
    } else {
      members.append(Member(key, value))
    }
    self = .object(members)
  }

  /// Removes `key` and returns what it held, or nil when the object has no such key.
  @discardableResult
  public mutating func remove(_ key: String) -> JSONValue? {
    guard case .object(var members) = self,
      let index = members.firstIndex(where: { $0.key.hasSameBytes(as: key) })
    else { return nil }
    let removed = members.remove(at: index)
    self = .object(members)
    return removed.value
  }

  /// An integer.
  public static func number(_ value: Int) -> JSONValue { .number(String(value)) }

  /// A float, spelled as Python's `repr` spells it, so that it stays a float: `1.0`, `1e-05`, `1e+16`, and
  /// `NaN`, `Infinity`, `-Infinity` as `json.dumps` writes them.
  public static func number(_ value: Double) -> JSONValue { .number(pythonFloatText(value)) }

  /// An array of strings.
  public static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(nilLiteral: ()) { self = .null }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int) { self = .number(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral items: JSONValue...) { self = .array(items) }
  /// Members in the order they are written.
  public init(dictionaryLiteral members: (String, JSONValue)...) {
    self = .object(members.map { Member($0.0, $0.1) })
  }
}

extension JSONValue: CustomStringConvertible {
  public var description: String { compactText() }
}
