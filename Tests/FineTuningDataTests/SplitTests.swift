import FineTuning
import Testing

/// A size as Python spells it: a float is a share, an integer a number of rows.
struct PythonSize: Decodable, Sendable {
  let size: SplitSize

  init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    size = if let count = Int(text) { .count(count) } else { .fraction(Double(text) ?? .nan) }
  }
}

struct SplitCase: Decodable, Sendable {
  let labels: String, stratified: Bool, seed: String, shuffle: Bool
  let testSize: PythonSize?, trainSize: PythonSize?
  let train: String?, test: String?, trainCount: Int?, testCount: Int?
  let error: String?

  var classes: [Int] { labels.compactMap { Int(String($0), radix: 36) } }

  func split() throws -> TrainTestSplit {
    let (test, train, seed) = (testSize?.size, trainSize?.size, UInt64(seed) ?? 0)
    return if !shuffle {
      try TrainTestSplit(inOrder: labels.count, test: test, train: train)
    } else if stratified {
      try TrainTestSplit(stratifying: classes, test: test, train: train, seed: seed)
    } else { try TrainTestSplit(rowCount: labels.count, test: test, train: train, seed: seed) }
  }
}

struct SplitVectors: Decodable, Sendable {
  struct Large: Decodable, Sendable { let seed: String, count: Int, train: String, test: String }
  struct Iris: Decodable, Sendable { let seed: String, train: [Int], validation: [Int], test: [Int] }
  struct JSONLabel: Decodable, Sendable { let raw: String, text: String }
  struct Strings: Decodable, Sendable { let values: [String], names: [String] }
  struct Names: Decodable, Sendable { let names: [String] }
  struct Encodings: Decodable, Sendable {
    let strings: Strings, integers: Names, floats: Names, booleans: Names
  }

  let cases: [SplitCase]
  let large: Large
  let iris: [Iris]
  let jsonLabels: [JSONLabel]
  let encodings: Encodings

  static let shared = Result { try Fixture.load("data/splits.json", as: SplitVectors.self) }
}

@Suite("train-test splits")
struct SplitTests {
  @Test("splits are those of datasets.train_test_split for any seed and size")
  func equal() throws {
    let cases = try SplitVectors.shared.get().cases.filter { $0.error == nil }
    #expect(cases.count > 200)
    for vector in cases {
      let split = try vector.split()
      #expect(split.train.count == vector.trainCount && split.test.count == vector.testCount)
      #expect(Fixture.hash(split.train) == vector.train, "\(vector)")
      #expect(Fixture.hash(split.test) == vector.test, "\(vector)")
    }
  }

  @Test("what datasets refuses is refused for the same reason")
  func refused() throws {
    let cases = try SplitVectors.shared.get().cases.filter { $0.error != nil }
    #expect(cases.count > 100)
    for vector in cases {
      let error = #expect(throws: SplitError.self, "\(vector)") { try vector.split() }
      #expect(vector.error?.hasPrefix(error.map(Self.beginning) ?? "nothing thrown") == true, "\(vector)")
    }
  }

  /// How the message of `datasets` begins for an error of ours.
  static func beginning(_ error: SplitError) -> String {
    switch error {
    case .sizeOutOfRange(part: "test", _, _): "test_size="
    case .sizeOutOfRange: "train_size="
    case .sizesExceedWhole(.fraction, .fraction, _): "The sum of test_size and train_size"
    case .sizesExceedWhole: "The sum of train_size and test_size"
    case .noTrainingRows: "With n_samples="
    case .classTooSmall: "The least populated class"
    case .fewerRowsThanClasses(part: "training", _, _): "The train_size ="
    case .fewerRowsThanClasses: "The test_size ="
    }
  }

  @Test("a split of twenty thousand rows is that of datasets")
  func large() throws {
    let vector = try SplitVectors.shared.get().large
    let labels = (0..<vector.count).map { ($0 * $0) % 5 }
    let split = try TrainTestSplit(stratifying: labels, test: 0.1, seed: 7)
    #expect(Fixture.hash(split.train) == vector.train)
    #expect(Fixture.hash(split.test) == vector.test)
  }

  @Test("Iris is split into the notebook's 105, 22 and 23 rows")
  func iris() throws {
    let iris = TextDataset.iris()
    for vector in try SplitVectors.shared.get().iris {
      let seed = try #require(UInt64(vector.seed))
      let outer = try TrainTestSplit(stratifying: iris.labels, test: 0.3, seed: seed)
      #expect(outer.train == vector.train)
      let parts = try iris.trainValidationTest(seed: seed)
      // `validation` and `test` of the vector hold row numbers of the whole data set
      #expect(parts.train.lineNumbers == vector.train.map { $0 + 1 })
      #expect(parts.validation.lineNumbers == vector.validation.map { $0 + 1 })
      #expect(parts.test.lineNumbers == vector.test.map { $0 + 1 })
      #expect(parts.test.texts == vector.test.map { iris.texts[$0] })
      #expect(parts.test.columns[2].values == vector.test.map { iris.columns[2].values[$0] })
      #expect(parts.test.labelNames == iris.labelNames)
    }
  }

  @Test("shares that are no numbers between 0 and 1 are refused", arguments: [Double.nan, .infinity, -0.0])
  func notShares(share: Double) {
    #expect(throws: SplitError.self) { try TrainTestSplit(rowCount: 10, test: .fraction(share), seed: 1) }
  }

  @Test("an error of a data set names the class rather than its number")
  func namedClass() {
    let data = TextDataset(texts: ["a", "b", "c"], labels: ["x", "x", "lonely"])
    let error = #expect(throws: SplitError.self) { try data.stratifiedSplit(test: 0.5, seed: 1) }
    #expect(error == .classTooSmall(label: "lonely", rowCount: 1))
    #expect(
      error?.description
        == "class 'lonely' has 1 row, too few for two parts; add rows, or split without stratifying")
  }
}

@Suite("label encoding")
struct LabelEncodingTests {
  @Test("labels are numbered as class_encode_column numbers them")
  func names() throws {
    let encodings = try SplitVectors.shared.get().encodings
    let encoding = LabelEncoding(of: encodings.strings.values)
    #expect(encoding.names.map { Array($0.utf8) } == encodings.strings.names.map { Array($0.utf8) })
    for (number, name) in encoding.names.enumerated() { #expect(encoding.number(of: name) == number) }
    #expect(encoding.number(of: "none of them") == nil)
    #expect(LabelEncoding(of: ["10", "9", "1", "2", "10"]).names == encodings.integers.names)
    #expect(LabelEncoding(of: ["True", "False"]).names == encodings.booleans.names)
  }

  @Test("two spellings of one accented letter are two classes")
  func canonicalEquivalents() {
    let encoding = LabelEncoding(of: ["e\u{301}", "\u{e9}", "e\u{301}"])
    #expect(encoding.names.count == 2)
    #expect(encoding.number(of: "e\u{301}") == 0 && encoding.number(of: "\u{e9}") == 1)
  }
}
