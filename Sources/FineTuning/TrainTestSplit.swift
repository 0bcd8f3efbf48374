import RandomStreams

/// How many rows a part gets: `0.3` is a share of them, `30` a number.
public enum SplitSize: Sendable, Hashable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  /// Between 0 and 1, both excluded. A test part is rounded up, a training part down.
  case fraction(Double)
  /// A number of rows, at least one and not all.
  case count(Int)

  /// A share of the rows.
  public init(floatLiteral value: Double) { self = .fraction(value) }

  /// A number of rows.
  public init(integerLiteral value: Int) { self = .count(value) }
}

/// The row numbers of the two parts of a data set, those `datasets`' `train_test_split` gives for every seed.
///
/// Without a size a quarter of the rows is for testing. An empty data set has two empty parts.
/// Source: `datasets/arrow_dataset.py: train_test_split`, `datasets/utils/stratify.py`.
public struct TrainTestSplit: Sendable, Hashable {
  /// In the order the training rows are to have.
  public let train: [Int]
  /// In the order the test rows are to have.
  public let test: [Int]

  /// A random split.
  public init(
    rowCount: Int, test: SplitSize? = nil, train: SplitSize? = nil, seed: UInt64
  ) throws(SplitError) {
    let sizes = try Self.sizes(rowCount: rowCount, test: test, train: train)
    var generator = NumPyGenerator(seed: seed)
    let order = generator.permutation(rowCount)
    self.test = Array(order[..<sizes.test])
    self.train = Array(order[sizes.test..<sizes.test + sizes.train])
  }

  /// The first rows for training and those that follow for testing (`shuffle=False`).
  public init(inOrder rowCount: Int, test: SplitSize? = nil, train: SplitSize? = nil) throws(SplitError) {
    let sizes = try Self.sizes(rowCount: rowCount, test: test, train: train)
    self.train = Array(0..<sizes.train)
    self.test = Array(sizes.train..<sizes.train + sizes.test)
  }

  /// A random split that gives both parts each class in its share of all rows.
  ///
  /// - Parameters:
  ///   - labels: the class of each row; any integers.
  ///   - test: nil takes the rows that `train` leaves, or a quarter of all when that is nil too.
  ///   - train: nil takes the rows that `test` leaves.
  ///   - seed: gives the rows that `datasets` gives for it.
  public init(
    stratifying labels: [Int], test: SplitSize? = nil, train: SplitSize? = nil, seed: UInt64
  ) throws(SplitError) {
    let sizes = try Self.sizes(rowCount: labels.count, test: test, train: train)
    var rowsOfClass: [Int: [Int]] = [:]
    for (row, label) in labels.enumerated() { rowsOfClass[label, default: []].append(row) }
    let classes = rowsOfClass.sorted { $0.key < $1.key }
    for (label, rows) in classes where rows.count < 2 {
      throw .classTooSmall(label: String(label), rowCount: rows.count)
    }
    for (part, count) in [("training", sizes.train), ("test", sizes.test)] where count < classes.count {
      throw .fewerRowsThanClasses(part: part, rowCount: count, classCount: classes.count)
    }
    var generator = NumPyGenerator(seed: seed)
    let counts = classes.map(\.value.count)
    let trainCounts = Self.approximateMode(of: counts, drawing: sizes.train, with: &generator)
    let remaining = zip(counts, trainCounts).map { $0 - $1 }
    let testCounts = Self.approximateMode(of: remaining, drawing: sizes.test, with: &generator)
    var (trainRows, testRows): ([Int], [Int]) = ([], [])
    for (i, (_, rows)) in classes.enumerated() {
      let order = generator.permutation(rows.count)
      trainRows += order[..<trainCounts[i]].map { rows[$0] }
      testRows += order[trainCounts[i]...].prefix(testCounts[i]).map { rows[$0] }
    }
    self.train = generator.permutation(of: trainRows)
    self.test = generator.permutation(of: testRows)
  }

