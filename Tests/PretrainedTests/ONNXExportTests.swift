import ForeignFormats
import Foundation
import ModelFiles
import Pretrained
import Testing

@Suite("models as ONNX files")
struct ONNXExportTests {
  static let tiny = Fixture.folder.deletingLastPathComponent().appending(path: "golden/tiny")
  static let kept = Fixture.folder.deletingLastPathComponent().appending(path: "onnx")

  static func checkpoint(_ name: String) throws -> Checkpoint {
    try Checkpoint(tiny.appending(path: name).path)
  }

  static func export(_ name: String) throws -> (ONNXExport, Checkpoint) {
    let checkpoint = try checkpoint(name)
    let export = try ONNXExport(
      weights: checkpoint.weights, configuration: checkpoint.bertConfiguration(),
      architecture: try #require(checkpoint.architecture))
    return (export, checkpoint)
  }

  /// The bytes of a tensor.
  static func bytes(_ source: some WeightSource, _ name: String) throws -> [UInt8] {
    try source.withBytes(of: name) { span in span.withUnsafeBytes { Array($0) } }
  }

  static let cases: [(name: String, outputs: [String])] = [
    ("Embedding_mean", ["last_hidden_state", "pooler_output"]), ("MaskedLM", ["logits"]),
    ("NextSentencePrediction", ["logits"]),
    ("PreTraining", ["prediction_logits", "seq_relationship_logits"]),
    ("QuestionAnswering", ["start_logits", "end_logits"]), ("SequenceClassification_act_relu", ["logits"]),
    ("SequenceClassification_act_gelu_new", ["logits"]), ("TokenClassification", ["logits"]),
  ]

  @Test(
    "every class has its inputs, its outputs, and the checkpoint's weights under their names",
    arguments: cases)
  func weights(name: String, outputs: [String]) throws {
    let (export, checkpoint) = try Self.export(name)
    let graph = export.model.graph
    #expect(graph.inputs.map(\.name) == ["input_ids", "attention_mask", "token_type_ids"])
    #expect(graph.inputs.allSatisfy { $0.shape == ["batch", "sequence"] && $0.elementType == .int64 })
    #expect(graph.outputs.map(\.name) == outputs)
    #expect(Set(graph.initializers) == Set(checkpoint.weights.tensors))
    #expect(graph.initializers.count == checkpoint.weights.tensors.count)

    let folder = try TemporaryFolder()
    let paths = try export.write(to: folder.path("m.onnx"), externalData: .always)
    let data = try FileSystem.read(paths[1])
    var offset = 0
    for info in graph.initializers {
      offset = (offset + 4095) / 4096 * 4096
      let found = data[offset..<offset + info.byteCount]
      let expected = try Self.bytes(checkpoint.weights, info.name)
      #expect(found.elementsEqual(expected), "\(info.name)")
      offset += info.byteCount
    }
    #expect(offset == data.count)
  }

  @Test("the file is the one that onnxruntime was shown to run")
  func keptFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("sequence_classification.onnx")
    try Self.export("SequenceClassification_single").0.write(to: path, externalData: .always)
    let expected = try FileSystem.read(Self.kept.appending(path: "sequence_classification.onnx").path)
    #expect(try FileSystem.read(path) == expected)
  }

  @Test("a model in memory gives the file that its checkpoint gives")
  func ofModel() throws {
    let (export, checkpoint) = try Self.export("SequenceClassification_multilabel")
    let (model, _) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: checkpoint.bertConfiguration())
    let folder = try TemporaryFolder()
    try export.write(to: folder.path("a"))
    try ONNXExport(model).write(to: folder.path("b"))
    #expect(try FileSystem.read(folder.path("a")) == FileSystem.read(folder.path("b")))
    #expect(export.model.metadata.map(\.key) == ["architecture", "id2label"])
    let labels = try JSONValue(parsing: export.model.metadata[1].value)
    let first = try checkpoint.bertConfiguration().labels[0]
    #expect(labels["0"]?.stringValue == first)

    var configuration = try checkpoint.bertConfiguration()
    configuration.problemType = .multiLabelClassification
    let stated = try ONNXExport(
      weights: checkpoint.weights, configuration: configuration, architecture: .sequenceClassification)
    #expect(stated.model.metadata.last?.key == "problem_type")
    #expect(stated.model.metadata.last?.value == "multi_label_classification")
  }

  @Test(
    "a decoder that is tied is the table of words, which is in the file once; an untied one has its own weight"
  )
  func decoder() throws {
    let (tied, checkpoint) = try Self.export("MaskedLM")
    let words = "bert.embeddings.word_embeddings.weight"
    #expect(tied.model.graph.nodes.count { $0.inputs.contains(words) } == 2)
    var configuration = try checkpoint.bertConfiguration()
    configuration.tieWordEmbeddings = false
    #expect(throws: ONNXExportError.missingWeight("cls.predictions.decoder.weight")) {
      try ONNXExport(
        weights: checkpoint.weights, configuration: configuration, architecture: .maskedLM)
    }
  }

  @Test("weights that do not fit the configuration are refused")
  func refused() throws {
    let checkpoint = try Self.checkpoint("SequenceClassification_single")
    var configuration = try checkpoint.bertConfiguration()
    #expect(throws: ONNXExportError.missingWeight("bert.encoder.layer.2.attention.self.query.weight")) {
      configuration.numHiddenLayers += 1
      _ = try ONNXExport(
        weights: checkpoint.weights, configuration: configuration, architecture: .sequenceClassification)
    }
    configuration = try checkpoint.bertConfiguration()
    configuration.labels.append("another")
    let (found, expected) = (configuration.labels.count - 1, configuration.labels.count)
    #expect(
      throws: ONNXExportError.shape(
        weight: "classifier.weight", expected: [expected, 32], found: [found, 32])
    ) {
      try ONNXExport(
        weights: checkpoint.weights, configuration: configuration, architecture: .sequenceClassification)
    }
  }

  /// (value, F16, BF16), as NumPy and torch round them.
  static let rounded: [(value: Double, half: UInt16, brain: UInt16)] = [
    (1.0, 0x3C00, 0x3F80), (0.5, 0x3800, 0x3F00), (3.0, 0x4200, 0x4040),
    (0.044714998453855515, 0x29B9, 0x3D37), (0.7978845834732056, 0x3A62, 0x3F4C),
    (1.4142135381698608, 0x3DA8, 0x3FB5), (5.656854152679443, 0x45A8, 0x40B5), (-32752.0, 0xF7FF, 0xC700),
    (1.00048828125, 0x3C00, 0x3F80), (1.00146484375, 0x3C02, 0x3F80), (-0.10000000149011612, 0xAE66, 0xBDCD),
  ]

  @Test("constants round to F16 and BF16 as NumPy and torch round them", arguments: rounded)
  func constants(value: Double, half: UInt16, brain: UInt16) {
    for (type, expected) in [(ElementType.float16, half), (.bfloat16, brain)] {
      let constant = GraphPrecision.constant(value, type)
      #expect(constant.elementType == type && constant.shape.isEmpty)
      #expect(constant.bytes == [UInt8(truncatingIfNeeded: expected), UInt8(expected >> 8)], "\(type)")
    }
  }
}
