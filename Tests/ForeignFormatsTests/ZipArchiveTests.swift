import CChecksums
import Foundation
import ForeignFormats
import ModelFiles
import Testing

@Suite("zip files")
struct ZipArchiveTests {
  static let data = Array(String(repeating: "hello world", count: 100).utf8)
  static let files = [
    "infozip_deflated", "infozip_deflated_stream", "infozip_deflated_zip64", "infozip_stored",
    "infozip_stored_descriptors", "python_comment", "python_deflated", "python_deflated_stream",
    "python_deflated_zip64", "python_deflated_zip64_stream", "python_stored", "python_stored_stream",
    "python_stored_zip64", "python_stored_zip64_stream",
  ]

  @Test("what Python's zipfile and Info-ZIP write is read, however it is accessed", arguments: files)
  func otherPrograms(name: String) throws {
    for access in [FileAccess.mapped, .copied, .pread] {
      let archive = try ZipArchive(MappedFile(path: fixture("zip/\(name).zip"), access: access))
      let folders = name == "python_comment" ? ["d/"] : []
      #expect(archive.entries.map(\.name) == ["a", "bé", "dir/c"] + folders)
      for entry in archive.entries.prefix(3) {
        #expect(entry.isDeflated == name.contains("deflated"))
        #expect(try archive.bytes(of: entry, limit: 1100) == Self.data)
        let lazy = archive.lazyBytes(of: entry)
        #expect(try lazy.withBytes(in: 0..<1100) { $0.withUnsafeBytes { Array($0) } } == Self.data)
        #expect(try lazy.bytes().file === lazy.bytes().file)
        let limit = #expect(throws: ZipError.self) { try archive.bytes(of: entry, limit: 1099) }
        #expect(limit?.fault == .tooLarge(entry: entry.name, byteCount: 1100, limit: 1099))
      }
      #expect(archive["dir/c"] == archive.entries[2])
      #expect(archive["dir"] == nil)
    }
  }

