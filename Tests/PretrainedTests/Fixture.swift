import Foundation
import Pretrained
import Testing

/// The small models of Fixtures/command, and what transformers says of them.
enum Fixture {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/command")

  static func path(_ name: String) -> String { folder.appending(path: name).path }

  static func bytes(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: folder.appending(path: name)))
  }

  static func expected() throws -> JSONValue { try JSONValue(path: path("expected.json")) }

  static func strings(_ value: JSONValue?) throws -> [String] {
    try #require(value?.arrayValue).map { try #require($0.stringValue) }
  }

  static func floats(_ value: JSONValue?) throws -> [Float] {
    try #require(value?.arrayValue).map { Float(try #require($0.doubleValue)) }
  }
}

/// A folder that is removed with the value.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }

  func names(_ name: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(name)).sorted()
  }

  func write(_ text: String, to name: String) throws {
    let file = url.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  /// Copies a model of the fixtures and returns its path.
  func copy(_ model: String, as name: String? = nil) throws -> String {
    let target = url.appending(path: name ?? model)
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: Fixture.folder.appending(path: model), to: target)
    return target.path
  }
}

/// float32 sums in another order than torch's. Weights of these models spread by 0.4 where real ones do by 0.02, which
/// makes the last digits of activations large: 3e-6 was seen.
let tolerance: Float = 1e-5

func isClose(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
}
