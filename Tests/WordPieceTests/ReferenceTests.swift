import Testing
import WordPiece

@Suite("as the tokenizers library")
struct ReferenceTests {
  static let names = [
    "uncased", "cased", "uncased_accents", "cased_stripped", "unclean", "no_ideographs", "bare", "added",
    "added_cased",
  ]

  struct Text: Decodable {
    var c, t: String
    var p: String?
    var i: [Int32]
    var y: [Int32]?
    var o: [Int]
    var s: [String]?
    var w: [Int]?
  }

  @Test("ids, types, tokens, offsets and words of texts and pairs are equal", arguments: names)
  func texts(name: String) throws {
    let tokenizer = try #require(Corpus.tokenizers[name])
    let records = try (Corpus.records("text", as: Text.self) + Corpus.records("pair", as: Text.self))
      .filter { $0.c == name }
    #expect(records.count > 80)
    for record in records {
      let found = try tokenizer.encode(record.t, pair: record.p, truncation: .none)
      let place: Comment = "\(record.t.debugDescription) \(record.p?.debugDescription ?? "")"
      #expect(found.inputIDs == record.i, place)
      #expect(found.flatOffsets == record.o, place)
      #expect(found.tokenTypeIDs == record.y ?? [Int32](repeating: 0, count: record.i.count), place)
      let tokens = record.s ?? record.i.map { tokenizer.token(of: Int($0)) ?? "" }
      #expect(found.tokens.map { Array($0.utf8) } == tokens.map { Array($0.utf8) }, place)
      if let words = record.w { #expect(found.wordIDs.map { $0 ?? -1 } == words, place) }

      let row = try tokenizer.encodeBatch(
        [record.t], pairs: record.p.map { [$0] }, truncation: .none, padding: .none)
      #expect(row.inputIDs == record.i, place)
      #expect(row.tokenTypeIDs == found.tokenTypeIDs, place)
    }
  }

  struct Block: Decodable {
    var c, h: String
    var f, n: UInt32
  }

  static let blocks = (try? Corpus.records("scalars", as: Block.self).map { ($0.c, $0.f, $0.n, $0.h) }) ?? []

  @Test(
    "every scalar of a block gives the ids and offsets of the reference, alone and between letters",
    arguments: blocks)
  func scalars(name: String, first: UInt32, count: UInt32, digest: String) throws {
    let tokenizer = try #require(Corpus.tokenizers[name])
    var text = ""
    for scalar in (first..<first + count).compactMap(Unicode.Scalar.init) {
      text.unicodeScalars.append(contentsOf: [scalar, " ", "x", scalar, "y", " "])
    }
    let found = try tokenizer.encode(text, truncation: .none)
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for word in found.inputIDs.map({ UInt32(bitPattern: $0) }) + found.flatOffsets.map({ UInt32($0) }) {
      for shift in stride(from: 0, to: 32, by: 8) {
        hash = (hash ^ UInt64(word >> shift & 0xFF)) &* 0x100_0000_01b3
      }
    }
    let hex = String(hash, radix: 16)
    #expect(String(repeating: "0", count: 16 - hex.count) + hex == digest)
  }

  struct Window: Decodable {
    var c, t: String
    var p: String?
    var a: Bool
    var m, d: Int
    var g, e: String
    var r: [[[Int]]]?
    var x: String?

    var truncation: Truncation {
      let side: Side = e == "left" ? .left : .right
      return switch g {
      case "only_first": .onlyFirst(maxLength: m, stride: d, side: side)
      case "only_second": .onlySecond(maxLength: m, stride: d, side: side)
      default: .longestFirst(maxLength: m, stride: d, side: side)
      }
    }
  }

  @Test("truncation keeps, cuts into windows and refuses as the reference")
  func windows() throws {
    let records = try Corpus.records("window", as: Window.self)
    #expect(records.count == 300)
    for record in records {
      let tokenizer = try #require(Corpus.tokenizers[record.c])
      let result = Result {
        try tokenizer.encode(
          record.t, pair: record.p, addSpecialTokens: record.a, truncation: record.truncation)
      }
      guard let rows = record.r else {
        guard case .failure(let error as TokenizerError) = result else {
          Issue.record("\(record) has to be refused")
          continue
        }
        #expect(error.kind == record.x, "\(record)")
        continue
      }
      let found = try result.get()
      let windows = [found] + found.overflowing
      let described = windows.map { window in
        [
          window.inputIDs.map(Int.init), window.tokenTypeIDs.map(Int.init),
          window.specialTokensMask.map(Int.init), window.flatOffsets, window.wordIDs.map { $0 ?? -1 },
          window.sequenceIDs.map { $0 ?? -1 },
        ]
      }
      #expect(described == rows, "\(record)")
      let row = try tokenizer.encodeBatch(
        [record.t], pairs: record.p.map { [$0] }, addSpecialTokens: record.a, truncation: record.truncation,
        padding: .longest)
      #expect(row.inputIDs == found.inputIDs, "\(record)")
    }
  }

  struct Batch: Decodable {
    var t: [String]
    var p: [String]?
    var m, u: Int?
    var n: Target?
    var e: String
    var i, y, a: [[Int32]]?
    var x: String?

    enum Target: Decodable {
      case longest, length(Int)
      init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        self = if let length = try? value.decode(Int.self) { .length(length) } else { .longest }
      }
    }
  }