  @Test("what torch.save writes is read, and stored entries are used where they lie")
  func torch() throws {
    let archive = try ZipArchive(MappedFile(path: fixture("zip/torch.zip")))
    #expect(
      archive.entries.map(\.name) == [
        "archive/data.pkl", "archive/.format_version", "archive/.storage_alignment", "archive/byteorder",
        "archive/data/0", "archive/data/1", "archive/version", "archive/.data/serialization_id",
      ])
    let entry = try #require(archive["archive/data/0"])
    let floats = try archive.bytes(of: entry, limit: 24)
    #expect(floats == (0..<6).flatMap { Float($0).bitPattern.littleEndianBytes })
    let bytes = try archive.lazyBytes(of: entry).bytes()
    #expect(bytes.file === archive.file)
    #expect(bytes.range == entry.dataRange)
    #expect(entry.dataRange.lowerBound % 64 == 0)
    #expect(try archive.bytes(of: #require(archive["archive/data/1"]), limit: 0) == [])
  }

  @Test("an archive without entries is one")
  func empty() throws {
    #expect(try ZipArchive(MappedFile(path: fixture("zip/empty.zip"))).entries.isEmpty)
  }

  @Test("a large deflated entry goes to a file without a name, in any way of access")
  func large() throws {
    let folder = try TemporaryFolder()
    let data = (0..<4_200_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) }
    let path = try folder.write("x", HandMadeZip(.init(deflating: data, "large")).bytes)
    for access in [FileAccess.mapped, .copied, .pread] {
      let archive = try ZipArchive(MappedFile(path: path, access: access))
      let lazy = archive.lazyBytes(of: archive.entries[0])
      #expect(try lazy.bytes().file.access == (access == .pread ? .pread : .mapped))
      #expect(try lazy.withBytes(in: 0..<data.count) { $0.withUnsafeBytes { $0.elementsEqual(data) } })
    }
  }

  /// What is done to a sound archive of a stored entry `a`, a deflated one `b` and a stored one with descriptor `c`.
  struct Attack: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var fault: ZipError.Fault
    var change: @Sendable (inout HandMadeZip) -> Void

    init(_ name: String, _ fault: ZipError.Fault, _ change: @escaping @Sendable (inout HandMadeZip) -> Void) {
      (testDescription, self.fault, self.change) = (name, fault, change)
    }
  }

  static let sound: HandMadeZip = {
    var zip = HandMadeZip(.init("a", [1, 2, 3]), .init(deflating: [4, 5, 6, 7], "b"), .init("c", [8, 9]))
    zip.entries[2].flags = 8
    (zip.entries[2].localCRC32, zip.entries[2].localByteCount) = (0, 0)
    zip.entries[2].localPackedByteCount = 0
    zip.entries[2].descriptor =
      [0x50, 0x4B, 7, 8] + zip.entries[2].crc32.littleEndianBytes + [2, 0, 0, 0, 2, 0, 0, 0]
    return zip
  }()

  /// Offsets: a at 0, of 34 bytes; b at 34, of 31 + 9; c at 74, of 33 + 16; the directory at 123, of 3 · 47.
  static let frameAttacks: [Attack] = [
    Attack(
      "something before the first entry",
      .wrongDirectory(field: "that the directory ends at byte", expected: 268, found: 264)
    ) {
      $0.before = [0x50, 0x4B, 3, 4]
    },
    Attack("a program before the first entry", .notZip) { $0.before = [0x4D, 0x5A] },
    Attack("no end record", .noEndRecord) { $0.isCut = true },
    Attack("bytes after the end", .bytesAfterEnd(count: 2)) { $0.after = [0, 0] },
    Attack("an end record in the comment", .twoEndRecords) { $0.comment = HandMadeZip().bytes },
    Attack("one part of several", .multipleDisks) { $0.disk = 1 },
    Attack("an entry on another disk", .multipleDisks) { $0.entries[1].disk = 1 },
    Attack(
      "bytes between directory and end record",
      .wrongDirectory(field: "that the directory ends at byte", expected: 266, found: 264)
    ) {
      $0.afterDirectory = [0, 0]
    },
    Attack(
      "more entries than the directory has room for",
      .wrongDirectory(field: "an entry count of", expected: 3, found: 65535)
    ) {
      $0.entryCount = 65535
    },
    Attack(
      "fewer entries than there are", .wrongDirectory(field: "a directory size of", expected: 94, found: 141)
    ) {
      $0.entryCount = 2
    },
    Attack(
      "a directory that begins elsewhere",
      .wrongDirectory(field: "that the directory ends at byte", expected: 264, found: 265)
    ) {
      $0.directoryOffset = 124
    },
    Attack("a directory that begins too late and is too short", .malformed(.directory, offset: 124)) {
      ($0.directoryOffset, $0.directoryByteCount) = (124, 140)
    },
    Attack("a zip64 record far away", .malformed(.zip64EndRecord, offset: 264 + 56)) {
      $0.zip64 = { (offset, size, count) in
        HandMadeZip.zip64Records(count: count, size: size, offset: offset, position: .max)
      }
    },
    Attack("a zip64 record of another length", .malformed(.zip64EndRecord, offset: 264)) {
      $0.zip64 = { (offset, size, count) in
        HandMadeZip.zip64Records(count: count, size: size, offset: offset, length: 45)
      }
    },
    Attack("a zip64 record on another disk", .multipleDisks) {
      $0.zip64 = { (offset, size, count) in
        HandMadeZip.zip64Records(count: count, size: size, offset: offset, disks: 2)
      }
    },
    Attack("end records that disagree", .wrongDirectory(field: "an entry count of", expected: 4, found: 3)) {
      $0.zip64 = { (offset, size, count) in
        HandMadeZip.zip64Records(count: count + 1, size: size, offset: offset)
      }
    },
    Attack(
      "a zip64 offset beyond 64 bits",
      .wrongDirectory(field: "that the directory ends at byte", expected: 264, found: .max)
    ) {
      $0.directoryOffset = .max
      $0.zip64 = { (offset, size, count) in
        HandMadeZip.zip64Records(count: count, size: size, offset: .max, position: offset + size)
      }
    },
    Attack(
      "a zip64 count no file has room for",
      .wrongDirectory(field: "an entry count of", expected: 3, found: 1 << 63)
    ) {
      $0.entryCount = .max
      $0.zip64 = { (offset, size, count) in
        HandMadeZip.zip64Records(count: 1 << 63, size: size, offset: offset)
      }
    },
  ]

  static let entryAttacks: [Attack] = [
    Attack("a name that is not UTF-8", .invalidName(offset: 123)) {
      ($0.entries[0].name, $0.entries[0].localName) = ([0xFF], [0xFF])
    },
    Attack("a name with a NUL", .invalidName(offset: 125)) { $0.entries[0].name = [97, 0, 98] },
    Attack("no name", .invalidName(offset: 122)) { $0.entries[0].name = [] },
    Attack("two entries of one name", .duplicateName(entry: "a")) { $0.entries[2].name = [97] },
    Attack("an encrypted entry", .encrypted(entry: "b")) { $0.entries[1].flags = 1 },
    Attack("a strongly encrypted entry", .encrypted(entry: "b")) { $0.entries[1].flags = 1 << 6 },
    Attack("masked headers", .encrypted(entry: "b")) { $0.entries[1].flags = 1 << 13 },
    Attack("another method", .unsupportedMethod(entry: "b", method: 93)) { $0.entries[1].method = 93 },
    Attack("a stored entry of two sizes", .storedSizesDiffer(entry: "a", packed: 3, unpacked: 4)) {
      $0.entries[0].byteCount = 4
    },
    Attack(
      "more than deflate can make of its bytes", .expansionLimit(entry: "b", byteCount: 9289, limit: 9288)
    ) {
      $0.entries[1].byteCount = 9289
    },
    Attack("more than the limit of all", .expansionLimit(entry: "b", byteCount: 1001, limit: 1000)) {
      $0.entries[1].byteCount = 1001
    },
    Attack("another name in the local header", .headersDisagree(entry: "a", field: "name")) {
      $0.entries[0].localName = [98]
    },
    Attack("another method in the local header", .headersDisagree(entry: "b", field: "method")) {
      $0.entries[1].localMethod = 0
    },
    Attack("other flags in the local header", .headersDisagree(entry: "a", field: "flags")) {
      $0.entries[0].localFlags = 8
    },
    Attack("another checksum in the local header", .headersDisagree(entry: "a", field: "checksum")) {
      $0.entries[0].localCRC32 = 0
    },
    Attack("another size in the local header", .headersDisagree(entry: "a", field: "size")) {
      $0.entries[0].localByteCount = 2
    },
    Attack("another packed size in the local header", .headersDisagree(entry: "b", field: "size")) {
      $0.entries[1].localPackedByteCount = 10
    },
    Attack("another size before a descriptor", .headersDisagree(entry: "c", field: "size")) {
      $0.entries[2].localByteCount = 1
    },
    Attack("another checksum in the descriptor", .headersDisagree(entry: "c", field: "descriptor")) {
      $0.entries[2].descriptor[4] ^= 1
    },
    Attack("another size in the descriptor", .headersDisagree(entry: "c", field: "descriptor")) {
      $0.entries[2].descriptor[12] ^= 1
    },
    Attack("no local header", .malformed(.localHeader, offset: 34)) { $0.entries[1].localSignature = 0 },
    Attack("two entries in one place", .overlap(entry: "a")) { $0.entries[1].offset = 0 },
    Attack("an entry that reaches into the next", .overlap(entry: "a")) {
      ($0.entries[0].packedByteCount, $0.entries[0].byteCount) = (4, 4)
    },
    Attack("an entry that reaches into the directory", .overlap(entry: "c")) {
      ($0.entries[2].packedByteCount, $0.entries[2].byteCount) = (1 << 30, 1 << 30)
    },
    Attack("an entry beyond the file", .beyondFile(entry: "c")) { $0.entries[2].offset = 1 << 30 },
    Attack("a zip64 size beyond 63 bits", .overlap(entry: "a")) {
      ($0.entries[0].packedByteCount, $0.entries[0].byteCount) = (.max, .max)
      $0.entries[0].extra = [1, 0, 16, 0] + [UInt8](repeating: 0xFF, count: 16)
      $0.entries[0].localExtra = $0.entries[0].extra
    },
    Attack("a zip64 field that is too short", .malformed(.extraField, offset: 123)) {
      $0.entries[0].byteCount = .max
      $0.entries[0].extra = [1, 0, 4, 0, 0, 0, 0, 0]
    },
    Attack("an extra field beyond its room", .malformed(.extraField, offset: 123)) {
      $0.entries[0].extra = [9, 0, 9, 0]
    },
    Attack("two zip64 fields", .malformed(.extraField, offset: 123)) {
      $0.entries[0].extra = [1, 0, 0, 0, 1, 0, 0, 0]
    },
  ]

  /// Found when the data is used.
  static let dataAttacks: [Attack] = [
    Attack(
      "a wrong checksum of a stored entry",
      .wrongChecksum(entry: "a", expected: 0x55BC_801D, found: 0x4CA7_B15C)
    ) {
      $0.entries[0].data[1] ^= 1
    },
    Attack(
      "a wrong checksum of a deflated entry", .wrongChecksum(entry: "b", expected: 0xED48_13E2, found: 0)
    ) {
      $0.entries[1].data[6] ^= 1
    },
    Attack("a torn deflate stream", .damaged(entry: "b", reason: "")) { $0.entries[1].data[0] = 7 },
    Attack("fewer unpacked bytes than promised", .damaged(entry: "b", reason: "")) {
      $0.entries[1].byteCount = 5
    },
    Attack("more unpacked bytes than promised", .damaged(entry: "b", reason: "")) {
      $0.entries[1].byteCount = 3
    },
    Attack("bytes behind a deflate stream", .damaged(entry: "b", reason: "")) {
      $0.entries[1].data += [0, 0]
      $0.entries[1].packedByteCount += 2
    },
  ]

  @Test("the archive that is then attacked is sound")
  func soundArchive() throws {
    let folder = try TemporaryFolder()
    let archive = try ZipArchive(MappedFile(path: folder.write("x", Self.sound.bytes)))
    #expect(
      try archive.entries.map { try archive.bytes(of: $0, limit: 9) } == [[1, 2, 3], [4, 5, 6, 7], [8, 9]])
  }

  @Test(
    "what is wrong is refused, however the file is accessed",
    arguments: frameAttacks + entryAttacks + dataAttacks)
  func refused(attack: Attack) throws {
    let folder = try TemporaryFolder()
    var zip = Self.sound
    attack.change(&zip)
    let path = try folder.put("x", zip.bytes)
    for access in [FileAccess.mapped, .copied, .pread] {
      let error = #expect(throws: ZipError.self) {
        let archive = try ZipArchive(MappedFile(path: path, access: access), unpackedLimit: 1000)
        for entry in archive.entries {
          let lazy = archive.lazyBytes(of: entry)
          try lazy.withBytes(in: 0..<lazy.byteCount) { _ in }
        }
      }
      switch (error?.fault, attack.fault) {
      case (.damaged(let found, let reason)?, .damaged(let expected, _)):
        #expect(found == expected)
        #expect(!reason.isEmpty)
      case (.wrongUnpackedByteCount(let found, _, _)?, .damaged(let expected, _)): #expect(found == expected)
      case (.wrongChecksum(let found, _, _)?, .wrongChecksum(let expected, _, 0)): #expect(found == expected)
      default: #expect(error?.fault == attack.fault)
      }
      #expect(error.map { "\($0)" }?.contains("\n") == false)
    }
  }

  @Test("a file cut off anywhere is refused")
  func cutOff() throws {
    let folder = try TemporaryFolder()
    for name in ["torch", "python_deflated_zip64_stream"] {
      let bytes = try FileSystem.read(fixture("zip/\(name).zip"))
      // Everywhere in the end records, and here and there before.
      for count in 0..<bytes.count where count % 13 == 0 || bytes.count - count < 120 {
        let path = try folder.put("x", Array(bytes.prefix(count)))
        #expect(throws: ZipError.self) { try ZipArchive(MappedFile(path: path)) }
      }
    }
  }

  @Test("no change of some bytes does worse than an error", arguments: files + ["torch"])
  func mutations(name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = try FileSystem.read(fixture("zip/\(name).zip"))
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<300 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: changed.indices, using: &generator)
        changed[place] =
          [0, 1, 0x7F, 0xFF, .random(in: .min ... .max, using: &generator)]
          .randomElement(using: &generator) ?? 0
      }
      let path = try folder.put("x", changed)
      guard let archive = try? ZipArchive(MappedFile(path: path), unpackedLimit: 1 << 20) else { continue }
      for entry in archive.entries {
        guard entry.byteCount <= 1 << 20, let found = try? archive.bytes(of: entry, limit: 1 << 20) else {
          continue
        }
        #expect(found.count == entry.byteCount)
        #expect(checksum_crc32(0, found, found.count) == entry.crc32)
      }
    }
  }
}

