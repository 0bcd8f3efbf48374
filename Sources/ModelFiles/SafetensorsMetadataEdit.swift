#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A change of a safetensors file's `__metadata__` that leaves its tensors where they are.
public struct SafetensorsMetadataEdit: Sendable {
  /// How a file was changed.
  public enum Outcome: Sendable, Hashable {
    /// The metadata is as asked for already.
    case unchanged
    /// The header had room: it was written over, and no tensor touched.
    case inPlace
    /// The whole file was written anew and renamed over the old one.
    case rewritten
  }

  /// Keys to set, in this order; a later value of a key counts.
  public var setting: [(key: String, value: String)]
  public var removing: [String]
  /// Spaces to leave behind the header when the file is written anew, so that the next edit can be done in place.
  public var reservedByteCount = 0
  /// Writes the file anew even where the header has room.
  public var alwaysRewrites = false

  public init(setting: [(key: String, value: String)] = [], removing: [String] = []) {
    (self.setting, self.removing) = (setting, removing)
  }

  /// The metadata after the change, sorted by key.
  public func applied(to metadata: [(key: String, value: String)]) -> [(key: String, value: String)] {
    var result = metadata.filter { member in !removing.contains { $0.hasSameBytes(as: member.key) } }
    for member in setting {
      if let place = result.firstIndex(where: { $0.key.hasSameBytes(as: member.key) }) {
        result[place].value = member.value
      } else {
        result.append(member)
      }
    }
    return result.sorted { $0.key.precedesInBytes($1.key) }
  }

  /// Changes the file at `path`.
  ///
  /// In place, the header is replaced by one write of the same length and made durable; if that fails, the old bytes
  /// are put back. Otherwise the file is replaced as a whole. Either way a file that opened before opens after.
  ///
  /// - Throws: ``SafetensorsError`` when the file is not sound or the new header would be too long; ``SystemError``.
  public func apply(toFile path: String) throws -> Outcome {
    let file = try SafetensorsFile(path: path, access: .pread)
    let metadata = applied(to: file.metadata)
    let old = file.metadata.sorted { $0.key.precedesInBytes($1.key) }
    if !alwaysRewrites && old.count == metadata.count
      && zip(old, metadata).allSatisfy({
        $0.key.hasSameBytes(as: $1.key) && $0.value.hasSameBytes(as: $1.value)
      })
    {
      return .unchanged
    }
    let room = (file.entries.map(\.byteRange.lowerBound).min() ?? file.byteCount) - 8
    let header = try Self.header(file, metadata)
    if header.count <= room && !alwaysRewrites {
      try Self.overwrite(header + repeatElement(UInt8(ascii: " "), count: room - header.count), in: path)
      return .inPlace
    }
    try rewrite(file, header)
    return .rewritten
  }

  /// The header's text, unpadded, with the tensors at their offsets.
  private static func header(
    _ file: SafetensorsFile, _ metadata: [(key: String, value: String)]
  ) throws -> [UInt8] {
    let start = file.entries.map(\.byteRange.lowerBound).min() ?? file.byteCount
    var json: [UInt8] = [UInt8(ascii: "{")]
    if !metadata.isEmpty {
      json += "\"__metadata__\":".utf8
      json += JSONValue.object(metadata.map { .init($0.key, .string($0.value)) }).compactText().utf8
    }
    for entry in file.entries {
      if json.count > 1 { json.append(UInt8(ascii: ",")) }
      JSONTextWriter.appendQuoted(entry.name, .python, to: &json)
      json += ":{\"dtype\":\"\(entry.elementType.rawValue)\",\"shape\":[".utf8
      json += entry.shape.map(String.init).joined(separator: ",").utf8
      json +=
        "],\"data_offsets\":[\(entry.byteRange.lowerBound - start),\(entry.byteRange.upperBound - start)]}"
        .utf8
    }
    json.append(UInt8(ascii: "}"))
    guard json.count <= SafetensorsFile.maximumHeaderByteCount else {
      throw SafetensorsError(
        path: file.path,
        .headerTooLong(byteCount: UInt64(json.count), limit: SafetensorsFile.maximumHeaderByteCount))
    }
    return json
  }

  private func rewrite(_ file: SafetensorsFile, _ header: [UInt8]) throws {
    var header = header
    let padding = (8 - header.count % 8) % 8 + max(0, reservedByteCount) / 8 * 8
    let limit = SafetensorsFile.maximumHeaderByteCount - header.count
    header += repeatElement(UInt8(ascii: " "), count: min(padding, limit / 8 * 8))
    var target = try AtomicFile(replacing: file.path)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    try target.append(length.span.bytes)
    try target.append(header.span.bytes)
    for info in file.tensors {
      try file.forEachPiece(of: info) { _, bytes in try target.append(bytes) }
    }
    try target.commit()
  }

  /// Replaces the header's text; both texts have the same length.
  private static func overwrite(_ header: [UInt8], in path: String) throws(SystemError) {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("open", path) }
    defer { close(descriptor) }
    var old = [UInt8](repeating: 0, count: header.count)
    let read = old.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 8) }
    guard read == header.count else { throw SystemError(call: "pread", path: path, code: EIO) }
    let written = header.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 8) }
    guard written == header.count, fsync(descriptor) == 0 else {
      let error = SystemError.last("pwrite", path)
      _ = old.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 8) }
      fsync(descriptor)
      throw error
    }
  }
}
