import Foundation
import ModelFiles
import Testing

@Suite("metadata of a safetensors file is edited")
struct MetadataEditTests {
  /// A file with one tensor, and `room` spaces behind its header.
  private func file(_ folder: TemporaryFolder, room: Int = 0) throws -> String {
    let header = #"{"__metadata__":{"format":"pt"},"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#
    var bytes = safetensors(header + String(repeating: " ", count: room), data: 3)
    bytes.replaceSubrange((bytes.count - 3)..., with: [7, 8, 9])
    return try folder.write("x.safetensors", bytes)
  }

  private func check(_ path: String, _ metadata: [String: String]) throws {
    let file = try SafetensorsFile(path: path)
    #expect(Dictionary(uniqueKeysWithValues: file.metadata.map { ($0.key, $0.value) }) == metadata)
    #expect(try file.bytes(of: "x") == [7, 8, 9])
  }

  @Test("in place where the header has room, else by writing the file anew")
  func outcomes() throws {
    let folder = try TemporaryFolder()
    let roomy = try file(folder, room: 40)
    let size = FileSystem.byteCount(of: roomy)
    #expect(try SafetensorsMetadataEdit(setting: [("a", "é\"")]).apply(toFile: roomy) == .inPlace)
    try check(roomy, ["format": "pt", "a": "é\""])
    #expect(FileSystem.byteCount(of: roomy) == size)
    #expect(try SafetensorsMetadataEdit(setting: [("a", "é\"")]).apply(toFile: roomy) == .unchanged)
    let long = String(repeating: "z", count: 100)
    #expect(try SafetensorsMetadataEdit(setting: [("a", long)]).apply(toFile: roomy) == .rewritten)
    try check(roomy, ["format": "pt", "a": long])
    #expect(try SafetensorsMetadataEdit(removing: ["a", "format"]).apply(toFile: roomy) == .inPlace)
    try check(roomy, [:])
    let before = try FileSystem.read(roomy)
    #expect(try FileSystem.list(folder.path) == ["x.safetensors"])
    #expect(before.prefix(8).first.map { $0 % 8 } == 0)
  }

  @Test("with room for the next edit, when asked")
  func reserve() throws {
    let folder = try TemporaryFolder()
    let path = try file(folder)
    var edit = SafetensorsMetadataEdit(setting: [("a", "1")])
    (edit.reservedByteCount, edit.alwaysRewrites) = (256, true)
    #expect(try edit.apply(toFile: path) == .rewritten)
    let long = String(repeating: "z", count: 200)
    #expect(try SafetensorsMetadataEdit(setting: [("b", long)]).apply(toFile: path) == .inPlace)
    try check(path, ["format": "pt", "a": "1", "b": long])
  }

  @Test("also where there is nothing to change but the room")
  func roomAlone() throws {
    let folder = try TemporaryFolder()
    let path = try file(folder)
    var edit = SafetensorsMetadataEdit()
    #expect(try edit.apply(toFile: path) == .unchanged)
    (edit.reservedByteCount, edit.alwaysRewrites) = (256, true)
    #expect(try edit.apply(toFile: path) == .rewritten)
    let long = String(repeating: "z", count: 200)
    #expect(try SafetensorsMetadataEdit(setting: [("b", long)]).apply(toFile: path) == .inPlace)
  }

  @Test("but not in a file that is not sound")
  func unsound() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "x.safetensors", safetensors(#"{"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#, data: 2))
    let before = try FileSystem.read(path)
    #expect(throws: SafetensorsError.self) {
      try SafetensorsMetadataEdit(setting: [("a", "b")]).apply(toFile: path)
    }
    #expect(try FileSystem.read(path) == before)
  }
}
