import Foundation
import Hub
import ModelFiles
import Synchronization
import Testing

@Suite("the cache and what is chosen")
struct CacheTests {
  /// A cache with a model, a data set and what a broken download left of each kind.
  private func cache() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let commit = TinyHub.commit
    for (kind, blob) in [("models--org--model", "a"), ("datasets--org--data", "b")] {
      try folder.write("\(kind)/blobs/" + String(repeating: blob, count: 40), "12345")
      try folder.write("\(kind)/refs/main", commit)
      try FileSystem.createFolder(folder("\(kind)/snapshots/\(commit)"))
    }
    try folder.write("models--org--model/blobs/\(String(repeating: "c", count: 64)).incomplete", "1234567")
    try folder.write("models--org--model/blobs/\(String(repeating: "d", count: 64)).0a1b2c3d.incomplete", "1")
    try folder.write("models--org--model/refs/refs/pr/1", commit)
    try folder.write("version.txt", "1")
    return folder
  }

  @Test("is listed: models, data sets, what stands for which snapshot, and what is not finished")
  func lists() throws {
    let folder = try cache()
    let listing = try CacheListing(folder.path)
    #expect(listing.repositories.map(\.name) == ["datasets/org/data", "org/model"])
    let model = try #require(listing["org/model"])
    #expect(model.byteCount == 5)
    #expect(model.incompleteByteCount == 8)
    #expect(model.snapshots.map(\.commit) == [TinyHub.commit])
    #expect(model.snapshots.map(\.references) == [["main", "refs/pr/1"]])
    #expect(listing.byteCount == 18)
    #expect(try CacheListing("/nowhere").repositories.isEmpty)
  }

  @Test("gives back a repository, or what is not finished and not under way, or all")
  func frees() throws {
    let folder = try cache()
    let listing = try CacheListing(folder.path)
    #expect(throws: HubError.notCached(name: "org/modle", nearest: ["org/model"])) {
      try listing.removal(of: .repository("org/modle"))
    }
    let locks = folder(".locks/models--org--model")
    try FileSystem.createFolder(locks)
    do {
      let lock = try FileLock(locks + "/\(String(repeating: "c", count: 64)).lock") {}
      #expect(try listing.removal(of: .incomplete).byteCount == 1)
      lock.release()
    }
    let removal = try listing.removal(of: .incomplete)
    #expect(removal.byteCount == 8)
    try removal.run()
    #expect(try CacheListing(folder.path)["org/model"]?.incompleteByteCount == 0)
    try listing.removal(of: .repository("datasets/org/data")).run()
    #expect(try CacheListing(folder.path).repositories.map(\.name) == ["org/model"])
    try listing.removal(of: .all).run()
    #expect(try FileSystem.list(folder.path).sorted() == [".locks", "version.txt"])
  }

  @Test("is written by one at a time")
  func locks() throws {
    let folder = try TemporaryFolder()
    let first = try FileLock(folder("x.lock")) { Issue.record("nobody holds it") }
    #expect(try FileLock(ifFree: folder("x.lock")) == nil)
    let order = Mutex<[String]>([])
    let done = DispatchSemaphore(value: 0)
    let path = folder("x.lock")
    Thread.detachNewThread {
      if let lock = try? FileLock(path, waiting: { order.withLock { $0.append("waits") } }) {
        order.withLock { $0.append("has it") }
        lock.release()
      }
      done.signal()
    }
    while order.withLock({ $0.isEmpty }) { usleep(1000) }
    first.release()
    done.wait()
    #expect(order.withLock { $0 } == ["waits", "has it"])
  }

  @Test("has references of exactly 40 bytes, rewritten only when they change")
  func references() throws {
    let folder = try TemporaryFolder()
    let cache = RepositoryCache(root: folder.path, name: "org/model")
    try cache.create()
    try cache.setReference("refs/pr/1", to: TinyHub.commit)
    #expect(try folder.text("models--org--model/refs/refs/pr/1") == TinyHub.commit)
    #expect(cache.commit(of: "refs/pr/1") == TinyHub.commit)
    #expect(cache.commit(of: "main") == nil)
    try cache.setReference(TinyHub.commit, to: TinyHub.commit)
    #expect(try FileSystem.list(folder("models--org--model/refs")) == ["refs"])
    try folder.write("models--org--model/refs/main", "../../x")
    #expect(cache.commit(of: "main") == nil)
  }

  @Test("takes copies where links are not wanted, and replaces a link that leads to nothing")
  func copies() throws {
    let folder = try TemporaryFolder()
    let cache = RepositoryCache(root: folder.path, name: "org/model")
    try cache.create()
    let blob = try #require(BlobName(String(repeating: "e", count: 40)))
    let file = RemoteFile(path: "sub/x", byteCount: 2, blob: blob)
    try AtomicFile.write("hi", to: cache.blob(blob))
    let path = cache.snapshot(TinyHub.commit) + "/sub/x"
    try FileSystem.createFolder(FileSystem.parent(of: path))
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "nothing")
    try cache.link(file, commit: TinyHub.commit, copying: false)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "../../../blobs/\(blob.text)")
    try FileSystem.remove(path)
    try cache.link(file, commit: TinyHub.commit, copying: true)
    #expect(try FileSystem.read(path) == Array("hi".utf8))
    #expect(throws: (any Error).self) { try FileManager.default.destinationOfSymbolicLink(atPath: path) }
  }

  static let selections: [(files: [String], chosen: [String])] = [
    (
      [
        "README.md", "config.json", "flax_model.msgpack", "model.safetensors", "pytorch_model.bin",
        "rust_model.ot",
        "tf_model.h5", "onnx/model.onnx", "training_args.bin", "runs/a/events.out.tfevents.1",
        "checkpoint-5/x.json",
      ],
      ["README.md", "config.json", "model.safetensors"]
    ),
    (
      [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ],
      [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ]
    ),
    (
      ["model.safetensors", "model.safetensors.index.json", "model-00001-of-00001.safetensors"],
      ["model.safetensors"]
    ),
    (["config.json", "pytorch_model.bin", "tf_model.h5"], ["config.json", "pytorch_model.bin"]),
    (["bert.Q8_0.gguf", "config.json"], ["bert.Q8_0.gguf", "config.json"]),
    (
      ["2_Dense/model.safetensors", "2_Dense/pytorch_model.bin", "model.safetensors"],
      ["2_Dense/model.safetensors", "model.safetensors"]
    ),
    (
      ["spiece.model", "tokenizer.model", "model.safetensors"],
      ["spiece.model", "tokenizer.model", "model.safetensors"]
    ),
  ]

  @Test("of weights in several formats one is chosen", arguments: selections.indices)
  func selects(index: Int) {
    #expect(FileSelection.model.select(from: Self.selections[index].files) == Self.selections[index].chosen)
    #expect(
      FileSelection.everything.select(from: Self.selections[index].files) == Self.selections[index].files)
  }

  static let patterns: [(path: String, pattern: String, isMatch: Bool)] = [
    ("a.json", "*.json", true), ("sub/a.json", "*.json", true), ("a.jsonl", "*.json", false),
    ("abc", "a?c", true),
    ("abc", "*", true), ("", "*", true), ("a*b", "a*b", true), ("aXbXc", "a*b*c", true),
    ("abcb", "a*b", true),
    ("abc", "", false),
  ]

  @Test("patterns are Python's", arguments: patterns)
  func matches(path: String, pattern: String, isMatch: Bool) {
    #expect(FileSelection.matches(path, pattern) == isMatch)
  }

  @Test("what was asked for by name is taken, whatever it is")
  func includes() {
    let selection = FileSelection(include: ["onnx/*", "*.json"], exclude: ["*secret*"])
    #expect(
      selection.select(from: ["onnx/model.onnx", "a.json", "secret.json", "b.txt"]) == [
        "onnx/model.onnx", "a.json",
      ])
  }
}
