import CChecksums
import ForeignFormats
import ModelFiles

extension FuzzTarget {
  /// A parser each; those that do not see others' inputs are quick to find their own way.
  static let all: [FuzzTarget] = [
    FuzzTarget(name: "safetensors", mutate: Mutation.safetensors) { input in
      let file = try SafetensorsFile(path: input.file(), access: input.access)
      for finding in file.lint { consume(finding.description) }
      touch(file)
      for entry in file.entries {
        attempt {
          try file.withRows(of: entry.name, rows: 0..<min(1, entry.shape.first ?? 0)) {
            consume($0.byteCount)
          }
        }
      }
    },
    FuzzTarget(name: "shard-index") { input in
      let path = input.file(
        named: "input.index.json", beside: ["safetensors/sharded", "pytorch/sharded"])
      attempt { touch(try ShardedWeights(indexPath: path, access: input.access)) }
      attempt { touch(try PyTorchShards(indexPath: path, access: input.access)) }
    },
    FuzzTarget(name: "json") { input in
      let value = try JSONValue(parsing: input.array, acceptsNonFinite: input.bytes.count % 2 == 0)
      // What is written is what was read.
      let texts = [value.compactText(), value.pythonText(sortKeys: true, ensureASCII: false)]
      for text in texts where input.bytes.count % 2 == 1 {
        let again = try JSONValue(parsing: text)
        precondition(
          again.compactText() == value.compactText() || text == texts[1], "written otherwise than read")
      }
      attempt { consume(try TokenizerConfiguration(value).modelMaxLength()) }
      attempt { consume(try ConfigurationFile(value).view()) }
    },
    FuzzTarget(name: "vocabulary") { input in
      let file = try VocabularyFile(parsing: input.array, file: "vocab.txt")
      for finding in file.lint { consume(finding.description) }
      attempt { try file.check(vocabularySize: 100, required: ["[UNK]", "[CLS]"], file: "vocab.txt") }
      consume(file.bytes)
    },
    FuzzTarget(name: "tokenizer") { input in
      consume(try TokenizerFile(parsing: input.array, file: "tokenizer.json"))
    },
    FuzzTarget(name: "pickle", allowance: 128) { input in
      let graph = try PickleMachine.read(input.array, allowingMore: true)
      var nodes = [graph.root] + graph.persistentNodes
      // One step at a time and not for long: there may be cycles.
      for place in 0..<256 where place < nodes.count {
        let node = nodes[place]
        consume((graph[node].kind, graph.text(node), graph.integer(node), graph.symbol(node)))
        nodes += graph.sequence(node, limit: 16) ?? []
        nodes += (graph.dictionary(node, limit: 16) ?? []).flatMap { [$0.key, $0.value] }
        nodes += graph.call(node)?.arguments ?? []
      }
    },
    FuzzTarget(
      name: "pickle-globals", fixedAllowance: unpacking, allowance: deflate, mutate: Mutation.archive
    ) { input in
      let globals = try PickleGlobals.list(path: input.file(), access: input.access)
      consume((globals.names, globals.forbiddenNames))
      for pickle in globals.pickles { consume(pickle.fault.map { "\($0)" }) }
    },
    FuzzTarget(name: "pytorch", fixedAllowance: unpacking, allowance: deflate, mutate: Mutation.archive) {
      input in
      let file = try PyTorchFile(path: input.file(), access: input.access)
      for finding in file.findings { consume(finding.description) }
      touch(file)
    },
    FuzzTarget(
      name: "pytorch-value", fixedAllowance: unpacking, allowance: deflate, mutate: Mutation.archive
    ) { input in
      let document = try PyTorchDocument(path: input.file(), access: input.access)
      consume(document.root["state"]?[0]?["exp_avg"]?.tensorValue?.name)
      touch(document)
    },
    FuzzTarget(name: "zip", fixedAllowance: unpacking, allowance: deflate, mutate: Mutation.archive) {
      input in
      let archive = try ZipArchive(MappedFile(path: input.file(), access: input.access))
      for entry in archive.entries {
        precondition(archive[entry.name] == entry, "an entry is not found by its name")
        attempt { consume(try archive.uncheckedPrefix(of: entry, count: 100)) }
        attempt { consume(try archive.bytes(of: entry, limit: 1 << 20)) }
        attempt {
          let bytes = archive.lazyBytes(of: entry)
          try bytes.withBytes(in: 0..<bytes.byteCount) { consume($0.withUnsafeBytes { $0.reduce(0, ^) }) }
        }
      }
    },
    FuzzTarget(name: "tensorbundle", mutate: Mutation.tensorBundle) { input in
      touch(
        try TensorBundle(path: "bundle", index: input.array) { suffix in
          // As many as the fixtures have; the index may ask for two thousand million.
          suffix.hasPrefix(".data-0000") ? TensorBundleData.bytes : nil
        })
    },
    FuzzTarget(name: "tensorbundle-state") { input in
      // The file that names the newest bundle of a folder; the fixture of that name gives way to it.
      let state = input.file(named: "checkpoint", beside: ["tensorbundle/saver"])
      touch(try TensorBundle(path: FileSystem.parent(of: state)))
    },
    FuzzTarget(
      name: "tensorbundle-zip", fixedAllowance: unpacking, allowance: deflate, mutate: Mutation.archive
    ) { input in
      let archive = try ZipArchive(MappedFile(path: input.file(), access: input.access))
      for prefix in TensorBundle.prefixes(in: archive) {
        attempt { touch(try TensorBundle(archive: archive, prefix: prefix, path: "bundle.zip")) }
      }
    },
    FuzzTarget(name: "table", mutate: Mutation.table) { input in
      try SortedTable.forEachEntry(in: input.bytes) { key, value throws(TensorBundleError.Fault) in
        consume((key, value.reduce(0, ^)))
      }
    },
    FuzzTarget(name: "snappy") { input in consume(try SnappyBlock.decode(input.bytes)) },
    FuzzTarget(name: "protobuf") { input in
      // The messages within are looked for, one after another; a message of all lengths would be all of them.
      var messages = [input.bytes]
      for place in 0..<64 where place < messages.count {
        attempt {
          var reader = ProtocolBufferReader(messages[place])
          while let field = try reader.next() {
            consume((try? field.integer(), try? field.fixed32()))
            if field.number < 64 { attempt { try reader.singular(field) } }
            if messages.count < 64, let bytes = try? field.bytes() { messages.append(bytes) }
          }
        }
      }
    },
    FuzzTarget(name: "numpy", fixedAllowance: unpacking, allowance: deflate, mutate: Mutation.archive) {
      input in
      touch(try NumPyFile(path: input.file(), access: input.access))
    },
    FuzzTarget(name: "gguf") { input in
      let file = try GGUFFile(path: input.file(), access: input.access)
      for finding in file.findings { consume(finding.description) }
      for (key, value) in file.metadata {
        precondition(file[key] == value, "a value is not found by its key")
        consume((value.intValue, value.doubleValue, value.kind, value.stringValue))
        consume((value.arrayValue?.integers, value.arrayValue?.strings))
      }
      touch(file)
    },
    FuzzTarget(name: "file-kind") { input in
      let kind = try FileKind(path: input.file())
      consume((kind.description, kind.remedy))
    },
    FuzzTarget(name: "tokens", prepare: TokenReading.prepare) { try TokenReading.check($0.array) },
    FuzzTarget(name: "http") { try RequestReading.check($0.array) },
  ]

  /// What libarchive needs to unpack anything, and a tensor of a megabyte that is read twice.
  private static let unpacking = 4 << 20
  /// Deflate gives at most 1032 bytes for one.
  private static let deflate = 1100
}

/// What the data files of every tensor bundle are here: zeros.
enum TensorBundleData {
  static let byteCount = 1 << 16
  static let bytes: LazyBytes? = try? LazyBytes(
    MappedBytes(
      file: MappedFile.temporary(byteCount: byteCount, path: "data") { sink in
        let zeros = [UInt8](repeating: 0, count: byteCount)
        try sink(zeros.span.bytes)
      }, range: 0..<byteCount))
}
