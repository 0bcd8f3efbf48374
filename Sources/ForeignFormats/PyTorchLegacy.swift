import ModelFiles

/// The streams that torch.save wrote from torch 0.1.10 to 1.5, and still writes when asked to.
///
/// Five pickles: a magic number, the protocol 1001, what system wrote it, the object, and the keys of the storages; then
/// for every key the number of elements, in eight bytes, and the elements. Both are little-endian whatever
/// `little_endian` in the third pickle says: torch swaps when it writes, and ignores the word when it reads.
/// Source: `torch/serialization.py`, `_legacy_load`; `torch/csrc/serialization.cpp`, `THPStorage_writeFileRaw`.
struct PyTorchLegacy {
  let graph: PickleGraph
  let references: [PickleNode: PyTorchReference]
  let findings: [PyTorchFile.Finding]

  init(_ file: MappedFile) throws {
    func fault(_ fault: PyTorchError.Fault) -> PyTorchError { PyTorchError(path: file.path, fault) }
    var stream = PickleStream(file)
    func next(_ part: String) throws -> PickleGraph {
      let start = stream.offset
      do { return try stream.next() } catch let error as PickleError {
        throw fault(.pickle(record: "\(part) at byte \(start)", error))
      }
    }
    func check(_ graph: PickleGraph, _ part: String, _ isRight: Bool) throws {
      if !isRight {
        throw fault(.malformedStream(part: part, found: PickleText.preview(graph.root, in: graph)))
      }
    }

    let magic = try next("magic number")
    let isMagic =
      if case .bigInteger(let slice) = magic[magic.root] {
        magic.bytes[slice.range].elementsEqual(PyTorchKind.magic)
      } else { false }
    try check(magic, "magic number", isMagic)
    let version = try next("protocol")
    try check(version, "protocol", version.integer(version.root) == 1001)
    let system = try next("system's description")
    try check(system, "system's description", system.dictionary(system.root) != nil)
    graph = try next("object")
    let keys = try next("list of storages")
    let isList = if case .list = keys[keys.root] { true } else { false }
    try check(keys, "list of storages", isList)

    do {
      let table = try PyTorchStorageTable(graph, haveViews: true)
      var storages: [String: LazyBytes] = [:]
      for node in keys.sequence(keys.root) ?? [] {
        let key = try PyTorchStorageReference.key(node, in: keys)
        guard let reference = table.first[key], storages[key] == nil else {
          throw PyTorchError.Fault.unexpectedStorage(key: key)
        }
        guard let count = try stream.int64() else { throw PyTorchError.Fault.endsWithin("storage '\(key)'") }
        guard count == Int64(reference.elementCount) else {
          throw PyTorchError.Fault.storageSizeMismatch(
            key: key, expected: reference.byteCount,
            found: Int(
              clamping: count.multipliedReportingOverflow(by: Int64(reference.type.size)).partialValue))
        }
        guard reference.byteCount <= file.byteCount - stream.offset else {
          throw PyTorchError.Fault.endsWithin("storage '\(key)'")
        }
        let range = stream.offset..<stream.offset + reference.byteCount
        storages[key] = LazyBytes(MappedBytes(file: file, range: range))
        stream.offset = range.upperBound
      }
      references = try table.resolved(storages)
      let rest = file.byteCount - stream.offset
      findings = table.findings + (rest > 0 ? [.bytesAfterEnd(count: rest)] : [])
    } catch let error as PyTorchError.Fault { throw fault(error) }
  }
}
