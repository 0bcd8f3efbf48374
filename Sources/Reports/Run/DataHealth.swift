package import ModelFiles
import Pretrained
import WordPiece

/// What is doubtful about a run's texts: repeated rows, rows in two parts, odd lengths, tokens nobody knows.
package struct DataHealth: Sendable {
  /// One of the parts.
  package struct Part: Sendable {
    /// `train`, `validation` or `test`.
    package var name: String
    /// How many rows it has.
    package var rowCount: Int
    /// Rows of each class; empty when unknown.
    package var classCounts: [Int]
    /// Rows that repeat an earlier one of the part; nil when only half of each pair is known.
    package var repeated: Int?
    /// Rows that are in the training part too; nil as before, and for the training part.
    package var inTraining: Int?
    /// Rows without any text.
    package var empty: Int
    /// Of each row, in tokens; empty without a tokenizer.
    package var lengths: [Int]
    /// Tokens that stand for what the tokenizer does not know.
    package var unknownTokens: Int
    /// Rows with more tokens than the model takes.
    package var tooLong: Int
    /// Tokens in all, special ones left out.
    package var tokens: Int
    /// The first row that is in the training part too.
    package var shared: String?
  }

  /// Those that have rows.
  package let parts: [Part]
  /// Labels that are one but for upper and lower case.
  package let caseTwins: [[String]]

  /// Looks at the texts of a run.
  ///
  /// - Parameters:
  ///   - run: whose texts they are.
  ///   - examiner: counts tokens; nil counts none.
  package init(_ run: RunRecord, _ examiner: Examiner?) throws {
    let arePairs = run.predictions.contains { $0.pair != nil }
    let trained = Set(run.trainTexts.map(Bytes.init))
    let sources = [
      ("train", run.trainTexts), ("validation", run.validationTexts), ("test", run.testTexts),
    ]
    parts = try sources.filter { !$0.1.isEmpty }.map { name, texts in
      var part = Part(
        name: name, rowCount: texts.count, classCounts: run.description.part(name)?.classCounts ?? [],
        repeated: nil, inTraining: nil,
        empty: texts.count { $0.allSatisfy(\.isWhitespace) }, lengths: [], unknownTokens: 0, tooLong: 0,
        tokens: 0, shared: nil)
      if part.classCounts.count != run.labels.count { part.classCounts = [] }
      if name == "test", part.classCounts.isEmpty, run.predictions.count == texts.count {
        part.classCounts = run.labels.indices.map { label in run.predictions.count { $0.label == label } }
      }
      if !arePairs {
        part.repeated = texts.count - Set(texts.map(Bytes.init)).count
        if name != "train", !trained.isEmpty {
          let shared = texts.filter { trained.contains(Bytes($0)) }
          (part.inTraining, part.shared) = (shared.count, shared.first)
        }
      }
      if let examiner {
        try part.count(texts, pairs: name == "test" && arePairs ? run.predictions : [], examiner)
      }
      return part
    }
    caseTwins = Dictionary(grouping: run.labels) { $0.lowercased() }.values.filter { $0.count > 1 }
      .map { $0.sorted() }.sorted { $0[0] < $1[0] }
  }

  /// Everything as one object.
  package func document(_ labels: [String]) -> JSONValue {
    [
      "parts": .array(
        parts.map { part in
          [
            "name": .string(part.name), "rows": .number(part.rowCount),
            "class_counts": .integers(part.classCounts),
            "repeated_rows": part.repeated.map { .number($0) } ?? .null,
            "rows_in_training_part": part.inTraining.map { .number($0) } ?? .null,
            "empty_rows": .number(part.empty), "tokens": .number(part.tokens),
            "unknown_tokens": .number(part.unknownTokens), "rows_too_long": .number(part.tooLong),
            "longest": .number(part.lengths.max() ?? 0),
          ]
        }),
      "labels_differing_in_case": .array(caseTwins.map { .strings($0) }),
    ]
  }
}

extension DataHealth.Part {
  fileprivate mutating func count(
    _ texts: [String], pairs: [RunRecord.Prediction], _ examiner: Examiner
  ) throws {
    let unknown = examiner.classifier.tokenizer.options.unknownToken
    lengths.reserveCapacity(texts.count)
    for (index, text) in texts.enumerated() {
      let pair = pairs.count == texts.count ? pairs[index].pair : nil
      let length = try examiner.tokenCount(text, pair: pair)
      lengths.append(length)
      if length > examiner.limit { tooLong += 1 }
      let pieces = try examiner.tokens(text, pair: pair).filter { !$0.isSpecial }
      tokens += pieces.count
      unknownTokens += pieces.count { $0.text == unknown }
    }
  }
}

/// A text that is equal to another by its bytes, as the tokenizer sees it.
struct Bytes: Hashable {
  private let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }
}
