import ModelFiles

/// The texts of a request.
struct RequestTexts: Equatable {
  /// A text, or a pair of texts.
  struct Item: Equatable {
    var text: String
    var pair: String?
  }

  var items: [Item]
  /// Whether they were sent as a list: the answer is a list then too.
  var isList: Bool

  /// As the Inference API takes them: a string, an object with `text` and `text_pair`, or a list of those.
  ///
  /// - Parameters:
  ///   - inputs: the member of that name.
  ///   - limit: the most texts that are taken at once.
  ///   - takesPairs: whether the task knows pairs.
  /// - Throws: ``RequestError`` saying where another type was found.
  init(_ inputs: JSONValue?, limit: Int, takesPairs: Bool) throws(RequestError) {
    guard let inputs else { throw .invalid("there is no 'inputs'; send {\"inputs\": \"a text\"}") }
    isList = inputs.arrayValue != nil
    let values = inputs.arrayValue ?? [inputs]
    try Self.check(values.count, limit)
    items = []
    for (place, value) in values.enumerated() {
      items.append(try Self.item(value, isList ? "inputs[\(place)]" : "inputs", takesPairs))
    }
  }

  /// As text-embeddings-inference takes them for `/predict`: a string; a list of one or two strings, which is a text
  /// or a pair; or a list of such lists.
  init(nested inputs: JSONValue?, limit: Int) throws(RequestError) {
    guard let inputs else { throw .invalid("there is no 'inputs'; send {\"inputs\": \"a text\"}") }
    isList = inputs[0]?.arrayValue != nil
    let values = isList ? inputs.arrayValue ?? [] : [inputs]
    try Self.check(values.count, limit)
    items = []
    for (place, value) in values.enumerated() {
      let name = isList ? "inputs[\(place)]" : "inputs"
      let parts = value.arrayValue ?? [value]
      let texts = parts.compactMap(\.stringValue)
      guard texts.count == parts.count, (1...2).contains(texts.count) else {
        throw .invalid("\(name) is not a string or a list of one or two strings; send a text or a pair")
      }
      items.append(Item(text: texts[0], pair: texts.count == 2 ? texts[1] : nil))
    }
  }

  private static func check(_ count: Int, _ limit: Int) throws(RequestError) {
    guard count > 0 else { throw .invalid("'inputs' is an empty list; send at least one text") }
    guard count <= limit else {
      throw .tooLarge(
        "\(count) texts are more than the \(limit) taken at once; send them in several requests")
    }
  }

  private static func item(
    _ value: JSONValue, _ name: String, _ takesPairs: Bool
  ) throws(RequestError) -> Item {
    if let text = value.stringValue { return Item(text: text) }
    guard takesPairs else { throw .invalid("\(name) is \(value.kind); send a string") }
    guard let text = value["text"]?.stringValue else {
      throw .invalid("\(name) is \(value.kind); send a string, or an object with text and text_pair")
    }
    let pair = value["text_pair"] ?? .null
    guard pair.isNull || pair.stringValue != nil else {
      throw .invalid("\(name).text_pair is \(pair.kind); send a string")
    }
    if let other = value.members?.first(where: { $0.key != "text" && $0.key != "text_pair" }) {
      throw .invalid("\(name) has '\(other.key.prefix(64))'; send text and text_pair only")
    }
    return Item(text: text, pair: pair.stringValue)
  }
}

/// A sentence and those it is compared with.
struct SimilarityTexts: Equatable {
  var source: String
  var sentences: [String]

  /// - Parameters:
  ///   - inputs: an object with `source_sentence` and `sentences`.
  ///   - limit: the most texts that are taken at once.
  /// - Throws: ``RequestError``
  init(_ inputs: JSONValue?, limit: Int) throws(RequestError) {
    guard let source = inputs?["source_sentence"]?.stringValue,
      let values = inputs?["sentences"]?.arrayValue, inputs?.members?.count == 2
    else {
      throw .invalid(
        "'inputs' is not an object with source_sentence, a string, and sentences, a list; send that")
    }
    let sentences = values.compactMap(\.stringValue)
    guard sentences.count == values.count, !sentences.isEmpty else {
      throw .invalid("'inputs.sentences' is not a list of strings; send at least one")
    }
    guard sentences.count < limit else {
      throw .tooLarge("\(sentences.count) sentences are more than the \(limit - 1) taken at once; send fewer")
    }
    (self.source, self.sentences) = (source, sentences)
  }
}