  @Test("batches are truncated and padded as in the reference")
  func batches() throws {
    let tokenizer = try #require(Corpus.tokenizers["uncased"])
    let records = try Corpus.records("batch", as: Batch.self)
    #expect(records.count == 100)
    for record in records {
      let length: Padding.Length =
        switch record.n {
        case nil: .none
        case .longest: .longest
        case .length(let count): .fixed(count)
        }
      let result = Result {
        try tokenizer.encodeBatch(
          record.t, pairs: record.p, truncation: record.m.map { .longestFirst(maxLength: $0) } ?? .none,
          padding: Padding(length, toMultipleOf: record.u, side: record.e == "left" ? .left : .right))
      }
      guard let ids = record.i else {
        guard case .failure(let error as TokenizerError) = result else {
          Issue.record("\(record) has to be refused")
          continue
        }
        #expect(error.kind == record.x, "\(record)")
        continue
      }
      let found = try result.get()
      #expect(found.rows == ids.count && found.inputIDs.count == found.rows * found.length, "\(record)")
      #expect(found.inputIDs == Array(ids.joined()), "\(record)")
      #expect(found.tokenTypeIDs == Array((record.y ?? []).joined()), "\(record)")
      #expect(found.attentionMask == Array((record.a ?? []).joined()), "\(record)")
    }
  }

  struct Decoded: Decodable {
    var c: String
    var i: [Int]
    var t, s, z: String
  }

  @Test("ids decode to the reference's text, with and without special tokens, cleaned up or not")
  func decoding() throws {
    let records = try Corpus.records("decode", as: Decoded.self)
    #expect(records.count == 190)
    for record in records {
      let tokenizer = try #require(Corpus.tokenizers[record.c])
      #expect(tokenizer.decode(record.i).utf8.elementsEqual(record.t.utf8), "\(record)")
      #expect(
        tokenizer.decode(record.i, skipSpecialTokens: true).utf8.elementsEqual(record.s.utf8), "\(record)")
      #expect(
        tokenizer.decode(record.i.map { Int32($0) }, cleanUpTokenizationSpaces: true).utf8
          .elementsEqual(record.z.utf8), "\(record)")
    }
  }

  struct Small: Decodable {
    var v: [String]
    var l: [Added]
    var n: [Name: Int]
    var t: String
    var i: [Int32]?

    struct Added: Decodable {
      var token: AddedToken
      init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        token = AddedToken(
          content: try list.decode(String.self), isSpecial: try list.decode(Bool.self),
          normalized: try list.decode(Bool.self))
      }
    }

    /// A key compared by its bytes: é has two spellings.
    struct Name: Hashable, Decodable, CodingKeyRepresentable {
      var bytes: [UInt8]
      var codingKey: any CodingKey { Key(stringValue: String(decoding: bytes, as: UTF8.self)) }
      init(codingKey: some CodingKey) { bytes = Array(codingKey.stringValue.utf8) }

      struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
      }
    }
  }

  @Test("small vocabularies with duplicates, gaps and added tokens get the reference's ids")
  func vocabularies() throws {
    let records = try Corpus.records("vocab", as: Small.self)
    #expect(records.count == 8)
    for record in records {
      var options = TokenizerOptions()
      options.addedTokens = record.l.map(\.token)
      let tokenizer = try WordPieceTokenizer(vocabulary: Vocabulary(tokens: record.v), options: options)
      for (name, id) in record.n {
        #expect(tokenizer.id(of: String(decoding: name.bytes, as: UTF8.self)) == id, "\(record)")
      }
      guard let ids = record.i else {
        #expect(throws: TokenizerError.unknownTokenMissing("[UNK]")) {
          try tokenizer.encode(record.t, addSpecialTokens: false, truncation: .none)
        }
        continue
      }
      let found = try tokenizer.encode(record.t, addSpecialTokens: false, truncation: .none)
      #expect(found.inputIDs == ids, "\(record)")
    }
  }
}