@Suite("writing zip files")
struct ZipWriterTests {
  @Test(
    "what is written is read again, in 32 and 64 bits, at the alignment asked for",
    arguments: [0, 1, 150, 1 << 32])
  func roundTrip(threshold: Int) throws {
    let folder = try TemporaryFolder()
    let contents: [(name: String, bytes: [UInt8])] = (0..<40).map { index in
      ("dir/é\(index)", (0..<index * 7).map { UInt8(truncatingIfNeeded: $0 &* index) })
    }
    for alignment in [1, 2, 3, 64, 4096] {
      var files: [[UInt8]] = []
      for name in ["x", "y"] {
        var writer = try ZipWriter(replacing: folder(name), zip64Threshold: min(threshold, Int(UInt32.max)))
        for (name, bytes) in contents {
          try writer.add(name: name, byteCount: bytes.count, alignment: alignment) { sink in
            try sink(bytes.span.bytes.extracting(0..<bytes.count / 2))
            try sink(bytes.span.bytes.extracting(bytes.count / 2..<bytes.count))
          }
        }
        try writer.commit()
        files.append(try FileSystem.read(folder(name)))
      }
      #expect(files[0] == files[1])
      let archive = try ZipArchive(MappedFile(path: folder("x")))
      #expect(archive.entries.map(\.name) == contents.map(\.name))
      for (entry, (_, bytes)) in zip(archive.entries, contents) {
        #expect(entry.dataRange.lowerBound % alignment == 0)
        #expect(try archive.bytes(of: entry, limit: bytes.count) == bytes)
      }
    }
  }

