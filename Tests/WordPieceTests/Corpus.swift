import Foundation
import WordPiece

/// The corpus of hard texts and the vocabulary it was made with; `Tools/oracle/wordpiece_corpus.py`
/// describes it.
enum Corpus {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures/wordpiece").standardized

  static let tokens: [String] = {
    guard let bytes = try? Data(contentsOf: folder.appending(path: "vocab.txt")) else { return [] }
    return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  }()

  /// Every line of the corpus, as parsed JSON with its kind.
  private static let lines: [(kind: String, json: Data)] = {
    guard let bytes = try? Data(contentsOf: folder.appending(path: "corpus.jsonl")) else { return [] }
    struct Kind: Decodable { var k: String }
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      (try? JSONDecoder().decode(Kind.self, from: line)).map { ($0.k, line) }
    }
  }()

  static func records<Record: Decodable>(_ kind: String, as type: Record.Type) throws -> [Record] {
    try lines.filter { $0.kind == kind }.map { try JSONDecoder().decode(type, from: $0.json) }
  }

  private struct Configuration: Decodable {
    var c: String
    var l: Bool
    var s: Bool?
    var h, q: Bool
    var d: [Added]

    struct Added: Decodable {
      var token: AddedToken

      init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        token = AddedToken(
          content: try list.decode(String.self), isSpecial: try list.decode(Bool.self),
          normalized: try list.decode(Bool.self), singleWord: try list.decode(Bool.self),
          leftStrip: try list.decode(Bool.self), rightStrip: try list.decode(Bool.self))
      }
    }
  }

  /// The corpus's tokenizers by name.
  static let tokenizers: [String: WordPieceTokenizer] = {
    guard let vocabulary = try? Vocabulary(tokens: tokens),
      let configurations = try? records("config", as: Configuration.self)
    else { return [:] }
    var found: [String: WordPieceTokenizer] = [:]
    for configuration in configurations {
      var options = TokenizerOptions()
      options.lowercase = configuration.l
      options.stripAccents = configuration.s
      options.tokenizeChineseChars = configuration.h
      options.cleanText = configuration.q
      options.addedTokens = configuration.d.map(\.token)
      found[configuration.c] = try? WordPieceTokenizer(vocabulary: vocabulary, options: options)
    }
    return found
  }()
}

extension Encoding {
  /// The offsets as the corpus has them: starts and ends in turn.
  var flatOffsets: [Int] { offsets.flatMap { [$0.lowerBound, $0.upperBound] } }
}

extension TokenizerError {
  /// The name of the case.
  var kind: String {
    Mirror(reflecting: self).children.first?.label ?? (self == .noSecondText ? "noSecondText" : "")
  }
}
