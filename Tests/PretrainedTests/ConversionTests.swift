import Fingerprints
import Foundation
import ForeignFormats
import Pretrained
import Testing

@Suite("a checkpoint is converted")
struct ConversionTests {
  private func fingerprint(_ path: String) throws -> CheckpointFingerprint {
    try CheckpointFingerprint(CanonicalWeights(Checkpoint(path)))
  }

  private func convert(
    _ source: String, to target: Conversion.Target, at path: String,
    _ change: (inout ConversionOptions) throws -> Void = { _ in }
  ) throws -> ConversionReport {
    var options = ConversionOptions()
    try change(&options)
    return try Conversion(Checkpoint(source), to: target, at: path, options: options).run()
  }

  static let pairs: [(Conversion.Target, Conversion.Target)] = {
    let targets: [Conversion.Target] = [.safetensors, .pytorch, .npz, .gguf, .tf1]
    return targets.flatMap { first in targets.map { (first, $0) } }
  }()

  @Test("from any format to any other, and back, without changing a bit", arguments: pairs.indices)
  func everyPair(index: Int) throws {
    let (first, second) = Self.pairs[index]
    let folder = try TemporaryFolder()
    let original = try fingerprint(Fixture.path("classifier"))
    _ = try convert(Fixture.path("classifier"), to: first, at: folder.path("one"))
    #expect(try fingerprint(folder.path("one")) == original)
    _ = try convert(folder.path("one"), to: second, at: folder.path("two"))
    #expect(try fingerprint(folder.path("two")) == original)
    #expect(
      try CheckpointComparison(Checkpoint(folder.path("one")), Checkpoint(folder.path("two"))).isIdentical)
  }

  @Test("and answers as before", arguments: [Conversion.Target.safetensors, .pytorch, .gguf])
  func answers(target: Conversion.Target) throws {
    let folder = try TemporaryFolder()
    _ = try convert(Fixture.path("classifier"), to: target, at: folder.path("out"))
    let text = "5.1 3.5 1.4 0.2"
    let expected = try TextClassifier(Fixture.path("classifier"))(text)
    let found = try TextClassifier(folder.path("out"))(text)
    #expect(found.map(\.label) == expected.map(\.label))
    #expect(found.map(\.score) == expected.map(\.score))
  }

  @Test("from Google's archive to a folder that answers, its heads under transformers' names")
  func google() throws {
    let folder = try TemporaryFolder()
    let zip = Fixture.folder.appending(path: "../tensorbundle/google.zip").path
    let checkpoint = try Checkpoint(zip)
    #expect(checkpoint.container.format == .tensorFlow)
    #expect(checkpoint.architecture == .maskedLM)
    _ = try convert(zip, to: .safetensors, at: folder.path("out"))
    let (found, expected) = (try fingerprint(folder.path("out")), try fingerprint(Fixture.path("masked-lm")))
    #expect(found == expected)
    let fill = try FillMask(folder.path("out"))
    #expect(try !fill("[MASK]").isEmpty)
  }

  /// A file of one tensor that takes several rounds of the buffers in which bytes are copied, and of a small one.
  private func large(_ folder: TemporaryFolder) throws -> (path: String, bytes: [UInt8]) {
    let infos = [
      TensorInfo(name: "a", elementType: .uint8, shape: [3]),
      TensorInfo(name: "b", elementType: .float32, shape: [3_333_333]),
    ]
    var state: UInt32 = 1
    let bytes = (0..<4 * 3_333_333).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24)
    }
    let (path, small) = (folder.path("large.safetensors"), [1, 2, 3] as [UInt8])
    try SafetensorsWriter.write(infos, to: path) { info, sink in
      if info.name == "a" { try sink(small.span.bytes) } else { try sink(bytes.span.bytes) }
    }
    return (path, bytes)
  }

  @Test("with tensors larger than its buffers, in one file or in shards")
  func largeTensors() throws {
    let folder = try TemporaryFolder()
    let (path, bytes) = try large(folder)
    for (from, to) in [
      (path, "x.bin"), (folder.path("x.bin"), "x.safetensors"), (folder.path("x.bin"), "shards"),
    ] {
      let report = try Conversion(
        Checkpoint(from), to: Conversion.Target(destination: to) ?? .safetensors, at: folder.path(to),
        options: {
          var options = ConversionOptions()
          if to == "shards" { options.maximumShardByteCount = 1_000_000 }
          return options
        }()
      ).run()
      #expect(report.tensorCount == 2 && report.byteCount == bytes.count + 3)
      try Checkpoint(folder.path(to)).weights.withBytes(of: "b") { read in
        read.withUnsafeBytes { read in
          let isSame = bytes.withUnsafeBytes { read.elementsEqual($0) }
          #expect(isSame, "\(to)")
        }
      }
    }
    let names = try folder.names("shards")
    #expect(names.count { $0.hasPrefix("model") } == 3, "\(names)")
  }

  @Test("unless a byte of it is damaged, in the first piece or in the last", arguments: [0, 13_333_331])
  func damagedBytes(place: Int) throws {
    let folder = try TemporaryFolder()
    let (path, bytes) = try large(folder)
    _ = try convert(path, to: .pytorch, at: folder.path("x.bin"))
    var data = try Data(contentsOf: URL(filePath: folder.path("x.bin")))
    let start = try #require(data.range(of: Data(bytes.prefix(64)))).lowerBound
    data[start + place] ^= 1
    try data.write(to: URL(filePath: folder.path("x.bin")))
    let error = #expect(throws: ZipError.self) {
      try convert(folder.path("x.bin"), to: .safetensors, at: folder.path("out.safetensors"))
    }
    guard case .wrongChecksum = error?.fault else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try folder.names() == ["large.safetensors", "x.bin"])
  }

  @Test("and stops where its progress is stopped, leaving nothing behind")
  func stops() throws {
    struct Stopped: Error {}
    let folder = try TemporaryFolder()
    let (path, _) = try large(folder)
    #expect(throws: Stopped.self) {
      try Conversion(Checkpoint(path), to: .safetensors, at: folder.path("out.safetensors")).run { done, _ in
        if done > 4_000_000 { throw Stopped() }
      }
    }
    #expect(try folder.names() == ["large.safetensors"])
  }

  @Test("in a type of less precision, and says what that costs")
  func cast() throws {
    let folder = try TemporaryFolder()
    let values: [Float] = [1, 1.0001, 70000, 1e-9, -0.0, .infinity, .nan]
    let bytes = values.withUnsafeBytes { Array($0) }
    let path = folder.path("x.safetensors")
    try SafetensorsWriter.write([TensorInfo(name: "x", elementType: .float32, shape: [7])], to: path) {
      _, sink in
      try sink(bytes.span.bytes)
    }
    let report = try convert(path, to: .safetensors, at: folder.path("half.safetensors")) {
      $0.elementType = .float16
    }
    let loss = try #require(report.losses.first).loss
    #expect(loss.overflowCount == 1)
    #expect(loss.vanishedCount == 1)
    #expect(loss.changedCount == 3)
    #expect(loss.maxAbs == Double(Float(1.0001)) - 1.0)
    let half = try SafetensorsFile(path: folder.path("half.safetensors"))
    let words = try half.withBytes(of: "x") { span in
      span.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
    }
    #expect(Array(words.dropLast()) == [0x3C00, 0x3C00, 0x7C00, 0, 0x8000, 0x7C00])
    #expect(words.last.map { $0 & 0x7C00 == 0x7C00 && $0 & 0x3FF != 0 } == true)
    let exact = try convert(path, to: .safetensors, at: folder.path("double.safetensors")) {
      $0.elementType = .float64
    }
    #expect(exact.losses.isEmpty)
  }

  @Test("in shards", arguments: [Conversion.Target.safetensors, .pytorch])
  func shards(target: Conversion.Target) throws {
    let folder = try TemporaryFolder()
    let report = try convert(Fixture.path("classifier"), to: target, at: folder.path("out")) {
      $0.maximumShardByteCount = 10_000
    }
    #expect(report.files.filter { $0.contains("-of-") }.count > 2)
    #expect(try fingerprint(folder.path("out")) == fingerprint(Fixture.path("classifier")))
  }

  @Test("under other names, and back by the same rules the other way round")
  func renaming() throws {
    let folder = try TemporaryFolder()
    var rules = RenameRules()
    try rules.add("bert.encoder.layer.*.attention.*=model.layers.*.attn.*")
    try rules.add("bert.*=model.*")
    _ = try convert(Fixture.path("classifier"), to: .safetensors, at: folder.path("a.safetensors")) {
      $0.renaming = rules
    }
    let renamed = try SafetensorsFile(path: folder.path("a.safetensors"))
    #expect(renamed.tensor(named: "model.layers.1.attn.self.query.weight") != nil)
    #expect(renamed.tensor(named: "classifier.bias") != nil)
    _ = try convert(folder.path("a.safetensors"), to: .safetensors, at: folder.path("b.safetensors")) {
      $0.renaming = rules.inverse
    }
    #expect(try fingerprint(folder.path("b.safetensors")) == fingerprint(Fixture.path("classifier")))
  }

  @Test("but not so that two tensors have one name")
  func collision() throws {
    let folder = try TemporaryFolder()
    var rules = RenameRules()
    try rules.add("bert.pooler.dense.*=x.*")
    try rules.add("classifier.*=x.*")
    #expect(throws: ConversionError.self) {
      try Conversion(
        Checkpoint(Fixture.path("classifier")), to: .safetensors, at: folder.path("out"),
        options: {
          var options = ConversionOptions(); options.renaming = rules; return options
        }())
    }
    #expect(try folder.names().isEmpty)
  }

  @Test("in part, by patterns")
  func patterns() throws {
    let folder = try TemporaryFolder()
    _ = try convert(Fixture.path("classifier"), to: .npz, at: folder.path("x.npz")) {
      ($0.only, $0.excluding) = (["*.pooler.*", "classifier.*"], ["*.bias"])
    }
    let names = try NumPyFile(path: folder.path("x.npz")).tensors.map(\.name)
    #expect(names == ["bert.pooler.dense.weight", "classifier.weight"])
    #expect(throws: ConversionError.self) {
      try convert(Fixture.path("classifier"), to: .npz, at: folder.path("y.npz")) { $0.only = ["nothing"] }
    }
  }

  @Test("not over something that is there, nor onto itself, and a failure leaves nothing behind")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let model = try folder.copy("classifier")
    try folder.write("mine", to: "out/notes.txt")
    let before = try folder.names()
    #expect(throws: ConversionError.destinationExists(path: folder.path("out"))) {
      try convert(model, to: .safetensors, at: folder.path("out"))
    }
    #expect(throws: ConversionError.ontoItself(path: model)) {
      try Conversion(Checkpoint(model), to: .safetensors, at: model).run(overwriting: true)
    }
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try Conversion(Checkpoint(model), to: .npz, at: folder.path("new")).run { _, _ in throw Stop() }
    }
    #expect(try folder.names() == before)
    try Conversion(Checkpoint(model), to: .pytorch, at: folder.path("out")).run(overwriting: true)
    #expect(try folder.names("out").contains("notes.txt"))
    #expect(try fingerprint(folder.path("out/pytorch_model.bin")) == fingerprint(model))
  }

  @Test("with ties that safetensors only mentions kept as shared storage by PyTorch, and back")
  func ties() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<8).map { UInt8($0) }
    let path = folder.path("x.safetensors")
    try SafetensorsWriter.write(
      [TensorInfo(name: "wte.weight", elementType: .uint8, shape: [8])],
      metadata: [("format", "pt"), ("lm_head.weight", "wte.weight")], to: path
    ) { _, sink in try sink(bytes.span.bytes) }
    let hash = try fingerprint(path)
    #expect(hash.tensors.map(\.name) == ["lm_head.weight", "wte.weight"])
    _ = try convert(path, to: .pytorch, at: folder.path("x.bin"))
    #expect(
      try PyTorchFile(path: folder.path("x.bin")).ties.map { $0.sorted() } == [
        ["lm_head.weight", "wte.weight"]
      ])
    #expect(try fingerprint(folder.path("x.bin")) == hash)
    _ = try convert(folder.path("x.bin"), to: .safetensors, at: folder.path("y.safetensors"))
    #expect(try SafetensorsFile(path: folder.path("y.safetensors")).tensors.count == 1)
    #expect(try fingerprint(folder.path("y.safetensors")) == hash)
    _ = try convert(folder.path("x.bin"), to: .npz, at: folder.path("y.npz"))
    #expect(try fingerprint(folder.path("y.npz")) == hash)
  }
}

