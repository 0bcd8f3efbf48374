import ForeignFormats
import Foundation
import ModelFiles
import Testing

@Suite("files that torch.save would not have written")
struct PyTorchFaultTests {
  private static func path(_ name: String) -> String { fixture("pytorch/" + name) }

  typealias Fault = PyTorchError.Fault

  static let badTensors: [(name: String, tensor: [UInt8], fault: Fault)] = [
    (
      "a view beyond the storage", PickleBytes.tensor(offset: 1),
      .tensorOutOfBounds(name: "w", offset: 1, shape: [2, 3], strides: [3, 1], available: 6)
    ),
    (
      "a negative offset", PickleBytes.tensor(offset: -1),
      .tensorOutOfBounds(name: "w", offset: -1, shape: [2, 3], strides: [3, 1], available: 6)
    ),
    (
      "a negative stride", PickleBytes.tensor(strides: [3, -1]),
      .tensorOutOfBounds(name: "w", offset: 0, shape: [2, 3], strides: [3, -1], available: 6)
    ),
    (
      "a negative dimension", PickleBytes.tensor(shape: [-2, 3]),
      .tensorOutOfBounds(name: "w", offset: 0, shape: [-2, 3], strides: [3, 1], available: 6)
    ),
    (
      "a stride without measure", PickleBytes.tensor(strides: [.max, 1]),
      .tensorOutOfBounds(name: "w", offset: 0, shape: [2, 3], strides: [.max, 1], available: 6)
    ),
    (
      "more strides than dimensions", PickleBytes.tensor(shape: [6]),
      .rankMismatch(name: "w", shape: [6], strides: [3, 1])
    ),
    (
      "a trillion elements out of six", PickleBytes.tensor(shape: [1_000_000, 1_000_000], strides: [0, 0]),
      .tensorTooLarge(name: "w", shape: [1_000_000, 1_000_000], limit: 1 << 20)
    ),
    (
      "more elements than can be counted", PickleBytes.tensor(shape: [.max, .max], strides: [0, 0]),
      .tensorTooLarge(name: "w", shape: [.max, .max], limit: 1 << 20)
    ),
    (
      "the same beside a zero", PickleBytes.tensor(shape: [0, .max, .max], strides: [0, 0, 0]),
      .tensorTooLarge(name: "w", shape: [0, .max, .max], limit: 1 << 20)
    ),
    (
      "a record shorter than the storage", PickleBytes.tensor(PickleBytes.storage(count: 7)),
      .storageSizeMismatch(key: "0", expected: 28, found: 24)
    ),
    (
      "a record longer than the storage", PickleBytes.tensor(PickleBytes.storage(count: 5)),
      .storageSizeMismatch(key: "0", expected: 20, found: 24)
    ),
    (
      "a storage that is not there", PickleBytes.tensor(PickleBytes.storage(key: "9")),
      .missingStorage(key: "9")
    ),
    (
      "a key that leads elsewhere", PickleBytes.tensor(PickleBytes.storage(key: "../version")),
      .invalidPersistentID(found: "the key '../version'")
    ),
    (
      "the key ..", PickleBytes.tensor(PickleBytes.storage(key: "..")),
      .invalidPersistentID(found: "the key '..'")
    ),
    (
      "something else than a storage", PickleBytes.tensor(PickleBytes.storage(kind: "module")),
      .invalidPersistentID(found: "a tuple that begins with 'module'")
    ),
    (
      "text as identifier", PickleBytes.tensor(PickleBytes.text("0") + [0x51]),
      .invalidPersistentID(found: "something that is no tuple")
    ),
    (
      "a tuple of one", PickleBytes.tensor(PickleBytes.tuple([PickleBytes.text("storage")]) + [0x51]),
      .invalidPersistentID(found: "a tuple of 1")
    ),
    (
      "a class that is no storage", PickleBytes.tensor(PickleBytes.storage("float32")),
      .invalidPersistentID(found: "the class torch.float32")
    ),
    (
      "a negative count", PickleBytes.tensor(PickleBytes.storage(count: -1)),
      .invalidPersistentID(found: "the count -1")
    ),
    (
      "a count whose bytes cannot be counted", PickleBytes.tensor(PickleBytes.storage(count: .max)),
      .invalidPersistentID(found: "the count \(Int.max)")
    ),
    (
      "a storage that is None", PickleBytes.tensor([0x4E]),
      .invalidTensor(name: "w", reason: "its storage is None")
    ),
    (
      "one storage at two sizes",
      PickleBytes.tuple([PickleBytes.tensor(), PickleBytes.tensor(PickleBytes.storage(count: 5))]),
      .storageSizeMismatch(key: "0", expected: 24, found: 20)
    ),
  ]

