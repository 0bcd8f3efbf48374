public import ModelFiles

/// Writes `pytorch_model.bin`: a state dict as torch.save writes it, for `torch.load`, with or without `mmap`.
///
/// Every storage begins at a multiple of 64 bytes, so that mapped tensors are aligned, and every record has its
/// checksum. `.format_version` is left out on purpose: torch takes it as the promise that it may compute where records
/// are, of its own way of writing them.
public enum PyTorchWriter {
  /// Writes a file.
  ///
  /// - Parameters:
  ///   - tensors: in the order of the state dict, tied ones among them.
  ///   - ties: for a tensor, the one whose storage it shares; only that one is asked for its bytes. Both have the same
  ///     element type and number of elements.
  ///   - path: the file to write.
  ///   - overwriting: whether to replace a file that is there.
  ///   - produce: hands the little-endian, row-major bytes of a tensor to the sink.
  /// - Throws: ``PyTorchError``, ``ZipError``, `SystemError`, or what `produce` throws; then nothing has changed.
  public static func write(
    _ tensors: [TensorInfo], ties: [String: String] = [:], to path: String, overwriting: Bool = false,
    produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void
  ) throws {
    let plan: Plan
    do throws(PyTorchError.Fault) { plan = try Plan(tensors, ties: ties) } catch {
      throw PyTorchError(path: path, error)
    }
    try write(plan.pickle, plan.storages, to: path, overwriting: overwriting, produce: produce)
  }

  /// Writes a pickle and the storages that it names by their numbers.
  static func write(
    _ pickle: [UInt8], _ storages: [TensorInfo], to path: String, overwriting: Bool,
    produce: (TensorInfo, SafetensorsWriter.Sink) throws -> Void
  ) throws {
    guard overwriting || !FileSystem.exists(path) else { throw PyTorchError(path: path, .destinationExists) }

    let folder = folderName(for: path)
    var zip = try ZipWriter(replacing: path)
    func add(_ name: String, _ bytes: [UInt8], to zip: inout ZipWriter) throws {
      try zip.add(name: "\(folder)/\(name)", byteCount: bytes.count, alignment: 64) {
        try $0(bytes.span.bytes)
      }
    }
    try add("data.pkl", pickle, to: &zip)
    try add("byteorder", Array("little".utf8), to: &zip)
    for (key, info) in storages.enumerated() {
      let byteCount = info.byteCount
      try zip.add(name: "\(folder)/data/\(key)", byteCount: byteCount, alignment: 64) { sink in
        var produced = 0
        func wrongByteCount() -> PyTorchError {
          PyTorchError(path: path, .wrongByteCount(name: info.name, expected: byteCount, found: produced))
        }
        // One sink hands on to the other, which the compiler allows only for closures that could escape.
        try withoutActuallyEscaping(sink) { sink in
          try produce(info) { bytes in
            produced += bytes.byteCount
            guard produced <= byteCount else { throw wrongByteCount() }
            try sink(bytes)
          }
        }
        guard produced == byteCount else { throw wrongByteCount() }
      }
    }
    try add("version", Array("3\n".utf8), to: &zip)
    try zip.commit()
  }

  /// Writes every tensor of a source, unchanged.
  ///
  /// - Throws: as ``write(_:ties:to:overwriting:produce:)``, and what reading the source throws.
  public static func write(
    _ source: some WeightSource, ties: [String: String] = [:], to path: String, overwriting: Bool = false
  ) throws {
    try write(source.tensors, ties: ties, to: path, overwriting: overwriting) { info, sink in
      try source.forEachPiece(of: info) { try sink($1) }
    }
  }

  /// The name of the file without its extension, as torch names it; `archive` when that is no plain name.
  static func folderName(for path: String) -> String {
    let name = FileSystem.name(of: path).utf8
    let stem = name.lastIndex(of: UInt8(ascii: ".")).map { name[..<$0] } ?? name[...]
    let isPlain = stem.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    return isPlain && !stem.isEmpty && stem.first != UInt8(ascii: ".") ? String(Substring(stem)) : "archive"
  }
}

extension PyTorchWriter {
  /// What will be written: the pickle, and which tensor's bytes each storage holds.
  private struct Plan {
    private(set) var pickle: [UInt8]
    /// By key.
    private(set) var storages: [TensorInfo] = []

    init(_ tensors: [TensorInfo], ties: [String: String]) throws(PyTorchError.Fault) {
      var names = NameTable(minimumCapacity: tensors.count)
      for info in tensors {
        let known = names.insert(hash: NameTable.hash(info.name)) {
          tensors[$0].name.hasSameBytes(as: info.name)
        }
        if known != nil { throw .duplicateName(info.name) }
        try PickleWriter.check(info)
      }
      func index(of name: String) -> Int? {
        names.number(hash: NameTable.hash(name)) { tensors[$0].name.hasSameBytes(as: name) }
      }
      for (name, holder) in ties where index(of: name) == nil {
        throw .invalidTie(name: name, holder: holder)
      }

      var keys: [Int?] = Array(repeating: nil, count: tensors.count)
      var writer = PickleWriter()
      writer.orderedDictionary()
      writer.operation(.mark)
      for (number, info) in tensors.enumerated() {
        var owner = number
        if let holder = ties[info.name] {
          guard let found = index(of: holder), ties[holder] == nil,
            tensors[found].elementType == info.elementType, tensors[found].elementCount == info.elementCount
          else { throw .invalidTie(name: info.name, holder: holder) }
          owner = found
        }
        let key = keys[owner] ?? storages.count
        if keys[owner] == nil {
          keys[owner] = key
          storages.append(tensors[owner])
        }
        writer.text(info.name)
        try writer.tensor(info, storage: key)
      }
      writer.operation(.setitems)
      writer.operation(.stop)
      pickle = writer.bytes
    }
  }
}
