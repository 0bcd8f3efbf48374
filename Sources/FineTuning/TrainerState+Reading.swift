public import ModelFiles

extension TrainerState {
  /// What `trainer_state.json` says, of either version of transformers.
  ///
  /// - Throws: ``TrainingStateError`` for what is missing or of another kind.
  public init(_ document: JSONValue) throws(TrainingStateError) {
    self.init()
    let reader = StateReader(document)
    epoch = try reader.number("epoch")
    globalStep = try reader.count("global_step")
    maxSteps = try reader.count("max_steps")
    // transformers writes the largest integer there is where it knows no length of the training set.
    numTrainEpochs = Int(min(try reader.size("num_train_epochs"), 1e9).rounded(.up))
    totalFLOs = try reader.number("total_flos")
    bestMetric = document["best_metric"]?.doubleValue
    bestModelCheckpoint = document["best_model_checkpoint"]?.stringValue
    // transformers 4 has only the folder.
    bestGlobalStep =
      document["best_global_step"]?.intValue
      ?? bestModelCheckpoint?.split(separator: "-").last.flatMap { Int($0) }
    logHistory = try reader.array("log_history").map { (value) throws(TrainingStateError) in
      try LogRecord(value)
    }
    let callbacks = document["stateful_callbacks"]
    shouldTrainingStop = callbacks?["TrainerControl"]?["args"]?["should_training_stop"]?.boolValue ?? false
    let counter = callbacks?["EarlyStoppingCallback"]?["attributes"]?["early_stopping_patience_counter"]
    earlyStoppingCounter = min(max(0, counter?.intValue ?? 0), 1 << 53)
  }

  /// Gives the log's records the orders of names they had, which sorted keys have lost.
  mutating func restoreOrders(_ orders: [[String]]) {
    for index in logHistory.indices {
      let names = Set(logHistory[index].entries.map(\.name))
      if let order = orders.first(where: { $0.count == names.count && names.isSuperset(of: $0) }) {
        logHistory[index].sort(by: order)
      }
    }
  }
}

extension LogRecord {
  /// An entry of `log_history`.
  ///
  /// - Throws: ``TrainingStateError`` when it is no object of numbers.
  init(_ document: JSONValue) throws(TrainingStateError) {
    self.init()
    guard let members = document.members else {
      throw .value(key: "log_history", expected: "a list of objects", found: document.kind)
    }
    for member in members {
      if member.key == "step", let value = member.value.intValue {
        append(member.key, value)
      } else if let value = member.value.doubleValue {
        append(member.key, value)
      }
    }
  }

  /// Puts the entries into the order of `names`, which are all of theirs.
  mutating func sort(by names: [String]) {
    var sorted = LogRecord()
    for name in names {
      for entry in entries where entry.name == name {
        switch entry.value {
        case .integer(let value): sorted.append(name, value)
        case .number(let value): sorted.append(name, value)
        }
      }
    }
    self = sorted
  }
}
