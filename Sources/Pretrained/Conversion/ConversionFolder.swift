import BERT
import ForeignFormats
import ModelFiles

/// The files that belong beside weights: configuration, tokenizer, card.
struct ConversionFolder {
  private let conversion: Conversion
  private var checkpoint: Checkpoint { conversion.checkpoint }

  init(_ conversion: Conversion) { self.conversion = conversion }

  /// Files that are taken over as they are.
  private static let copied = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt",
    "README.md",
    "generation_config.json", "modules.json", "sentence_bert_config.json",
    "config_sentence_transformers.json",
  ]

  /// Writes what the format has a place for.
  ///
  /// - Returns: what the user should know.
  /// - Throws: `SystemError`, and the errors of the checkpoint's own files.
  func write(into folder: String) throws -> [String] {
    switch conversion.target {
    case .gguf: return []  // everything is in the file
    case .tf1: return try writeGoogle(into: folder)
    default: return try writeHuggingFace(into: folder)
    }
  }

  private func writeHuggingFace(into folder: String) throws -> [String] {
    var notes: [String] = []
    func path(_ name: String) -> String { FileSystem.join(folder, name) }
    if !checkpoint.configuration.isNull {
      var document = checkpoint.configuration
      if let type = conversion.options.elementType, let name = Self.torchNames[type] {
        document.remove("torch_dtype")
        document.set("dtype", .string(name))
      }
      try ConfigurationFile(document).write(to: path("config.json"))
    } else {
      notes.append(
        "there is no config.json, which says how large the model is: put the model's own beside the weights")
    }
    for name in Self.copied {
      guard let file = checkpoint.folder.companion(name) else { continue }
      try AtomicFile.write(file.read(limit: TokenizerFile.maximumByteCount), to: path(name))
    }
    let pooling = FileSystem.join(checkpoint.folder.path, "1_Pooling/config.json")
    if FileSystem.isRegularFile(pooling) {
      try FileSystem.createFolder(path("1_Pooling"))
      try AtomicFile.write(
        FileSystem.read(pooling, limit: TokenizerFile.maximumByteCount), to: path("1_Pooling/config.json"))
    }
    if let description = try? checkpoint.folder.tokenizerDescription() {
      // Old and new versions look for different files: those that are missing are made.
      let temporary = path(".tokenizer")
      try FileSystem.createFolder(temporary)
      try description.write(to: temporary)
      for name in try FileSystem.list(temporary) where !FileSystem.exists(path(name)) {
        try FileSystem.rename(FileSystem.join(temporary, name), to: path(name))
      }
      try FileSystem.removeTree(temporary)
    } else if !checkpoint.configuration.isNull {
      notes.append("there is no vocabulary that can be read, so no tokenizer was written")
    }
    if !FileSystem.exists(path("README.md")) { try AtomicFile.write(card.text, to: path("README.md")) }
    return notes
  }

  private static let torchNames: [ElementType: String] = [
    .float32: "float32", .float16: "float16", .bfloat16: "bfloat16", .float64: "float64",
  ]

  private var card: ModelCard {
    let name = FileSystem.name(of: conversion.destination)
    let from = FileSystem.name(of: checkpoint.container.path)
    let architecture = checkpoint.architecture?.rawValue
    return ModelCard(
      name: name,
      summary: "Converted from `\(from)` (\(checkpoint.container.format.rawValue))"
        + (architecture.map { ", \($0) in transformers." } ?? "."))
  }

  /// `bert_config.json` and `vocab.txt`, as in Google's archives.
  private func writeGoogle(into folder: String) throws -> [String] {
    guard let configuration = try? checkpoint.bertConfiguration() else {
      return ["there is no BERT configuration, so no bert_config.json was written"]
    }
    let document: JSONValue = [
      "attention_probs_dropout_prob": .number(configuration.attentionProbsDropoutProb),
      "hidden_act": .string(configuration.hiddenAct.rawValue),
      "hidden_dropout_prob": .number(configuration.hiddenDropoutProb),
      "hidden_size": .number(configuration.hiddenSize),
      "initializer_range": .number(configuration.initializerRange),
      "intermediate_size": .number(configuration.intermediateSize),
      "max_position_embeddings": .number(configuration.maxPositionEmbeddings),
      "num_attention_heads": .number(configuration.numAttentionHeads),
      "num_hidden_layers": .number(configuration.numHiddenLayers),
      "type_vocab_size": .number(configuration.typeVocabSize),
      "vocab_size": .number(configuration.vocabSize),
    ]
    try AtomicFile.write(document.pythonText() + "\n", to: FileSystem.join(folder, "bert_config.json"))
    var notes: [String] = []
    if configuration.layerNormEps != 1e-12 {
      notes.append(
        "google-research/bert computes with layer_norm_eps 1e-12; this model has \(configuration.layerNormEps)"
      )
    }
    if let description = try? checkpoint.folder.tokenizerDescription() {
      try AtomicFile.write(
        VocabularyFile(tokens: description.tokens).bytes, to: FileSystem.join(folder, "vocab.txt"))
      notes.append(
        "google-research/bert takes --do_lower_case=\(description.lowercase ? "True" : "False") for this vocabulary"
      )
    }
    return notes
  }
}
