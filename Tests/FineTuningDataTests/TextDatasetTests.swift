import FineTuning
import Testing

@Suite("text data sets")
struct TextDatasetTests {
  @Test("the built-in Iris has the notebook's texts and classes")
  func iris() {
    let iris = TextDataset.iris()
    #expect(iris.count == 150 && iris.classCounts == [50, 50, 50])
    #expect(iris.texts[0] == "5.1 3.5 1.4 0.2" && iris.texts[149] == "5.9 3.0 5.1 1.8")
    #expect(iris.texts[34] == "4.9 3.1 1.5 0.2" && iris.texts[37] == "4.9 3.6 1.4 0.1")  // unlike Fisher's
    #expect(iris.labelNames == ["setosa", "versicolor", "virginica"])
    #expect(iris.columns.map { $0.values[149] } == ["5.9", "3.0", "5.1", "1.8"])
    #expect(Set(iris.texts).count == 149)
    #expect(iris.texts.allSatisfy { $0.utf8.count == 15 })
    // the sum of every column of scikit-learn's array, in tenths
    let sums = iris.columns.map { $0.values.reduce(0) { $0 + (Int($1.replacing(".", with: "")) ?? 0) } }
    #expect(sums == [8765, 4586, 5637, 1799])
  }

  @Test("labels given by name are numbered by code point")
  func byName() {
    let data = TextDataset(texts: ["a", "b", "c"], labels: ["y", "X", "y"])
    #expect(data.labelNames == ["X", "y"] && data.labels == [1, 0, 1] && data.classCounts == [1, 2])
    #expect(TextDataset(texts: [], labels: [String]()).isEmpty)
  }

  @Test("selecting rows keeps everything about them")
  func selecting() {
    let data = TextDataset(
      texts: ["a", "b", "c"], textPairs: ["d", "e", "f"], labels: [0, 1, 0], labelNames: ["x", "y"],
      columns: [.init(name: "n", values: ["1", "2", "3"])], lineNumbers: [2, 5, 9])
    let part = data.selecting([2, 0, 2])
    #expect(part.texts == ["c", "a", "c"] && part.textPairs == ["f", "d", "f"] && part.labels == [0, 0, 0])
    #expect(part.labelNames == ["x", "y"] && part.columns[0].values == ["3", "1", "3"])
    #expect(part.lineNumbers == [9, 2, 9])
  }

  @Test("labels that differ in case only are reported")
  func caseTwins() {
    let data = TextDataset(texts: ["a", "b", "c", "d"], labels: ["setosa", "Setosa", "virginica", "SETOSA"])
    #expect(data.warnings == [.labelsDifferInCase(["SETOSA", "Setosa", "setosa"])])
    #expect(TextDataset.iris().warnings.isEmpty)
  }

  @Test("rows in both parts and classes that are not trained are reported")
  func acrossParts() {
    let data = TextDataset(
      texts: ["a", "b", "a", "c", "b", "é"], labels: [0, 1, 0, 0, 1, 2], labelNames: ["x", "y", "z"])
    let (train, test) = (data.selecting([0, 2, 3]), data.selecting([4, 2, 0, 5]))
    #expect(
      train.warnings(heldOut: test)
        == [.rowsInBothParts(count: 2, trainingLine: 1, heldOutLine: 3), .classesNotTrained(["y", "z"])])
    #expect(train.warnings(heldOut: data.selecting([])).isEmpty)
  }

  @Test("the second text counts when rows are compared")
  func pairsDiffer() {
    let data = TextDataset(texts: ["a", "a", "a"], textPairs: ["b", "c", "b"], labels: ["x", "x", "x"])
    #expect(data.selecting([0]).warnings(heldOut: data.selecting([1])).isEmpty)
    #expect(!data.selecting([0]).warnings(heldOut: data.selecting([2])).isEmpty)
  }

  static let templates: [(source: String, text: String)] = [
    ("{a}", "1"), ("{a} {b}", "1 2"), ("{b}{a}{b}", "212"), ("x {{{a}}} y", "x {1} y"), ("{a b:.1f}", "3"),
    ("é{a}\n", "é1\n"),
  ]

  @Test("a template puts columns into its text", arguments: templates.indices)
  func template(index: Int) throws {
    let (source, text) = Self.templates[index]
    let template = try TextTemplate(source)
    #expect(template.text { ["a": "1", "b": "2", "a b:.1f": "3"][$0] ?? "?" } == text)
    #expect(Set(template.columns).count == template.columns.count)
  }
}
