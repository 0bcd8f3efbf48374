import Foundation
import ModelFiles
import Testing

@Suite("what the user sees is as it was")
struct OutputTests {
  static let lookingCommands = [
    Snapshot("help", "--help"),
    Snapshot("inspect", "inspect", "classifier"),
    Snapshot("inspect-tensors", "inspect", "masked-lm", "--tensors"),
    Snapshot("inspect-json", "inspect", "regression", "--json"),
    Snapshot("inspect-file", "inspect", "embedder/model.safetensors"),
    Snapshot("tokenize", "tokenize", "classifier", "Paris é 日", "iris"),
    Snapshot("tokenize-json", "tokenize", "classifier", "--json", input: "5.1 3.5\n\na[MASK]b\n"),
    Snapshot("tokenize-pairs", "tokenize", "classifier", "--pairs", "--json", input: "5.1\t3.5\n"),
    Snapshot(
      "tokenize-jsonl", "tokenize", "classifier", "--jsonl", "--json", "--max-length", "6",
      input: "\"a\\tb\\nc\"\n{\"text\": \"a b c\", \"text_pair\": \"d e f\"}\n"),
    Snapshot("tokenize-bare", "tokenize", "classifier", "--no-special-tokens", "--json", "iris is"),
  ]

  static let askingCommands = [
    Snapshot("predict", "predict", "classifier", "5.1 3.5 1.4 0.2", "a b c d", "日本"),
    Snapshot("predict-lines", "predict", "classifier", "--top-k", "1", input: "5.1 3.5 1.4 0.2\r\n\nlast"),
    Snapshot("predict-json", "predict", "classifier", "--json", "5.1 3.5 1.4 0.2"),
    Snapshot("predict-packed", "predict", "classifier", "--weights", "packed", "5.1 3.5 1.4 0.2"),
    Snapshot("predict-int8", "predict", "classifier", "--weights", "int8", "5.1 3.5 1.4 0.2"),
    Snapshot("predict-several", "predict", "several-labels", "--json", "--top-k", "2", "5.1 3.5 1.4 0.2"),
    Snapshot("predict-regression", "predict", "regression", "5.1 3.5 1.4 0.2"),
    Snapshot("predict-pairs", "predict", "classifier", "--pairs", "--json", input: "5.1 3.5\t1.4 0.2\n"),
    Snapshot("embed", "embed", "embedder", "--json", "iris"),
    Snapshot("embed-float16", "embed", "embedder", "--weights", "float16", "--json", "iris"),
    Snapshot("fill-mask", "fill-mask", "masked-lm", "paris is the [MASK] of france", "--top-k", "3"),
    Snapshot("fill-masks", "fill-mask", "masked-lm", "[MASK] is [MASK]", "iris [MASK]", "--top-k", "2"),
    Snapshot("fill-mask-json", "fill-mask", "masked-lm", "[MASK] is [MASK]", "--top-k", "1", "--json"),
    Snapshot("evaluate", "evaluate", "classifier", "--dataset", "iris"),
    Snapshot("evaluate-json", "evaluate", "classifier", "--dataset", "iris", "--split", "test", "--json"),
  ]

  static let trainingCommands = [
    Snapshot(
      "finetune-plan", "finetune", "--base", "embedder", "--dataset", "iris", "--out", "$TMP/out", "--dry-run"
    ),
    Snapshot(
      "finetune", "finetune", "--base", "embedder", "--dataset", "iris", "--epochs", "4", "--out", "$TMP/out"),
    Snapshot(
      "finetune-json", "finetune", "--base", "embedder", "--dataset", "iris", "--max-steps", "3", "--json",
      "--out",
      "$TMP/out"),
    Snapshot(
      "finetune-steps", "finetune", "--base", "embedder", "--dataset", "iris", "--max-steps", "6",
      "--eval-strategy",
      "no", "--logging-steps", "2", "--out", "$TMP/out"),
  ]

