import ModelFiles

extension RunRecord {
  /// `run.json` and `config.json`: who the classes are.
  mutating func readDescription() {
    configuration = document("config.json") ?? .null
    if let found = document(RunDescription.fileName) {
      if found.members != nil {
        description = RunDescription(found)
        isDescribed = true
      } else {
        notes.append("\(RunDescription.fileName) is \(found.kind) where an object belongs")
      }
    }
    labels = Self.labels(configuration) ?? description.labels
  }

  /// The names in `id2label`, when they are numbered from 0 without a gap.
  private static func labels(_ configuration: JSONValue) -> [String]? {
    guard let members = configuration["id2label"]?.members, !members.isEmpty else { return nil }
    var names = [String?](repeating: nil, count: members.count)
    for member in members {
      guard let number = Int(member.key), names.indices.contains(number) else { return nil }
      names[number] = member.value.stringValue
    }
    let known = names.compactMap(\.self)
    return known.count == names.count ? known : nil
  }

  /// `trainer_state.json` and `predict_results.json`: evaluations and results.
  mutating func readState() {
    testResults = document("predict_results.json") ?? .null
    guard let state = document("trainer_state.json") else { return }
    bestStep = state["best_global_step"]?.intValue
    globalStep = state["global_step"]?.intValue
    let history = LogHistory(state["log_history"]?.arrayValue ?? [])
    (evaluations, loggedLosses, trainMetrics) = (history.evaluations, history.losses, history.trainMetrics)
  }

  /// `training_log.jsonl`: the texts, and every step.
  mutating func readLog() {
    lines("training_log.jsonl") { object, run in
      if object["train_rows"] != nil {
        run.trainTexts = object["train_rows"]?.strings ?? []
        run.validationTexts = object["validation_rows"]?.strings ?? []
        run.testTexts = object["test_rows"]?.strings ?? []
        return true
      }
      guard let number = object["step"]?.intValue, number >= 0 else { return false }
      run.steps.append(Step(object, number: number))
      return true
    }
    // A run that was resumed from an earlier step logs some steps again; the last time counts.
    let isOrdered = zip(steps, steps.dropFirst()).allSatisfy { $0.number < $1.number }
    if !isOrdered {
      var latest: [Int: Step] = [:]
      for step in steps { latest[step.number] = step }
      steps = latest.values.sorted { $0.number < $1.number }
    }
  }

  /// `predictions.jsonl`: the test rows. Without names for the classes, those that occur are numbered in order.
  mutating func readPredictions() {
    var rows: [(JSONValue, label: String, predicted: String)] = []
    lines("predictions.jsonl") { object, _ in
      guard object["text"]?.stringValue != nil, let label = object["label"]?.stringValue,
        let predicted = object["predicted"]?.stringValue
      else { return false }
      rows.append((object, label, predicted))
      return true
    }
    if labels.isEmpty { labels = Set(rows.flatMap { [$0.label, $0.predicted] }).sorted() }
    let numbers = Dictionary(zip(labels, 0...), uniquingKeysWith: { first, _ in first })
    var strangers = 0
    for (object, label, predicted) in rows {
      let logits = object["logits"]?.arrayValue?.map { $0.doubleValue ?? .nan } ?? []
      guard let text = object["text"]?.stringValue, let label = numbers[label],
        let predicted = numbers[predicted], logits.count == labels.count
      else {
        strangers += 1
        continue
      }
      predictions.append(
        Prediction(
          text: text, pair: object["text_pair"]?.stringValue, label: label, predicted: predicted,
          logits: logits))
    }
    if strangers > 0 {
      notes.append(
        "predictions.jsonl: \(strangers.counted("row")) left out, whose labels or logits are not the model's")
    }
    if testTexts.isEmpty { testTexts = predictions.map(\.text) }
  }

  // MARK: Files

  /// A document of the folder, or nil when it is not there or cannot be read, which is noted.
  private mutating func document(_ name: String) -> JSONValue? {
    let file = FileSystem.join(path, name)
    guard FileSystem.exists(file) else { return nil }
    do { return try JSONValue(path: file, acceptsNonFinite: true) } catch {
      notes.append("\(name) cannot be read: \(error)")
      return nil
    }
  }

  /// Hands over each object of a file with one a line; those that `take` has no use for are counted and noted.
  private mutating func lines(_ name: String, _ take: (JSONValue, inout RunRecord) -> Bool) {
    let file = FileSystem.join(path, name)
    guard FileSystem.exists(file) else { return }
    let bytes: [UInt8]
    do { bytes = try FileSystem.read(file) } catch {
      notes.append("\(name) cannot be read: \(error)")
      return
    }
    var (number, bad, firstBad) = (0, 0, 0)
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
      if let object = try? JSONValue(parsing: Array(line), acceptsNonFinite: true), take(object, &self) {
        continue
      }
      bad += 1
      if firstBad == 0 { firstBad = number }
    }
    if bad > 0 {
      notes.append(
        "\(name): \(bad.counted("line")) passed over that cannot be read, the first is \(firstBad)")
    }
  }
}