  /// How many rows of each class a draw of `total` rows most likely has: the shares rounded down, and the
  /// rows left over given to the largest remainders, ties at random.
  static func approximateMode(of counts: [Int], drawing total: Int, with generator: inout NumPyGenerator)
    -> [Int]
  {
    let population = counts.reduce(0, +)
    guard population > 0 else { return counts }
    let shares = counts.map { Double(total * $0) / Double(population) }
    var result = shares.map { Int($0) }
    var missing = total - result.reduce(0, +)
    let remainders = zip(shares, result).map { $0 - Double($1) }
    for value in Set(remainders).sorted(by: >) where missing > 0 {
      let tied = remainders.indices.filter { remainders[$0] == value }
      let count = min(tied.count, missing)
      for i in generator.choice(of: tied, count: count) { result[i] += 1 }
      missing -= count
    }
    return result
  }

  /// The rows of each part, or why there cannot be such parts.
  private static func sizes(
    rowCount: Int, test: SplitSize?, train: SplitSize?
  ) throws(SplitError) -> (train: Int, test: Int) {
    if rowCount == 0 { return (0, 0) }
    let test = test == nil && train == nil ? SplitSize.fraction(0.25) : test
    for (part, size) in [("test", test), ("training", train)] {
      let isPossible =
        switch size {
        case .fraction(let share): share > 0 && share < 1
        case .count(let count): 0 < count && count < rowCount
        case nil: true
        }
      if !isPossible, let size { throw .sizeOutOfRange(part: part, size: size, rowCount: rowCount) }
    }
    if case .fraction(let a) = test, case .fraction(let b) = train, a + b > 1 {
      throw .sizesExceedWhole(train: .fraction(b), test: .fraction(a), rowCount: rowCount)
    }
    let testRows = test.map { size in
      switch size {
      case .fraction(let share): Int((share * Double(rowCount)).rounded(.up))
      case .count(let count): count
      }
    }
    let trainRows = train.map { size in
      switch size {
      case .fraction(let share): Int((share * Double(rowCount)).rounded(.down))
      case .count(let count): count
      }
    }
    let result = (
      train: trainRows ?? rowCount - (testRows ?? 0), test: testRows ?? rowCount - (trainRows ?? 0)
    )
    if result.train + result.test > rowCount {
      throw .sizesExceedWhole(train: .count(result.train), test: .count(result.test), rowCount: rowCount)
    }
    if result.train == 0 { throw .noTrainingRows(rowCount: rowCount, testRowCount: result.test) }
    return result
  }
}

/// Why a data set cannot be split as asked.
@nonexhaustive
public enum SplitError: Error, Hashable {
  /// A share outside (0, 1), or a number that is not positive or leaves no row for the other part.
  case sizeOutOfRange(part: String, size: SplitSize, rowCount: Int)
  /// Both parts together are more than there is.
  case sizesExceedWhole(train: SplitSize, test: SplitSize, rowCount: Int)
  /// Rounding leaves nothing to train on.
  case noTrainingRows(rowCount: Int, testRowCount: Int)
  /// A class with one row cannot be in both parts.
  case classTooSmall(label: String, rowCount: Int)
  /// A part with fewer rows than there are classes cannot hold them all.
  case fewerRowsThanClasses(part: String, rowCount: Int, classCount: Int)
}

extension SplitError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .sizeOutOfRange(let part, let size, let rows):
      "the \(part) part is to have \(size), of \(rows) rows; choose a share between 0 and 1, or fewer rows"
    case .sizesExceedWhole(let train, let test, let rows):
      "\(train) for training and \(test) for testing are more than the \(rows) rows there are; reduce one"
    case .noTrainingRows(let rows, let test):
      "\(test) of \(rows) rows for testing leave none to train on; choose a smaller test part"
    case .classTooSmall(let label, let rows):
      "class '\(label)' has \(rows) row, too few for two parts; add rows, or split without stratifying"
    case .fewerRowsThanClasses(let part, let rows, let classes):
      "the \(part) part would have \(rows) rows for \(classes) classes; "
        + "make it larger, or split without stratifying"
    }
  }
}

extension SplitSize: CustomStringConvertible {
  public var description: String {
    switch self {
    case .fraction(let share): "a share of \(share)"
    case .count(let count): count == 1 ? "1 row" : "\(count) rows"
    }
  }
}
