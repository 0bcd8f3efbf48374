import Foundation
import Hub
import ModelFiles
import Testing

@Suite("pulling")
struct PullTests {
  static let tiny = TinyHub(files: [
    "config.json": Array(#"{"model_type":"bert"}"#.utf8), "vocab.txt": Array("[PAD]\n".utf8),
    "1_Pooling/config.json": Array("{}".utf8), "model.safetensors": smallWeights,
    "pytorch_model.bin": Array("pickle".utf8), "onnx/model.onnx": [1, 2, 3],
    ".gitattributes": Array("x".utf8),
  ])
  static let reference = try? ModelReference("org/model")
  private static let weights = TinyHub.checksum("model.safetensors", smallWeights)

  private func reference() throws -> ModelReference { try #require(Self.reference) }

  @Test("lays the cache out as Python does")
  func layout() throws {
    let client = try TestClient(Self.tiny)
    let snapshot = try client.hub.pull(reference())
    #expect(snapshot.files == ["1_Pooling/config.json", "config.json", "model.safetensors", "vocab.txt"])
    let root = "hub/models--org--model"
    #expect(snapshot.folder == client.folder("\(root)/snapshots/\(TinyHub.commit)"))
    #expect(try client.folder.text("\(root)/refs/main") == TinyHub.commit)
    let manager = FileManager.default
    #expect(
      try manager.destinationOfSymbolicLink(atPath: snapshot.folder + "/model.safetensors")
        == "../../blobs/\(Self.weights)")
    #expect(
      try manager.destinationOfSymbolicLink(atPath: snapshot.folder + "/1_Pooling/config.json").hasPrefix(
        "../../../blobs/"))
    #expect(try FileSystem.read(snapshot.folder + "/model.safetensors") == smallWeights)
    #expect(FileSystem.exists(client.folder("hub/.locks/models--org--model/\(Self.weights).lock")))
    #expect(try FileSystem.list(client.folder("\(root)/blobs")).allSatisfy { !$0.contains("incomplete") })
  }

  @Test("downloads nothing twice, and a commit needs no question at all")
  func again() throws {
    let client = try TestClient(Self.tiny)
    _ = try client.hub.pull(reference())
    let before = client.transport.requests.count
    #expect(try client.hub.pull(reference()).downloadedByteCount == 0)
    #expect(client.transport.requests.count == before + 2)
    let pinned = try client.hub.pull(ModelReference("org/model@\(TinyHub.commit)"))
    #expect(pinned.commit == TinyHub.commit)
    #expect(client.transport.requests.count == before + 2)
  }

  @Test("takes what is in the cache when the hub is down or may not be asked")
  func fallsBack() throws {
    let cache = try TemporaryFolder()
    let folder = try TestClient(Self.tiny, cache: cache).hub.pull(reference()).folder
    let down = try TestClient(cache: cache) { _, _ in .status(503) }
    #expect(try down.hub.pull(reference()).folder == folder)
    #expect(down.transport.requests.count == 1)
    let offline = try TestClient(offline: "HF_HUB_OFFLINE", cache: cache) { _, _ in .status(200) }
    #expect(try offline.hub.pull(reference()).folder == folder)
    #expect(offline.transport.requests.isEmpty)
  }

  @Test("goes on in the middle of a file after the connection broke, as often as it gets further")
  func resumesWithin() throws {
    var tiny = Self.tiny
    let files = tiny.files
    tiny.override = { request, _ in
      guard request.address.target.hasSuffix("model.safetensors") else { return nil }
      var answer = TinyHub(files: files).answer(request, 0)
      answer.cut = min(10, answer.body.count)
      return answer.body.count > 10 ? answer : nil
    }
    let client = try TestClient(tiny)
    let snapshot = try client.hub.pull(reference())
    #expect(try FileSystem.read(snapshot.folder + "/model.safetensors") == smallWeights)
    let ranges = client.transport.requests.filter { $0.address.target.hasSuffix(".safetensors") }
      .map { $0.headers["range"] }
    #expect(ranges.count > 5)
    #expect(Array(ranges.prefix(3)) == [nil, "bytes=10-", "bytes=20-"])
  }

