import ForeignFormats
import ModelFiles

/// Pickles, written by hand.
enum PickleBytes {
  static func text(_ text: String) -> [UInt8] {
    let count = withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { Array($0) }
    return [[0x58], count, Array(text.utf8)].flatMap { $0 }
  }

  static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

  /// LONG1, which holds any integer.
  static func integer(_ value: Int) -> [UInt8] {
    [0x8A, 8] + withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func tuple(_ parts: [[UInt8]]) -> [UInt8] { [0x28] + parts.flatMap { $0 } + [0x74] }

  static func integers(_ values: [Int]) -> [UInt8] { tuple(values.map(integer)) }

  static func storage(
    _ name: String = "FloatStorage", module: String = "torch", key: String = "0", count: Int = 6,
    kind: String = "storage"
  ) -> [UInt8] {
    tuple([text(kind), global(module, name), text(key), text("cpu"), integer(count)]) + [0x51]
  }

  /// A call of `_rebuild_tensor_v2`.
  static func tensor(
    _ storage: [UInt8] = storage(), offset: Int = 0, shape: [Int] = [2, 3], strides: [Int] = [3, 1]
  ) -> [UInt8] {
    let hooks = global("collections", "OrderedDict") + [0x29, 0x52]
    let arguments = tuple([storage, integer(offset), integers(shape), integers(strides), [0x89], hooks])
    return global("torch._utils", "_rebuild_tensor_v2") + arguments + [0x52]
  }

  static func dictionary(_ entries: [(String, [UInt8])]) -> [UInt8] {
    let body = entries.flatMap { text($0.0) + $0.1 }
    return [0x7D, 0x28] + body + [0x75]
  }

  static func whole(_ body: [UInt8]) -> [UInt8] { [0x80, 2] + body + [0x2E] }

  /// A state dict of one tensor named `w`.
  static func checkpoint(_ tensor: [UInt8]) -> [UInt8] { whole(dictionary([("w", tensor)])) }
}

extension TemporaryFolder {
  /// Writes an archive as torch lays it out, with one storage of six floats unless told otherwise.
  func archive(
    _ pickle: [UInt8], storages: [String: [UInt8]] = ["0": Array(repeating: 0, count: 24)],
    records: [(name: String, bytes: [UInt8])] = [("x/version", Array("3\n".utf8))], folder: String = "x/"
  ) throws -> String {
    let path = self("archive-\(Int.random(in: 0 ..< .max)).bin")
    var zip = try ZipWriter(replacing: path)
    let data = storages.sorted { $0.key < $1.key }.map { (name: folder + "data/" + $0.key, bytes: $0.value) }
    for (name, bytes) in [(name: folder + "data.pkl", bytes: pickle)] + data + records {
      try zip.add(name: name, byteCount: bytes.count, alignment: 64) { try $0(bytes.span.bytes) }
    }
    try zip.commit()
    return path
  }
}
