import Foundation
import Hub
import ModelFiles
import Synchronization

/// What is answered to one request.
struct Answer: Sendable {
  var status = 200
  var headers: HTTPHeaders = [:]
  var body: [UInt8] = []
  /// The bytes of the body after which the connection breaks.
  var cut: Int?
  /// There is no answer at all.
  var failure: TransportFailure?

  static func json(_ value: JSONValue, status: Int = 200, _ headers: HTTPHeaders = [:]) -> Answer {
    Answer(status: status, headers: headers, body: Array(value.compactText().utf8))
  }

  static func status(_ status: Int, _ headers: HTTPHeaders = [:]) -> Answer {
    Answer(status: status, headers: headers)
  }

  static func redirect(_ location: String, status: Int = 302) -> Answer {
    Answer(status: status, headers: ["Location": location])
  }
}

/// Answers by a rule, and remembers what was asked.
final class FakeTransport: HTTPTransport {
  private let rule: @Sendable (HTTPRequest, Int) throws -> Answer
  private let asked = Mutex<[HTTPRequest]>([])

  /// - Parameter rule: gets the request and how many came before it.
  init(_ rule: @escaping @Sendable (HTTPRequest, Int) throws -> Answer) { self.rule = rule }

  var requests: [HTTPRequest] { asked.withLock { $0 } }

  /// `GET http://…`, one a request.
  var lines: [String] { requests.map { "\($0.method.rawValue) \($0.address.text)" } }

  func send(_ request: HTTPRequest, to sink: (any HTTPSink)?, sent: ((Int) -> Void)?) throws -> HTTPResponse {
    let number = asked.withLock { asked in
      asked.append(request)
      return asked.count - 1
    }
    let answer = try rule(request, number)
    if let failure = answer.failure { throw failure }
    var response = HTTPResponse(status: answer.status, headers: answer.headers)
    if request.method == .head { return response }
    if try sink?.begin(response) ?? false {
      for piece in answer.body.prefix(answer.cut ?? .max).chunks(of: 5) {
        try piece.withUnsafeBytes { try sink?.receive($0) }
      }
      if answer.cut != nil { throw TransportFailure(.broken, "cut") }
    } else {
      response.body = answer.body
    }
    return response
  }
}

extension Collection {
  func chunks(of count: Int) -> [[Element]] {
    var (rest, chunks): (SubSequence, [[Element]]) = (self[...], [])
    while !rest.isEmpty {
      chunks.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return chunks
  }
}

/// A hub in memory with one model, `org/model`, whose files lie in git as a small one's do, or as a large one's do.
struct TinyHub: Sendable {
  static let endpoint = "http://hub.test"
  static let commit = String(repeating: "ab", count: 20)
  var files: [String: [UInt8]]
  /// Consulted first.
  var override: @Sendable (HTTPRequest, Int) -> Answer? = { _, _ in nil }

  static func isLarge(_ path: String) -> Bool { path.hasSuffix(".safetensors") || path.hasSuffix(".bin") }

  static func checksum(_ path: String, _ bytes: [UInt8]) -> String {
    var digest = BlobDigest(isLarge: isLarge(path), byteCount: bytes.count)
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.finished()
  }

  func answer(_ request: HTTPRequest, _ number: Int) -> Answer {
    if let answer = override(request, number) { return answer }
    let target = request.address.target
    if target.hasPrefix("/api/models/org/model/revision/") {
      return .json([
        "sha": .string(Self.commit), "private": false,
        "siblings": .array(files.keys.sorted().map { ["rfilename": .string($0)] }),
      ])
    }
    if target.hasPrefix("/api/models/org/model/tree/") {
      return .json(
        .array(
          files.sorted { $0.key < $1.key }.map { path, bytes in
            var entry: JSONValue = [
              "type": "file", "path": .string(path), "size": .number(bytes.count),
              "oid": .string(String(repeating: "0", count: 40)),
            ]
            let checksum = Self.checksum(path, bytes)
            if Self.isLarge(path) {
              entry.set("lfs", ["oid": .string(checksum), "size": .number(bytes.count)])
            } else {
              entry.set("oid", .string(checksum))
            }
            return entry
          }))
    }
    let path = target.replacing("/org/model/resolve/\(Self.commit)/", with: "")
    guard let bytes = files[path] else { return .json([:], status: 404, ["X-Error-Code": "EntryNotFound"]) }
    guard let range = request.headers["range"]?.dropFirst("bytes=".count) else { return Answer(body: bytes) }
    let bounds = range.split(separator: "-").compactMap { Int($0) }
    guard let start = bounds.first, start < bytes.count else { return .status(416) }
    let end = bounds.count > 1 ? min(bounds[1] + 1, bytes.count) : bytes.count
    return Answer(
      status: 206, headers: ["Content-Range": "bytes \(start)-\(end - 1)/\(bytes.count)"],
      body: Array(bytes[start..<end]))
  }
}

/// What a client of a fake hub was told.
final class Diary: Sendable {
  private let told = Mutex<[HubEvent]>([])
  var events: [HubEvent] { told.withLock { $0 } }
  func note(_ event: HubEvent) { told.withLock { $0.append(event) } }

  /// The seconds that were waited.
  var waits: [Int] { events.compactMap { if case .waiting(let seconds, _) = $0 { seconds } else { nil } } }
}

/// A client with its own cache and nothing of this machine's environment.
struct TestClient {
  let transport: FakeTransport
  let diary = Diary()
  let folder: TemporaryFolder
  let hub: HubClient

  init(
    token: String? = "hf_secret", offline: String? = nil, cache: TemporaryFolder? = nil,
    _ rule: @escaping @Sendable (HTTPRequest, Int) throws -> Answer
  ) throws {
    folder = try cache ?? TemporaryFolder()
    transport = FakeTransport(rule)
    var variables = [
      "HF_ENDPOINT": TinyHub.endpoint + "/", "HF_HUB_CACHE": folder("hub"), "HF_HOME": folder.path,
    ]
    variables["HF_TOKEN"] = token
    if let offline { variables[offline] = "1" }
    let given = variables
    hub = try HubClient(
      HubEnvironment { given[$0] }, transport: transport, pause: { _ in }, report: diary.note)
  }

  init(_ tiny: TinyHub, offline: String? = nil, cache: TemporaryFolder? = nil) throws {
    try self.init(offline: offline, cache: cache) { tiny.answer($0, $1) }
  }
}

/// A folder that is removed with the last reference to it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "hub-\(UUID())").path
    try FileSystem.createFolder(path)
  }

  deinit { try? FileSystem.removeTree(path) }

  /// The path of a file in the folder.
  func callAsFunction(_ name: String) -> String { path + "/" + name }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    try FileSystem.createFolder(FileSystem.parent(of: self(name)))
    try AtomicFile.write(text, to: self(name))
    return self(name)
  }

  func text(_ name: String) throws -> String {
    String(decoding: try FileSystem.read(self(name)), as: UTF8.self)
  }
}

/// The bytes of a safetensors file with this header.
func safetensors(_ header: String, data: Int) -> [UInt8] {
  withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
    + [UInt8](repeating: 7, count: data)
}

let smallWeights = safetensors(#"{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#, data: 24)
