import Foundation
import ModelFiles
import Testing

/// A recorded run of the Python stack on the real checkpoint, from Fixtures/golden.
struct GoldenRun {
  let document: JSONValue

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/golden")

  init(_ name: String) throws {
    document = try JSONValue(
      parsing: Array(Data(contentsOf: Self.folder.appending(path: "\(name).json"))))
  }

  func strings(_ key: String) throws -> [String] {
    try #require(document[key]?.arrayValue).map { try #require($0.stringValue) }
  }

  func numbers(_ key: String) throws -> [Double] { try Self.numbers(document[key]) }

  static func numbers(_ value: JSONValue?) throws -> [Double] {
    let value = try #require(value)
    if let items = value.arrayValue { return try items.flatMap { try numbers($0) } }
    return [try #require(value.doubleValue)]
  }

  /// The entries of the log that have all of `keys`, one number a key.
  func log(_ keys: String...) throws -> [[Double]] {
    try #require(document["log_history"]?.arrayValue).compactMap { entry in
      let values = keys.compactMap { entry[$0]?.doubleValue }
      return values.count == keys.count ? values : nil
    }
  }
}

/// The real checkpoint, all-MiniLM-L6-v2, where `PARITY_CHECKPOINT` says it is; the test script sets it.
enum RealCheckpoint {
  static let path = ProcessInfo.processInfo.environment["PARITY_CHECKPOINT"]
}
