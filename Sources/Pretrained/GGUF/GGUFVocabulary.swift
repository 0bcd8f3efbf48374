import ForeignFormats
import ModelFiles

/// A WordPiece vocabulary in a GGUF file.
///
/// llama.cpp marks the beginnings of words rather than their continuations: `##s` is stored as `s`, `flower` as
/// `▁flower` (U+2581), control tokens as they are.
enum GGUFVocabulary {
  /// The numbers of `tokenizer.ggml.token_type` (gguf-py, `TokenType`).
  enum Kind: Int32 {
    case normal = 1
    case control = 3
    case userDefined = 4
    case unused = 5
  }

  private static let mark = "\u{2581}"

  static func phantom(_ token: String, _ kind: Kind) -> String {
    if kind == .control { return token }
    return token.utf8.starts(with: "##".utf8) ? String(token.utf8.dropFirst(2)) ?? token : mark + token
  }

  static func piece(phantom: String, _ kind: Kind) -> String {
    if kind == .control { return phantom }
    return phantom.utf8.starts(with: mark.utf8)
      ? String(phantom.utf8.dropFirst(mark.utf8.count)) ?? phantom : "##" + phantom
  }

  // MARK: - Writing

  /// The keys of the tokenizer, in the converter's order.
  ///
  /// - Parameters:
  ///   - size: the rows of the embedding. Ids that no token has become `[PAD7]` with their number, unused.
  ///   - segments: `type_vocab_size`.
  static func metadata(
    _ tokenizer: TokenizerDescription, size: Int, segments: Int
  ) throws(GGUFModelError) -> [(key: String, value: GGUFValue)] {
    let (tokens, kinds) = try entries(of: tokenizer, size: size)
    let stored = zip(tokens, kinds).map { phantom($0, $1) }
    guard let segments = UInt32(exactly: segments) else {
      throw .missingKey("type_vocab_size", expected: "a whole number", found: "\(segments)")
    }
    var metadata: [(key: String, value: GGUFValue)] = [
      ("tokenizer.ggml.token_type_count", .uint32(segments)), ("tokenizer.ggml.model", "bert"),
      // A name for how text is split, of no effect on WordPiece; the converter finds this one for uncased BERT.
      ("tokenizer.ggml.pre", tokenizer.lowercase ? "jina-v2-en" : "default"),
      ("tokenizer.ggml.tokens", .array(.string(stored))),
      ("tokenizer.ggml.token_type", .array(.int32(kinds.map(\.rawValue)))),
    ]
    let special = tokenizer.specialTokens
    let bos = special.others.first { $0.role == "bos_token" }?.token ?? special.cls
    let eos = special.others.first { $0.role == "eos_token" }?.token ?? special.sep
    let roles: [(String, String?)] = [
      ("bos", bos), ("eos", eos), ("unknown", special.unk), ("seperator", special.sep),
      ("padding", special.pad),
      ("mask", special.mask),
    ]
    for (role, token) in roles {
      // Of two alike the later counts.
      if let token,
        let id = tokens.lastIndex(where: { $0.hasSameBytes(as: token) }).flatMap({ UInt32(exactly: $0) })
      {
        metadata.append(("tokenizer.ggml.\(role)_token_id", .uint32(id)))
      }
    }
    // [CLS] … [SEP], and [SEP] between two texts, which the last one of the first text is.
    metadata += [
      ("tokenizer.ggml.add_bos_token", true), ("tokenizer.ggml.add_eos_token", true),
      ("tokenizer.ggml.add_sep_token", false),
    ]
    return metadata
  }

  private static func entries(
    of tokenizer: TokenizerDescription, size: Int
  ) throws(GGUFModelError) -> (tokens: [String], kinds: [Kind]) {
    let count = max(tokenizer.tokens.count, (tokenizer.addedTokens.map(\.id).max() ?? -1) + 1)
    guard count <= size else { throw .vocabularyTooLarge(tokens: count, rows: size) }
    var tokens = tokenizer.tokens + Array(repeating: "", count: size - tokenizer.tokens.count)
    var kinds = Array(repeating: Kind.normal, count: size)
    for added in tokenizer.addedTokens where tokens.indices.contains(added.id) {
      tokens[added.id] = added.special ? added.content : replacingMarks(added.content)
      kinds[added.id] = added.special ? .control : .userDefined
    }
    for index in tokens.indices where tokens[index].isEmpty {
      (tokens[index], kinds[index]) = ("[PAD\(index)]", .unused)
    }
    return (tokens, kinds)
  }

