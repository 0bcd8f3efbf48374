import Crypto
public import ModelFiles
public import Pretrained

/// The SHA-256 of every tensor of a checkpoint, and one for all of them.
///
/// A tensor's is taken over its canonical name, a zero byte, its element type (`F32`), a zero byte, its dimensions in
/// decimal with commas between, a zero byte, and its little-endian, row-major bytes. The root is taken over the
/// tensors' (32 bytes each) in the order of their names. So neither depends on the container, the order of the
/// tensors, or how they are spread over files; see `CanonicalWeights` of module Pretrained for the names.
public struct CheckpointFingerprint: Sendable, Hashable {
  public struct Tensor: Sendable, Hashable {
    public var name: String
    public var elementType: ElementType
    /// Row-major, outermost dimension first.
    public var shape: [Int]
    /// In lower-case hexadecimal digits.
    public var sha256: String

    public init(name: String, elementType: ElementType, shape: [Int], sha256: String) {
      (self.name, self.elementType, self.shape, self.sha256) = (name, elementType, shape, sha256)
    }
  }

  /// In lower-case hexadecimal digits.
  public let root: String
  /// Sorted by the bytes of their names.
  public let tensors: [Tensor]

  /// Reads every tensor once.
  ///
  /// - Parameters:
  ///   - weights: what is hashed.
  ///   - progress: called with the bytes read so far.
  /// - Throws: the container's errors; what `progress` throws.
  public init(_ weights: CanonicalWeights, progress: (Int) throws -> Void = { _ in }) throws {
    var root = SHA256()
    var tensors: [Tensor] = []
    var done = 0
    for info in weights.tensors {
      var hash = SHA256()
      let shape = info.shape.map(String.init).joined(separator: ",")
      hash.update(data: Array("\(info.name)\0\(info.elementType.rawValue)\0\(shape)\0".utf8))
      try weights.forEachPiece(of: info) { _, bytes in
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        done += bytes.byteCount
        try progress(done)
      }
      let digest = Array(hash.finalize())
      root.update(data: digest)
      tensors.append(
        Tensor(
          name: info.name, elementType: info.elementType, shape: info.shape, sha256: Self.hexadecimal(digest))
      )
    }
    (self.root, self.tensors) = (Self.hexadecimal(Array(root.finalize())), tensors)
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}

extension CheckpointFingerprint {
  /// A manifest: `{"root": …, "tensors": [{"name", "dtype", "shape", "sha256"}, …]}`.
  public var json: JSONValue {
    [
      "root": .string(root),
      "tensors": .array(
        tensors.map { tensor in
          [
            "name": .string(tensor.name), "dtype": .string(tensor.elementType.rawValue),
            "shape": .array(tensor.shape.map { .number($0) }), "sha256": .string(tensor.sha256),
          ]
        }),
    ]
  }

  /// Reads a manifest.
  ///
  /// - Parameters:
  ///   - json: what ``json`` gave.
  ///   - file: named in errors.
  /// - Throws: ``FingerprintError/notAManifest(file:reason:)``.
  public init(_ json: JSONValue, file: String) throws(FingerprintError) {
    guard let root = json["root"]?.stringValue, let entries = json["tensors"]?.arrayValue else {
      throw .notAManifest(file: file, reason: "'root' and 'tensors' are not both there")
    }
    var tensors: [Tensor] = []
    for (index, entry) in entries.enumerated() {
      guard let name = entry["name"]?.stringValue, let sha256 = entry["sha256"]?.stringValue,
        let type = entry["dtype"]?.stringValue.flatMap(ElementType.init(rawValue:)),
        let dimensions = entry["shape"]?.arrayValue
      else { throw .notAManifest(file: file, reason: "entry \(index) lacks a name, dtype, shape or sha256") }
      let shape = dimensions.compactMap(\.intValue)
      guard shape.count == dimensions.count else {
        throw .notAManifest(file: file, reason: "the shape of '\(name)' is no list of integers")
      }
      tensors.append(Tensor(name: name, elementType: type, shape: shape, sha256: sha256))
    }
    (self.root, self.tensors) = (root, tensors)
  }

  /// How another fingerprint differs from this.
  public struct Difference: Sendable, Hashable {
    /// Only in the other.
    public var added: [String] = []
    /// Only in this.
    public var removed: [String] = []
    public var changed: [String] = []
    public var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty }
  }

  /// How `other` differs from this.
  public func difference(to other: CheckpointFingerprint) -> Difference {
    let mine = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let theirs = Dictionary(other.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var difference = Difference()
    for tensor in tensors {
      if let found = theirs[tensor.name] {
        if found != tensor { difference.changed.append(tensor.name) }
      } else {
        difference.removed.append(tensor.name)
      }
    }
    difference.added = other.tensors.map(\.name).filter { mine[$0] == nil }
    return difference
  }
}

/// Why a manifest cannot be used.
@nonexhaustive
public enum FingerprintError: Error, Hashable, Sendable, CustomStringConvertible {
  case notAManifest(file: String, reason: String)

  public var description: String {
    switch self {
    case .notAManifest(let file, let reason):
      "\(file): not a manifest, \(reason); write one with `ckpt hash MODEL --json`"
    }
  }
}
