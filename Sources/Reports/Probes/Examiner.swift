import ModelFiles
package import Pretrained
import WordPiece

/// A token of a text, and whether the model had the chance to learn it.
package struct ExaminedToken: Sendable, Equatable {
  /// The piece as in the vocabulary.
  package var text: String
  /// Whether the tokenizer put it around the texts.
  package var isSpecial: Bool
  /// Whether it is in no training text; its vector is then what pre-training left.
  package var isUnseen: Bool
}

/// What a model makes of one text.
package struct ExaminedText: Sendable {
  /// As the model reads it, special ones included.
  package var tokens: [ExaminedToken]
  /// One number a class.
  package var logits: [Double]
  /// One a class.
  package var probabilities: [Double]
  /// The class with the largest logit, the first of several.
  package var predicted: Int

  /// The probability of the predicted class.
  package var confidence: Double {
    probabilities.indices.contains(predicted) ? probabilities[predicted] : .nan
  }

  /// How far the likeliest class is before the next.
  package var margin: Double {
    let sorted = probabilities.sorted(by: >)
    return sorted.count > 1 ? sorted[0] - sorted[1] : 1
  }

  /// Whether some token of the text is in no training text.
  package var hasUnseen: Bool { tokens.contains(where: \.isUnseen) }
}

/// Asks a model about texts, and compares their tokens with those it was trained on.
package struct Examiner {
  /// Who is asked.
  package let classifier: TextClassifier
  /// The ids that training texts have; nil when they are not known.
  private let known: Set<Int32>?
  private let truncation: Truncation

  /// Prepares to ask.
  ///
  /// - Parameters:
  ///   - classifier: gives one of several labels.
  ///   - trainTexts: what it was trained on; empty when unknown.
  ///   - arePairs: whether it was trained on pairs of texts, whose second ones nobody kept.
  package init(_ classifier: TextClassifier, trainTexts: [String], arePairs: Bool) throws {
    self.classifier = classifier
    truncation = .longestFirst(maxLength: Self.longest(classifier))
    guard !arePairs, !trainTexts.isEmpty else {
      known = nil
      return
    }
    var ids: Set<Int32> = []
    for text in trainTexts {
      ids.formUnion(try classifier.tokenizer.encode(text, truncation: truncation).inputIDs)
    }
    known = ids
  }

  /// The most tokens that the model takes.
  private static func longest(_ classifier: TextClassifier) -> Int {
    let positions = classifier.model.configuration.maxPositionEmbeddings
    return max(3, min(positions, classifier.tokenizer.options.modelMaxLength ?? positions))
  }

  /// How many tokens a text has, special ones included, before anything is cut off.
  package func tokenCount(_ text: String, pair: String? = nil) throws -> Int {
    try classifier.tokenizer.encode(text, pair: pair, truncation: .longestFirst(maxLength: 1 << 30)).count
  }

  /// The most tokens that the model takes.
  package var limit: Int { Self.longest(classifier) }

  /// The tokens of a text.
  package func tokens(_ text: String, pair: String? = nil) throws -> [ExaminedToken] {
    let encoding = try classifier.tokenizer.encode(text, pair: pair, truncation: truncation)
    return encoding.tokens.indices.map { index in
      let isSpecial = encoding.specialTokensMask[index] == 1
      let isUnseen = !isSpecial && known.map { !$0.contains(encoding.inputIDs[index]) } ?? false
      return ExaminedToken(text: encoding.tokens[index], isSpecial: isSpecial, isUnseen: isUnseen)
    }
  }

  /// What the model makes of each text.
  package func examine(_ texts: [String], pairs: [String]? = nil) throws -> [ExaminedText] {
    let answers = try logits(texts, pairs: pairs)
    return try texts.indices.map { index in
      let logits = answers[index]
      let predicted = logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
      return ExaminedText(
        tokens: try tokens(texts[index], pair: pairs?[index]), logits: logits, probabilities: softmax(logits),
        predicted: predicted)
    }
  }

  /// The logits of each text, without a look at its tokens.
  package func logits(_ texts: [String], pairs: [String]? = nil) throws -> [[Double]] {
    try classifier.answers(texts, pairs: pairs, truncation: truncation, batchSize: 16).map {
      $0.logits.map(Double.init)
    }
  }
}
