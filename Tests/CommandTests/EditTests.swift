import Foundation
import Testing

@Suite("edit")
struct EditTests {
  @Test("does not change what the hub's cache holds, however the path leads there")
  func cache() throws {
    let folder = try TemporaryFolder()
    let repository = "hub/models--a--b"
    for name in ["blobs", "snapshots/c"] {
      try FileManager.default.createDirectory(
        at: folder.url("\(repository)/\(name)"), withIntermediateDirectories: true)
    }
    let blob = folder.url("\(repository)/blobs/0123")
    try FileManager.default.copyItem(
      at: Command.folder.appending(path: "classifier/model.safetensors"), to: blob)
    let before = try Data(contentsOf: blob)
    let snapshot = folder.path("\(repository)/snapshots/c")
    try FileManager.default.createSymbolicLink(
      atPath: snapshot + "/model.safetensors", withDestinationPath: "../../blobs/0123")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("mine.safetensors"), withDestinationPath: snapshot + "/model.safetensors")
    for (path, place) in [
      (snapshot + "/model.safetensors", nil), (folder.path("mine.safetensors"), nil),
      ("model.safetensors", snapshot),
    ] {
      let command = try Command(["edit", path, "--set-metadata", "a=b"])
      if let place { command.process.currentDirectoryURL = URL(filePath: place) }
      try command.process.run()
      let result = try command.wait()
      #expect(result.exitCode == 2, "\(path): \(result.output)")
    }
    #expect(try Data(contentsOf: blob) == before)
  }
}
