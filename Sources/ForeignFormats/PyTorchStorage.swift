import ModelFiles

/// A type of torch, by the name of its storage class or its dtype.
enum PyTorchType: Hashable {
  case element(ElementType)
  /// A type that ``ElementType`` does not have, with the bytes of one element.
  case unsupported(String, byteCount: Int)

  /// In bytes.
  var size: Int {
    switch self {
    case .element(let type): type.bitWidth / 8
    case .unsupported(_, let byteCount): byteCount
    }
  }

  /// - Parameter storageClass: a global: `torch.FloatStorage`, `torch.cuda.LongStorage`. An untyped storage is one of
  ///   bytes.
  init?(storageClass: String) {
    let parts = storageClass.split(separator: ".")
    guard let name = parts.last, name.hasSuffix("Storage") else { return nil }
    if storageClass == "torch.storage.UntypedStorage" {
      self = .element(.uint8)
      return
    }
    switch name.dropLast("Storage".count) {
    case "Float": self = .element(.float32)
    case "Double": self = .element(.float64)
    case "Half": self = .element(.float16)
    case "BFloat16": self = .element(.bfloat16)
    case "Long": self = .element(.int64)
    case "Int": self = .element(.int32)
    case "Short": self = .element(.int16)
    case "Char": self = .element(.int8)
    case "Byte": self = .element(.uint8)
    case "Bool": self = .element(.bool)
    case "ComplexFloat": self = .element(.complex64)
    case "ComplexDouble": self = .unsupported("complex128", byteCount: 16)
    case "QInt32": self = .unsupported("qint32", byteCount: 4)
    case "QInt8", "QUInt8", "QUInt4x2", "QUInt2x4":
      self = .unsupported(name.dropLast("Storage".count).lowercased(), byteCount: 1)
    default: return nil
    }
  }

  /// - Parameter dtype: a global: `torch.float8_e4m3fn`.
  init?(dtype: String) {
    guard dtype.hasPrefix("torch.") else { return nil }
    let name = String(dtype.dropFirst("torch.".count))
    if let type = ElementType.allCases.first(where: { $0.torchName == name }) {
      self = .element(type)
      return
    }
    switch name {
    case "complex128": self = .unsupported(name, byteCount: 16)
    case "complex32", "bcomplex32", "qint32": self = .unsupported(name, byteCount: 4)
    case "bits16": self = .unsupported(name, byteCount: 2)
    case "float4_e2m1fn_x2", "bits8", "bits1x8", "bits2x4", "bits4x2", "qint8", "quint8", "quint4x2",
      "quint2x4":
      self = .unsupported(name, byteCount: 1)
    default: return nil
    }
  }
}

extension ElementType {
  /// The name of the dtype in torch, nil for what torch has not, or only in pairs (F4).
  var torchName: String? {
    switch self {
    case .bool: "bool"
    case .float4, .float6E2M3, .float6E3M2: nil
    case .uint8: "uint8"
    case .int8: "int8"
    case .float8E5M2: "float8_e5m2"
    case .float8E4M3: "float8_e4m3fn"
    case .float8E8M0: "float8_e8m0fnu"
    case .float8E4M3FNUZ: "float8_e4m3fnuz"
    case .float8E5M2FNUZ: "float8_e5m2fnuz"
    case .int16: "int16"
    case .uint16: "uint16"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .int32: "int32"
    case .uint32: "uint32"
    case .float32: "float32"
    case .complex64: "complex64"
    case .float64: "float64"
    case .int64: "int64"
    case .uint64: "uint64"
    }
  }

  /// The class of a storage of this type in `torch`; nil for the types that torch gives an untyped storage.
  var torchStorageClass: String? {
    switch self {
    case .float32: "FloatStorage"
    case .float64: "DoubleStorage"
    case .float16: "HalfStorage"
    case .bfloat16: "BFloat16Storage"
    case .int64: "LongStorage"
    case .int32: "IntStorage"
    case .int16: "ShortStorage"
    case .int8: "CharStorage"
    case .uint8: "ByteStorage"
    case .bool: "BoolStorage"
    case .complex64: "ComplexFloatStorage"
    default: nil
    }
  }
}

/// A storage that a pickle names: `('storage', class, key, device, number of elements[, view])`.
struct PyTorchStorageReference {
  let key: String
  let storageClass: String
  let type: PyTorchType
  let elementCount: Int
  /// Of the whole storage.
  let byteCount: Int
  /// Saved from the device `meta`, so without data.
  let isMeta: Bool
  /// A part of the storage, in elements; only streams have them.
  let view: (key: String, range: Range<Int>)?

