package import FineTuning
package import ModelFiles
package import Pretrained

/// What a model says of texts unlike those it was trained on: rewritten ones, absurd ones, the user's own.
package struct ProbeStudy: Sendable {
  /// A probe text and what the model makes of it.
  package struct Answer: Sendable {
    /// What was done to the text, for people.
    package var title: String
    /// What the model was asked.
    package var text: String
    /// What it made of it.
    package var examined: ExaminedText
    /// Whether the label is the one of the text it was made from; nil when it was made from none.
    package var agrees: Bool?
    /// The numbers outside of what was trained on, counted from 0.
    package var outliers: [Int]
    /// How many numbers it has where training texts have another count; nil when they have as many.
    package var oddFieldCount: Int?
  }

  /// Probes that belong together: a text of the run with what became of it, or a list.
  package struct Group: Sendable {
    /// A label, whose row is rewritten, or what the list is about.
    package var title: String
    /// In the order they are shown.
    package var answers: [Answer]
  }

  /// What becomes of the test rows when all are rewritten in one way.
  package struct Family: Sendable {
    /// For files: `integers`.
    package var name: String
    /// For people: `rounded to integers`.
    package var title: String
    /// Whether the texts still say the same, so that answers should stay.
    package var keepsMeaning: Bool
    /// How many rows could be rewritten.
    package var count: Int
    /// How many keep the label that the model gives to the row as it stands.
    package var agreeing: Int
    /// How many are right.
    package var correct: Int
    /// The mean probability of the predicted classes.
    package var meanConfidence: Double
    /// How many have a token that no training text has.
    package var withUnseen: Int
    /// The first row, rewritten.
    package var example: String
  }

  /// The user's texts first.
  package let groups: [Group]
  /// The first is the rows as they stand; empty when there are no test rows.
  package let families: [Family]
  /// The most numbers and the fewest of the texts trained on, when these are made of numbers.
  package let fieldCount: Int?

  /// The most test rows that are rewritten.
  static let rowLimit = 100

  /// Asks the model.
  ///
  /// - Parameters:
  ///   - run: whose test rows are rewritten; of pairs, none.
  ///   - examiner: asks the run's model.
  ///   - own: texts of the user.
  ///   - rowLimit: the most test rows that are rewritten.
  package init(
    _ run: RunRecord, _ examiner: Examiner, own: [String] = [], rowLimit: Int = Self.rowLimit
  ) throws {
    let arePairs = run.predictions.contains { $0.pair != nil }
    let layout = arePairs ? nil : NumberLayout(run.trainTexts)
    fieldCount = layout?.ranges.count
    let asker = Asker(examiner: examiner, layout: layout)
    var groups: [Group] = []
    if !own.isEmpty { groups.append(Group(title: "Your texts", answers: try asker.ask(own))) }
    if layout?.ranges.count == 4 {
      groups.append(
        Group(title: "Flowers, absurd sizes, formats, letters", answers: try asker.ask(ProbeFamily.study)))
    }
    guard !arePairs, !run.predictions.isEmpty else {
      (self.groups, families) = (groups, [])
      return
    }
    let recipes = layout == nil ? ProbeFamily.textual : ProbeFamily.numeric
    for row in Self.anchors(run) { groups.append(try asker.group(row, run, recipes)) }
    self.groups = groups
    families = try asker.families(Self.spread(run.predictions, rowLimit), recipes)
  }

  /// Of each class the first row that is right, of at most four classes.
  private static func anchors(_ run: RunRecord) -> [RunRecord.Prediction] {
    run.labels.indices.prefix(4).compactMap { label in
      run.predictions.first { $0.label == label && $0.predicted == label }
    }
  }

  /// At most `limit` rows, evenly from all.
  private static func spread(_ rows: [RunRecord.Prediction], _ limit: Int) -> [RunRecord.Prediction] {
    guard rows.count > limit, limit > 0 else { return limit > 0 ? rows : [] }
    return (0..<limit).map { rows[$0 * rows.count / limit] }
  }
}

/// Asks about rewritten texts.
private struct Asker {
  let examiner: Examiner
  let layout: NumberLayout?

  func ask(_ texts: [String]) throws -> [ProbeStudy.Answer] {
    zip(texts, try examiner.examine(texts)).map { answer("", $0, $1, canonical: nil) }
  }

  func group(
    _ row: RunRecord.Prediction, _ run: RunRecord, _ recipes: [ProbeFamily]
  ) throws -> ProbeStudy.Group {
    var rewritten = [("as it stands", row.text)]
    for recipe in recipes {
      guard let text = recipe.rewrite(row.text), !rewritten.contains(where: { $0.1 == text }) else {
        continue
      }
      rewritten.append((recipe.title, text))
    }
    let examined = try examiner.examine(rewritten.map(\.1))
    let answers = zip(rewritten, examined).enumerated().map { index, pair in
      answer(pair.0.0, pair.0.1, pair.1, canonical: index == 0 ? nil : examined[0].predicted)
    }
    return ProbeStudy.Group(title: run.labels[row.label], answers: answers)
  }

  func families(_ rows: [RunRecord.Prediction], _ recipes: [ProbeFamily]) throws -> [ProbeStudy.Family] {
    guard !rows.isEmpty else { return [] }
    let canonical = try examiner.examine(rows.map(\.text))
    var families = [
      family("as_written", "as written", true, rows.map(\.text), canonical, rows, canonical)
    ]
    for recipe in recipes {
      let kept = rows.indices.filter { recipe.rewrite(rows[$0].text) != nil }
      let texts = kept.compactMap { recipe.rewrite(rows[$0].text) }
      // A format that the rows have already is no probe.
      guard !texts.isEmpty, zip(kept, texts).contains(where: { rows[$0].text != $1 }) else { continue }
      families.append(
        family(
          recipe.name, recipe.title, recipe.keepsMeaning, texts, try examiner.examine(texts),
          kept.map { rows[$0] }, kept.map { canonical[$0] }))
    }
    return families
  }

