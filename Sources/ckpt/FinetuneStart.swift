import ArgumentParser
import Pretrained

/// What a run of `ckpt finetune` begins with: a model with a new head, or where an earlier run left off.
struct FinetuneStart {
  let model: BERTForSequenceClassification
  let report: LoadReport
  let tokenizer: WordPieceTokenizer
  /// The checkpoint that is fine-tuned; nil when only one to go on from was named.
  let base: Checkpoint?
  /// The labels that the checkpoint itself names.
  let earlierLabels: [String]
  /// The checkpoint that is resumed, or nil.
  let resumed: TrainingCheckpoint?

  /// - Throws: ``RunFolderError`` when there is nothing to resume from; the errors of opening the checkpoint.
  init(_ options: Finetune, labels: [String]) throws {
    let folder: String?
    if let value = options.resume {
      folder = try Self.checkpoint(value, out: options.out)
    } else {
      folder = nil
    }
    let named = try options.base.map { try ModelSource.path($0) }
    guard let path = folder ?? named else { throw ValidationError("give --base MODEL, or --resume") }
    let checkpoint = try Checkpoint(path)
    var configuration = try checkpoint.bertConfiguration()
    earlierLabels = configuration.labels
    if let dropout = options.training.dropout {
      configuration.hiddenDropoutProb = dropout
      configuration.attentionProbsDropoutProb = dropout
      if configuration.classifierDropout != nil { configuration.classifierDropout = dropout }
    }
    (model, report) = try BERTForSequenceClassification.load(
      from: checkpoint.weights, configuration: configuration, labels: labels,
      problemType: .singleLabelClassification, seed: options.training.seed, threads: options.compute.threads)
    tokenizer = try checkpoint.tokenizer()
    if let folder {
      resumed = try TrainingCheckpoint(folder, configuration: model.configuration)
      if let named { base = try Checkpoint(named) } else { base = nil }
    } else {
      (resumed, base) = (nil, checkpoint)
    }
  }

  /// The folder that `--resume` means.
  private static func checkpoint(_ value: String, out: String) throws -> String {
    if !value.isEmpty { return value }
    guard FileSystem.isDirectory(out), let latest = try TrainingCheckpoint.latest(in: out) else {
      throw RunFolderError.noCheckpoint(path: out)
    }
    return latest
  }

  /// The step at which the run goes on; 0 for a new one.
  var step: Int { resumed?.state.trainer.globalStep ?? 0 }

  /// What is doubtful about the checkpoint.
  ///
  /// - Parameters:
  ///   - labels: those of the data.
  ///   - arguments: those of this run.
  func warnings(labels: [String], _ arguments: TrainingArguments) -> [String] {
    var warnings: [String] = []
    if report.loaded.contains("classifier.weight"), earlierLabels != labels {
      warnings.append(
        "the checkpoint's classifier, made for \(earlierLabels.joined(separator: ", ")), is taken over for "
          + labels.joined(separator: ", "))
    }
    for member in resumed?.arguments?.members ?? [] {
      guard member.key != "output_dir", let now = arguments.document[member.key], now != member.value else {
        continue
      }
      warnings.append("\(member.key) was \(member.value.line) before and is \(now.line) from here on")
    }
    return warnings
  }
}
