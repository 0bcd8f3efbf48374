import Foundation

/// The files of `Fixtures`, made by `Tools/oracle`.
enum Fixture {
  static func load<T: Decodable>(_ name: String, as type: T.Type = T.self) throws -> T {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(T.self, from: Data(contentsOf: root.appending(path: name)))
  }

  /// Writes a file that exists as long as `body` runs.
  static func withFile<Result>(
    _ bytes: [UInt8], name: String = "data.csv", _ body: (_ path: String) throws -> Result
  ) throws -> Result {
    let folder = URL.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: name)
    try Data(bytes).write(to: file)
    return try body(file.path(percentEncoded: false))
  }

  /// FNV-1a over row numbers.
  static func hash(_ values: [Int]) -> String {
    String(values.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
  }
}
