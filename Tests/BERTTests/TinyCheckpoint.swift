import BERT
import Foundation
import ModelFiles
import Tensors
import Testing

/// One folder of Fixtures/golden/tiny: a small random checkpoint, and what float64 PyTorch makes of it.
struct TinyCheckpoint: CustomStringConvertible {
  let name: String
  let expected: JSONValue
  let weights: SafetensorsFile
  let gradients: SafetensorsFile
  let configuration: BERTConfiguration

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/golden/tiny")

  var description: String { name }

  init(_ name: String) throws {
    let folder = Self.folder.appending(path: name)
    func document(_ file: String) throws -> JSONValue {
      try JSONValue(parsing: Array(Data(contentsOf: folder.appending(path: file))))
    }
    self.name = name
    expected = try document("expected.json")
    weights = try SafetensorsFile(path: folder.appending(path: "model.safetensors").path)
    gradients = try SafetensorsFile(path: folder.appending(path: "gradients.safetensors").path)
    configuration = try BERTConfiguration(document("config.json"))
  }

  func inputs() throws -> BERTInputs {
    func rows(_ field: String) throws -> [[Int32]] {
      try integers("inputs", field).map { $0.map(Int32.init) }
    }
    return try BERTInputs(
      inputIDs: rows("input_ids"), tokenTypeIDs: rows("token_type_ids"), attentionMask: rows("attention_mask")
    )
  }

  func integers(_ group: String, _ field: String) throws -> [[Int]] {
    try #require(expected[group]?[field]?.arrayValue).map { row in
      try (row.arrayValue ?? [row]).map { try #require($0.intValue) }
    }
  }

  func sequenceLabels() throws -> SequenceLabels {
    let labels = try #require(expected["labels"]?["labels"]?.arrayValue)
    if expected["problem_type"]?.stringValue == "single_label_classification" {
      return .classes(try labels.map { try #require($0.intValue) })
    }
    return .values(
      try labels.map { row in try (row.arrayValue ?? [row]).map { Float(try #require($0.doubleValue)) } })
  }

  /// Every number of a nested array, in order.
  static func numbers(_ value: JSONValue?) throws -> [Double] {
    let value = try #require(value)
    if let items = value.arrayValue { return try items.flatMap { try numbers($0) } }
    return [try #require(value.doubleValue)]
  }

  /// The float64 gradient of a parameter.
  func gradient(_ name: String) throws -> [Double] {
    try gradients.withBytes(of: name) { bytes in
      (0..<bytes.byteCount / 8).map { bytes.unsafeLoadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
    }
  }
}

/// The largest absolute difference.
func largestError(_ found: [Float], _ expected: [Double]) -> Double {
  zip(found, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
}

/// The project's numerical bar: as close to float64 as PyTorch's float32 is, with half as much again and 1e-7.
func bar(_ torchError: Double) -> Double { 1.5 * torchError + 1e-7 }