  @Test("another number of bytes, a name that is there and one too long are errors, and leave no file")
  func refused() throws {
    let folder = try TemporaryFolder()
    func fault(_ body: (inout ZipWriter) throws -> Void) throws -> ZipError.Fault? {
      let error = #expect(throws: ZipError.self) {
        var writer = try ZipWriter(replacing: folder("x"))
        try body(&writer)
        try writer.commit()
      }
      return error?.fault
    }
    let three: [UInt8] = [1, 2, 3]
    #expect(
      try fault { try $0.add(name: "a", byteCount: 2) { try $0(three.span.bytes) } }
        == .wrongByteCount(entry: "a", expected: 2, found: 3))
    #expect(
      try fault { try $0.add(name: "a", byteCount: 4) { try $0(three.span.bytes) } }
        == .wrongByteCount(entry: "a", expected: 4, found: 3))
    #expect(
      try fault { writer in
        for _ in 0..<2 { try writer.add(name: "a", byteCount: 0) { _ in } }
      } == .duplicateName(entry: "a"))
    #expect(
      try fault { try $0.add(name: String(repeating: "a", count: 65536), byteCount: 0) { _ in } }
        == .nameTooLong(byteCount: 65536))
    #expect(try FileSystem.list(folder.path) == [])
  }
}
