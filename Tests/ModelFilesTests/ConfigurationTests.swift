import ModelFiles
import Testing

@Suite("config.json")
struct ConfigurationTests {
  static let real = """
    {
      "_name_or_path": "nreimers/MiniLM-L6-H384-uncased",
      "architectures": [
        "BertModel"
      ],
      "gradient_checkpointing": false,
      "hidden_dropout_prob": 0.1,
      "hidden_size": 384,
      "layer_norm_eps": 1e-12,
      "vocab_size": 30522
    }
    """

  @Test("a configuration survives a round trip byte for byte")
  func roundTrip() throws {
    #expect(try JSONValue(parsing: Self.real).pythonText() == Self.real)
  }

  @Test(
    "configurations of transformers 5.23 and 4.38 are written again byte for byte", arguments: ["5", "4"])
  func matchesTransformers(version: String) throws {
    let texts = try #require(fixtureJSON("modelfiles/config_\(version).json").arrayValue).compactMap(
      \.stringValue)
    #expect(texts.count == 4)
    for text in texts {
      let file = try ConfigurationFile(JSONValue(parsing: text))
      #expect(String(decoding: file.bytes, as: UTF8.self) == text)
    }
  }

  @Test("floats stay floats, integers integers and flags flags, as version 5 demands")
  func keepsTypes() throws {
    let file = try ConfigurationFile([
      "vocab_size": 30522.0, "layer_norm_eps": 0, "initializer_range": 1, "use_cache": 1,
      "hidden_dropout_prob": 0,
      "unknown": 1, "hidden_size": 384.5,
    ])
    let text = String(decoding: file.bytes, as: UTF8.self)
    #expect(
      try JSONValue(parsing: text).compactText()
        == #"{"hidden_dropout_prob":0,"hidden_size":384.5,"initializer_range":1.0,"layer_norm_eps":0.0,"unknown":1,"use_cache":true,"vocab_size":30522}"#
    )
  }

  func view(_ text: String) throws -> ConfigurationView {
    try ConfigurationView(JSONValue(parsing: text), file: "c.json")
  }

  @Test("members are read with their types and defaults")
  func reads() throws {
    let view = try view(
      #"{"i":7,"f":1e-12,"b":true,"s":"x","l":["a","b"],"n":null,"o":{"i":1},"id2label":{"1":"b","0":"a"}}"#)
    #expect(try view.int("i") == 7)
    #expect(try view.int("none", default: 3) == 3)
    #expect(try view.int("n", default: 3) == 3)
    #expect(try view.double("f") == 1e-12)
    #expect(try view.double("i") == 7)
    #expect(try view.double("none", default: 0.5) == 0.5)
    #expect(try view.bool("b"))
    #expect(try view.string("s") == "x")
    #expect(try view.optionalStrings("l") == ["a", "b"])
    #expect(try view.optionalString("none") == nil)
    #expect(try view.optionalObject("o")?.int("i") == 1)
    #expect(try view.optionalNamesByNumber("id2label") == ["a", "b"])
    #expect(try view.optionalNamesByNumber("none") == nil)
  }

  static let faults:
    [(text: String, read: @Sendable (ConfigurationView) throws -> Void, error: ConfigurationError)] = [
      ("{}", { _ = try $0.int("k") }, .missingKey("k", file: "c.json")),
      (
        #"{"k":null}"#, { _ = try $0.int("k") },
        .wrongType(key: "k", expected: "an integer", found: "null", file: "c.json")
      ),
      (
        #"{"k":2.0}"#, { _ = try $0.int("k") },
        .wrongType(key: "k", expected: "an integer", found: "the number 2.0", file: "c.json")
      ),
      (
        #"{"k":"2"}"#, { _ = try $0.int("k") },
        .wrongType(key: "k", expected: "an integer", found: "a string", file: "c.json")
      ),
      (
        #"{"k":99999999999999999999}"#, { _ = try $0.int("k") },
        .wrongType(key: "k", expected: "an integer", found: "the number 99999999999999999999", file: "c.json")
      ),
      (
        #"{"k":0}"#, { _ = try $0.int("k", in: 1...10) },
        .outOfRange(key: "k", expected: "in 1...10", found: "0", file: "c.json")
      ),
      (
        #"{"k":0}"#, { _ = try $0.int("k", in: 1 ... .max) },
        .outOfRange(key: "k", expected: "at least 1", found: "0", file: "c.json")
      ),
      (
        #"{"k":true}"#, { _ = try $0.double("k") },
        .wrongType(key: "k", expected: "a number", found: "true", file: "c.json")
      ),
      (
        #"{"k":1.5}"#, { _ = try $0.double("k", in: 0...1) },
        .outOfRange(key: "k", expected: "in 0.0...1.0", found: "1.5", file: "c.json")
      ),
      (
        #"{"k":1}"#, { _ = try $0.bool("k") },
        .wrongType(key: "k", expected: "true or false", found: "the number 1", file: "c.json")
      ),
      (
        #"{"k":[1]}"#, { _ = try $0.string("k") },
        .wrongType(key: "k", expected: "a string", found: "an array", file: "c.json")
      ),
      (
        #"{"k":["a",1]}"#, { _ = try $0.optionalStrings("k") },
        .wrongType(key: "k", expected: "a list of strings", found: "an array", file: "c.json")
      ),
      (
        #"{"k":["a"]}"#, { _ = try $0.optionalObject("k") },
        .wrongType(key: "k", expected: "an object", found: "an array", file: "c.json")
      ),
      (
        #"{"k":["a"]}"#, { _ = try $0.optionalNamesByNumber("k") },
        .wrongType(key: "k", expected: "an object", found: "an array", file: "c.json")
      ),
      (
        #"{"k":{"i":"x"}}"#, { _ = try $0.optionalObject("k")?.int("i") },
        .wrongType(key: "k.i", expected: "an integer", found: "a string", file: "c.json")
      ),
      (
        #"{"k":{"0":"a","2":"b"}}"#, { _ = try $0.optionalNamesByNumber("k") },
        .outOfRange(
          key: "k", expected: "numbered 0 to 1 without gaps", found: "numbered with 2 among 2", file: "c.json"
        )
      ),
      (
        #"{"k":{"0":"a","00":"b"}}"#, { _ = try $0.optionalNamesByNumber("k") },
        .outOfRange(
          key: "k", expected: "numbered 0 to 1 without gaps", found: "numbered with a number twice",
          file: "c.json")
      ),
      (
        #"{"k":{"x":"a"}}"#, { _ = try $0.optionalNamesByNumber("k") },
        .outOfRange(
          key: "k", expected: "an object whose keys are numbers from 0", found: "keyed 'x'", file: "c.json")
      ),
      (
        #"{"k":{"0":1}}"#, { _ = try $0.optionalNamesByNumber("k") },
        .wrongType(key: "k.0", expected: "a string", found: "the number 1", file: "c.json")
      ),
    ]

  @Test("names the key, what was expected, what was found, and the file", arguments: faults.indices)
  func rejects(index: Int) throws {
    let (text, read, error) = Self.faults[index]
    let view = try view(text)
    #expect(throws: error) { try read(view) }
    #expect(error.description.hasPrefix("c.json: 'k"))
  }

  @Test("refuses what is no object", arguments: ["[]", "1", "null", #""x""#])
  func rejectsOthers(text: String) {
    #expect(throws: ConfigurationError.self) { try ConfigurationFile(JSONValue(parsing: text)) }
  }
}