  @Test(
    "tensors that reach beyond their storage, and storages that are not what they say",
    arguments: badTensors.indices)
  func tensorFaults(index: Int) throws {
    let (name, tensor, fault) = Self.badTensors[index]
    let folder = try TemporaryFolder()
    let path = try folder.archive(PickleBytes.checkpoint(tensor))
    #expect(throws: PyTorchError(path: path, fault), "\(name)") { try PyTorchFile(path: path) }
  }

  @Test("a small expansion, and one of many elements of a large storage, are sound")
  func expansion() throws {
    let folder = try TemporaryFolder()
    let path = try folder.archive(
      PickleBytes.checkpoint(PickleBytes.tensor(shape: [1024, 1024], strides: [0, 0])))
    #expect(try PyTorchFile(path: path).withElements(of: "w", in: 5..<7) { $0.byteCount } == 8)
  }

  @Test("a key that is there twice, on its own or joined, is refused")
  func duplicates() throws {
    let folder = try TemporaryFolder()
    let tensor = PickleBytes.tensor()
    let twice = try folder.archive(PickleBytes.whole(PickleBytes.dictionary([("w", tensor), ("w", tensor)])))
    #expect(throws: PyTorchError(path: twice, .duplicateKey("w"))) { try PyTorchFile(path: twice) }
    let hidden = try folder.archive(
      PickleBytes.whole(PickleBytes.dictionary([("w", tensor), ("w", [0x4E])])))
    #expect(throws: PyTorchError(path: hidden, .duplicateKey("w"))) { try PyTorchFile(path: hidden) }
    let joined = try folder.archive(
      PickleBytes.whole(
        PickleBytes.dictionary([("a.w", tensor), ("a", PickleBytes.dictionary([("w", tensor)]))])))
    #expect(throws: PyTorchError(path: joined, .duplicateKey("a.w"))) { try PyTorchFile(path: joined) }
  }

