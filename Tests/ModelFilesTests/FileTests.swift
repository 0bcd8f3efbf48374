import Foundation
import ModelFiles
import Testing

@Suite("files")
struct FileTests {
  @Test("a new file has the mode that the umask leaves, and replaces the old one whole")
  func writesAtomically() throws {
    let folder = try TemporaryFolder()
    let mask = umask(0o027)
    defer { umask(mask) }
    try AtomicFile.write("one", to: folder("x"))
    try AtomicFile.write([1, 2], to: folder("x"))
    #expect(try FileSystem.read(folder("x")) == [1, 2])
    let mode = try FileManager.default.attributesOfItem(atPath: folder("x"))[.posixPermissions] as? Int
    #expect(mode == 0o640)
    #expect(try FileSystem.list(folder.path) == ["x"])
  }

  @Test("a file that is not committed leaves nothing behind")
  func dropsUncommitted() throws {
    let folder = try TemporaryFolder()
    try folder.write("x", "before")
    do {
      var file = try AtomicFile(replacing: folder("x"))
      try file.append(([1, 2, 3] as [UInt8]).span.bytes)
      #expect(file.byteCount == 3)
      #expect(try FileSystem.list(folder.path).count == 2)
    }
    #expect(try FileSystem.list(folder.path) == ["x"])
    #expect(try FileSystem.read(folder("x")) == Array("before".utf8))
  }

  @Test("what was appended can be read before the file is there, by another than the writer")
  func readsAppended() throws {
    let folder = try TemporaryFolder()
    var file = try AtomicFile(replacing: folder("x"))
    let appended = file.appended
    try file.append(([1, 2, 3, 4] as [UInt8]).span.bytes, isSentOn: false)
    appended.sendOn(0..<4)
    var bytes = [UInt8](repeating: 0, count: 3)
    try bytes.withUnsafeMutableBytes { try appended.read(1..<4, into: #require($0.baseAddress)) }
    #expect(bytes == [2, 3, 4])
    #expect(throws: SystemError.self) {
      try bytes.withUnsafeMutableBytes { try appended.read(2..<5, into: #require($0.baseAddress)) }
    }
    try file.commit()
    #expect(try FileSystem.read(folder("x")) == [1, 2, 3, 4])
  }

  @Test(
    "bytes are copied out of a file however it is opened, and an end that is gone is an error",
    arguments: [FileAccess.mapped, .copied, .pread])
  func copiesBytes(access: FileAccess) throws {
    let folder = try TemporaryFolder()
    try AtomicFile.write((0..<100).map { UInt8($0) }, to: folder("x"))
    let file = try MappedFile(path: folder("x"), access: access)
    file.populate(10..<90)
    file.populate(50..<50)
    var bytes = [UInt8](repeating: 0, count: 4)
    try bytes.withUnsafeMutableBytes { try file.read(96..<100, into: #require($0.baseAddress)) }
    #expect(bytes == [96, 97, 98, 99])
    guard access != .copied else { return }
    try #require(truncate(folder("x"), 98) == 0)
    #expect(throws: SystemError.self) {
      try bytes.withUnsafeMutableBytes { try file.read(96..<100, into: #require($0.baseAddress)) }
    }
  }

  @Test("a link stays a link, and what it points to is replaced", arguments: [true, false])
  func followsLinks(exists: Bool) throws {
    let folder = try TemporaryFolder()
    try FileSystem.createFolder(folder("far/away"))
    if exists { try folder.write("far/away/target", "before") }
    let manager = FileManager.default
    try manager.createSymbolicLink(atPath: folder("far/middle"), withDestinationPath: "away/target")
    try manager.createSymbolicLink(atPath: folder("link"), withDestinationPath: folder("far/middle"))
    try AtomicFile.write("after", to: folder("link"))
    #expect(try manager.destinationOfSymbolicLink(atPath: folder("link")) == folder("far/middle"))
    #expect(try manager.destinationOfSymbolicLink(atPath: folder("far/middle")) == "away/target")
    #expect(try FileSystem.read(folder("far/away/target")) == Array("after".utf8))
    try manager.createSymbolicLink(atPath: folder("loop"), withDestinationPath: "loop")
    #expect(throws: SystemError.self) { try AtomicFile.write("x", to: folder("loop")) }
  }

  @Test("errors name the file and what can be done")
  func namesErrors() throws {
    let folder = try TemporaryFolder()
    let missing = #expect(throws: SystemError.self) { try MappedFile(path: folder("none")) }
    #expect(missing?.isNotFound == true)
    #expect(
      missing?.description
        == "\(folder("none")): no such file or directory (open); check the spelling of the path")
    #expect(throws: SystemError(call: "open", path: folder.path, code: EISDIR)) {
      try MappedFile(path: folder.path)
    }
    #expect(throws: SystemError(call: "open", path: folder.path, code: EISDIR)) {
      try AtomicFile.write("", to: folder.path)
    }
    #expect(throws: SystemError.self) { try AtomicFile.write("", to: folder("none/x")) }
    #expect(mkfifo(folder("pipe"), 0o600) == 0)
    #expect(throws: SystemError(call: "open", path: folder("pipe"), code: EINVAL)) {
      try FileSystem.read(folder("pipe"))
    }
    try folder.write("x", "12345")
    #expect(throws: SystemError(call: "read", path: folder("x"), code: EFBIG)) {
      try FileSystem.read(folder("x"), limit: 4)
    }
  }

  @Test("empty files are read and mapped", arguments: [FileAccess.mapped, .copied])
  func readsEmpty(access: FileAccess) throws {
    let folder = try TemporaryFolder()
    let file = try MappedFile(path: folder.write("x", ""), access: access)
    #expect(try file.withBytes(in: 0..<0) { $0.byteCount } == 0)
    #expect(try FileSystem.read(folder("x")).isEmpty)
  }

  @Test("folders are made, listed by bytes, and removed without following links")
  func handlesFolders() throws {
    let folder = try TemporaryFolder()
    try folder.write("kept/file", "x")
    try FileSystem.createFolder(folder("a/b/c/"))
    for name in ["b", "B", "é", ".hidden"] { try folder.write("a/\(name)1", "") }
    #expect(try FileSystem.list(folder("a")) == [".hidden1", "B1", "b", "b1", "é1"])
    try FileManager.default.createSymbolicLink(atPath: folder("a/link"), withDestinationPath: folder("kept"))
    try FileSystem.removeTree(folder("a"))
    #expect(!FileSystem.exists(folder("a")))
    #expect(FileSystem.byteCount(of: folder("kept/file")) == 1)
    #expect(throws: SystemError.self) { try FileSystem.remove(folder("kept")) }
  }

  @Test(
    "paths are taken apart",
    arguments: [
      ("a", ".", "a"), ("/a", "/", "a"), ("x/y/", "x", "y"), ("/", "/", ""), ("a//b", "a", "b"),
      ("a/\u{338}b", "a", "\u{338}b"),
    ])
  func splitsPaths(path: String, parent: String, name: String) {
    #expect(FileSystem.parent(of: path) == parent)
    #expect(FileSystem.name(of: path) == name)
    #expect(FileSystem.join("", path) == path)
  }
}
