import Foundation
import Pretrained
import Testing

@Suite("a checkpoint is opened")
struct CheckpointTests {
  @Test("as a folder: headers, configuration and tokenizer")
  func folder() throws {
    let checkpoint = try Checkpoint(Fixture.path("classifier"))
    #expect(checkpoint.weights.count == 41)
    #expect(checkpoint.weights.parameterCount == checkpoint.weights.byteCount / 4)
    #expect(checkpoint.configuration["hidden_size"]?.intValue == 16)
    #expect(checkpoint.architecture == .sequenceClassification)
    #expect(try checkpoint.bertConfiguration().labels == ["setosa", "versicolor", "virginica"])
    #expect(
      try checkpoint.tokenizer().encode("5.1", truncation: .none).tokens == ["[CLS]", "5", ".", "1", "[SEP]"])
    #expect(checkpoint.repository == nil)
    let location = try #require(checkpoint.weights.location(of: "classifier.bias"))
    #expect(location.byteRange.count == 12)
    #expect(location.path == Fixture.path("classifier/model.safetensors"))
    #expect(checkpoint.weights.location(of: "nothing") == nil)
  }

  @Test("as one file of weights, the others taken from beside it")
  func file() throws {
    let checkpoint = try Checkpoint(Fixture.path("classifier/model.safetensors"))
    #expect(
      checkpoint.weights.map(\.name) == (try Checkpoint(Fixture.path("classifier"))).weights.map(\.name))
    #expect(checkpoint.architecture == .sequenceClassification)
  }

  @Test("as a lone file: weights without a configuration")
  func loneFile() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      atPath: Fixture.path("classifier/model.safetensors"), toPath: folder.path("x.safetensors"))
    let checkpoint = try Checkpoint(folder.path("x.safetensors"))
    #expect(checkpoint.configuration == .null)
    #expect(checkpoint.architecture == nil)
    #expect(throws: CheckpointError.noConfiguration(folder: folder.url.path)) {
      try checkpoint.bertConfiguration()
    }
  }

  @Test(
    "as a repository in the cache, by its name, by the name alone, and by the folder's path",
    arguments: ["someone/tiny-iris", "tiny-iris", "PATH"])
  func cached(name: String) throws {
    let cache = try TemporaryFolder()
    let commit = String(repeating: "ab", count: 20)
    _ = try cache.copy("classifier", as: "models--someone--tiny-iris/snapshots/\(commit)")
    try cache.write(commit, to: "models--someone--tiny-iris/refs/main")
    let path = name == "PATH" ? cache.path("models--someone--tiny-iris") : name
    let checkpoint = try Checkpoint(ModelFolder(pathOrRepository: path, cache: cache.url.path))
    #expect(checkpoint.repository == "someone/tiny-iris")
    #expect(checkpoint.weights.count == 41)
  }

  @Test("not, when nothing is there, and says where it looked")
  func notFound() throws {
    let cache = try TemporaryFolder()
    #expect(throws: CheckpointError.notFound(path: "someone/nothing", cache: cache.url.path)) {
      try ModelFolder(pathOrRepository: "someone/nothing", cache: cache.url.path)
    }
    #expect(throws: CheckpointError.notFound(path: "/no/such/folder", cache: nil)) {
      try ModelFolder(pathOrRepository: "/no/such/folder", cache: cache.url.path)
    }
  }

  @Test("not by a name alone that two repositories have")
  func ambiguousName() throws {
    let cache = try TemporaryFolder()
    for owner in ["a", "b"] { try cache.write("", to: "models--\(owner)--twice/refs/main") }
    #expect(HubCache.repository("twice", in: cache.url.path) == nil)
    #expect(HubCache.repository("a/twice", in: cache.url.path) == cache.path("models--a--twice"))
  }

  static let environments: [(variables: [String: String], folder: String)] = [
    (["HOME": "/home/me"], "/home/me/.cache/huggingface/hub"),
    (["HOME": "/home/me", "XDG_CACHE_HOME": "/x"], "/x/huggingface/hub"),
    (["HOME": "/home/me", "HF_HOME": "~/hf"], "/home/me/hf/hub"),
    (["HOME": "/home/me", "DISK": "/d", "HF_HOME": "$DISK/hf"], "/d/hf/hub"),
    (["HF_HOME": "/hf", "HUGGINGFACE_HUB_CACHE": "/old"], "/old"),
    (["HF_HOME": "/hf", "HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "/new"], "/new"),
  ]

  @Test("from the cache that the environment names", arguments: environments.indices)
  func cacheFolder(index: Int) {
    let (variables, folder) = Self.environments[index]
    #expect(HubCache.folder { variables[$0] } == folder)
  }

  static let names: [(name: String, isValid: Bool)] = [
    ("org/model", true), ("bert-base-uncased", true), ("a.b/c_d-1", true), ("", false), ("a/b/c", false),
    ("../x", false), ("/x", false), ("a--b/c", false), ("-a/b", false), ("a/b.", false), ("é/b", false),
    ("./folder", false), ("~/x", false),
  ]

  @Test("only by names that the hub allows", arguments: names.indices)
  func repositoryNames(index: Int) {
    #expect(HubCache.isRepositoryName(Self.names[index].name) == Self.names[index].isValid)
  }
}