  private func family(
    _ name: String, _ title: String, _ keepsMeaning: Bool, _ texts: [String], _ examined: [ExaminedText],
    _ rows: [RunRecord.Prediction], _ canonical: [ExaminedText]
  ) -> ProbeStudy.Family {
    ProbeStudy.Family(
      name: name, title: title, keepsMeaning: keepsMeaning, count: texts.count,
      agreeing: zip(examined, canonical).count { $0.predicted == $1.predicted },
      correct: zip(examined, rows).count { $0.predicted == $1.label },
      meanConfidence: examined.reduce(0) { $0 + $1.confidence } / Double(max(examined.count, 1)),
      withUnseen: examined.count(where: \.hasUnseen), example: texts.first ?? "")
  }

  private func answer(
    _ title: String, _ text: String, _ examined: ExaminedText, canonical: Int?
  ) -> ProbeStudy.Answer {
    let numbered = NumberedText(text)
    let isOdd = layout.map { $0.ranges.count != numbered.numbers.count } ?? false
    return ProbeStudy.Answer(
      title: title, text: text, examined: examined, agrees: canonical.map { $0 == examined.predicted },
      outliers: layout.map { $0.literals == numbered.literals ? $0.outliers(numbered) : [] } ?? [],
      oddFieldCount: isOdd ? numbered.numbers.count : nil)
  }
}

extension ProbeStudy {
  /// What a user of a model should know that was just trained, one sentence each.
  ///
  /// - Parameters:
  ///   - classifier: the finished model.
  ///   - train: what it was trained on.
  ///   - test: rows to rewrite.
  ///   - predicted: the class the model gives each of them.
  package static func limits(
    of classifier: TextClassifier, train: TextDataset, test: TextDataset, predicted: [Int]
  ) throws -> [String] {
    guard train.textPairs == nil, classifier.defaultFunction == .softmax, !test.isEmpty else { return [] }
    let recipes = NumberLayout(train.texts) == nil ? ProbeFamily.textual : ProbeFamily.numeric
    let asker = Asker(
      examiner: try Examiner(classifier, trainTexts: [], arePairs: false), layout: nil)
    let rows = test.texts.indices.map { row in
      RunRecord.Prediction(
        text: test.texts[row], pair: nil, label: test.labels[row], predicted: predicted[row], logits: [])
    }
    return limits(try asker.families(spread(rows, 32), recipes))
  }

  /// What a user of the model should know, one sentence each.
  package var limits: [String] { Self.limits(families) }

  private static func limits(_ families: [Family]) -> [String] {
    guard let canonical = families.first else { return [] }
    var sentences: [String] = []
    for family in families.dropFirst() where family.keepsMeaning && family.agreeing < family.count {
      sentences.append(
        "Written with \(family.title), \(family.agreeing) of \(family.count) test rows keep their label "
          + "(accuracy \(share(family.correct, family.count)) instead of "
          + "\(share(canonical.correct, canonical.count))).")
    }
    if let integers = families.first(where: { $0.name == "integers" }) {
      sentences.append(
        "Rounded to integers, \(integers.agreeing) of \(integers.count) test rows keep their label.")
    }
    for name in ["letters", "empty", "times_100"] {
      guard let family = families.first(where: { $0.name == name }) else { continue }
      sentences.append(
        "Nonsense gets a label too: with \(family.title), such as `\(code(family.example))`, the mean confidence "
          + "is \(family.meanConfidence.fixed(2)).")
      break
    }
    return sentences
  }

  private static func share(_ part: Int, _ whole: Int) -> String {
    (Double(part) / Double(max(whole, 1))).fixed(3)
  }

  /// A text as Markdown takes it between backticks.
  private static func code(_ text: String) -> String { String(text.prefix(100).map { $0 == "`" ? "'" : $0 }) }

  /// Everything as one object, classes under their names.
  package func document(_ labels: [String]) -> JSONValue {
    [
      "families": .array(
        families.map {
          [
            "name": .string($0.name), "title": .string($0.title), "keeps_meaning": .bool($0.keepsMeaning),
            "rows": .number($0.count), "agreeing": .number($0.agreeing), "correct": .number($0.correct),
            "mean_confidence": .optional($0.meanConfidence),
            "rows_with_unseen_tokens": .number($0.withUnseen),
            "example": .string($0.example),
          ]
        }),
      "groups": .array(
        groups.map { group in
          [
            "title": .string(group.title), "answers": .array(group.answers.map { $0.document(labels) }),
          ]
        }),
    ]
  }
}

extension ProbeStudy.Answer {
  fileprivate func document(_ labels: [String]) -> JSONValue {
    [
      "title": .string(title), "text": .string(text), "label": .string(labels[examined.predicted]),
      "probabilities": .numbers(examined.probabilities), "logits": .numbers(examined.logits),
      "tokens": .strings(examined.tokens.map(\.text)),
      "unseen_tokens": .strings(examined.tokens.filter(\.isUnseen).map(\.text)),
      "agrees": agrees.map { .bool($0) } ?? .null, "out_of_range_fields": .integers(outliers),
      "odd_field_count": oddFieldCount.map { .number($0) } ?? .null,
    ]
  }
}