  static let comparingCommands = [
    Snapshot("inspect-google", "inspect", "../tensorbundle/google.zip"),
    Snapshot("inspect-gguf", "inspect", "../gguf/bert.gguf"),
    Snapshot("inspect-pytorch", "inspect", "../pytorch/wrapped.bin", "--tensors"),
    Snapshot("inspect-npz", "inspect", "../numpy/mixed.npz", "--tensors"),
    Snapshot("inspect-stats", "inspect", "classifier", "--stats"),
    Snapshot("inspect-no-fold", "inspect", "classifier", "--no-fold"),
    Snapshot("inspect-pickle", "inspect", "../pytorch/training_args.bin"),
    Snapshot("verify", "verify", "classifier"),
    Snapshot("verify-json", "verify", "../tensorbundle/google.zip", "--json"),
    Snapshot("verify-page", "verify", "$TMP/page.bin"),
    Snapshot("verify-page-json", "verify", "$TMP/page.bin", "--json"),
    Snapshot("diff", "diff", "classifier", "several-labels"),
    Snapshot("diff-same", "diff", "masked-lm", "../tensorbundle/google.zip"),
    Snapshot("diff-heads-json", "diff", "classifier", "masked-lm", "--json"),
    Snapshot("hash", "hash", "classifier"),
    Snapshot("hash-json", "hash", "../numpy/matrix.npy", "--json"),
    Snapshot("convert-plan", "convert", "../tensorbundle/google.zip", "$TMP/out", "--dry-run"),
    Snapshot("convert", "convert", "classifier", "$TMP/out", "--dtype", "F16"),
    Snapshot("convert-json", "convert", "../numpy/matrix.npy", "$TMP/m.safetensors", "--json"),
    Snapshot("convert-quantised", "convert", "classifier", "$TMP/out.gguf", "--dtype", "Q8_0"),
    Snapshot(
      "edit", "edit", "$TMP/x.safetensors", "--set-metadata", "license=apache-2.0", "--remove-metadata",
      "none"),
  ]

  static let refusingCommands = [
    Snapshot("convert-exists", "convert", "classifier", "$TMP"),
    Snapshot(
      "convert-collision", "convert", "classifier", "$TMP/out", "--rename", "bert.pooler.dense.*=x.*",
      "--rename", "classifier.*=x.*"),
    Snapshot("convert-no-config", "convert", "../numpy/mixed.npz", "$TMP/out", "--to", "onnx"),
    Snapshot("convert-format", "convert", "classifier", "$TMP/out", "--to", "hdf5"),
    Snapshot("inspect-wrong-configuration", "inspect", "$TMP/wrong"),
    Snapshot("inspect-page", "inspect", "$TMP/page.bin"),
    Snapshot("edit-gguf", "edit", "../gguf/bert.gguf", "--set-metadata", "a=b"),
    Snapshot("hash-no-manifest", "hash", "classifier", "--check", "classifier/config.json"),
    Snapshot("no-such-model", "predict", "nowhere", "x"),
    Snapshot("not-here", "predict", "nobody/nowhere", "x"),
    Snapshot("pull-offline", "pull", "nobody/nowhere@v1"),
    Snapshot("push-offline", "push", "classifier", "nobody/nowhere"),
    Snapshot("cache-empty", "cache"),
    Snapshot("cache-free", "cache", "free", "nobody/nowhere"),
    Snapshot("cache-free-nothing", "cache", "free"),
    Snapshot("no-such-folder", "inspect", "/no/such/folder"),
    Snapshot("no-such-verb", "guess"),
    Snapshot("no-top", "predict", "classifier", "--top-k", "0", "x"),
    Snapshot("no-form", "predict", "classifier", "--weights", "int4", "x"),
    Snapshot("no-head", "predict", "embedder", "x"),
    Snapshot("no-mask", "fill-mask", "masked-lm", "iris", "[MASK]"),
    Snapshot("no-json", "tokenize", "classifier", "--jsonl", input: "\"a\"\nb\n"),
    Snapshot("no-pair", "tokenize", "classifier", "--pairs", input: "a\tb\nc\n"),
    Snapshot(
      "too-long", "predict", "classifier", "--top-k", "1",
      input: "a\n" + String(repeating: "a ", count: 50) + "\n"),
    Snapshot("too-long-argument", "predict", "classifier", String(repeating: "a ", count: 50)),
    Snapshot("no-text", "tokenize", "classifier", "--jsonl", input: "{\"text\": 5}\n"),
    Snapshot("wrong-labels", "evaluate", "several-labels", "--dataset", "iris"),
    Snapshot("no-data", "finetune", "--base", "embedder", "--out", "$TMP/out"),
    Snapshot(
      "two-data", "finetune", "--base", "embedder", "--out", "$TMP/out", "--dataset", "iris", "--data",
      "x.csv",
      "--text", "a", "--label", "b"),
    Snapshot(
      "no-columns", "finetune", "--base", "embedder", "--out", "$TMP/out", "--data", "$TMP/ragged.csv"),
    Snapshot(
      "ragged", "finetune", "--base", "embedder", "--out", "$TMP/out", "--data", "$TMP/ragged.csv", "--text",
      "t",
      "--label", "l"),
    Snapshot(
      "unknown-label", "evaluate", "classifier", "--data", "$TMP/labels.csv", "--text", "t", "--label", "l"),
    Snapshot("not-empty", "finetune", "--base", "embedder", "--dataset", "iris", "--out", "$TMP"),
    Snapshot(
      "bad-argument", "finetune", "--base", "embedder", "--dataset", "iris", "--out", "$TMP/out",
      "--learning-rate=-1"),
    Snapshot(
      "best-needs-evaluation", "finetune", "--base", "embedder", "--dataset", "iris", "--out", "$TMP/out",
      "--eval-strategy", "no", "--load-best-model-at-end"),
  ]

