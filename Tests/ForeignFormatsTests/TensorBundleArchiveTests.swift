import ForeignFormats
import ModelFiles
import Testing

@Suite("TensorFlow checkpoints in zip files")
struct TensorBundleArchiveTests {
  private func archive(_ path: String) throws -> ZipArchive { try ZipArchive(MappedFile(path: path)) }

  @Test("a zip as Google published BERT")
  func google() throws {
    let path = fixture("tensorbundle/google.zip")
    let archive = try archive(path)
    let prefixes = TensorBundle.prefixes(in: archive)
    #expect(prefixes == ["google/bert_model.ckpt"])
    let bundle = try TensorBundle(archive: archive, prefix: prefixes[0], path: path)
    #expect(bundle.path == path + "/google/bert_model.ckpt")
    #expect(bundle.unclaimed.isEmpty)
    #expect(try bundle.bytes(of: "global_step") == [0xE8, 3, 0, 0, 0, 0, 0, 0])
    // The weights that were packed; embeddings and vectors are as they were, kernels are transposed.
    let model = try SafetensorsFile(path: fixture("command/masked-lm/model.safetensors"))
    let same = [
      ("bert/embeddings/word_embeddings", "bert.embeddings.word_embeddings.weight"),
      (
        "bert/encoder/layer_0/attention/output/LayerNorm/gamma",
        "bert.encoder.layer.0.attention.output.LayerNorm.weight"
      ),
      ("cls/predictions/output_bias", "cls.predictions.bias"),
    ]
    for (theirs, ours) in same { #expect(try bundle.bytes(of: theirs) == model.bytes(of: ours)) }
  }

  @Test("only an index with data is a checkpoint, and what is missing is named")
  func others() throws {
    let folder = try TemporaryFolder()
    let index = try FileSystem.read(fixture("tensorbundle/sharded.index"))
    let data = try FileSystem.read(fixture("tensorbundle/sharded.data-00000-of-00002"))
    let zip = HandMadeZip(
      .init("a.index", index), .init("b/c.index", index), .init("b/c.data-00000-of-00002", data),
      .init("d.data-00000-of-00002", data), .init("e.index", index), .init("e.meta", []),
      .init("__MACOSX/b/._c.index", []), .init("__MACOSX/b/._c.data-00000-of-00002", []))
    let path = try folder.write("x.zip", zip.bytes)
    let archive = try archive(path)
    #expect(TensorBundle.prefixes(in: archive) == ["b/c"])
    #expect(throws: TensorBundleError(path: path + "/b/c", .missingShard("c.data-00001-of-00002"))) {
      try TensorBundle(archive: archive, prefix: "b/c", path: path)
    }
    #expect(throws: TensorBundleError(path: path + "/d", .missingIndex("d.index"))) {
      try TensorBundle(archive: archive, prefix: "d", path: path)
    }
  }
}