  /// Puts something where an interrupted run would have left it.
  private func leave(_ bytes: [UInt8], in folder: TemporaryFolder) throws {
    let blobs = folder("hub/models--org--model/blobs")
    try FileSystem.createFolder(blobs)
    try AtomicFile.write(bytes, to: blobs + "/\(Self.weights).incomplete")
  }

  static let leftovers: [(what: String, bytes: [UInt8], range: String?)] = [
    ("its beginning", Array(smallWeights.prefix(30)), "bytes=30-"), ("all of it", smallWeights, nil),
    ("nothing", [], nil),
  ]

  @Test("goes on where an earlier run has left", arguments: leftovers)
  func resumesAcross(what: String, bytes: [UInt8], range: String?) throws {
    let client = try TestClient(Self.tiny)
    try leave(bytes, in: client.folder)
    let snapshot = try client.hub.pull(reference())
    #expect(try FileSystem.read(snapshot.folder + "/model.safetensors") == smallWeights)
    let asked = client.transport.requests.filter { $0.address.target.hasSuffix(".safetensors") }
    #expect(asked.count == (what == "all of it" ? 0 : 1))
    #expect(asked.first?.headers["range"] == range)
  }

  @Test(
    "begins anew when what was left is not the file's beginning",
    arguments: [[UInt8](repeating: 9, count: 30), [UInt8](repeating: 9, count: 4000)])
  func restarts(bytes: [UInt8]) throws {
    let client = try TestClient(Self.tiny)
    try leave(bytes, in: client.folder)
    let snapshot = try client.hub.pull(reference())
    #expect(try FileSystem.read(snapshot.folder + "/model.safetensors") == smallWeights)
  }