  @Test("when looking into a model", arguments: lookingCommands.indices)
  func looking(index: Int) throws { try Self.lookingCommands[index].check(in: TemporaryFolder()) }

  @Test("when checking, comparing and converting", arguments: comparingCommands.indices)
  func comparing(index: Int) throws {
    let folder = try TemporaryFolder()
    try folder.write("<!DOCTYPE html><html>Sign in</html>", to: "page.bin")
    try FileManager.default.copyItem(
      at: Command.folder.appending(path: "classifier/model.safetensors"), to: folder.url("x.safetensors"))
    try Self.comparingCommands[index].check(in: folder)
  }

  @Test("when asking a model", arguments: askingCommands.indices)
  func asking(index: Int) throws { try Self.askingCommands[index].check(in: TemporaryFolder()) }

  @Test("when training", arguments: trainingCommands.indices)
  func training(index: Int) throws { try Self.trainingCommands[index].check(in: TemporaryFolder()) }

  @Test("when it cannot be done", arguments: refusingCommands.indices)
  func refusing(index: Int) throws {
    let folder = try TemporaryFolder()
    try folder.write("t,l\na b,x\nc\n", to: "ragged.csv")
    try folder.write("<!DOCTYPE html><html>Sign in</html>", to: "page.bin")
    try FileManager.default.copyItem(
      at: Command.folder.appending(path: "classifier"), to: folder.url("wrong"))
    try folder.write(#"{"model_type": "bert", "hidden_size": "16"}"#, to: "wrong/config.json")
    try folder.write("t,l\n5.1 3.5,setosa\n1.0 2.0,versicolour\n", to: "labels.csv")
    let before = try folder.names()
    try Self.refusingCommands[index].check(in: folder)
    #expect(try folder.names() == before, "a refusal must not leave anything behind")
  }
}

@Suite("streams, codes and styles")
struct ConventionTests {
  @Test("the version is the first line, with what it computes with and a self-test")
  func version() throws {
    let result = try ckpt("--version")
    let lines = result.output.split(separator: "\n")
    #expect(lines.first?.wholeMatch(of: /ckpt +\d+\.\d+\.\d+/) != nil)
    #expect(
      lines.dropFirst().map { $0.prefix { $0 != " " } } == ["products", "kernels", "threads", "self-test"])
    #expect(result.output.contains("self-test  passed"))
    #expect(result.exitCode == 0)
  }

  @Test("without a verb, help")
  func noVerb() throws {
    let result = try ckpt()
    #expect(result.output.contains("USAGE: ckpt"))
    #expect(result.exitCode == 0)
  }

  @Test("no escape sequence reaches a file", arguments: ["inspect", "predict"])
  func plain(verb: String) throws {
    let result = try ckpt(verb, "classifier", environment: ["TERM": "xterm-256color", "CLICOLOR_FORCE": "1"])
    #expect(!(result.output + result.errors).contains("\u{1B}"))
  }

  @Test("lines that are not UTF-8 are an error with the line's number")
  func notUTF8() throws {
    let command = try Command(
      ["predict", "classifier"], input: Data("a\n\u{FF}".utf8.dropLast(2) + [0xFF, 0x0A]))
    try command.process.run()
    let result = try command.wait()
    #expect(result.errors == "error: standard input, line 2: not UTF-8; convert the text to UTF-8\n")
    #expect(result.output.split(separator: "\n").count == 1, "the first line has its answer")
    #expect(result.exitCode == 2)
  }

  @Test("answers in JSON read back as the same floats")
  func floats() throws {
    let answer = try #require(ckpt("predict", "classifier", "--json", "5.1 3.5 1.4 0.2").json().first)
    let logits = try #require(answer["logits"]?.arrayValue).map { try #require($0.doubleValue) }
    #expect(logits.allSatisfy { Double(Float($0)) == $0 })
    let scores = try #require(answer["scores"]?.arrayValue).map { try #require($0["score"]?.doubleValue) }
    #expect(abs(scores.reduce(0, +) - 1) < 1e-6)
    #expect(scores == scores.sorted(by: >))
  }

  @Test("a repository in the cache is found by its name, and never written to")
  func cache() throws {
    let folder = try TemporaryFolder()
    let repository = folder.url("hub/models--someone--tiny")
    try FileManager.default.createDirectory(
      at: repository.appending(path: "snapshots"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: Command.folder.appending(path: "classifier"), to: repository.appending(path: "snapshots/1"))
    let result = try ckpt("inspect", "someone/tiny", "--json", environment: ["HF_HOME": folder.url.path])
    #expect(try result.json().first?["architecture"]?.stringValue == "BertForSequenceClassification")
  }
}
