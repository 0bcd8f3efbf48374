/// Something about a data set that is allowed, and yet most likely not meant.
@nonexhaustive
public enum DatasetWarning: Sendable, Hashable {
  /// Labels that are one but for upper and lower case; they count as different classes.
  case labelsDifferInCase([String])
  /// Rows of the held-out part whose text the training part has too; the lines are those of the first such
  /// pair.
  case rowsInBothParts(count: Int, trainingLine: Int, heldOutLine: Int)
  /// Classes the training part has no row of, though the held-out part has.
  case classesNotTrained([String])
}

extension DatasetWarning: CustomStringConvertible {
  public var description: String {
    switch self {
    case .labelsDifferInCase(let labels):
      "the labels \(labels.map { "'\($0)'" }.joined(separator: ", ")) differ in case only and count as "
        + "\(labels.count) classes; spell them alike if they are one"
    case .rowsInBothParts(let count, let trainingLine, let heldOutLine):
      "\(count) held-out \(count == 1 ? "row is" : "rows are") in the training part too, "
        + "first line \(heldOutLine), the same as line \(trainingLine); the scores flatter, remove repeated rows"
    case .classesNotTrained(let names):
      "the training part has no row of \(names.map { "'\($0)'" }.joined(separator: ", ")); "
        + "these labels cannot be learnt, stratify the split"
    }
  }
}

extension TextDataset {
  /// What is doubtful about the data set itself.
  public var warnings: [DatasetWarning] {
    Dictionary(grouping: labelNames) { ExactString($0.lowercased()) }
      .sorted { $0.key < $1.key }
      .compactMap { $0.value.count > 1 ? .labelsDifferInCase($0.value) : nil }
  }

  /// What is doubtful about holding out `heldOut` when this data set is trained on.
  public func warnings(heldOut: TextDataset) -> [DatasetWarning] {
    var warnings: [DatasetWarning] = []
    var lines: [Row: Int] = [:]
    // Backwards, so that the first of equal rows stays.
    for index in (0..<count).reversed() { lines[row(index)] = lineNumbers[index] }
    let shared = (0..<heldOut.count).compactMap { index in
      lines[heldOut.row(index)].map { (trainingLine: $0, heldOutLine: heldOut.lineNumbers[index]) }
    }
    if let first = shared.first {
      warnings.append(
        .rowsInBothParts(
          count: shared.count, trainingLine: first.trainingLine, heldOutLine: first.heldOutLine))
    }
    // By name: the parts may come from files whose labels are numbered differently.
    let trained = Set(Set(labels).map { ExactString(labelNames[$0]) })
    let missing = Set(heldOut.labels).sorted().map { heldOut.labelNames[$0] }
      .filter { !trained.contains(ExactString($0)) }
    if !missing.isEmpty { warnings.append(.classesNotTrained(missing)) }
    return warnings
  }

  /// A row's texts, compared by bytes.
  private struct Row: Hashable {
    var text: ExactString
    var pair: ExactString?
  }

  private func row(_ index: Int) -> Row {
    Row(text: ExactString(texts[index]), pair: textPairs.map { ExactString($0[index]) })
  }
}
