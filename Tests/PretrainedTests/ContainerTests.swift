import ForeignFormats
import Foundation
import Pretrained
import Testing

@Suite("a container is opened")
struct ContainerTests {
  static let files: [(path: String, format: Container.Format)] = [
    ("classifier/model.safetensors", .safetensors),
    ("../safetensors/sharded/model.safetensors.index.json", .shardedSafetensors),
    ("../pytorch/new.bin", .pytorch), ("../pytorch/legacy.bin", .pytorch), ("../pytorch/tar.bin", .pytorch),
    ("../pytorch/sharded/pytorch_model.bin.index.json", .shardedPyTorch),
    ("../tensorbundle/google.zip", .tensorFlow),
    ("../tensorbundle/types", .tensorFlow), ("../tensorbundle/types.index", .tensorFlow),
    ("../tensorbundle/types.data-00000-of-00001", .tensorFlow), ("../tensorbundle/saver", .tensorFlow),
    ("../numpy/mixed.npz", .numpy), ("../numpy/matrix.npy", .numpy), ("../gguf/values.gguf", .gguf),
  ]

  @Test("whatever its format is, from its content", arguments: files.indices)
  func formats(index: Int) throws {
    let (path, format) = Self.files[index]
    for access in [FileAccess.mapped, .pread, .copied] {
      let checkpoint = try Checkpoint(Fixture.path(path), access: access)
      #expect(checkpoint.container.format == format)
      for info in checkpoint.weights {
        let count = try checkpoint.weights.withBytes(of: info.name) { $0.byteCount }
        #expect(count == info.byteCount)
      }
    }
  }

  @Test(
    "whatever its name ends with",
    arguments: [
      "../pytorch/new.bin", "../numpy/mixed.npz", "../gguf/bert.gguf", "classifier/model.safetensors",
    ])
  func extensions(path: String) throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: Fixture.path(path), toPath: folder.path("weights.dat"))
    let found = try Checkpoint(folder.path("weights.dat"))
    #expect(found.container.format == (try Checkpoint(Fixture.path(path))).container.format)
    // So it is with a folder that holds nothing else.
    #expect(try Checkpoint(folder.url.path).weights.map(\.name) == found.weights.map(\.name))
  }

  static let others: [(name: String, bytes: [UInt8], kind: FileKind)] = [
    ("empty", [], .empty), ("page.html", Array("\n<!DOCTYPE html>".utf8), .html),
    ("sign-in", Array("<html><head>".utf8), .html),
    ("keras.h5", [0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A], .hdf5),
    ("model.7z", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0, 4], .sevenZip), ("x.gz", [0x1F, 0x8B, 8, 0], .gzip),
    ("flax.msgpack", [0xDE, 0x00, 0x05, 0xA4, 0x62, 0x65, 0x72, 0x74, 0], .messagePack),
    ("x.onnx", [8, 8, 0x12, 7] + Array("pytorch".utf8) + [0], .onnx),
    ("note.txt", Array("hello".utf8), .unknown), ("pointer", Array("# xet version 0\n".utf8), .xetPointer),
    ("args.bin", [0x80, 4, 0x95, 0, 0], .pickle),
    (
      "lfs", Array("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n".utf8),
      .gitLFSPointer(sha256: "abc", byteCount: 12)
    ),
  ]

  @Test(
    "but not when it is of a kind that is not read, which is named with a remedy", arguments: others.indices)
  func otherKinds(index: Int) throws {
    let (name, bytes, kind) = Self.others[index]
    let folder = try TemporaryFolder()
    let path = folder.path(name)
    try Data(bytes).write(to: URL(filePath: path))
    #expect(throws: ContainerError.notReadable(path: path, kind: kind)) { try Checkpoint(path) }
    #expect("\(ContainerError.notReadable(path: path, kind: kind))".contains("; "))
  }

  @Test("but not when a folder holds several, or none")
  func several() throws {
    let folder = try TemporaryFolder()
    #expect(throws: ContainerError.noWeights(folder: folder.url.path, found: [])) {
      try Checkpoint(folder.url.path)
    }
    for name in ["a.gguf", "b.gguf"] {
      try FileManager.default.copyItem(atPath: Fixture.path("../gguf/values.gguf"), toPath: folder.path(name))
    }
    #expect(throws: ContainerError.ambiguous(path: folder.url.path, found: ["a.gguf", "b.gguf"])) {
      try Checkpoint(folder.url.path)
    }
  }

  @Test("with the configuration of Google's archive completed")
  func google() throws {
    let checkpoint = try Checkpoint(Fixture.path("../tensorbundle/google.zip"))
    #expect(checkpoint.isConfigurationInferred)
    let expected = try Checkpoint(Fixture.path("masked-lm")).bertConfiguration()
    let found = try checkpoint.bertConfiguration()
    #expect(found.hiddenSize == expected.hiddenSize && found.numHiddenLayers == expected.numHiddenLayers)
    #expect(found.layerNormEps == 1e-12)
    #expect(checkpoint.configuration["architectures"]?[0]?.stringValue == "BertForMaskedLM")
    #expect(checkpoint.weights.tensor(named: "bert.encoder.layer.1.output.dense.weight")?.shape == [16, 32])
    #expect(checkpoint.weights.leftOut.allSatisfy { $0.reason == "state of the optimiser" })
  }
}