  /// - Throws: ``PyTorchError/Fault/invalidPersistentID(found:)``,
  ///   ``PyTorchError/Fault/viewOutOfBounds(key:view:)``.
  init(_ node: PickleNode, in graph: PickleGraph, hasView: Bool) throws(PyTorchError.Fault) {
    guard case .persistent(let id) = graph[node], let parts = graph.sequence(id, limit: 7),
      case .tuple = graph[id]
    else {
      throw .invalidPersistentID(found: "something that is no tuple")
    }
    guard parts.count == (hasView ? 6 : 5) else {
      throw .invalidPersistentID(found: "a tuple of \(parts.count < 7 ? "\(parts.count)" : "more than six")")
    }
    guard graph.text(parts[0]) == "storage" else {
      throw .invalidPersistentID(found: "a tuple that begins with \(PickleText.preview(parts[0], in: graph))")
    }
    guard let storageClass = graph.symbol(parts[1]), let type = PyTorchType(storageClass: storageClass) else {
      throw .invalidPersistentID(found: "the class \(PickleText.preview(parts[1], in: graph))")
    }
    let key = try Self.key(parts[2], in: graph)
    guard let device = graph.text(parts[3]) else {
      throw .invalidPersistentID(found: "the device \(PickleText.preview(parts[3], in: graph))")
    }
    guard let count = graph.integer(parts[4]), count >= 0 else {
      throw .invalidPersistentID(found: "the count \(PickleText.preview(parts[4], in: graph))")
    }
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: type.size)
    guard !overflow else { throw .invalidPersistentID(found: "the count \(count)") }
    var view: (key: String, range: Range<Int>)?
    if hasView, graph[parts[5]] != .none {
      guard let fields = graph.sequence(parts[5], limit: 4), fields.count == 3,
        let start = graph.integer(fields[1]),
        let size = graph.integer(fields[2])
      else { throw .invalidPersistentID(found: "the view \(PickleText.preview(parts[5], in: graph))") }
      let name = try Self.key(fields[0], in: graph)
      guard start >= 0, size >= 0, start <= count, size <= count - start else {
        throw .viewOutOfBounds(key: key, view: name)
      }
      view = (name, start..<start + size)
    }
    (self.key, self.storageClass, self.type, elementCount) = (key, storageClass, type, count)
    (self.byteCount, isMeta, self.view) = (byteCount, device == "meta", view)
  }

  /// A key is a part of a path in the archive, so it must not lead anywhere else.
  static func key(_ node: PickleNode, in graph: PickleGraph) throws(PyTorchError.Fault) -> String {
    if let number = graph.integer(node) { return String(number) }
    guard let key = graph.text(node), !key.isEmpty, key.utf8.count <= 255,
      key.utf8.allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") && $0 != 0x7F }),
      !key.utf8.elementsEqual(".".utf8), !key.utf8.elementsEqual("..".utf8)
    else { throw .invalidPersistentID(found: "the key \(PickleText.preview(node, in: graph))") }
    return key
  }
}

/// A storage, or a part of one, with its bytes.
struct PyTorchStorage {
  /// Of the whole storage.
  let key: String
  let type: PyTorchType
  let bytes: LazyBytes
  /// The part, in bytes.
  let range: Range<Int>
  var isMeta = false
}

/// A tensor as torch knows it: a view of a storage. Nothing about it has been checked.
struct PyTorchView {
  let storage: PyTorchStorage
  let type: PyTorchType
  /// In elements, from the start of the storage.
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

/// What a persistent identifier stands for: in tar files whole tensors, in the other containers storages.
enum PyTorchReference {
  case storage(PyTorchStorage)
  case tensor(PyTorchView)
}

/// The storages of a file, found by the references to them.
struct PyTorchStorageTable {
  private(set) var references: [PickleNode: PyTorchStorageReference] = [:]
  /// By key, the first reference to each.
  private(set) var first: [String: PyTorchStorageReference] = [:]
  private(set) var findings: [PyTorchFile.Finding] = []

  /// Collects all references of a pickle.
  init(_ graph: PickleGraph, haveViews: Bool) throws(PyTorchError.Fault) {
    for node in graph.persistentNodes {
      let reference = try PyTorchStorageReference(node, in: graph, hasView: haveViews)
      references[node] = reference
      guard let other = first.updateValue(reference, forKey: reference.key) else { continue }
      first[reference.key] = other
      guard other.byteCount == reference.byteCount else {
        throw .storageSizeMismatch(
          key: reference.key, expected: other.byteCount, found: reference.byteCount)
      }
      if other.storageClass != reference.storageClass {
        let finding = PyTorchFile.Finding.storageReinterpreted(
          key: reference.key, first: other.storageClass, second: reference.storageClass)
        if !findings.contains(finding) { findings.append(finding) }
      }
    }
  }

  /// The storages behind the references.
  ///
  /// - Parameter bytes: of each storage, by its key.
  func resolved(_ bytes: [String: LazyBytes]) throws(PyTorchError.Fault) -> [PickleNode: PyTorchReference] {
    var found: [PickleNode: PyTorchReference] = [:]
    for (node, reference) in references {
      guard let bytes = bytes[reference.key] else { throw .missingStorage(key: reference.key) }
      let size = reference.type.size
      let range = reference.view.map { $0.range.lowerBound * size..<$0.range.upperBound * size }
      found[node] = .storage(
        PyTorchStorage(
          key: reference.key, type: reference.type, bytes: bytes, range: range ?? 0..<reference.byteCount,
          isMeta: reference.isMeta))
    }
    return found
  }
}
