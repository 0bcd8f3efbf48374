/// A safetensors file opened for reading.
///
/// Opening maps the file and checks its header; tensor data is read when first touched, so looking at the
/// names and shapes of a checkpoint costs no more than its header.
///
/// ```swift
/// let file = try SafetensorsFile(path: "model.safetensors")
/// print(file.tensor(named: "pooler.dense.bias")?.shape ?? [])  // [768]
/// ```
///
/// The format: <https://github.com/huggingface/safetensors#format>.
public struct SafetensorsFile: Sendable {
  /// One tensor and where its data lies.
  public struct Entry: Sendable, Hashable {
    public var info: TensorInfo
    /// In bytes from the start of the file.
    public var byteRange: Range<Int>

    public var name: String { info.name }
    public var elementType: ElementType { info.elementType }
    /// Row-major, outermost dimension first; empty for a scalar.
    public var shape: [Int] { info.shape }
  }

  /// The longest header that is accepted, in bytes; the limit of the reference.
  public static let maximumHeaderByteCount = 100_000_000

  public let path: String
  /// The tensors in the order of their data.
  public let entries: [Entry]
  /// The strings of `__metadata__`, in the order of the header.
  public let metadata: [(key: String, value: String)]
  /// What is sound and yet unusual about the file, in the order it was found.
  public let lint: [Finding]
  /// The length of the file in bytes.
  public var byteCount: Int { file.byteCount }

  private let file: MappedFile
  private let names: NameTable

  /// Opens the file and checks its header.
  ///
  /// - Throws: ``SafetensorsError`` when the header is not sound, ``SystemError`` when the file cannot be
  ///   opened.
  public init(path: String, access: FileAccess = .mapped) throws {
    let file = try MappedFile(path: path, access: access)
    let header: SafetensorsHeader
    do { header = try Self.header(of: file) } catch let fault as SafetensorsError.Fault {
      throw SafetensorsError(path: path, fault)
    }
    (self.path, self.file, names) = (path, file, header.names)
    (entries, metadata, lint) = (header.entries, header.metadata, header.lint)
  }

  /// The entry named `name`, compared as UTF-8 bytes, or nil.
  public subscript(name: String) -> Entry? {
    names.number(hash: NameTable.hash(name)) { entries[$0].name.hasSameBytes(as: name) }.map { entries[$0] }
  }

  /// Calls `body` with rows of a tensor, that is with a part of its outermost dimension.
  ///
  /// - Throws: ``SafetensorsError`` when there is no such tensor or row, or when rows do not fill whole
  ///   bytes.
  public func withRows<Result>(
    of name: String, rows: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    let entry = try entry(name)
    let available = entry.shape.first ?? 0
    guard rows.lowerBound >= 0, rows.upperBound <= available else {
      throw SafetensorsError(path: path, .noSuchRows(tensor: name, rows: rows, available: available))
    }
    let rowBits = available == 0 ? 0 : entry.byteRange.count * 8 / available
    guard rowBits % 8 == 0 else {
      throw SafetensorsError(path: path, .partialByte(tensor: name, bitCount: rowBits))
    }
    let start = entry.byteRange.lowerBound
    return try readable(start + rows.lowerBound * rowBits / 8..<start + rows.upperBound * rowBits / 8, body)
  }

  private func entry(_ name: String) throws(SafetensorsError) -> Entry {
    if let entry = self[name] { return entry }
    throw SafetensorsError(
      path: path, .noSuchTensor(name, nearest: nearestNames(to: name, in: entries.map(\.name))))
  }

  private func readable<Result>(_ range: Range<Int>, _ body: (RawSpan) throws -> Result) throws -> Result {
    if let found = file.shrunkByteCount(), found < range.upperBound {
      throw SafetensorsError(path: path, .fileShrunk(expected: file.byteCount, found: found))
    }
    return try file.withBytes(in: range, body)
  }

  /// - Throws: a ``SafetensorsError/Fault``, or ``SystemError``.
  private static func header(of file: MappedFile) throws -> SafetensorsHeader {
    let lengthSize = 8
    guard file.byteCount >= lengthSize else {
      throw SafetensorsError.Fault.fileTooShort(byteCount: file.byteCount)
    }
    let claimed = try file.withBytes(in: 0..<lengthSize) {
      UInt64(littleEndian: $0.unsafeLoadUnaligned(as: UInt64.self))
    }
    guard claimed <= UInt64(maximumHeaderByteCount) else {
      throw SafetensorsError.Fault.headerTooLong(byteCount: claimed, limit: maximumHeaderByteCount)
    }
    let available = file.byteCount - lengthSize
    guard claimed <= UInt64(available) else {
      throw SafetensorsError.Fault.headerBeyondFile(byteCount: claimed, available: available)
    }

    let dataStart = lengthSize + Int(claimed)
    var header = try file.withBytes(in: lengthSize..<dataStart) { text in
      try text.withUnsafeBytes { text in
        try text.withMemoryRebound(to: UInt8.self) { bytes in
          try SafetensorsHeaderParser.parse(bytes, dataRange: dataStart..<file.byteCount)
        }
      }
    }
    header.lint += alignmentFindings(header, dataStart: dataStart)
    return header
  }
}

extension SafetensorsFile: MappedWeightSource {
  /// The tensors in the order of their data; O(number of tensors).
  public var tensors: [TensorInfo] { entries.map(\.info) }

  public func tensor(named name: String) -> TensorInfo? { self[name]?.info }

  /// Calls `body` with the little-endian, row-major bytes of a tensor, without copying them.
  ///
  /// - Throws: ``SafetensorsError`` when there is no such tensor or the file has become shorter than that;
  ///   what `body` throws.
  public func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    try readable(entry(name).byteRange, body)
  }

  public func withElements<Result>(
    of name: String, in range: Range<Int>, _ body: (RawSpan) throws -> Result
  ) throws -> Result {
    let entry = try entry(name)
    let bits = entry.elementType.bitWidth
    precondition(range.lowerBound >= 0 && range.upperBound <= entry.info.elementCount, "no such elements")
    let start = entry.byteRange.lowerBound
    return try readable(
      start + range.lowerBound * bits / 8..<start + (range.upperBound * bits + 7) / 8, body)
  }

  package func storedBytes(of name: String) -> StoredBytes? {
    self[name].map { StoredBytes(MappedBytes(file: file, range: $0.byteRange)) }
  }

  package func mappedBytes(of name: String) -> MappedBytes? {
    file.access == .pread ? nil : self[name].map { MappedBytes(file: file, range: $0.byteRange) }
  }
}