  /// The converter writes spaces for marks in tokens that users added.
  private static func replacingMarks(_ token: String) -> String {
    String(String.UnicodeScalarView(token.unicodeScalars.map { $0 == "\u{2581}" ? " " : $0 }))
  }

  // MARK: - Reading

  /// The tokenizer that a file's metadata describes.
  ///
  /// Whether it keeps capitals is not stored; it does when a piece of the vocabulary has one.
  ///
  /// - Returns: nil when the file holds no vocabulary.
  static func tokenizer(of file: GGUFFile) throws(GGUFModelError) -> TokenizerDescription? {
    guard let value = file["tokenizer.ggml.tokens"] else { return nil }
    guard let stored = value.arrayValue?.strings else {
      throw .missingKey("tokenizer.ggml.tokens", expected: "an array of strings", found: value.kind)
    }
    let model = file["tokenizer.ggml.model"]
    guard model?.stringValue == "bert" else {
      throw .unsupported(
        key: "tokenizer.ggml.model", supported: "'bert'",
        found: model?.stringValue ?? model?.kind ?? "missing")
    }
    let ids = Dictionary(
      uniqueKeysWithValues: ["bos", "eos", "unknown", "seperator", "padding", "mask", "cls"].map {
        (
          $0,
          file["tokenizer.ggml.\($0)_token_id"]?.intValue.flatMap { stored.indices.contains($0) ? $0 : nil }
        )
      }
    ).compactMapValues { $0 }
    let kinds = try kinds(of: file, count: stored.count, control: Set(ids.values))

    var tokens: [String] = []
    var added: [ModelFiles.AddedToken] = []
    for (id, kind) in kinds.enumerated() {
      let token = piece(phantom: stored[id], kind)
      tokens.append(kind == .unused && token == "[PAD\(id)]" ? "" : token)
      if kind == .control || kind == .userDefined {
        added.append(
          ModelFiles.AddedToken(id: id, content: token, normalized: false, special: kind == .control))
      }
    }
    while tokens.last?.isEmpty == true { tokens.removeLast() }

    var tokenizer = TokenizerDescription(tokens: tokens)
    let token = { (role: String) in ids[role].map { tokens.indices.contains($0) ? tokens[$0] : "" } }
    var special = SpecialTokens()
    (special.unk, special.pad, special.mask) = (token("unknown"), token("padding"), token("mask"))
    (special.cls, special.sep) = (token("cls") ?? token("bos"), token("seperator") ?? token("eos"))
    let named = Set(special.named.map(\.token))
    special.extra = added.filter { $0.special && !named.contains($0.content) }.map(\.content)
    (tokenizer.specialTokens, tokenizer.addedTokens) = (special, added)
    tokenizer.modelMaxLength = file["bert.context_length"]?.intValue
    let normal = zip(tokens, kinds).filter { $1 == .normal && !isReserved($0) }
    tokenizer.lowercase = !normal.contains { $0.0.unicodeScalars.contains { "A"..."Z" ~= $0 } }
    return tokenizer
  }

  /// Whether a token stands in brackets, like `[unused7]`.
  private static func isReserved(_ token: String) -> Bool {
    token.utf8.first == UInt8(ascii: "[") && token.utf8.last == UInt8(ascii: "]") && token.utf8.count > 2
  }

  /// The kinds of the tokens; without `token_type` those with a role are control tokens.
  private static func kinds(
    of file: GGUFFile, count: Int, control: Set<Int>
  ) throws(GGUFModelError) -> [Kind] {
    guard let value = file["tokenizer.ggml.token_type"] else {
      return (0..<count).map { control.contains($0) ? .control : .normal }
    }
    guard let numbers = value.arrayValue?.integers, numbers.count == count else {
      throw .missingKey(
        "tokenizer.ggml.token_type", expected: "an array of \(count) numbers", found: value.kind)
    }
    return numbers.map { number in
      // The unknown token is one of its own kind (2) with other converters.
      number == 2 ? .control : Int32(exactly: number).flatMap { Kind(rawValue: $0) } ?? .normal
    }
  }
}
