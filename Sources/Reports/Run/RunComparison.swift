package import ModelFiles

/// Two runs side by side: where they were set up differently, and which rows they answer differently.
package struct RunComparison: Sendable {
  /// A row that both were tested on, and that one of them has right and the other wrong.
  package struct Flip: Sendable, Equatable {
    /// The row's text.
    package var text: String
    /// Its class.
    package var label: Int
    /// What the first run's model says.
    package var first: Int
    /// What the second run's model says, in the first's numbers.
    package var second: Int
  }

  /// The run that is reported on.
  package let first: RunRecord
  /// The run it is compared with.
  package let second: RunRecord
  /// Of the rows that both were tested on.
  package let sharedCount: Int
  /// Shared rows that both have right.
  package let bothRight: Int
  /// Shared rows that both have wrong.
  package let bothWrong: Int
  /// Of the rows that one of them has right.
  package let test: McNemar
  /// In the order of the first run's test.
  package let flips: [Flip]
  /// Settings that differ: their name and both values.
  package let settings: [(name: String, first: String, second: String)]

  /// Matches test rows by text and label, each once.
  package init(_ first: RunRecord, _ second: RunRecord) {
    (self.first, self.second) = (first, second)
    struct Key: Hashable {
      let text: Bytes
      let pair: Bytes?
      let label: Bytes
    }
    func key(_ row: RunRecord.Prediction, _ run: RunRecord) -> Key {
      Key(text: Bytes(row.text), pair: row.pair.map(Bytes.init), label: Bytes(run.labels[row.label]))
    }
    var waiting: [Key: [Int]] = [:]
    for index in second.predictions.indices.reversed() {
      waiting[key(second.predictions[index], second), default: []].append(index)
    }
    var (right, wrong, shared) = (0, 0, 0)
    var flips: [Flip] = []
    for row in first.predictions {
      guard let other = waiting[key(row, first)]?.popLast() else { continue }
      let match = second.predictions[other]
      shared += 1
      switch (row.label == row.predicted, match.label == match.predicted) {
      case (true, true): right += 1
      case (false, false): wrong += 1
      default:
        // Both are of one label; the second's answer is named in the first's numbers where it can be.
        let answer = first.labels.firstIndex(of: second.labels[match.predicted]) ?? match.predicted
        flips.append(Flip(text: row.text, label: row.label, first: row.predicted, second: answer))
      }
    }
    (sharedCount, bothRight, bothWrong, self.flips) = (shared, right, wrong, flips)
    let onlyFirst = flips.count { $0.first == $0.label }
    test = McNemar(onlyFirst: onlyFirst, onlySecond: flips.count - onlyFirst)
    settings = Self.differences(first.description, second.description)
  }

  private static func differences(
    _ first: RunDescription, _ second: RunDescription
  ) -> [(name: String, first: String, second: String)] {
    func entries(_ run: RunDescription) -> [(String, String)] {
      var entries = (run.hyperparameters.members ?? []).map { ($0.key, $0.value.shown) }
      entries.append(("base model", run.baseModel.name ?? run.baseModel.path ?? "–"))
      entries.append(("data", run.data.name ?? "–"))
      entries.append(("template", run.data.template ?? "–"))
      entries.append(("truncation", run.truncation ?? "–"))
      entries.append(("threads", run.machine.threads.map { "\($0)" } ?? "–"))
      entries.append(("version", run.toolVersion ?? "–"))
      return entries
    }
    let (one, other) = (entries(first), entries(second))
    var found: [(String, String, String)] = []
    for (name, value) in one {
      let counterpart = other.first { $0.0 == name }?.1 ?? "–"
      if counterpart != value { found.append((name, value, counterpart)) }
    }
    for (name, value) in other where !one.contains(where: { $0.0 == name }) {
      found.append((name, "–", value))
    }
    return found
  }

  /// What the comparison amounts to, in a sentence.
  package var verdict: String {
    guard sharedCount > 0 else { return "The runs share no test row, so their answers cannot be compared." }
    let (one, other) = (test.onlyFirst, test.onlySecond)
    let counts =
      "of \(sharedCount.counted("shared test row")), \(one.grouped) only \(first.name) has right and "
      + "\(other.grouped) only \(second.name)"
    if one == other { return "Neither is better: \(counts)." }
    let better = one > other ? first.name : second.name
    return test.pValue < 0.05
      ? "\(better) is better, and by more than chance explains: \(counts) (p = \(test.pValue.significant(2)))."
      : "\(better) has more rows right, but chance alone does as much: \(counts) (p = \(test.pValue.significant(2)))."
  }

  /// Everything as one object.
  package var document: JSONValue {
    [
      "first": .string(first.path), "second": .string(second.path), "shared_rows": .number(sharedCount),
      "both_right": .number(bothRight), "both_wrong": .number(bothWrong),
      "only_first_right": .number(test.onlyFirst), "only_second_right": .number(test.onlySecond),
      "mcnemar_p": .number(test.pValue),
      "settings": .array(
        settings.map { ["name": .string($0.name), "first": .string($0.first), "second": .string($0.second)] }),
      "flips": .array(
        flips.map {
          [
            "text": .string($0.text), "label": .string(first.labels[$0.label]),
            "first": .string(first.name(of: $0.first)), "second": .string(first.name(of: $0.second)),
          ]
        }),
    ]
  }
}

extension RunRecord {
  /// The name of a class, or its number when it has none.
  func name(of label: Int) -> String { labels.indices.contains(label) ? labels[label] : "\(label)" }
}

extension JSONValue {
  /// For people: a string without its quotation marks.
  var shown: String { stringValue ?? (isNull ? "–" : compactText()) }
}
