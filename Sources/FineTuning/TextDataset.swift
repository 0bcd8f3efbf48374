/// Texts, or pairs of texts, each with the number of its class.
///
/// Made from arrays, from a file, or built in; split by ``TrainTestSplit``'s rules.
public struct TextDataset: Sendable {
  /// A column kept beside the texts, one value a row, in the file's own characters.
  public struct Column: Sendable {
    /// The column's name in the file's header.
    public var name: String
    /// One value a row.
    public var values: [String]

    /// A column of as many values as the data set has rows.
    public init(name: String, values: [String]) { (self.name, self.values) = (name, values) }
  }

  /// The text of each row.
  public let texts: [String]
  /// The second text of each row, for tasks on pairs.
  public let textPairs: [String]?
  /// The class number of each row, an index into `labelNames`.
  public let labels: [Int]
  /// The label of each class.
  public let labelNames: [String]
  /// The columns the texts were made of, when they were made by a template.
  public let columns: [Column]
  /// The line of the source that each row begins on, counted from 1; the row's number when there is no file.
  public let lineNumbers: [Int]

  /// Takes texts whose classes are numbered already.
  ///
  /// - Precondition: all arrays have one element a row, and every label is an index of `labelNames`.
  public init(
    texts: [String], textPairs: [String]? = nil, labels: [Int], labelNames: [String], columns: [Column] = [],
    lineNumbers: [Int]? = nil
  ) {
    precondition(labels.count == texts.count, "TextDataset: \(labels.count) labels for \(texts.count) texts")
    precondition(
      (textPairs ?? texts).count == texts.count, "TextDataset: as many second texts as texts are needed")
    precondition((lineNumbers ?? labels).count == texts.count, "TextDataset: a line number a text is needed")
    precondition(
      columns.allSatisfy { $0.values.count == texts.count }, "TextDataset: a column is too short or long")
    precondition(labels.allSatisfy(labelNames.indices.contains), "TextDataset: a label has no name")
    (self.texts, self.textPairs, self.labels, self.labelNames) = (texts, textPairs, labels, labelNames)
    self.columns = columns
    self.lineNumbers = lineNumbers ?? Array(1..<texts.count + 1)
  }

  /// Takes texts with their labels' own names, which are numbered as ``LabelEncoding/init(of:)`` does.
  public init(texts: [String], textPairs: [String]? = nil, labels: [String]) {
    let encoding = LabelEncoding(of: labels)
    self.init(
      texts: texts, textPairs: textPairs, labels: labels.compactMap(encoding.number(of:)),
      labelNames: encoding.names)
  }

  /// The number of rows.
  public var count: Int { texts.count }

  /// Whether there are no rows.
  public var isEmpty: Bool { texts.isEmpty }

  /// The number of rows of each class.
  public var classCounts: [Int] {
    var counts = [Int](repeating: 0, count: labelNames.count)
    for label in labels { counts[label] += 1 }
    return counts
  }

  /// The rows of the given numbers, in their order. All classes keep their number, those without a row too.
  public func selecting(_ rows: [Int]) -> TextDataset {
    TextDataset(
      texts: rows.map { texts[$0] }, textPairs: textPairs.map { pairs in rows.map { pairs[$0] } },
      labels: rows.map { labels[$0] }, labelNames: labelNames,
      columns: columns.map { column in Column(name: column.name, values: rows.map { column.values[$0] }) },
      lineNumbers: rows.map { lineNumbers[$0] })
  }
}

// MARK: - Splitting

extension TextDataset {
  /// Two random parts with the classes in equal shares, the rows `datasets` gives for
  /// `train_test_split(test_size, train_size, stratify_by_column, seed)`.
  public func stratifiedSplit(
    test: SplitSize? = nil, train: SplitSize? = nil, seed: UInt64
  ) throws(SplitError) -> (train: TextDataset, test: TextDataset) {
    let split: TrainTestSplit
    do { split = try TrainTestSplit(stratifying: labels, test: test, train: train, seed: seed) } catch {
      guard case .classTooSmall(let label, let rows) = error, let number = Int(label) else { throw error }
      throw .classTooSmall(label: labelNames[number], rowCount: rows)
    }
    return (selecting(split.train), selecting(split.test))
  }

  /// Two random parts, the rows `datasets` gives for `train_test_split(test_size, train_size, seed)`.
  public func split(
    test: SplitSize? = nil, train: SplitSize? = nil, seed: UInt64
  ) throws(SplitError) -> (train: TextDataset, test: TextDataset) {
    let split = try TrainTestSplit(rowCount: count, test: test, train: train, seed: seed)
    return (selecting(split.train), selecting(split.test))
  }

  /// The first rows and those that follow, `train_test_split(…, shuffle=False)`.
  public func splitInOrder(
    test: SplitSize? = nil, train: SplitSize? = nil
  ) throws(SplitError) -> (train: TextDataset, test: TextDataset) {
    let split = try TrainTestSplit(inOrder: count, test: test, train: train)
    return (selecting(split.train), selecting(split.test))
  }

  /// Three random parts: a share of the rows is held out, and a share of these becomes the test part. Both
  /// splits take the same seed. The defaults give 105, 22 and 23 of Iris's 150 rows.
  public func trainValidationTest(
    heldOut: SplitSize = 0.3, test: SplitSize = 0.5, stratified: Bool = true, seed: UInt64
  ) throws(SplitError) -> (train: TextDataset, validation: TextDataset, test: TextDataset) {
    let outer = try stratified ? stratifiedSplit(test: heldOut, seed: seed) : split(test: heldOut, seed: seed)
    let inner =
      try stratified
      ? outer.test.stratifiedSplit(test: test, seed: seed) : outer.test.split(test: test, seed: seed)
    return (outer.train, inner.train, inner.test)
  }
}
