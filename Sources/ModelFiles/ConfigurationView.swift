/// Why a configuration cannot be used.
@nonexhaustive
public enum ConfigurationError: Error, Hashable, Sendable {
  /// The file holds something other than an object.
  case notAnObject(found: String, file: String)
  case missingKey(String, file: String)
  /// The value under `key` is of another kind.
  case wrongType(key: String, expected: String, found: String, file: String)
  /// The value is of the right kind and cannot be meant.
  case outOfRange(key: String, expected: String, found: String, file: String)
  /// The value disagrees with another value, or with the tensors.
  case mismatch(key: String, expected: String, found: String, file: String)
  /// The value is valid and asks for something that is not implemented.
  case unsupported(key: String, supported: String, found: String, file: String)
}

extension ConfigurationError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notAnObject(let found, let file):
      "\(file): found \(found) where an object should be; is this the right file?"
    case .missingKey(let key, let file):
      "\(file): '\(key)' is missing; add it, or take the file from the origin"
    case .wrongType(let key, let expected, let found, let file):
      "\(file): '\(key)' is \(found) and must be \(expected); correct it"
    case .outOfRange(let key, let expected, let found, let file):
      "\(file): '\(key)' is \(found) and must be \(expected); correct it"
    case .mismatch(let key, let expected, let found, let file):
      "\(file): '\(key)' is \(found), the rest of the model asks for \(expected); "
        + "make sure that all files are from one model"
    case .unsupported(let key, let supported, let found, let file):
      "\(file): '\(key)' is \(found), only \(supported) is supported; choose another model"
    }
  }
}

/// Typed access to the members of a JSON object, with errors that name the key and the file.
///
/// A member that is null counts as absent, as it does for transformers' optional fields.
package struct ConfigurationView: Sendable {
  package let value: JSONValue
  /// Named in errors.
  package let file: String
  /// Where in the file the object is: `a.b.`, or empty at the top.
  private let prefix: String

  /// - Throws: ``ConfigurationError/notAnObject(found:file:)``.
  package init(_ value: JSONValue, file: String) throws(ConfigurationError) {
    guard value.members != nil else { throw .notAnObject(found: value.kind, file: file) }
    (self.value, self.file, prefix) = (value, file, "")
  }

  private init(_ value: JSONValue, file: String, prefix: String) {
    (self.value, self.file, self.prefix) = (value, file, prefix)
  }

  /// The value under `key`, or nil when there is none or it is null.
  package func optional(_ key: String) -> JSONValue? {
    guard let value = value[key], !value.isNull else { return nil }
    return value
  }

  /// An integer; `2.0` is none.
  ///
  /// - Parameters:
  ///   - default: taken when the key is absent; without one, absence is an error.
  ///   - range: the values that can be meant.
  package func int(
    _ key: String, default defaultValue: Int? = nil, in range: ClosedRange<Int> = .min ... .max
  ) throws(ConfigurationError) -> Int {
    let number = try required(key, "an integer", optionalInt(key), defaultValue)
    guard range.contains(number) else {
      let expected =
        range.upperBound == .max
        ? "at least \(range.lowerBound)" : "in \(range.lowerBound)...\(range.upperBound)"
      throw .outOfRange(key: prefix + key, expected: expected, found: String(number), file: file)
    }
    return number
  }

  package func optionalInt(_ key: String) throws(ConfigurationError) -> Int? {
    try converted(key, "an integer", \.intValue)
  }

  /// A finite number; integers are accepted, for older files hold them.
  package func double(
    _ key: String, default defaultValue: Double? = nil,
    in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
  ) throws(ConfigurationError) -> Double {
    let number = try required(key, "a number", optionalDouble(key), defaultValue)
    guard range.contains(number) else {
      throw .outOfRange(
        key: prefix + key, expected: "in \(range.lowerBound)...\(range.upperBound)", found: "\(number)",
        file: file)
    }
    return number
  }

  package func optionalDouble(_ key: String) throws(ConfigurationError) -> Double? {
    try converted(key, "a number", \.doubleValue)
  }

  package func bool(_ key: String, default defaultValue: Bool? = nil) throws(ConfigurationError) -> Bool {
    try required(key, "true or false", optionalBool(key), defaultValue)
  }

  package func optionalBool(_ key: String) throws(ConfigurationError) -> Bool? {
    try converted(key, "true or false", \.boolValue)
  }

  package func string(_ key: String, default defaultValue: String? = nil) throws(ConfigurationError) -> String
  {
    try required(key, "a string", optionalString(key), defaultValue)
  }

  package func optionalString(_ key: String) throws(ConfigurationError) -> String? {
    try converted(key, "a string", \.stringValue)
  }

  package func optionalStrings(_ key: String) throws(ConfigurationError) -> [String]? {
    try converted(key, "a list of strings") { value in
      guard let items = value.arrayValue else { return nil }
      let strings = items.compactMap(\.stringValue)
      return strings.count == items.count ? strings : nil
    }
  }

  /// The object under `key`; its own members are named `key.member` in errors.
  package func optionalObject(_ key: String) throws(ConfigurationError) -> ConfigurationView? {
    // A plain `nil` would become JSON's null, which is a value.
    guard let object = try converted(key, "an object", { $0.members == nil ? Optional.none : $0 }) else {
      return nil
    }
    return ConfigurationView(object, file: file, prefix: prefix + key + ".")
  }

  /// Names by number, as in `id2label`: `{"0": "setosa", "1": "versicolor"}`, in any order and without gaps.
  package func optionalNamesByNumber(_ key: String) throws(ConfigurationError) -> [String]? {
    guard let object = try optionalObject(key), let members = object.value.members else { return nil }
    var names: [String?] = Array(repeating: nil, count: members.count)
    for member in members {
      guard let number = Int(member.key), number >= 0 else {
        throw .outOfRange(
          key: prefix + key, expected: "an object whose keys are numbers from 0",
          found: "keyed '\(member.key)'",
          file: file)
      }
      guard names.indices.contains(number) else {
        throw .outOfRange(
          key: prefix + key, expected: "numbered 0 to \(members.count - 1) without gaps",
          found: "numbered with \(number) among \(members.count)", file: file)
      }
      guard let name = member.value.stringValue else {
        throw .wrongType(
          key: "\(prefix)\(key).\(member.key)", expected: "a string", found: member.value.kind, file: file)
      }
      names[number] = name
    }
    // As many as there are numbers, all in range: absent ones mean that two keys spell one number.
    guard case let present = names.compactMap(\.self), present.count == names.count else {
      throw .outOfRange(
        key: prefix + key, expected: "numbered 0 to \(members.count - 1) without gaps",
        found: "numbered with a number twice", file: file)
    }
    return present
  }

  private func converted<Result>(
    _ key: String, _ expected: String, _ convert: (JSONValue) -> Result?
  ) throws(ConfigurationError) -> Result? {
    guard let value = optional(key) else { return nil }
    guard let result = convert(value) else {
      throw .wrongType(key: prefix + key, expected: expected, found: value.kind, file: file)
    }
    return result
  }

  private func required<Result>(
    _ key: String, _ expected: String, _ found: Result?, _ defaultValue: Result?
  ) throws(ConfigurationError) -> Result {
    if let result = found ?? defaultValue { return result }
    guard value[key] == nil else {
      throw .wrongType(key: prefix + key, expected: expected, found: "null", file: file)
    }
    throw .missingKey(prefix + key, file: file)
  }
}
