import ModelFiles

/// The records of a `log_history`, sorted by what they are about.
struct LogHistory {
  var evaluations: [RunRecord.Evaluation] = []
  var losses: [RunRecord.Step] = []
  /// Of the record that ends a training.
  var trainMetrics: [(name: String, value: Double)] = []

  /// Passes over what is no record.
  init(_ records: [JSONValue]) {
    for record in records {
      guard let members = record.members else { continue }
      let step = record["step"]?.intValue ?? 0
      let numbers = members.compactMap { member in
        member.value.doubleValue.map { (name: member.key, value: $0) }
      }
      if record["train_runtime"] != nil {
        trainMetrics = numbers.filter { $0.name != "step" }
      } else if record["loss"] != nil {
        losses.append(RunRecord.Step(record, number: step))
      } else if members.contains(where: { $0.key.hasPrefix("eval_") }) {
        let metrics = numbers.filter {
          $0.name.hasPrefix("eval_") && $0.name != "eval_loss" && !Self.isTiming($0.name)
        }
        evaluations.append(
          RunRecord.Evaluation(
            step: step, epoch: record["epoch"]?.doubleValue ?? .nan,
            loss: record["eval_loss"]?.doubleValue ?? .nan,
            metrics: metrics.map { (String($0.name.dropFirst("eval_".count)), $0.value) }))
      }
    }
    losses.sort { $0.number < $1.number }
    evaluations.sort { $0.step < $1.step }
  }

  /// Whether an entry of a record is a time or a rate.
  static func isTiming(_ name: String) -> Bool { name.hasSuffix("_runtime") || name.hasSuffix("_per_second") }
}

extension RunRecord.Step {
  init(_ record: JSONValue, number: Int) {
    self.init(
      number: number, loss: record["loss"]?.doubleValue ?? .nan,
      gradNorm: record["grad_norm"]?.doubleValue ?? .nan,
      learningRate: record["learning_rate"]?.doubleValue ?? .nan)
  }
}
