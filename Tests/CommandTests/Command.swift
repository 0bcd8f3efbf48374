import Foundation
import ModelFiles
import Testing

/// The built `ckpt`, run as a user runs it.
struct Command {
  /// What a run printed, and how it ended.
  struct Result {
    var output: String
    var errors: String
    var exitCode: Int32

    /// Every line of a `--json` answer.
    func json() throws -> [JSONValue] {
      try output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }
  }

  /// Where commands run, so that they can name the models there without a path.
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/command")

  /// Beside the tests, unless `CKPT` names another.
  static let executable: URL = {
    if let path = ProcessInfo.processInfo.environment["CKPT"] { return URL(filePath: path) }
    #if os(macOS)
      let tests = Bundle(for: Marker.self).bundleURL
    #else
      let tests = URL(filePath: CommandLine.arguments[0])
    #endif
    return tests.deletingLastPathComponent().appending(path: "ckpt")
  }()

  private final class Marker {}

  let process = Process()
  private let files: TemporaryFolder

  /// Prepares a run that sees neither a terminal nor the user's own cache nor the hub.
  init(_ arguments: [String], input: Data = Data(), environment: [String: String] = [:]) throws {
    files = try TemporaryFolder()
    let variables = ProcessInfo.processInfo.environment.filter {
      !$0.key.hasPrefix("HF_") && $0.key != "NO_COLOR"
    }
    process.executableURL = Self.executable
    process.arguments = arguments
    process.currentDirectoryURL = Self.folder
    let fixed = ["HF_HOME": "/nowhere", "HF_HUB_OFFLINE": "1", "COLUMNS": "80"]
    process.environment = variables.merging(fixed) { $1 }.merging(environment) { $1 }
    for name in ["in", "out", "err"] { try (name == "in" ? input : Data()).write(to: files.url(name)) }
    process.standardInput = try FileHandle(forReadingFrom: files.url("in"))
    process.standardOutput = try FileHandle(forWritingTo: files.url("out"))
    process.standardError = try FileHandle(forWritingTo: files.url("err"))
  }

  /// What it has printed so far.
  var output: String { (try? String(contentsOf: files.url("out"), encoding: .utf8)) ?? "" }

  func wait() throws -> Result {
    process.waitUntilExit()
    return Result(
      output: try String(contentsOf: files.url("out"), encoding: .utf8),
      errors: try String(contentsOf: files.url("err"), encoding: .utf8), exitCode: process.terminationStatus)
  }
}

/// Runs `ckpt` to its end.
@discardableResult
func ckpt(
  _ arguments: String..., input: String = "", environment: [String: String] = [:]
) throws -> Command.Result {
  let command = try Command(arguments, input: Data(input.utf8), environment: environment)
  try command.process.run()
  return try command.wait()
}

/// A folder that is removed with the value.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func url(_ name: String) -> URL { url.appending(path: name) }
  func path(_ name: String) -> String { url(name).path }

  func names(_ name: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(name)).sorted()
  }

  func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: url(name)) }

  func json(_ name: String) throws -> JSONValue { try JSONValue(path: path(name)) }

  func jsonLines(_ name: String) throws -> [JSONValue] {
    try String(contentsOf: url(name), encoding: .utf8).split(separator: "\n").map {
      try JSONValue(parsing: String($0))
    }
  }
}
