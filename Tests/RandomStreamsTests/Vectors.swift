import Foundation

/// The golden vectors of `Fixtures/random`, made by `Tools/oracle/random_*.py`.
enum Vectors {
  static let torch = Result { try load("torch.json", as: TorchVectors.self) }
  static let numPy = Result { try load("numpy.json", as: NumPyVectors.self) }
  static let mkl = Result { try load("mkl_masks.json", as: MKLVectors.self) }

  private static func load<T: Decodable>(_ name: String, as type: T.Type) throws -> T {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/random")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(T.self, from: Data(contentsOf: root.appending(path: name)))
  }

  /// FNV-1a over 32-bit words, one fixture number for a long stream.
  static func hash(_ values: some Sequence<Int>) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for value in values { hash = (hash ^ UInt64(value)) &* 0x100_0000_01b3 }
    return String(hash)
  }
}

/// A 64-bit number that JSON carries as a string, since not every reader keeps 64 bits.
struct Wide<Value: FixedWidthInteger & Sendable>: Decodable, Sendable {
  let value: Value

  init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let value = Value(text) else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: text))
    }
    self.value = value
  }
}

/// One dropout mask; bits are packed with the first element in the lowest bit.
struct MaskVector: Decodable, Sendable {
  let count: Int
  let p: Double
  let kept: Int?
  let mask: Data

  var bytes: [UInt8] { (0..<count).map { mask[$0 / 8] >> UInt8($0 % 8) & 1 } }
}

struct MaskSequence: Decodable, Sendable {
  let masks: [MaskVector]
  let then: Wide<Int64>
}

struct TorchVectors: Decodable, Sendable {
  struct Draws: Decodable, Sendable { let seed: Wide<UInt64>, values: [Int] }
  struct DrawsHash: Decodable, Sendable { let seed: Wide<UInt64>, count: Int, hash: String }
  struct Integers: Decodable, Sendable { let seed: Wide<UInt64>, values: [Wide<Int64>] }
  struct Order: Decodable, Sendable { let seed: UInt64, count: Int, values: [Int] }
  struct OrderHash: Decodable, Sendable { let seed: UInt64, count: Int, hash: String }
  struct NormalCall: Decodable, Sendable { let count: Int, mean: Double, std: Double, bits: [UInt32] }
  struct Normals: Decodable, Sendable { let seed: UInt64, calls: [NormalCall] }
  struct NormalHash: Decodable, Sendable {
    let seed: UInt64, count: Int, mean: Double, std: Double, hash: String
  }
  struct Dropout: Decodable, Sendable { let seed: UInt64, masks: [MaskVector], then: Wide<Int64> }
  struct Straddling: Decodable, Sendable { let seed: UInt64, normals: Int, count: Int, p: Double, mask: Data }
  struct State: Decodable, Sendable {
    let seed: Wide<UInt64>, normals: Int, draws: Int, state: Data, thenNormals: [UInt32],
      thenInt64: Wide<Int64>
  }

  let low24: [Draws]
  let low24Hash: [DrawsHash]
  let int64: [Integers]
  let randperm: [Order]
  let randpermHash: [OrderHash]
  let normal: [Normals]
  let normalHash: [NormalHash]
  let dropout: [Dropout]
  let dropoutAfterOdd: Straddling
  let stepKept: [[Int]]
  let states: [State]
}

struct NumPyVectors: Decodable, Sendable {
  struct Stream: Decodable, Sendable {
    let seed: Wide<UInt64>, seedSequence: [UInt32], raw: [Wide<UInt64>]
    let permutation15: [Int], choice1of3: [Int], choice5of9: [Int], choice4of4: [Int], choice0of4: [Int]
    let permuted: [Int]
  }
  struct Large: Decodable, Sendable {
    let seed: UInt64, permutation70000: String, choice300of20000: String, choice500of20000: String
    let choice20000of20000: String
  }
  struct Bounded: Decodable, Sendable { let seed: UInt64, limit: Wide<UInt64>, values: [Wide<UInt64>] }

  let streams: [Stream]
  let large: Large
  let bounded: [Bounded]
}

struct MKLVectors: Decodable, Sendable {
  struct Sequence: Decodable, Sendable { let seed: Wide<UInt64>, masks: [MaskVector], then: Wide<Int64> }
  struct Long: Decodable, Sendable { let seed: UInt64, count: Int, p: Double, kept: Int, last: Data }
  /// States of MCG31 on either side of a threshold.
  struct Edge: Decodable, Sendable { let keep: Double, kept: [Int], dropped: [Int] }

  let sequences: [Sequence]
  let long: Long
  let edges: [Edge]
}
