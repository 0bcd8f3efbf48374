extension SafetensorsFile {
  /// Something that a reader accepts and a careful writer avoids.
  @nonexhaustive
  public enum Finding: Sendable, Hashable {
    /// The header begins with white space; the specification says it must begin with `{`.
    case leadingSpace
    /// White space other than spaces follows the header's object.
    case paddingNotSpaces
    /// `__metadata__` is null rather than absent, as MLX writes it.
    case nullMetadata
    /// `__metadata__` has no `format`; `transformers` before version 5 refuses some files for that.
    case missingFormat
    /// An entry has a field that the format does not know.
    case unknownField(tensor: String, field: String)
    /// The data does not begin at a multiple of eight bytes.
    case misalignedData(offset: Int)
    /// A tensor does not begin at a multiple of its element's size; `offset` is counted in the file.
    case misalignedTensor(String, offset: Int, alignment: Int)
    /// A name that is empty, holds a control character, or looks like a path that leaves its folder.
    case suspiciousName(String)
  }

  static func alignmentFindings(_ header: SafetensorsHeader, dataStart: Int) -> [Finding] {
    var findings: [Finding] = []
    if !header.metadata.contains(where: { $0.key == "format" }) { findings.append(.missingFormat) }
    if dataStart % 8 != 0 { findings.append(.misalignedData(offset: dataStart)) }
    for entry in header.entries {
      let alignment = max(1, entry.elementType == .complex64 ? 4 : entry.elementType.bitWidth / 8)
      if entry.byteRange.lowerBound % alignment != 0 && !entry.byteRange.isEmpty {
        findings.append(
          .misalignedTensor(entry.name, offset: entry.byteRange.lowerBound, alignment: alignment))
      }
      if isSuspicious(entry.name) { findings.append(.suspiciousName(entry.name)) }
    }
    return findings
  }

  private static func isSuspicious(_ name: String) -> Bool {
    var name = name
    return name.withUTF8 { bytes in
      bytes.isEmpty || bytes.first == UInt8(ascii: "/") || bytes.contains { $0 < 0x20 || $0 == 0x7F }
        || bytes.starts(with: "../".utf8)
    }
  }
}

extension SafetensorsFile.Finding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .leadingSpace: "the header begins with white space, and not with '{'"
    case .paddingNotSpaces: "the header is padded with something other than spaces"
    case .nullMetadata: "__metadata__ is null and could be left out"
    case .missingFormat: "__metadata__ names no format; write {\"format\": \"pt\"} for older transformers"
    case .unknownField(let name, let field): "tensor '\(name)' has the unknown field '\(field)'"
    case .misalignedData(let offset): "the data begins at byte \(offset), which is no multiple of 8"
    case .misalignedTensor(let name, let offset, let alignment):
      "tensor '\(name)' begins at byte \(offset), which is no multiple of \(alignment)"
    case .suspiciousName(let name): "the tensor name \(JSONValue.string(name).compactText()) is unusual"
    }
  }
}
