import ArgumentParser
import Pretrained

/// The rows of a run.
struct FinetuneData {
  var train: TextDataset
  var validation: TextDataset?
  var test: TextDataset?
  /// Where the parts come from, for people.
  var origin: String
  /// What a model card calls the data.
  var name: String

  var labels: [String] { train.labelNames }

  /// Reads what the options name, and splits it where one file holds all.
  init(_ options: Finetune) throws {
    let (source, parts) = (options.source, options.parts)
    if let whole = try source.load() {
      let split = try parts.sizes.split(whole, seed: options.training.seed)
      (train, validation, test) = (split.train, split.validation, split.test)
      origin = "\(parts.sizes.stratify ? "stratified, " : "")seed \(options.training.seed)"
      name = source.name ?? "the data"
    } else if let file = parts.train {
      let train = try source.read(file)
      self.train = train
      validation = try parts.validation.map { try source.read($0, labelNames: train.labelNames) }
      test = try parts.test.map { try source.read($0, labelNames: train.labelNames) }
      origin = "files of their own"
      name = file.split(separator: "/").last.map(String.init) ?? file
    } else {
      throw ValidationError("give --dataset iris, --data FILE, or --train FILE")
    }
  }

  /// What is doubtful about the data.
  var warnings: [DatasetWarning] {
    train.warnings + [validation, test].compactMap(\.self).flatMap { train.warnings(heldOut: $0) }
  }

  /// Names and parts, the empty ones left out.
  var parts: [(name: String, data: TextDataset)] {
    [("train", train)] + (validation.map { [("validation", $0)] } ?? []) + (test.map { [("test", $0)] } ?? [])
  }

  /// `setosa 50, versicolor 50`, over all parts.
  var labelCounts: String {
    let shown = labels.indices.prefix(8).map { label in
      "\(labels[label]) \(parts.reduce(0) { $0 + $1.data.classCounts[label] }.grouped)"
    }
    return shown.joined(separator: ", ") + (labels.count > 8 ? " and \(labels.count - 8) more" : "")
  }
}