  @Test("begins anew when the server gives only whole files")
  func ignoredRange() throws {
    var tiny = Self.tiny
    tiny.override = { request, _ in
      request.address.target.hasSuffix(".safetensors") ? Answer(body: smallWeights) : nil
    }
    let client = try TestClient(tiny)
    try leave(Array(smallWeights.prefix(30)), in: client.folder)
    let snapshot = try client.hub.pull(reference())
    #expect(try FileSystem.read(snapshot.folder + "/model.safetensors") == smallWeights)
    #expect(
      client.diary.events.contains(
        .restarted(file: "model.safetensors", reason: "only the whole file is given")))
  }

  @Test("begins anew when the server has no such part")
  func partIsRefused() throws {
    var tiny = Self.tiny
    tiny.override = { request, _ in request.headers["range"] == nil ? nil : .status(416) }
    let client = try TestClient(tiny)
    try leave(Array(smallWeights.prefix(30)), in: client.folder)
    let snapshot = try client.hub.pull(reference())
    #expect(try FileSystem.read(snapshot.folder + "/model.safetensors") == smallWeights)
  }

  @Test("keeps nothing whose checksum is wrong", arguments: ["model.safetensors", "config.json"])
  func damaged(path: String) throws {
    var tiny = Self.tiny
    let length = tiny.files[path]?.count ?? 0
    tiny.override = { request, _ in
      request.address.target.hasSuffix("\(TinyHub.commit)/\(path)")
        ? Answer(body: [UInt8](repeating: 1, count: length)) : nil
    }
    let client = try TestClient(tiny)
    #expect {
      try client.hub.pull(reference())
    } throws: { error in
      guard case HubError.damaged(let file, _, _) = error else { return false }
      return file == path
    }
    #expect(!FileSystem.exists(client.folder("hub/models--org--model/refs/main")))
    let blobs = try FileSystem.list(client.folder("hub/models--org--model/blobs"))
    #expect(!blobs.contains { $0.hasPrefix(TinyHub.checksum(path, tiny.files[path] ?? [])) })
  }

  @Test("stops a server that gives more than the file has")
  func tooLong() throws {
    var tiny = Self.tiny
    tiny.override = { request, _ in
      request.address.target.hasSuffix(".safetensors") ? Answer(body: smallWeights + [0]) : nil
    }
    let client = try TestClient(tiny)
    #expect(throws: HubError.tooLong(file: "model.safetensors", limit: smallWeights.count)) {
      try client.hub.pull(reference())
    }
  }

  @Test(
    "refuses names that lead out of the folder",
    arguments: ["../x", "a/../../x", "/etc/x", "a//b", ".git/config"])
  func unsafePaths(path: String) throws {
    let client = try TestClient(TinyHub(files: [path: [1]]))
    #expect(throws: HubError.unsafePath(name: "org/model", file: path)) { try client.hub.pull(reference()) }
    #expect(!FileSystem.exists(client.folder("hub")))
  }

  @Test("refuses a checksum that is a path")
  func unsafeChecksum() throws {
    let client = try TestClient { request, _ in
      request.address.target.contains("/tree/")
        ? .json([["type": "file", "path": "config.json", "size": 1, "oid": "../../../x"]])
        : .json(["sha": .string(TinyHub.commit)])
    }
    #expect(throws: HubError.invalidChecksum(file: "config.json", found: "../../../x")) {
      try client.hub.pull(reference())
    }
  }

  @Test("asks for each file where a mirror has no tree")
  func withoutTree() throws {
    var tiny = Self.tiny
    let files = tiny.files
    tiny.override = { request, _ in
      let target = request.address.target
      if target.contains("/tree/") { return .status(404) }
      guard request.method == .head,
        let path = files.keys.first(where: { target.hasSuffix("\(TinyHub.commit)/\($0)") })
      else {
        return nil
      }
      let (bytes, checksum) = (files[path] ?? [], TinyHub.checksum(path, files[path] ?? []))
      if TinyHub.isLarge(path) {
        return .status(
          302,
          [
            "Location": "http://cdn.test/x", "X-Linked-Etag": "\"\(checksum)\"",
            "X-Linked-Size": "\(bytes.count)",
          ])
      }
      return .status(200, ["ETag": "\"\(checksum)\"", "Content-Length": "\(bytes.count)"])
    }
    let client = try TestClient(tiny)
    #expect(try client.hub.pull(reference()).files.contains("model.safetensors"))
    #expect(!client.transport.lines.contains { $0.contains("cdn.test") })
  }

  @Test(
    "reads headers of weights without the weights, in whatever way the server gives them",
    arguments: [true, false])
  func headers(isRangeIgnored: Bool) throws {
    var tiny = Self.tiny
    let header = #"{"w":{"dtype":"F32","shape":[1000,100],"data_offsets":[0,400000]}}"#
    tiny.files["model.safetensors"] = safetensors(header, data: 400_000)
    let large = tiny.files["model.safetensors"] ?? []
    if isRangeIgnored {
      tiny.override = { request, _ in
        request.address.target.hasSuffix("model.safetensors") ? Answer(body: large) : nil
      }
    }
    let client = try TestClient(tiny)
    let headers = try client.hub.headers(of: reference())
    let file = try SafetensorsFile(path: headers.folder + "/model.safetensors", access: .pread)
    #expect(file.entries.map(\.shape) == [[1000, 100]])
    #expect(file.byteCount == large.count)
    #expect(headers.downloadedByteCount < 1000)
    #expect(!FileSystem.exists(client.folder("hub")))
  }

  @Test("reads a header that is longer than the first request")
  func longHeader() throws {
    var tiny = Self.tiny
    let entry = #""w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#
    let filling = String(repeating: "x", count: 150_000)
    tiny.files["model.safetensors"] = safetensors(#"{"__metadata__":{"x":"\#(filling)"},\#(entry)}"#, data: 1)
    let client = try TestClient(tiny)
    let headers = try client.hub.headers(of: reference())
    let file = try SafetensorsFile(path: headers.folder + "/model.safetensors", access: .pread)
    #expect(file.metadata.first?.value.count == 150_000)
  }

  @Test("says when there are no headers to read")
  func noHeaders() throws {
    let client = try TestClient(TinyHub(files: ["pytorch_model.bin": [1]]))
    #expect(throws: HubError.noHeaders(name: "org/model", found: ["pytorch_model.bin"])) {
      try client.hub.headers(of: reference()).commit
    }
  }
}
