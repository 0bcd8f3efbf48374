extension TokenizerFile {
  /// The bytes of the file as the tokenizers library saves it: `Tokenizer.save`, pretty, without a final
  /// newline.
  ///
  /// Tokens stand in the order of their ids; of two alike only the last, as the library knows no other.
  public var bytes: [UInt8] { Array(json.pythonText(indent: 2, ensureASCII: false).utf8) }

  /// Writes the file, replacing one that is there.
  public func write(to path: String) throws(SystemError) { try AtomicFile.write(bytes, to: path) }

  private var json: JSONValue {
    [
      "version": "1.0",
      "truncation": truncation ?? .null,
      "padding": padding ?? .null,
      "added_tokens": .array(addedTokens.sorted { $0.id < $1.id }.map(\.json)),
      "normalizer": normalizer?.json ?? .null,
      "pre_tokenizer": ["type": "BertPreTokenizer"],
      "post_processor": template,
      "decoder": ["type": "WordPiece", "prefix": .string(continuingSubwordPrefix), "cleanup": true],
      "model": [
        "type": "WordPiece",
        "unk_token": .string(unkToken),
        "continuing_subword_prefix": .string(continuingSubwordPrefix),
        "max_input_chars_per_word": .number(maxInputCharsPerWord),
        "vocab": .object(vocabulary),
      ],
    ]
  }

  private var vocabulary: [JSONValue.Member] {
    var later: [String] = []
    var table = NameTable(minimumCapacity: tokens.count)
    var members: [JSONValue.Member] = []
    for (id, token) in tokens.enumerated().reversed() where !token.isEmpty {
      let isShadowed = table.insert(hash: NameTable.hash(token)) { later[$0].hasSameBytes(as: token) } != nil
      if isShadowed { continue }
      later.append(token)
      members.append(.init(token, .number(id)))
    }
    return members.reversed()
  }

  /// `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, with token type 1 from B on.
  private var template: JSONValue {
    func special(_ token: String, _ type: Int) -> JSONValue {
      ["SpecialToken": ["id": .string(token), "type_id": .number(type)]]
    }
    func sequence(_ id: String, _ type: Int) -> JSONValue {
      ["Sequence": ["id": .string(id), "type_id": .number(type)]]
    }
    let single = [special(clsToken, 0), sequence("A", 0), special(sepToken, 0)]
    let names = clsToken.hasSameBytes(as: sepToken) ? [clsToken] : [clsToken, sepToken]
    let tokens = names.sorted { $0.precedesInBytes($1) }.map { name in
      JSONValue.Member(
        name, ["id": .string(name), "ids": .array([.number(id(of: name) ?? 0)]), "tokens": [.string(name)]])
    }
    return [
      "type": "TemplateProcessing",
      "single": .array(single),
      "pair": .array(single + [sequence("B", 1), special(sepToken, 1)]),
      "special_tokens": .object(tokens),
    ]
  }

  /// The id of a token, that of an added one first.
  func id(of token: String) -> Int? {
    addedTokens.first { $0.content.hasSameBytes(as: token) }?.id
      ?? tokens.lastIndex { $0.hasSameBytes(as: token) }
  }
}

extension TokenizerFile.Normalizer {
  var json: JSONValue {
    [
      "type": "BertNormalizer",
      "clean_text": .bool(cleanText),
      "handle_chinese_chars": .bool(handleChineseChars),
      "strip_accents": stripAccents.map { .bool($0) } ?? .null,
      "lowercase": .bool(lowercase),
    ]
  }
}
