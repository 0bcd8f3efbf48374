import ModelFiles
import Pretrained
import WordPiece

/// Why a request cannot be computed as it is: a status, and what to change.
package struct RequestError: Error, Equatable {
  package var status: HTTPStatus
  package var message: String

  /// The request is not what the task takes.
  static func invalid(_ message: String) -> RequestError {
    RequestError(status: .unprocessable, message: message)
  }

  /// The request asks for more than is computed at once.
  static func tooLarge(_ message: String) -> RequestError {
    RequestError(status: .contentTooLarge, message: message)
  }
}

/// The parameters of a request, taken one by one; what is left over is an error, so that a misspelt parameter is not
/// ignored.
struct RequestParameters {
  private var members: [JSONValue.Member] = []
  private var known: [String] = []

  /// - Parameters:
  ///   - objects: where parameters stand, with the names of the objects; null is none.
  ///   - excluding: members that are no parameters.
  /// - Throws: ``RequestError`` for something else than an object, or a parameter that is given twice.
  init(_ objects: [(name: String, value: JSONValue?)], excluding: Set<String> = []) throws(RequestError) {
    // A set, because a body may hold a great many members.
    var seen: Set<String> = []
    for (name, value) in objects {
      guard let value, !value.isNull else { continue }
      guard let members = value.members else {
        throw .invalid("\(name) is \(value.kind); send an object, or leave it out")
      }
      for member in members where !excluding.contains(member.key) {
        guard seen.insert(member.key).inserted else {
          throw .invalid("the parameter '\(member.key)' is given twice; give it once")
        }
        self.members.append(member)
      }
    }
  }

  /// Takes a parameter; nil when it is absent or null.
  mutating func take(_ key: String) -> JSONValue? {
    known.append(key)
    guard let place = members.firstIndex(where: { $0.key == key }) else { return nil }
    let value = members.remove(at: place).value
    // Spelt out: a document may be `nil` too, and that is not what is meant.
    return value.isNull ? JSONValue?.none : value
  }

  mutating func takeBool(_ key: String) throws(RequestError) -> Bool? {
    guard let value = take(key) else { return nil }
    guard let bool = value.boolValue else { throw wrong(key, value, "true or false") }
    return bool
  }

  mutating func takeCount(_ key: String, atMost limit: Int) throws(RequestError) -> Int? {
    guard let value = take(key) else { return nil }
    guard let count = value.intValue, (1...limit).contains(count) else {
      throw wrong(key, value, "a whole number from 1 to \(limit)")
    }
    return count
  }

  mutating func takeWord(_ key: String, among words: [String]) throws(RequestError) -> String? {
    guard let value = take(key) else { return nil }
    guard let word = value.stringValue, words.contains(word) else {
      throw wrong(key, value, words.map { "'\($0)'" }.joined(separator: ", "))
    }
    return word
  }

  /// What `truncation`, `truncate`, `max_length` and `truncation_direction` ask for.
  ///
  /// - Parameters:
  ///   - limit: the most tokens that are taken.
  ///   - isDefault: whether to cut when the request does not say.
  mutating func takeTruncation(limit: Int, isDefault: Bool) throws(RequestError) -> Truncation {
    let strategies = ["longest_first", "only_first", "only_second", "do_not_truncate"]
    let truncate = try takeBool("truncate")
    var strategy: String?
    if let value = take("truncation") {
      guard let found = value.stringValue ?? value.boolValue.map({ $0 ? strategies[0] : strategies[3] }),
        strategies.contains(found)
      else {
        throw wrong(
          "truncation", value, "true, false, " + strategies.map { "'\($0)'" }.joined(separator: ", "))
      }
      strategy = found
    }
    let side = try takeWord("truncation_direction", among: ["left", "right"]) == "left" ? Side.left : .right
    let length = try takeCount("max_length", atMost: limit)
    let chosen = strategy ?? (truncate ?? isDefault ? strategies[0] : strategies[3])
    switch chosen {
    case "longest_first": return .longestFirst(maxLength: length ?? limit, side: side)
    case "only_first": return .onlyFirst(maxLength: length ?? limit, side: side)
    case "only_second": return .onlySecond(maxLength: length ?? limit, side: side)
    default:
      guard length == nil else {
        throw .invalid("max_length cuts nothing alone; send truncation: true with it")
      }
      return .none
    }
  }

  /// - Throws: ``RequestError`` when a parameter was not taken.
  func finish() throws(RequestError) {
    guard let left = members.first else { return }
    throw .invalid(
      "there is no parameter '\(left.key.prefix(64))' here; known are \(known.joined(separator: ", "))")
  }

  private func wrong(_ key: String, _ value: JSONValue, _ expected: String) -> RequestError {
    .invalid("the parameter '\(key)' is \(value.kind)\(Self.shown(value)); send \(expected)")
  }

  /// A short value as it was sent.
  private static func shown(_ value: JSONValue) -> String {
    switch value {
    case .number, .string:
      let text = value.compactText()
      return text.count <= 40 ? " " + text : ""
    default: return ""
    }
  }
}
