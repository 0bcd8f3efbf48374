/// The added tokens of a tokenizer, with ids given as the tokenizers library gives them
/// (`tokenizer/added_vocabulary.rs`, `add_tokens`).
struct AddedVocabulary {
  private let tokens: [String]
  /// Made when it is needed: a model has a handful of added tokens, which are found sooner without one.
  private var vocabulary: Lookup?
  private var scanCount = 0
  private var added: [AddedToken] = []
  /// Numbers are indices of `added`.
  private var addedTable = NameTable()
  private var lastAddedID = -1

  /// - Parameter added: tokens that are there from the start.
  init(_ tokens: [String], _ added: [AddedToken] = []) {
    self.tokens = tokens
    for token in added { add(token) }
  }

  var sorted: [AddedToken] { added.sorted { $0.id < $1.id } }

  func contains(_ content: String) -> Bool { number(of: content) != nil }

  /// Adds a token, or changes the options of the one with the same text. Its own id is not looked at.
  mutating func add(_ token: AddedToken) {
    guard !token.content.isEmpty else { return }
    var token = token
    if let number = number(of: token.content) {
      token.id = added[number].id
      added[number] = token
    } else {
      token.id = vocabularyID(of: token.content) ?? nextID
      lastAddedID = max(lastAddedID, token.id)
      _ = addedTable.insert(hash: NameTable.hash(token.content)) { _ in false }
      added.append(token)
    }
  }

  private func number(of content: String) -> Int? {
    addedTable.number(hash: NameTable.hash(content)) { added[$0].content.hasSameBytes(as: content) }
  }

  /// The last id of a token.
  private mutating func vocabularyID(of content: String) -> Int? {
    if vocabulary == nil, scanCount < Self.scanLimit {
      scanCount += 1
      return tokens.lastIndex { $0.hasSameBytes(as: content) }
    }
    return lookup().id(of: content, in: tokens)
  }

  /// Tokens that are looked for one by one before a table is made.
  private static let scanLimit = 16

  /// Behind the added tokens, if those are behind the vocabulary already. The vocabulary's size counts
  /// distinct tokens, so that the id may be taken when some are there twice; so it is in the library.
  private var nextID: Int { mutating get { max(lastAddedID + 1, lookup().ids.count) } }

  private mutating func lookup() -> Lookup {
    if let vocabulary { return vocabulary }
    let made = Lookup(tokens)
    vocabulary = made
    return made
  }

  /// Tokens by their text.
  private struct Lookup {
    private var table: NameTable
    /// The last id of each distinct token, in the order of their first.
    private(set) var ids: [Int] = []

    init(_ tokens: [String]) {
      table = NameTable(minimumCapacity: tokens.count)
      for (id, token) in tokens.enumerated() {
        let known = table.insert(hash: NameTable.hash(token)) { tokens[ids[$0]].hasSameBytes(as: token) }
        if let known { ids[known] = id } else { ids.append(id) }
      }
    }

    func id(of content: String, in tokens: [String]) -> Int? {
      table.number(hash: NameTable.hash(content)) { tokens[ids[$0]].hasSameBytes(as: content) }.map {
        ids[$0]
      }
    }
  }
}

/// Collects special and added tokens from the files, in the order in which transformers adds them.
struct AddedTokenGathering {
  /// Whether tokenizer_config.json lists the added tokens itself.
  private(set) var hasDecoder = false
  /// By the id they are listed with.
  private var listed: [Int: AddedToken] = [:]
  /// Special tokens that a file names; those that are only BERT's defaults are not among them.
  private var named: [String] = []
  /// Options of special tokens that were given as objects.
  private var options: [AddedToken] = []
  private var extra: [AddedToken] = []

  /// A later token takes the place of an earlier one with the same id.
  mutating func list(_ token: AddedToken) { listed[token.id] = token }