@Suite("rename rules")
struct RenameRulesTests {
  static let cases: [(rule: String, name: String, result: String)] = [
    ("a=b", "a", "b"), ("a=b", "ab", "ab"), ("*=x.*", "y", "x.y"), ("model.*=*", "model.layer", "layer"),
    ("*.gamma=*.weight", "ln.gamma", "ln.weight"), ("h.*.c.*=layer.*.k.*", "h.3.c.bias", "layer.3.k.bias"),
    ("**=*-*", "ab", "-ab"), ("a*a=b*b", "a", "a"), ("é*=e*", "éa", "ea"),
  ]

  @Test("a star stands for any characters, and keeps them", arguments: cases.indices)
  func stars(index: Int) throws {
    let (rule, name, result) = Self.cases[index]
    var rules = RenameRules()
    try rules.add(rule)
    #expect(rules.renamed(name) == result)
  }

  @Test("a rule that cannot be undone is refused", arguments: ["a", "a=b=c", "a*=b", "=b", "a="])
  func refused(rule: String) {
    var rules = RenameRules()
    #expect(throws: ConversionError.self) { try rules.add(rule) }
  }

  @Test("a file of rules has one a line")
  func file() throws {
    let rules = try RenameRules(parsing: "# names\n\n a.*=b.*\nc=d\n")
    #expect(["a.x", "c", "e"].map(rules.renamed) == ["b.x", "d", "e"])
    #expect(["b.x", "d", "e"].map(rules.inverse.renamed) == ["a.x", "c", "e"])
    var more = rules
    try more.add(parsing: "e=f\n")
    #expect(["a.x", "c", "e"].map(more.renamed) == ["b.x", "d", "f"])
  }
}
