import ModelFiles
import Testing

@Suite("tokenizer files")
struct TokenizerTests {
  static let cases = ((try? fixtureJSON("modelfiles/tokenizers.json")) ?? []).arrayValue ?? []

  @Test("the files of a folder make the tokenizer that AutoTokenizer makes of them", arguments: cases.indices)
  func matchesAutoTokenizer(index: Int) throws {
    let name = try #require(Self.cases[index]["name"]?.stringValue)
    let expected = try #require(Self.cases[index]["expected"])
    let folder = try TemporaryFolder()
    for file in try #require(Self.cases[index]["files"]?.members) {
      try folder.write(file.key, try #require(file.value.stringValue))
    }
    let made = try ModelFolder(path: folder.path).tokenizerDescription()

    // The reference knows a token by one id alone, the last.
    for member in try #require(expected["vocabulary"]?.members) {
      #expect(
        made.tokens.lastIndex { $0.hasSameBytes(as: member.key) } == member.value.intValue,
        "\(name): \(member.key)")
    }
    let distinct = Set(made.tokens.map { Array($0.utf8) })
    #expect(distinct.count == expected["vocabulary"]?.members?.count, "\(name)")

    #expect(made.lowercase == expected["lowercase"]?.boolValue, "\(name)")
    #expect(made.stripAccents == expected["stripAccents"]?.boolValue, "\(name)")
    #expect(made.tokenizeChineseChars == expected["tokenizeChineseChars"]?.boolValue, "\(name)")
    #expect(made.cleanText == expected["cleanText"]?.boolValue, "\(name)")
    #expect(made.maxInputCharsPerWord == expected["maxInputCharsPerWord"]?.intValue, "\(name)")
    #expect(made.modelMaxLength == expected["modelMaxLength"]?.intValue, "\(name)")
    let added: [JSONValue] = made.addedTokens.map { token in
      [
        "id": .number(token.id), "content": .string(token.content), "single_word": .bool(token.singleWord),
        "lstrip": .bool(token.lstrip), "rstrip": .bool(token.rstrip), "normalized": .bool(token.normalized),
        "special": .bool(token.special),
      ]
    }
    #expect(.array(added) == expected["addedTokens"], "\(name)")
    #expect(.strings(made.specialTokens.extra) == expected["extraSpecialTokens"], "\(name)")
    let special = try #require(expected["specialTokens"]?.members)
    for role in special {
      #expect(
        made.specialTokens.named.contains { $0.role == role.key && $0.token == role.value.stringValue },
        "\(name)")
    }
    // Where no class is named transformers knows no special tokens; here they are those of the template.
    if !special.isEmpty && !name.contains("as it is") {
      #expect(made.specialTokens.named.count == special.count, "\(name)")
    }
  }

  @Test("the fixture holds its cases")
  func hasCases() { #expect(Self.cases.count == 45) }

  @Test("tokenizers are saved as transformers saves them, byte for byte", arguments: ["5", "4"])
  func matchesSaved(version: String) throws {
    let cases = try #require(fixtureJSON("modelfiles/saved_\(version).json").arrayValue)
    #expect(cases.count == 4)
    for saved in cases {
      let tokens = try #require(saved["tokens"]?.arrayValue).compactMap(\.stringValue)
      let folder = try TemporaryFolder()
      for file in try #require(saved["files"]?.members) where file.key != "vocab.txt" {
        try folder.write(file.key, try #require(file.value.stringValue))
      }
      let made = try ModelFolder(path: folder.path).tokenizerDescription()
      #expect(made.tokens == tokens)
      let out = try TemporaryFolder()
      let names = try made.write(to: out.path)
      #expect(names == ["vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"])
      for file in try #require(saved["files"]?.members)
      where version == "5" || file.key != "tokenizer_config.json" {
        let text = String(decoding: try FileSystem.read(out(file.key)), as: UTF8.self)
        #expect(text == file.value.stringValue, "\(file.key)")
      }
      let again = try ModelFolder(path: out.path).tokenizerDescription()
      #expect(again.tokens == made.tokens)
      #expect(again.addedTokens == made.addedTokens)
      #expect(again.specialTokens == made.specialTokens)
    }
  }

  /// A tokenizer.json with one part replaced.
  func parse(_ changes: (inout JSONValue) -> Void) throws -> TokenizerFile {
    var json = try JSONValue(parsing: TokenizerFile(tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]).bytes)
    changes(&json)
    return try TokenizerFile(parsing: Array(json.compactText().utf8), file: "t")
  }

  @Test("other models, normalisers and splitters are refused by name")
  func refusesOthers() throws {
    func refused(_ key: String, _ supported: String, _ found: String, _ change: (inout JSONValue) -> Void) {
      let error = ConfigurationError.unsupported(key: key, supported: supported, found: found, file: "t")
      #expect(throws: error) { try parse(change) }
    }
    let model = "a WordPiece model with a vocabulary"
    refused("model.type", model, "'BPE'") {
      $0.set("model", ["type": "BPE", "vocab": ["a": 0], "merges": []])
    }
    refused("model.type", model, "'Unigram'") {
      $0.set("model", ["type": "Unigram", "vocab": [["a", 0.5]]])
    }
    refused("model.type", model, "absent") { $0.set("model", ["vocab": ["a": 0], "merges": []]) }
    refused("normalizer.type", "'BertNormalizer'", "'NFC'") { $0.set("normalizer", ["type": "NFC"]) }
    refused("pre_tokenizer.type", "'BertPreTokenizer'", "'ByteLevel'") {
      $0.set("pre_tokenizer", ["type": "ByteLevel"])
    }
    refused("post_processor.type", "'TemplateProcessing' or 'BertProcessing'", "'ByteLevel'") {
      $0.set("post_processor", ["type": "ByteLevel"])
    }
    #expect(throws: ConfigurationError.missingKey("model", file: "t")) { try parse { $0.remove("model") } }
  }

  @Test(
    "ids are distinct, positive and near each other",
    arguments: [
      (#"{"a":0,"b":0}"#, VocabularyError.invalidID(token: "b", found: "0, as has 'a'", file: "t")),
      (#"{"a":-1}"#, .invalidID(token: "a", found: "the number -1", file: "t")),
      (#"{"a":1.0}"#, .invalidID(token: "a", found: "the number 1.0", file: "t")),
      (#"{"a":"1"}"#, .invalidID(token: "a", found: "the string '1'", file: "t")),
      (#"{"a":4294967296}"#, .invalidID(token: "a", found: "the number 4294967296", file: "t")),
      (#"{"a":0,"b":2000000000}"#, .invalidID(token: "b", found: "2000000000", file: "t")),
    ])
  func checksIDs(vocabulary: String, error: VocabularyError) {
    let text = #"{"model":{"type":"WordPiece","vocab":\#(vocabulary)}}"#
    #expect(throws: error) { try TokenizerFile(parsing: Array(text.utf8), file: "t") }
  }

  @Test("ids may leave holes; a token twice is malformed")
  func readsHoles() throws {
    let text = #"{"model":{"continuing_subword_prefix":"@","vocab":{"b":3,"a":1}}}"#
    let file = try TokenizerFile(parsing: Array(text.utf8), file: "t")
    #expect(file.tokens == ["", "a", "", "b"])
    #expect(file.normalizer == nil)
    let twice = #"{"model":{"type":"WordPiece","vocab":{"a":0,"\u0061":1}}}"#
    let error = #expect(throws: JSONError.self) { try TokenizerFile(parsing: Array(twice.utf8), file: "t") }
    #expect(error?.fault == .duplicateKey("a"))
    #expect(error?.path == "t")
  }

  @Test("truncation and padding are kept as they are found")
  func keepsTruncation() throws {
    let truncation: JSONValue = ["max_length": 128, "strategy": "LongestFirst", "stride": 0]
    let file = try parse { $0.set("truncation", truncation) }
    #expect(file.truncation == truncation)
    #expect(file.padding == nil)
    #expect(try JSONValue(parsing: file.bytes)["truncation"] == truncation)
  }

  @Test("options that BERT's class does not have are written for the general one")
  func writesGeneralClass() throws {
    var made = TokenizerDescription(tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"])
    #expect(TokenizerConfiguration(made).json["tokenizer_class"] == "BertTokenizer")
    made.maxInputCharsPerWord = 7
    let folder = try TemporaryFolder()
    try made.write(to: folder.path)
    try folder.write("config.json", #"{"model_type":"bert"}"#)
    #expect(try ModelFolder(path: folder.path).tokenizerDescription().maxInputCharsPerWord == 7)
  }

  @Test(
    "a configuration with values of the wrong kind is refused",
    arguments: [
      #"{"do_lower_case":"yes"}"#, #"{"model_max_length":"512"}"#, #"{"model_max_length":0}"#,
      #"{"model_max_length":1.5}"#,
      #"{"added_tokens_decoder":{"x":{"content":"a"}}}"#, #"{"added_tokens_decoder":{"1":{}}}"#,
      #"{"tokenizer_class":1}"#, "[]",
    ])
  func refusesConfiguration(text: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("vocab.txt", "[UNK]\n")
    try folder.write("tokenizer_config.json", text)
    #expect(throws: ConfigurationError.self) { try ModelFolder(path: folder.path).tokenizerDescription() }
  }
}
