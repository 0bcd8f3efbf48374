import ModelFiles

/// The tar files that torch.save wrote before torch 0.1.10.
///
/// Three members matter. `storages`: a pickled count; for each storage a pickled (key, device, class), the number of
/// elements in eight bytes, and the elements; then a pickled list of views (key, key of the whole, offset, number of
/// elements). `tensors`: a pickled count; for each tensor a pickled (key, key of the storage, class), the number of
/// dimensions in four bytes, four bytes of nothing, then in eight bytes each the dimensions, the strides and the
/// offset. `pickle`: the object, in which a key as persistent identifier stands for a tensor. All is little-endian.
/// Source: `torch/serialization.py`, `_legacy_load`, the inner `legacy_load`.
struct PyTorchTar {
  let graph: PickleGraph
  let references: [PickleNode: PyTorchReference]

  init(_ file: MappedFile) throws {
    let archive = try TarArchive(file)
    func member(_ name: String) throws(PyTorchError) -> PyTorchTarMember {
      guard let member = archive[name] else { throw PyTorchError(path: file.path, .missingRecord(name)) }
      return PyTorchTarMember(name: name, stream: PickleStream(file, in: member.range))
    }
    do {
      var (pickle, storageMember, tensorMember) = (
        try member("pickle"), try member("storages"), try member("tensors")
      )
      let storages = try Self.storages(&storageMember, in: file)
      let tensors = try Self.tensors(&tensorMember, storages)
      graph = try pickle.next()
      guard pickle.stream.offset == pickle.stream.end else {
        let count = pickle.stream.end - pickle.stream.offset
        throw PyTorchError.Fault.pickle(
          record: "pickle", PickleError(at: graph.bytes.count, .bytesAfterStop(count)))
      }
      var references: [PickleNode: PyTorchReference] = [:]
      for node in graph.persistentNodes {
        guard case .persistent(let id) = graph[node] else { continue }
        let key = try PyTorchStorageReference.key(id, in: graph)
        if let view = tensors[key] {
          references[node] = .tensor(view)
        } else if let storage = storages[key] {
          references[node] = .storage(storage)
        } else {
          throw PyTorchError.Fault.missingStorage(key: key)
        }
      }
      self.references = references
    } catch let fault as PyTorchError.Fault { throw PyTorchError(path: file.path, fault) }
  }

  private static func storages(
    _ member: inout PyTorchTarMember, in file: MappedFile
  ) throws -> [String: PyTorchStorage] {
    var found: [String: PyTorchStorage] = [:]
    for _ in 0..<(try member.count()) {
      let head = try member.next()
      guard let parts = head.sequence(head.root, limit: 4), parts.count == 3,
        let type = head.symbol(parts[2]).flatMap({ PyTorchType(storageClass: $0) })
      else { throw member.malformed("description of a storage", head) }
      let key = try PyTorchStorageReference.key(parts[0], in: head)
      guard let count = try member.stream.int64(), count >= 0 else {
        throw PyTorchError.Fault.endsWithin("storage '\(key)'")
      }
      let (byteCount, overflow) = Int(clamping: count).multipliedReportingOverflow(by: type.size)
      let start = member.stream.offset
      guard !overflow, byteCount <= member.stream.end - start else {
        throw PyTorchError.Fault.endsWithin("storage '\(key)'")
      }
      member.stream.offset = start + byteCount
      let bytes = LazyBytes(MappedBytes(file: file, range: start..<start + byteCount))
      let storage = PyTorchStorage(key: key, type: type, bytes: bytes, range: 0..<byteCount)
      guard found.updateValue(storage, forKey: key) == nil else {
        throw PyTorchError.Fault.unexpectedStorage(key: key)
      }
    }
    let views = try member.next()
    for node in views.sequence(views.root) ?? [] {
      guard let parts = views.sequence(node, limit: 5), parts.count == 4,
        let offset = views.integer(parts[2]),
        let count = views.integer(parts[3])
      else { throw member.malformed("list of views", views) }
      let key = try PyTorchStorageReference.key(parts[0], in: views)
      let root = try PyTorchStorageReference.key(parts[1], in: views)
      guard let whole = found[root] else { throw PyTorchError.Fault.missingStorage(key: root) }
      let size = whole.type.size
      let available = whole.range.count / size
      guard offset >= 0, count >= 0, offset <= available, count <= available - offset else {
        throw PyTorchError.Fault.viewOutOfBounds(key: root, view: key)
      }
      let start = whole.range.lowerBound + offset * size
      let part = PyTorchStorage(
        key: whole.key, type: whole.type, bytes: whole.bytes, range: start..<start + count * size)
      guard found.updateValue(part, forKey: key) == nil else {
        throw PyTorchError.Fault.unexpectedStorage(key: key)
      }
    }
    return found
  }

  private static func tensors(
    _ member: inout PyTorchTarMember, _ storages: [String: PyTorchStorage]
  ) throws -> [String: PyTorchView] {
    var found: [String: PyTorchView] = [:]
    for _ in 0..<(try member.count()) {
      let head = try member.next()
      guard let parts = head.sequence(head.root, limit: 4), parts.count == 3 else {
        throw member.malformed("description of a tensor", head)
      }
      let key = try PyTorchStorageReference.key(parts[0], in: head)
      let storageKey = try PyTorchStorageReference.key(parts[1], in: head)
      guard let storage = storages[storageKey] else {
        throw PyTorchError.Fault.missingStorage(key: storageKey)
      }
      func int64() throws -> Int {
        guard let value = try member.stream.int64() else {
          throw PyTorchError.Fault.endsWithin("tensor '\(key)'")
        }
        return Int(clamping: value)
      }
      // The upper four bytes are whatever was in memory.
      let rank = Int(Int32(truncatingIfNeeded: try int64()))
      guard (0...PyTorchTensors.rankLimit).contains(rank) else {
        throw PyTorchError.Fault.invalidTensor(name: key, reason: "it has \(rank) dimensions")
      }
      let shape = try (0..<rank).map { _ in try int64() }
      let strides = try (0..<rank).map { _ in try int64() }
      let view = PyTorchView(
        storage: storage, type: storage.type, offset: try int64(), shape: shape, strides: strides)
      guard found.updateValue(view, forKey: key) == nil else {
        throw PyTorchError.Fault.unexpectedStorage(key: key)
      }
    }
    return found
  }
}

/// A member of a tar file that holds pickles and numbers in turn.
private struct PyTorchTarMember {
  let name: String
  var stream: PickleStream

  mutating func next() throws -> PickleGraph {
    let start = stream.offset
    do { return try stream.next() } catch let error as PickleError {
      throw PyTorchError.Fault.pickle(record: "\(name), pickle at byte \(start) of the file", error)
    }
  }

  /// A pickled number of things, each of which takes more than one byte of the member.
  mutating func count() throws -> Int {
    let graph = try next()
    guard let count = graph.integer(graph.root), count >= 0, count <= stream.end - stream.offset else {
      throw malformed("number of \(name)", graph)
    }
    return count
  }

  func malformed(_ part: String, _ graph: PickleGraph) -> PyTorchError.Fault {
    .malformedStream(part: part, found: PickleText.preview(graph.root, in: graph))
  }
}
