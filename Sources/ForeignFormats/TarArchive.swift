import ModelFiles

/// The members of a tar file, in place.
///
/// Only what torch 0.1 wrote is read: regular files in ustar headers, with pax headers before them that are skipped.
/// Source: POSIX.1-2017, `pax`, "ustar Interchange Format"; CPython's `tarfile`.
struct TarArchive {
  struct Member: Equatable {
    let name: String
    /// In the file.
    let range: Range<Int>
  }

  let members: [Member]

  /// - Throws: ``PyTorchError`` with a fault that begins with `tar`; `SystemError`.
  init(_ file: MappedFile) throws {
    func fault(_ offset: Int) -> PyTorchError { PyTorchError(path: file.path, .malformedTar(offset: offset)) }
    var (offset, members): (Int, [Member]) = (0, [])
    while true {
      guard file.byteCount - offset >= 512 else { throw fault(offset) }  // an end of zeros must be there
      let header = try file.bytes(in: offset..<offset + 512)
      if header.allSatisfy({ $0 == 0 }) { break }
      guard Self.hasRightChecksum(header), let count = Self.octal(header[124..<136]) else {
        throw fault(offset)
      }
      let start = offset + 512
      guard count <= file.byteCount - start else { throw fault(offset) }
      switch header[156] {
      case UInt8(ascii: "0"), 0:
        guard header[345] == 0,  // a prefix to the name
          let name = String(validating: header[0..<100].prefix { $0 != 0 }, as: UTF8.self),
          !members.contains(where: { $0.name.hasSameBytes(as: name) })
        else { throw fault(offset) }
        members.append(Member(name: name, range: start..<start + count))
      case UInt8(ascii: "5"): break  // a folder
      case UInt8(ascii: "x"):
        // Python writes times with fractions so. A size or a name of its own would be another member than this reads.
        let records = try file.bytes(in: start..<start + min(count, 1 << 16))
        guard count <= 1 << 16, !Self.overrides(records) else { throw fault(offset) }
      default: throw fault(offset)
      }
      guard members.count <= 64 else { throw fault(offset) }
      offset = start + (count + 511) / 512 * 512
    }
    self.members = members
  }

  subscript(name: String) -> Member? { members.first { $0.name.hasSameBytes(as: name) } }

  /// Whether pax records replace the name or the size of the member that follows.
  private static func overrides(_ records: [UInt8]) -> Bool {
    let lines = records.split(separator: UInt8(ascii: "\n"))
    return lines.contains { line in
      let record = line.drop { $0 != UInt8(ascii: " ") }.dropFirst()
      return record.starts(with: "size=".utf8) || record.starts(with: "path=".utf8)
    }
  }

  /// The sum of the header's bytes, its own field counted as spaces.
  private static func hasRightChecksum(_ header: [UInt8]) -> Bool {
    let sum = header.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(header[$1])) }
    return octal(header[148..<156]) == sum
  }

  private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
    let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
    var value = 0
    for digit in digits {
      guard (0x30...0x37).contains(digit) else { return nil }
      value = value << 3 | Int(digit - 0x30)
    }
    return digits.isEmpty ? nil : value
  }
}
