/// What the hub is known to refuse in the front matter of a model card, as far as it can be told without asking it.
///
/// The hub's own answer decides; but it can be asked only when there is a network, and a training may end when there is
/// none. Only what has been seen to be refused is looked for, line by line: this is no reader of YAML.
enum CardRules {
  /// What is wrong with a card; empty when nothing is.
  ///
  /// - Parameter card: the text of `README.md`.
  static func problems(of card: String) -> [String] {
    // Lines may end in CR LF, which is one character, unlike either of the two.
    var lines = card.split(omittingEmptySubsequences: false) { ["\n", "\r\n", "\r"].contains($0) }
    guard lines.first == "---" else { return [] }  // no front matter, which the hub allows
    lines.removeFirst()
    guard let end = lines.firstIndex(of: "---") else {
      return ["its front matter does not end: a line --- is missing"]
    }
    let fields = lines[..<end].map(Field.init)
    var problems: [String] = []
    for (index, field) in fields.enumerated() {
      if field.hasTab { problems.append("line \(index + 2) is indented by a tab, YAML wants spaces") }
      guard field.indent == 0, !field.isItem else { continue }
      if field.key == "base_model" || field.key == "datasets" {
        let items = fields[(index + 1)...].prefix { $0.isItem || $0.key.isEmpty }.filter(\.isItem).map(
          \.value)
        for value in [field.value] + items where isPath(value) {
          problems.append("\(field.key) '\(value)' is a path, the hub takes names only")
        }
      }
      if field.key == "model-index" { problems += modelIndex(fields[(index + 1)...]) }
    }
    return problems
  }

  private static func modelIndex(_ rest: ArraySlice<Field>) -> [String] {
    let fields = rest.prefix { $0.indent > 0 || $0.isItem || $0.key.isEmpty }
    var problems: [String] = []
    for field in fields where ["config", "split", "revision"].contains(field.key) {
      if ["null", "~", "", "Null", "NULL"].contains(field.value) {
        problems.append(
          "model-index: dataset.\(field.key) is \(field.value.isEmpty ? "empty" : field.value), not text")
      }
    }
    let results = fields.filter { $0.isItem && $0.key == "task" }.count
    let metrics = fields.filter { $0.key == "metrics" && $0.indent > 0 }.count
    if metrics < results { problems.append("model-index: a result has no metrics") }
    return problems
  }

  private static func isPath(_ value: String) -> Bool {
    value.hasPrefix("/") || value.hasPrefix("./") || value.hasPrefix("../") || value.hasPrefix("~")
      || value.contains("\\") || value.split(separator: "/", omittingEmptySubsequences: false).count > 2
  }

  /// `key: value`, `- key: value` or `- value`.
  private struct Field {
    var indent: Int
    var hasTab: Bool
    var isItem: Bool
    var key = ""
    var value: String

    init(_ line: Substring) {
      let rest = line.drop { $0 == " " || $0 == "\t" }
      hasTab = line.prefix(line.count - rest.count).contains("\t")
      indent = line.count - rest.count
      isItem = rest.hasPrefix("- ")
      let text = isItem ? rest.dropFirst(2).drop { $0 == " " } : rest
      value = Self.plain(text)
      guard text.first != "\"", text.first != "'", let colon = text.firstIndex(of: ":") else { return }
      let after = text[text.index(after: colon)...]
      guard after.isEmpty || after.first == " " else { return }
      (key, value) = (String(text[..<colon]), Self.plain(after))
    }

    private static func plain(_ text: Substring) -> String {
      var text = text.drop { $0 == " " }
      while text.last == " " { text.removeLast() }
      guard let quote = text.first, quote == "\"" || quote == "'", text.count > 1, text.last == quote else {
        return String(text)
      }
      return String(text.dropFirst().dropLast())
    }
  }
}
