// Regions are laid out as in the documents.
// swift-format-ignore-file
import FineTuning

private func landingPage() throws {
  // FineTuning.md 1
  let (train, validation, test) = try TextDataset.iris().trainValidationTest(seed: 42)
  print(train.count, validation.count, test.count)  // 105 22 23
  let metrics = ClassificationMetrics(labels: [0, 1, 2, 2], predictions: [0, 2, 2, 2])
  print(metrics.accuracy, metrics.average(.macro).f1)
  // end
}
