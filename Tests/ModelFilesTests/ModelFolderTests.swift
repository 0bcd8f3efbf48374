import Foundation
import ModelFiles
import Testing

@Suite("model folders")
struct ModelFolderTests {
  let empty = safetensors("{}      ")

  @Test("weights are chosen in the order of transformers")
  func choosesWeights() throws {
    let folder = try TemporaryFolder()
    func location() throws -> ModelFolder.Weights? { try ModelFolder(path: folder.path).weightsLocation }
    #expect(try location() == nil)
    try folder.write("other.safetensors", empty)
    #expect(try location() == nil)
    let index = try folder.write("pytorch_model.bin.index.json", "{}")
    #expect(try location() == .shardedPyTorch(indexPath: index))
    let bin = try folder.write("pytorch_model.bin", "")
    #expect(try location() == .pytorch(path: bin))
    #expect(throws: ModelFolderError.notSafetensors(path: bin)) {
      try ModelFolder(path: folder.path).weights()
    }
    let sharded = try folder.write("model.safetensors.index.json", #"{"weight_map":{}}"#)
    #expect(try location() == .shardedSafetensors(indexPath: sharded))
    let single = try folder.write("model.safetensors", empty)
    #expect(try location() == .safetensors(path: single))
    #expect(try ModelFolder(path: folder.path).weights().tensors.isEmpty)
  }

  @Test("a file or an index can be named itself")
  func takesFiles() throws {
    let folder = try TemporaryFolder()
    try folder.write("model.safetensors", empty)
    let other = try folder.write("other.safetensors", empty)
    try folder.write("config.json", #"{"model_type":"bert"}"#)
    let model = try ModelFolder(path: other)
    #expect(model.weightsLocation == .safetensors(path: other))
    #expect(try model.configuration()?["model_type"] == "bert")
    let index = try ModelFolder(path: fixture("safetensors/sharded/model.safetensors.index.json"))
    #expect(try index.weights().tensors.count == 39)
    let note = try folder.write("notes.txt", "")
    #expect(throws: ModelFolderError.notSafetensors(path: note)) { try ModelFolder(path: note).weights() }
    #expect(throws: SystemError.self) { try ModelFolder(path: folder("none")) }
  }

  @Test("a repository in the cache is its snapshot")
  func resolvesCache() throws {
    let folder = try TemporaryFolder()
    let repository = folder("models--org--name")
    func path() throws -> String { try ModelFolder(path: repository).path }
    try folder.write("models--org--name/blobs/f00", empty)
    try FileSystem.createFolder(repository + "/snapshots/abc")
    try FileManager.default.createSymbolicLink(
      atPath: repository + "/snapshots/abc/model.safetensors", withDestinationPath: "../../blobs/f00")
    #expect(try path() == repository + "/snapshots/abc")
    #expect(try ModelFolder(path: repository).weights().tensors.isEmpty)

    try FileSystem.createFolder(repository + "/snapshots/def")
    #expect(throws: ModelFolderError.ambiguousSnapshot(path: repository, found: ["abc", "def"])) {
      try path()
    }
    try folder.write("models--org--name/refs/main", "def\n")
    #expect(try path() == repository + "/snapshots/def")
    for commit in ["missing", "", "..", "../../x"] {
      try folder.write("models--org--name/refs/main", commit)
      #expect(throws: ModelFolderError.noSnapshot(path: repository, commit: commit)) { try path() }
    }
  }

  @Test("what is missing is named together with what is there")
  func namesWhatIsThere() throws {
    let folder = try TemporaryFolder()
    for name in ["config.json", "flax_model.msgpack", "README.md"] { try folder.write(name, "{}") }
    let model = try ModelFolder(path: folder.path)
    let found = ["README.md", "config.json", "flax_model.msgpack"]
    #expect(model.files == found)
    #expect(throws: ModelFolderError.noWeights(folder: folder.path, found: found)) { try model.weights() }
    let error = #expect(throws: ModelFolderError.self) { try model.tokenizerDescription() }
    #expect(error == .noVocabulary(folder: folder.path, found: found))
    #expect(
      error?.description.hasSuffix("found README.md, config.json, flax_model.msgpack; check the path") == true
    )
  }

  @Test("a broken description names its file and the place")
  func namesBrokenFiles() throws {
    let folder = try TemporaryFolder()
    try folder.write("config.json", "{\n \"a\": 1\n \"b\": 2}")
    let error = #expect(throws: JSONError.self) { try ModelFolder(path: folder.path).configuration() }
    #expect(error?.path == folder("config.json"))
    #expect(error?.line == 3)
  }
}
