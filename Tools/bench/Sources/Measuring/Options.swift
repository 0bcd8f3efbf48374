#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The options of a contestant: names with one value each.
public struct Options {
  private var values: [String: String]

  /// Reads the command line; names that are not among `defaults` end the process with status 64.
  ///
  /// - Parameter defaults: the names and what they are when not given.
  public init(_ defaults: [String: String]) {
    values = defaults
    var arguments = CommandLine.arguments.dropFirst()
    while let name = arguments.popFirst() {
      guard name.hasPrefix("--"), defaults[String(name.dropFirst(2))] != nil, let value = arguments.popFirst()
      else {
        let names = defaults.keys.sorted().map { "[--\($0) VALUE]" }.joined(separator: " ")
        Self.fail("usage: \(CommandLine.arguments[0]) \(names)", status: 64)
      }
      values[String(name.dropFirst(2))] = value
    }
  }

  /// The value as text.
  public subscript(name: String) -> String { values[name, default: ""] }

  /// The value as a whole number.
  public func integer(_ name: String) -> Int { number(name, Int.init) }

  /// The value as a number.
  public func double(_ name: String) -> Double { number(name, Double.init) }

  /// The value as a list of whole numbers, at commas.
  public func integers(_ name: String) -> [Int] {
    list(name).map { text in
      guard let number = Int(text) else { Self.fail("--\(name): '\(text)' is no number", status: 64) }
      return number
    }
  }

  /// The value as a list of shapes of two sizes, such as 768x3072.
  public func shapes(_ name: String) -> [(Int, Int)] {
    list(name).map { text in
      let sizes = text.split(separator: "x").compactMap { Int($0) }
      guard sizes.count == 2 else {
        Self.fail("--\(name): '\(text)' is no shape, such as 768x3072", status: 64)
      }
      return (sizes[0], sizes[1])
    }
  }

  /// The value as a list, at commas.
  public func list(_ name: String) -> [String] { self[name].split(separator: ",").map(String.init) }

  private func number<Number>(_ name: String, _ convert: (String) -> Number?) -> Number {
    guard let number = convert(self[name]) else {
      Self.fail("--\(name) is '\(self[name])', no number", status: 64)
    }
    return number
  }

  /// Prints a line on standard error and ends the process.
  public static func fail(_ message: String, status: Int32 = 2) -> Never {
    var line = message + "\n"
    line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    exit(status)
  }
}
