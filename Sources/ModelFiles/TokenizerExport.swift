extension TokenizerDescription {
  /// The `tokenizer.json` that describes this tokenizer.
  public var tokenizerFile: TokenizerFile {
    var file = TokenizerFile(tokens: tokens)
    file.unkToken = specialTokens.unk ?? file.unkToken
    file.clsToken = specialTokens.cls ?? file.clsToken
    file.sepToken = specialTokens.sep ?? file.sepToken
    (file.continuingSubwordPrefix, file.maxInputCharsPerWord) = (
      continuingSubwordPrefix, maxInputCharsPerWord
    )
    var normalizer = TokenizerFile.Normalizer()
    (normalizer.cleanText, normalizer.lowercase) = (cleanText, lowercase)
    (normalizer.handleChineseChars, normalizer.stripAccents) = (tokenizeChineseChars, stripAccents)
    file.normalizer = normalizer
    file.addedTokens = addedTokens
    return file
  }

  /// Writes `vocab.txt`, `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json`, replacing
  /// those that are there.
  ///
  /// Versions 4 and 5 of transformers build the same tokenizer from them. `vocab.txt`, which version 5 does
  /// not write, is left out when a token could not stand on a line of it.
  ///
  /// - Returns: the names of the files written.
  /// - Throws: ``SystemError``.
  @discardableResult
  public func write(to folder: String) throws -> [String] {
    var names: [String] = []
    do {
      try VocabularyFile(tokens: tokens).write(to: FileSystem.join(folder, "vocab.txt"))
      names.append("vocab.txt")
    } catch VocabularyError.unwritable {
      try FileSystem.remove(FileSystem.join(folder, "vocab.txt"))  // another tokenizer's would be left
    }
    let texts: [(String, [UInt8])] = [
      ("tokenizer.json", tokenizerFile.bytes),
      ("tokenizer_config.json", TokenizerConfiguration(self).bytes),
      ("special_tokens_map.json", SpecialTokensMap(specialTokens).bytes),
    ]
    for (name, bytes) in texts {
      try AtomicFile.write(bytes, to: FileSystem.join(folder, name))
      names.append(name)
    }
    return names
  }
}
