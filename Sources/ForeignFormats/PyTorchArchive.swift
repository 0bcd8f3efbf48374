import ModelFiles

/// The zip files that torch.save has written since torch 1.6.
///
/// One folder of any name holds `data.pkl`, `version`, since torch 2.1 `byteorder`, and a record `data/KEY` for every
/// storage. Source: `torch/serialization.py`, `_load`; `caffe2/serialize/inline_container.cc`.
struct PyTorchArchive {
  let graph: PickleGraph
  let isBigEndian: Bool
  let references: [PickleNode: PyTorchReference]
  let findings: [PyTorchFile.Finding]

  /// `record` in the messages about the pickle.
  static let pickleName = "data.pkl"

  /// - Parameters:
  ///   - file: the archive.
  ///   - globals: Python names that are allowed besides torch's own.
  init(_ file: MappedFile, globals: Set<String> = []) throws {
    let archive = try ZipArchive(file)
    let records = archive.entries.filter { $0.name.utf8.last != UInt8(ascii: "/") }
    let isPickle = { (entry: ZipArchive.Entry) in entry.name.utf8.suffix(9).elementsEqual("/data.pkl".utf8) }
    guard let folder = records.first(where: isPickle)?.name.utf8.prefix(while: { $0 != UInt8(ascii: "/") })
    else {
      let isFlat = archive["data.pkl"] != nil
      throw PyTorchError(
        path: file.path,
        isFlat ? .wrongFolder(entry: "data.pkl") : .notPyTorch(found: "a zip file without data.pkl"))
    }
    func fault(_ fault: PyTorchError.Fault) -> PyTorchError { PyTorchError(path: file.path, fault) }
    let prefix = Array(folder) + [UInt8(ascii: "/")]
    for record in records where !record.name.utf8.starts(with: prefix) {
      throw fault(.wrongFolder(entry: record.name))
    }
    func entry(_ name: String) -> ZipArchive.Entry? {
      archive[String(decoding: prefix, as: UTF8.self) + name]
    }
    func text(_ entry: ZipArchive.Entry) throws -> String {
      let bytes = try archive.bytes(of: entry, limit: 64)
      return String(decoding: bytes.filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
    }

    if entry("constants.pkl") != nil
      || records.contains(where: { $0.name.utf8.starts(with: prefix + "code/".utf8) })
    {
      throw fault(.torchScript)
    }
    guard let version = entry("version") else { throw fault(.missingRecord("version")) }
    let number = try text(version)
    guard let number = Int(number), (1...10).contains(number) else {
      throw fault(.unsupportedVersion(number))
    }
    switch try entry("byteorder").map(text) {
    case nil, "little": isBigEndian = false
    case "big": isBigEndian = true
    case let word?: throw fault(.unknownByteOrder(word))
    }
    guard let pickle = entry("data.pkl") else { throw fault(.missingRecord("data.pkl")) }

    let bytes = try archive.bytes(of: pickle, limit: PickleMachine.byteLimit)
    do throws(PickleError) { graph = try PickleMachine.read(bytes, globals: globals) } catch {
      throw fault(.pickle(record: Self.pickleName, error))
    }
    do throws(PyTorchError.Fault) {
      let table = try PyTorchStorageTable(graph, haveViews: false)
      var storages: [String: LazyBytes] = [:]
      for (key, reference) in table.first {
        guard let entry = entry("data/" + key) else { throw .missingStorage(key: key) }
        guard entry.byteCount == reference.byteCount || reference.isMeta else {
          throw .storageSizeMismatch(key: key, expected: reference.byteCount, found: entry.byteCount)
        }
        storages[key] = archive.lazyBytes(of: entry)
      }
      references = try table.resolved(storages)
      let data = records.filter { $0.name.utf8.starts(with: prefix + "data/".utf8) }
      var findings = table.findings
      let deflated = records.count { $0.isDeflated }
      if deflated > 0 { findings.append(.deflatedEntries(count: deflated)) }
      if data.count > storages.count { findings.append(.unusedStorages(count: data.count - storages.count)) }
      if isBigEndian { findings.append(.bigEndian) }
      self.findings = findings
    } catch { throw fault(error) }
  }
}
