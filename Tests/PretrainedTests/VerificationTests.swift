import Foundation
import Pretrained
import Testing

@Suite("a checkpoint is verified")
struct VerificationTests {
  private func codes(_ path: String, atLeast severity: Verification.Severity = .warning) throws -> [String] {
    try Verification(path).findings.filter { $0.severity >= severity }.map(\.code)
  }

  @Test(
    "and found sound", arguments: ["classifier", "masked-lm", "embedder", "regression", "several-labels"])
  func sound(model: String) throws {
    let verification = try Verification(Fixture.path(model))
    #expect(verification.isSound)
    #expect(verification.findings.filter { $0.severity > .note }.isEmpty)
    #expect(verification.checks.map(\.name) == ["data", "container", "config", "tokenizer"])
    #expect(verification.checks.filter { !$0.isPassed }.isEmpty)
  }

  @Test("in other containers too", arguments: ["../tensorbundle/google.zip", "../gguf/bert.gguf"])
  func otherContainers(path: String) throws {
    #expect(try codes(Fixture.path(path), atLeast: .error).isEmpty)
  }

  /// A copy of the classifier with other members in its configuration.
  private func altered(_ members: [(String, JSONValue?)], in folder: TemporaryFolder) throws -> String {
    let model = try folder.copy("classifier")
    var config = try JSONValue(path: model + "/config.json")
    for (key, value) in members {
      if let value { config.set(key, value) } else { config.remove(key) }
    }
    try folder.write(config.pythonText(), to: "classifier/config.json")
    return model
  }

  static let configurations: [(members: [(String, JSONValue?)], code: String, isSound: Bool)] = [
    ([("num_hidden_layers", 3)], "missingTensor", false),
    ([("hidden_size", 17)], "mismatch", false),
    ([("hidden_size", "16")], "wrongType", false),
    ([("intermediate_size", 31)], "shapeMismatch", false),
    ([("vocab_size", 80)], "vocabularyTooLarge", false),
    ([("id2label", ["0": "a", "1": "b"]), ("label2id", nil)], "labelMismatch", false),
    ([("id2label", ["0": "a", "2": "b", "3": "c"]), ("label2id", nil)], "outOfRange", false),
    ([("label2id", ["setosa": 1, "versicolor": 0, "virginica": 2])], "mismatch", false),
    ([("architectures", ["BertForMaskedLM"])], "missingTensor", true),
    ([("architectures", ["SomethingElse"])], "unknownArchitecture", true),
    ([("is_decoder", true)], "unsupported", false),
  ]

  @Test("against its configuration", arguments: configurations.indices)
  func configuration(index: Int) throws {
    let (members, code, isSound) = Self.configurations[index]
    let folder = try TemporaryFolder()
    let verification = try Verification(altered(members, in: folder))
    #expect(
      verification.findings.contains { $0.code == code && $0.severity > .note }, "\(verification.findings)")
    #expect(verification.isSound == isSound)
  }

  @Test("for values that are no numbers")
  func notNumbers() throws {
    let folder = try TemporaryFolder()
    try writeFloats([("x", [3], [1, .nan, .infinity])], to: folder.path("x.safetensors"))
    #expect(try codes(folder.path("x.safetensors")) == ["nan", "infinity"])
  }

  @Test("for names that all begin alike, and says what to do")
  func prefix() throws {
    let folder = try TemporaryFolder()
    let model = try folder.copy("classifier")
    let weights = try Checkpoint(model).weights
    for prefix in ["module.", "model."] {
      let infos = weights.map {
        TensorInfo(name: prefix + $0.name, elementType: $0.elementType, shape: $0.shape)
      }
      try SafetensorsWriter.write(infos, to: folder.path("new.safetensors"), overwriting: true) {
        info, sink in
        try weights.withBytes(of: String(info.name.dropFirst(prefix.count)), sink)
      }
      try FileManager.default.removeItem(atPath: model + "/model.safetensors")
      try FileManager.default.moveItem(
        atPath: folder.path("new.safetensors"), toPath: model + "/model.safetensors")
      let findings = try Verification(model).findings.filter { $0.severity > .note }
      #expect(
        findings.contains { $0.message.contains("all 41") && $0.message.contains("--strip-prefix \(prefix)") }
      )
    }
  }

  @Test("for containers that must be rejected, by the name of the fault")
  func rejected() throws {
    let folder = try TemporaryFolder()
    try folder.write("<!DOCTYPE html><html>", to: "page.bin")
    try folder.write(
      "version https://git-lfs.github.com/spec/v1\noid sha256:00ff\nsize 440\n", to: "model.safetensors")
    for (name, code) in [("page.bin", "notReadable"), ("model.safetensors", "notReadable")] {
      let verification = try Verification(folder.path(name))
      #expect(!verification.isSound)
      #expect(verification.findings.map(\.code) == [code])
    }
    #expect(throws: CheckpointError.self) { try Verification(folder.path("nothing")) }
  }

  @Test("statistics are those of the finite values")
  func statistics() throws {
    let folder = try TemporaryFolder()
    try writeFloats(
      [("x", [2, 4], [1, 2, 3, 6, 0, .nan, .infinity, -.infinity]), ("none", [1], [.nan])],
      to: folder.path("x.safetensors"))
    let weights = try Checkpoint(folder.path("x.safetensors")).weights
    let found = try TensorStatistics(try #require(weights.tensor(named: "x")), in: weights)
    #expect(found.count == 8 && found.nanCount == 1 && found.infinityCount == 2 && found.zeroCount == 1)
    #expect(found.minimum == 0 && found.maximum == 6)
    #expect(abs(found.mean - 2.4) < 1e-15)
    #expect(abs(found.standardDeviation - 4.24.squareRoot()) < 1e-15)  // (1+4+9+36)/5 - 2.4²
    let none = try TensorStatistics(try #require(weights.tensor(named: "none")), in: weights)
    #expect(none.mean.isNaN)
  }
}
