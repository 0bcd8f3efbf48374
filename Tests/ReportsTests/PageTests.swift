import ModelFiles
import Pretrained
import Reports
import Testing

@Suite("the page of a report")
struct PageTests {
  private static let hostile =
    "</script><img src=x onerror=alert(1)>\"'&\u{202E}\u{0}\u{7F}\u{FEFF}--><!--]]>\u{2028}"

  private func page(_ folder: TemporaryFolder) throws -> String {
    try Report(RunRecord(path: folder.path), classifier: nil).html
  }

  @Test("escapes texts and labels everywhere")
  func escaping() throws {
    let folder = try TemporaryFolder()
    let labels = [Self.hostile, "b" + Self.hostile, "c"]
    try writeRun(
      in: folder, labels: labels, train: [Self.hostile],
      test: [(Self.hostile, 0, [0, 1, 0]), ("x", 1, [0, 1, 0]), (Self.hostile, 2, [1, 0, 0])])
    var run = RunDescription(labels: labels)
    (run.data.name, run.data.origin, run.data.template) = (Self.hostile, Self.hostile, Self.hostile)
    (run.command, run.truncation, run.toolVersion) = ([Self.hostile], Self.hostile, Self.hostile)
    run.hyperparameters.set(Self.hostile, .string(Self.hostile))
    try run.write(to: folder.path)
    let html = try page(folder)
    #expect(!html.contains("<img"))
    #expect(html.components(of: "</script>") == 3, "two scripts are closed")
    for scalar in ["\u{202E}", "\u{0}", "\u{7F}", "\u{FEFF}", "\u{2028}"] as [Unicode.Scalar] {
      #expect(!html.unicodeScalars.contains(scalar), "U+\(String(scalar.value, radix: 16))")
    }
    #expect(html.contains("⟨U+202E⟩"))
  }

  @Test("names nothing outside of itself")
  func selfContained() throws {
    let folder = try TemporaryFolder()
    try writeRun(in: folder)
    let html = try page(folder)
    for word in ["http:", "https:", "//", "src=", "@import", "url("] where word != "//" {
      #expect(!html.contains(word), "\(word)")
    }
    #expect(html.contains("default-src 'none'"))
  }

  @Test("is the same each time, and holds the numbers of the JSON")
  func numbers() throws {
    let folder = try TemporaryFolder()
    try writeRun(in: folder)
    let report = try Report(RunRecord(path: folder.path), classifier: nil)
    let html = report.html
    #expect(try html == page(folder))
    let start = try #require(html.firstRange(of: "id=\"report-data\">")).upperBound
    let rest = html[start...]
    let end = try #require(rest.firstRange(of: "</script>")).lowerBound
    #expect(try JSONValue(parsing: String(rest[..<end])) == report.document)
    #expect(report.document["test"]?["accuracy"]?.doubleValue == 2.0 / 3)
    #expect(html.contains(">0.6667<"))
  }

  @Test("is short for few rows, and bounded for many")
  func size() throws {
    let folder = try TemporaryFolder()
    try writeRun(
      in: folder,
      test: (0..<3000).map { ("\(Double($0) / 10) 3.5 1.4 0.2", $0 % 3, [$0 % 7 == 0 ? 3 : 0, 1, 2]) },
      steps: 50_000)
    let report = try Report(RunRecord(path: folder.path), classifier: nil)
    #expect(report.rows.count == 1000)
    // Of rows beyond the limit, those that are right go first.
    #expect(report.rows.count { !$0.isRight } == 1000)
    #expect(report.html.utf8.count < 3_000_000)
    #expect(report.document["test"]?["examples"]?.intValue == 3000)
  }

  @Test("needs no test, no evaluation, no steps")
  func partial() throws {
    let folder = try TemporaryFolder()
    try folder.write("{\"step\": 1, \"loss\": 0.5}\n", to: "training_log.jsonl")
    let report = try Report(RunRecord(path: folder.path), classifier: nil)
    #expect(report.verdict == "The run has no test; its training is shown below.")
    #expect(report.html.contains("id=\"training\""))
    #expect(!report.html.contains("id=\"confusion\""))
  }

  @Test("compares two runs row by row")
  func comparison() throws {
    let (one, other) = (try TemporaryFolder(), try TemporaryFolder())
    try writeRun(in: one)
    try writeRun(
      in: other, labels: ["virginica", "setosa", "versicolor"],
      test: [
        ("5.9 3.0 5.1 1.8", 0, [2, 0, 1]), ("5.0 3.4 1.5 0.2", 1, [0, 1, 2]), ("9 9 9 9", 1, [0, 1, 0]),
      ])
    let report = try Report(
      RunRecord(path: one.path), comparedTo: RunRecord(path: other.path), classifier: nil)
    let found = try #require(report.document["comparison"])
    #expect(found["shared_rows"]?.intValue == 2)
    #expect(found["only_first_right"]?.intValue == 1)
    #expect(found["only_second_right"]?.intValue == 1)
    #expect(found["mcnemar_p"]?.doubleValue == 1)
    #expect(found["flips"]?[0]?["second"]?.stringValue == "versicolor")
    #expect(report.html.contains("id=\"comparison\""))
  }

  @Test("asks the model about rewritten texts, and shows their tokens")
  func probes() throws {
    let classifier = try TextClassifier(Fixture.model("classifier"), threads: 1)
    let folder = try TemporaryFolder()
    let iris = TextDataset.iris()
    let rows = stride(from: 0, to: 150, by: 10).map { row -> (text: String, label: Int, logits: [Double]) in
      var logits = [0.0, 0, 0]
      logits[iris.labels[row]] = 1
      return (iris.texts[row], iris.labels[row], logits)
    }
    try writeRun(
      in: folder, labels: classifier.labels,
      train: iris.texts.enumerated().filter { $0.offset % 2 == 1 }.map(\.element),
      test: rows)
    var options = Report.Options()
    (options.probes, options.gridSize) = (["5.1 3.5", "", "\u{202E}x"], 5)
    let report = try Report(RunRecord(path: folder.path), classifier: classifier, options: options)
    let families = try #require(report.document["probes"]?["families"]?.arrayValue)
    let names = families.compactMap { $0["name"]?.stringValue }
    #expect(
      names.starts(with: ["as_written", "two_decimals", "three_decimals", "integers", "decimal_comma"]))
    #expect(names.contains("letters") && names.contains("empty") && names.contains("times_100"))
    #expect(families.allSatisfy { $0["rows"]?.intValue == rows.count })
    let groups = try #require(report.document["probes"]?["groups"]?.arrayValue)
    #expect(groups[0]["answers"]?[0]?["odd_field_count"]?.intValue == 2)
    #expect(groups[1]["answers"]?.arrayValue?.count == 10, "the study's ten texts")
    #expect(groups[1]["answers"]?[2]?["out_of_range_fields"]?.numbers == [0, 1, 2, 3])
    #expect(report.html.contains("class=\"tok\""))
    #expect(report.html.contains("id=\"grid\""))
    #expect(report.probes?.limits.isEmpty == false)
  }
}

extension String {
  /// How many pieces a separator leaves.
  fileprivate func components(of separator: String) -> Int { ranges(of: separator).count + 1 }
}