  /// Reads tokenizer_config.json.
  mutating func read(_ view: ConfigurationView, _ tokens: inout SpecialTokens) throws {
    try readRoles(view, &tokens)
    let key =
      view.optional("extra_special_tokens")?.arrayValue?.isEmpty == false
      ? "extra_special_tokens" : "additional_special_tokens"
    try readExtra(view, key)
    if let named = try? view.optionalObject("extra_special_tokens") { try readRoles(named, &tokens) }
    guard let decoder = try view.optionalObject("added_tokens_decoder") else { return }
    hasDecoder = true
    for member in decoder.value.members ?? [] {
      guard let id = Int(member.key), (0...Int(Int32.max)).contains(id) else {
        throw ConfigurationError.outOfRange(
          key: "added_tokens_decoder", expected: "an object whose keys are ids",
          found: "keyed '\(member.key)'",
          file: view.file)
      }
      list(try AddedToken(member.value, id: id, file: view.file))
    }
  }

  /// Reads special_tokens_map.json.
  mutating func read(_ map: SpecialTokensMap, _ tokens: inout SpecialTokens) throws {
    let view = try ConfigurationView(map.json, file: map.file)
    try readRoles(view, &tokens)
    try readExtra(view, "extra_special_tokens", special: true)
    if extra.isEmpty { try readExtra(view, "additional_special_tokens", special: true) }
  }

  /// Reads added_tokens.json: `{"token": id}`.
  mutating func readAddedTokens(_ file: CompanionFile) throws {
    let view = try ConfigurationView(
      JSONValue(file, limit: TokenizerConfiguration.maximumByteCount), file: file.path)
    let special = named + extra.map(\.content)
    for member in view.value.members ?? [] {
      guard let id = member.value.intValue, (0...Int(Int32.max)).contains(id) else {
        throw VocabularyError.invalidID(token: member.key, found: member.value.kind, file: file.path)
      }
      let isSpecial = special.contains { $0.hasSameBytes(as: member.key) }
      list(AddedToken(id: id, content: member.key, special: isSpecial))
    }
  }

  /// The tokens with their ids: those listed, by the ids they are listed with; then the special ones.
  func added(to vocabulary: AddedVocabulary, _ tokens: inout SpecialTokens) -> [AddedToken] {
    var vocabulary = vocabulary
    tokens.extra = extra.map(\.content)
    let named = tokens.named
    for (_, listedToken) in listed.sorted(by: { $0.key < $1.key }) {
      var token = listedToken
      if named.contains(where: { $0.token.hasSameBytes(as: token.content) }) { token.special = true }
      vocabulary.add(token)
    }
    for role in named where !vocabulary.contains(role.token) {
      var token =
        options.last { $0.content.hasSameBytes(as: role.token) } ?? AddedToken(id: 0, content: role.token)
      token.special = true
      vocabulary.add(token)
    }
    for token in extra where !vocabulary.contains(token.content) { vocabulary.add(token) }
    return vocabulary.sorted
  }

  private mutating func readRoles(_ view: ConfigurationView, _ tokens: inout SpecialTokens) throws {
    for member in view.value.members ?? [] where member.key.hasSuffix("_token") {
      switch member.value {
      case .null: tokens.set(member.key, nil)
      case .string(let token):
        named.append(token)
        tokens.set(member.key, token)
      case .object:
        let token = try AddedToken(member.value, id: 0, special: true, file: view.file)
        options.append(token)
        named.append(token.content)
        tokens.set(member.key, token.content)
      default: continue  // an option such as `add_bos_token`
      }
    }
  }

  private mutating func readExtra(_ view: ConfigurationView, _ key: String, special: Bool = false) throws {
    for item in view.optional(key)?.arrayValue ?? [] {
      var token: AddedToken
      if let text = item.stringValue {
        token = AddedToken(id: 0, content: text)
      } else {
        token = try AddedToken(item, id: 0, file: view.file)
        if special { token.special = true }
      }
      if !extra.contains(token) { extra.append(token) }
    }
  }
}
