import Foundation
import ModelFiles
import Pretrained
import Serving
import Testing

/// The small models of Fixtures/command, opened once.
enum Models {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/command")

  static func path(_ name: String) -> String { folder.appending(path: name).path }

  static func open(_ name: String, task: InferenceTask? = nil) throws -> ServedModel {
    try ServedModel(path(name), task: task, threads: 1)
  }
}

/// A copy of a small model whose tokenizer knows a token more than the model, `[NEW]`, and which knows one type of tokens.
func narrowModel(_ name: String) throws -> String {
  let manager = FileManager.default
  let folder = manager.temporaryDirectory.appending(path: "serving-\(UUID())").path
  try manager.copyItem(atPath: Models.path(name), toPath: folder)
  func edit(_ file: String, _ change: (inout JSONValue) throws -> Void) throws {
    let path = folder + "/" + file
    var document = try JSONValue(parsing: FileSystem.read(path))
    try change(&document)
    try AtomicFile.write(document.compactText(), to: path)
  }
  try edit("config.json") { $0.set("type_vocab_size", 1) }
  try edit("tokenizer.json") { document in
    let tokens = try #require(document["added_tokens"]?.arrayValue)
    let added: JSONValue = [
      "id": 91, "content": "[NEW]", "single_word": false, "lstrip": false, "rstrip": false,
      "normalized": false,
      "special": false,
    ]
    document.set("added_tokens", .array(tokens + [added]))
  }
  // The second row of the table of types goes, and what follows it moves up.
  let path = folder + "/model.safetensors"
  let bytes = try FileSystem.read(path)
  let start = 8 + bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
  var (header, data): (JSONValue, [UInt8]) = (["__metadata__": ["format": "pt"]], [])
  for member in try #require(JSONValue(parsing: Array(bytes[8..<start])).members) {
    guard var shape = member.value["shape"]?.arrayValue,
      let begin = member.value["data_offsets"]?[0]?.intValue,
      let end = member.value["data_offsets"]?[1]?.intValue
    else { continue }
    var tensor = bytes[start + begin..<start + end]
    if member.key.hasSuffix("token_type_embeddings.weight") {
      tensor = tensor.prefix(tensor.count / 2)
      shape[0] = 1
    }
    var entry = member.value
    entry.set("shape", .array(shape))
    entry.set("data_offsets", [.number(data.count), .number(data.count + tensor.count)])
    header.set(member.key, entry)
    data += tensor
  }
  let text = Array(header.compactText().utf8)
  let written = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text + data
  try AtomicFile.write(written, to: path)
  return folder
}

/// A door that threads wait at until it is opened.
final class Gate: Sendable {
  private let condition = NSCondition()
  private nonisolated(unsafe) var isOpen = false
  private nonisolated(unsafe) var arrivals = 0

  func pass() {
    condition.withLock {
      arrivals += 1
      condition.broadcast()
      while !isOpen { condition.wait() }
    }
  }

  func open() {
    condition.withLock {
      isOpen = true
      condition.broadcast()
    }
  }

  /// Waits until somebody stands at the door, or has passed it.
  func waitForArrivals(_ count: Int = 1) async {
    await onThread {
      self.condition.withLock { while self.arrivals < count { self.condition.wait() } }
    }
  }
}

/// Runs what blocks on a thread of its own: the few threads of tasks are the server's too.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread { continuation.resume(returning: body()) }
  }
}

/// Looks again and again whether something has come true; false after ten seconds.
func eventually(_ isTrue: () -> Bool) async throws -> Bool {
  let end = ContinuousClock.now + .seconds(10)
  while ContinuousClock.now < end {
    if isTrue() { return true }
    try await Task.sleep(for: .milliseconds(2))
  }
  return false
}

#if Serving
  extension InferenceServer.Configuration {
    /// On a free port, with what `change` changes. Deadlines are far away: other tests may keep the processors busy.
    static func testing(_ change: (inout InferenceServer.Configuration) -> Void = { _ in })
      -> InferenceServer.Configuration
    {
      var configuration = InferenceServer.Configuration()
      configuration.port = 0
      for deadline in [
        \InferenceServer.Configuration.idleTimeout, \.headTimeout, \.bodyTimeout, \.answerTimeout,
        \.writeTimeout,
      ] {
        configuration[keyPath: deadline] = .seconds(300)
      }
      change(&configuration)
      return configuration
    }
  }

  /// A client that sends what bytes it likes.
  final class WireClient: Sendable {
    private let descriptor: Int32

    /// An answer, taken apart.
    struct Answer: Sendable {
      var status: Int
      var fields: [String: String]
      var body: String

      func json() throws -> JSONValue { try JSONValue(parsing: body) }
    }

    /// - Parameter url: as a server's `start()` returns it.
    init(_ url: String) throws {
      let port = try #require(UInt16(url.split(separator: ":").last ?? ""))
      #if canImport(Darwin)
        descriptor = socket(AF_INET, SOCK_STREAM, 0)
      #else
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      #endif
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      var limit = timeval(tv_sec: 20, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      if status != 0 { throw SystemError(call: "connect", path: url, code: errno) }
    }

    deinit { close(descriptor) }

    /// Sends all of it, or until the server takes no more.
    func send(_ text: String) async {
      let (bytes, descriptor) = (Array(text.utf8), descriptor)
      await onThread {
        var sent = 0
        while sent < bytes.count {
          let count = bytes.withUnsafeBytes {
            #if canImport(Darwin)
              Darwin.send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, 0)
            #else
              Glibc.send(
                descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            #endif
          }
          if count <= 0 { return }
          sent += count
        }
      }
    }

    /// Sends a request with a body in JSON.
    func post(_ path: String = "/", _ body: String, fields: String = "") async {
      await send(
        "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\(fields)"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    func get(_ path: String, method: String = "GET", fields: String = "") async {
      await send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
    }

    /// The next answer; nil when the server closes the connection instead.
    func answer(hasBody: Bool = true) async throws -> Answer? {
      guard let head = await read(until: "\r\n\r\n") else { return nil }
      let lines = head.split(separator: "\r\n")
      var fields: [String: String] = [:]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        fields[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
      }
      let status = try #require(Int(lines[0].split(separator: " ")[1]))
      let length = hasBody && status != 100 ? try #require(Int(fields["content-length"] ?? "")) : 0
      return Answer(status: status, fields: fields, body: await read(count: length))
    }

    /// Goes away, whatever is still being sent.
    func end() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Whether the server has closed the connection, once it has.
    func isClosed() async -> Bool { await read(count: 1).isEmpty }

    private func read(until end: String) async -> String? {
      let descriptor = descriptor
      return await onThread {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !bytes.reversed().starts(with: end.utf8.reversed()) {
          guard recv(descriptor, &byte, 1, 0) == 1 else { return nil }
          bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
      }
    }

    private func read(count: Int) async -> String {
      let descriptor = descriptor
      return await onThread {
        var bytes = [UInt8](repeating: 0, count: count)
        var found = 0
        while found < count {
          let more = bytes.withUnsafeMutableBytes {
            recv(descriptor, $0.baseAddress.map { $0 + found }, count - found, 0)
          }
          if more <= 0 { break }
          found += more
        }
        return String(decoding: bytes[..<found], as: UTF8.self)
      }
    }
  }
#endif