  @Test("one storage under two types is told, and read as each tensor says")
  func reinterpreted() throws {
    let folder = try TemporaryFolder()
    let path = try folder.archive(
      PickleBytes.whole(
        PickleBytes.dictionary([
          ("a", PickleBytes.tensor()), ("b", PickleBytes.tensor(PickleBytes.storage("IntStorage"))),
        ])))
    let file = try PyTorchFile(path: path)
    #expect(
      file.findings == [
        .storageReinterpreted(key: "0", first: "torch.FloatStorage", second: "torch.IntStorage")
      ]
        || file.findings == [
          .storageReinterpreted(key: "0", first: "torch.IntStorage", second: "torch.FloatStorage")
        ])
    #expect(file.tensors.map(\.elementType) == [.float32, .int32])
    #expect(file.ties.isEmpty)
  }

  static let badArchives:
    [(name: String, folder: String, records: [(name: String, bytes: [UInt8])], fault: Fault)] = [
      ("no version", "x/", [], .missingRecord("version")),
      ("version 99", "x/", [("x/version", Array("99\n".utf8))], .unsupportedVersion("99")),
      ("a version in words", "x/", [("x/version", Array("three".utf8))], .unsupportedVersion("three")),
      (
        "another byte order", "x/", [("x/version", [0x33]), ("x/byteorder", Array("middle".utf8))],
        .unknownByteOrder("middle")
      ),
      ("two folders", "x/", [("x/version", [0x33]), ("y/z", [])], .wrongFolder(entry: "y/z")),
      ("no folder", "", [("version", [0x33])], .wrongFolder(entry: "data.pkl")),
      ("a nested folder", "x/y/", [("x/version", [0x33])], .missingRecord("data.pkl")),
      ("a program", "x/", [("x/version", [0x33]), ("x/constants.pkl", [])], .torchScript),
      ("a program's code", "x/", [("x/version", [0x33]), ("x/code/a.py", [])], .torchScript),
    ]

  @Test("archives that torch would not have laid out so", arguments: badArchives.indices)
  func archiveFaults(index: Int) throws {
    let (name, inner, records, fault) = Self.badArchives[index]
    let folder = try TemporaryFolder()
    let path = try folder.archive(
      PickleBytes.checkpoint(PickleBytes.tensor()), records: records, folder: inner)
    #expect(throws: PyTorchError(path: path, fault), "\(name)") { try PyTorchFile(path: path) }
  }

  @Test("a damaged tensor is an error when it is read, a damaged pickle when the file is opened")
  func checksums() throws {
    let folder = try TemporaryFolder()
    var bytes = try FileSystem.read(Self.path("new.bin"))
    let original = bytes
    let zip = try ZipArchive(MappedFile(path: Self.path("new.bin")))
    let data = try #require(zip["new/data/0"]?.dataRange)
    bytes[data.lowerBound] ^= 1
    let damaged = try PyTorchFile(path: folder.write("tensor.bin", bytes))
    #expect(throws: ZipError.self) { try damaged.bytes(of: "w") }
    #expect(try damaged.bytes(of: "scalar").count == 8)
    bytes = original
    let pickle = try #require(zip["new/data.pkl"]?.dataRange)
    bytes[pickle.upperBound - 2] ^= 1
    let path = try folder.write("pickle.bin", bytes)
    #expect(throws: ZipError.self) { try PyTorchFile(path: path) }
    // The local header's name, and the flag that says encrypted, in the directory.
    for (pattern, offset, name) in [("new/data/0", 0, "local"), ("new/data/1", 4, "again")] {
      bytes = original
      let place = try #require(bytes.firstRange(of: Array(pattern.utf8)))
      bytes[place.lowerBound + offset] ^= 1
      let path = try folder.write(name, bytes)
      #expect(throws: ZipError.self) { try PyTorchFile(path: path) }
    }
    bytes = original
    let central = try #require(bytes.firstRange(of: [0x50, 0x4B, 1, 2]))
    bytes[central.lowerBound + 8] |= 1
    let encrypted = try folder.write("encrypted", bytes)
    #expect(throws: ZipError.self) { try PyTorchFile(path: encrypted) }
  }

  @Test(
    "other files are told apart",
    arguments: [
      ("<!DOCTYPE html>", "an HTML or XML page"),
      ("version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, not the file it points to"),
      ("7z\u{BC}\u{AF}\u{27}\u{1C}", "a 7z archive"), ("GGUF\u{3}", "a GGUF file"), ("", "an empty file"),
      ("\u{8}\0\0\0\0\0\0\0{}      ", "a safetensors file"),
      ("\u{80}\u{2}N.", "a pickle that torch.save did not write"),
      // The magic number, computed by a call.
      ("\u{80}\u{2}cbuiltins\neval\nX\u{2}\0\0\0" + "42\u{85}R.", "a pickle that torch.save did not write"),
      ("{}", "JSON"), ("hello", "something unknown"),
    ])
  func kinds(text: String, found: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.bin", text.unicodeScalars.map { UInt8($0.value) })
    #expect(throws: PyTorchError(path: path, .notPyTorch(found: found))) { try PyTorchFile(path: path) }
  }

  @Test("streams are refused with the part that is wrong")
  func streams() throws {
    let folder = try TemporaryFolder()
    let original = try FileSystem.read(Self.path("legacy_views.bin"))
    func fault(_ edit: (inout [UInt8]) -> Void) throws -> Fault? {
      var bytes = original
      edit(&bytes)
      let path = try folder.write("x.bin", bytes)
      do {
        _ = try PyTorchFile(path: path)
        return nil
      } catch let error as PyTorchError { return error.fault }
    }
    #expect(try fault { _ in } == nil)
    #expect(try fault { $0[18] ^= 1 } == .malformedStream(part: "protocol", found: "1000"))
    #expect(try fault { $0.removeLast() } == .endsWithin("storage '94316303543648'"))
    #expect(try fault { $0.removeLast(45) } == .endsWithin("storage '94316303543648'"))
    #expect(
      try fault { $0[$0.count - 48] = 9 }
        == .storageSizeMismatch(key: "94316303543648", expected: 40, found: 36))
    let view = try #require(original.firstRange(of: [0x4B, 2, 0x4B, 6]))
    #expect(
      try fault { $0[view.lowerBound + 3] = 9 }
        == .viewOutOfBounds(key: "94316303543648", view: "94316303543700"))
    let framed: [UInt8] = [0x80, 4, 0x95, 13, 0, 0, 0, 0, 0, 0, 0] + original.dropFirst(2)
    let path = try folder.write("framed.bin", framed)
    #expect(
      throws: PyTorchError(
        path: path, .pickle(record: "magic number at byte 0", PickleError(at: 2, .unsupportedOpcode("FRAME")))
      )
    ) { try PyTorchFile(path: path) }
    let longer = try folder.write("longer.bin", original + [1, 2, 3])
    #expect(try PyTorchFile(path: longer).findings == [.bytesAfterEnd(count: 3)])
  }

  @Test("a tar file cut off or with a damaged header is refused")
  func tar() throws {
    let folder = try TemporaryFolder()
    let original = try FileSystem.read(Self.path("tar.bin"))
    var bytes = original
    bytes[3] ^= 1
    let damaged = try folder.write("damaged.bin", bytes)
    #expect(throws: PyTorchError(path: damaged, .malformedTar(offset: 0))) { try PyTorchFile(path: damaged) }
    for count in [600, 1024, 2000, 4000] {
      let short = try folder.write("short.bin", Array(original.prefix(count)))
      #expect(throws: PyTorchError.self) { try PyTorchFile(path: short) }
    }
  }

  @Test(
    "mutations of real files are errors or readable, never traps",
    arguments: [
      "new.bin", "deflated.bin", "legacy.bin", "legacy_views.bin", "tar.bin", "odd.bin", "python2.bin",
    ])
  func mutations(name: String) throws {
    let folder = try TemporaryFolder()
    let original = try FileSystem.read(Self.path(name))
    var generator = SeededGenerator(seed: UInt64(name.utf8.count) * 977 + UInt64(name.utf8.first ?? 0))
    for _ in 0..<500 {
      var bytes = original
      for _ in 0...generator.below(3) {
        let place = generator.below(bytes.count)
        switch generator.below(4) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes[place] ^= 1 << generator.below(8)
        case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF, 0x28, 0x2E, 0x52, 0x75][generator.below(9)]
        default: bytes.swapAt(place, generator.below(bytes.count))
        }
      }
      if generator.below(8) == 0 { bytes.removeLast(generator.below(bytes.count)) }
      // Not by way of a temporary file: making each durable would take most of the time.
      try Data(bytes).write(to: URL(filePath: folder("x.bin")))
      try touch(folder("x.bin"))
    }
  }

  @Test(
    "mutations of a pickle within a sound archive are errors or readable, never traps",
    arguments: [
      "new.bin", "odd.bin", "wrapped.bin",
    ])
  func pickleMutations(name: String) throws {
    let folder = try TemporaryFolder()
    let zip = try ZipArchive(MappedFile(path: Self.path(name)))
    let stem = String(name.dropLast(4))
    var storages: [String: [UInt8]] = [:]
    for entry in zip.entries where entry.name.hasPrefix("\(stem)/data/") {
      storages[String(entry.name.dropFirst(stem.count + 6))] = try zip.bytes(of: entry, limit: 1 << 20)
    }
    let pickle = try zip.bytes(of: #require(zip["\(stem)/data.pkl"]), limit: 1 << 20)
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<300 {
      var bytes = pickle
      for _ in 0...generator.below(4) {
        let place = generator.below(bytes.count)
        bytes[place] =
          generator.below(2) == 0
          ? UInt8(truncatingIfNeeded: generator.next()) : pickle[generator.below(pickle.count)]
      }
      let path = try folder.archive(bytes, storages: storages)
      try touch(path)
      try FileSystem.remove(path)
    }
  }

  private func touch(_ path: String) throws {
    _ = try? PickleGlobals.list(path: path)
    guard let file = try? PyTorchFile(path: path, access: .copied) else { return }
    for info in file.tensors { _ = try? file.withBytes(of: info.name) { $0.byteCount } }
  }
}
