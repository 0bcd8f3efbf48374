import Foundation
import Testing

import Tensors

/// Floats in -scale ..< scale, as `Tools/oracle/kernels_errors.py` makes them.
func numbers(_ count: Int, seed: UInt32, scale: Float = 1) -> [Float] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return Float(Int32(bitPattern: state)) * 0x1p-31 * scale
  }
}

/// Zeros and ones; about one in four is 0.
func maskBytes(_ count: Int, seed: UInt32) -> [UInt8] {
  numbers(count, seed: seed).map { $0 < -0.5 ? 0 : 1 }
}

/// The largest absolute difference; infinite when one is NaN or the counts differ.
func largestError(_ values: [Float], _ reference: [Double]) -> Double {
  guard values.count == reference.count else { return .infinity }
  return zip(values, reference).reduce(0) { largest, pair in
    let difference = abs(Double(pair.0) - pair.1)
    return difference <= .greatestFiniteMagnitude ? max(largest, difference) : .infinity
  }
}

/// The distance of a result from the exact value, in units of the last place of the exact value.
func ulps(_ value: Float, _ exact: Double) -> Double {
  let rounded = Float(exact)
  if value == rounded { return abs(Double(value) - exact) / Double(max(rounded.ulp, 0x1p-149)) }
  return abs(Double(value) - exact) / Double(max(abs(rounded), .leastNormalMagnitude).ulp)
}

/// What `Fixtures/kernels/torch.json` holds.
struct TorchFixture: Decodable {
  struct AdamW: Decodable {
    let parameters: [UInt32]
    let first: [UInt32]
    let second: [UInt32]
  }
  let errors: [String: Double]
  let adamw: AdamW

  static let shared = Result {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/kernels")
    return try JSONDecoder().decode(
      TorchFixture.self, from: Data(contentsOf: root.appending(path: "torch.json")))
  }

  /// The bar of every kernel: as close to float64 as torch's float32 is, within half, or 1e-7 where torch is closer.
  static func bound(_ name: String) throws -> Double {
    let fixture = try shared.get()
    return try #require(fixture.errors[name], "no torch error called \(name)") * 1.5 + 1e-7
  }
}
