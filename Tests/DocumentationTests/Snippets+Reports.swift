// Regions are laid out as in the documents.
// swift-format-ignore-file
import Pretrained
import Reports

private func landingPage() throws {
  // Reports.md 1
  let run = try RunRecord(path: "bert-iris")
  let report = try Report(run, classifier: TextClassifier("bert-iris"))
  print(report.verdict)
  for chart in report.charts { print(chart.title, chart.document().utf8.count) }
  if let scores = report.scores { print(scores.accuracyInterval.lower, scores.calibration.expectedError) }
  // end
}
