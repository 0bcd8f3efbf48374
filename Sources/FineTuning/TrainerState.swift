import RandomStreams
public import ModelFiles

/// The state of a run, as `trainer_state.json` keeps it. Reference: `TrainerState` in `trainer_callback.py`.
public struct TrainerState: Sendable {
  public internal(set) var epoch = 0.0
  public internal(set) var globalStep = 0
  public internal(set) var maxSteps = 0
  public internal(set) var numTrainEpochs = 0
  public internal(set) var totalFLOs = 0.0
  public internal(set) var bestMetric: Double?
  public internal(set) var bestGlobalStep: Int?
  public internal(set) var bestModelCheckpoint: String?
  public internal(set) var logHistory: [LogRecord] = []
  public internal(set) var shouldTrainingStop = false
  var earlyStoppingCounter = 0

  public init() {}

  /// The document, with the keys of the run's transformers version, sorted as it sorts them.
  public func document(_ arguments: TrainingArguments) -> JSONValue {
    func steps(_ strategy: IntervalStrategy) -> Int {
      if case .steps(let count) = strategy { count } else { 500 }
    }
    func optional(_ value: Int?) -> JSONValue { value.map { .number("\($0)") } ?? .null }
    var members: [(String, JSONValue)] = [
      ("best_metric", bestMetric.map(JSONValue.number) ?? .null),
      ("best_model_checkpoint", bestModelCheckpoint.map(JSONValue.string) ?? .null),
      ("epoch", .number(epoch)),
      ("eval_steps", .number("\(steps(arguments.evalStrategy))")),
      ("global_step", .number("\(globalStep)")),
      ("is_hyper_param_search", .bool(false)),
      ("is_local_process_zero", .bool(true)),
      ("is_world_process_zero", .bool(true)),
      ("log_history", .array(logHistory.map(\.document))),
      ("logging_steps", .number("\(steps(arguments.loggingStrategy))")),
      ("max_steps", .number("\(maxSteps)")),
      ("num_input_tokens_seen", .number("0")),
      ("num_train_epochs", .number("\(numTrainEpochs)")),
      ("save_steps", .number("\(steps(arguments.saveStrategy))")),
      ("total_flos", .number(totalFLOs)),
      ("train_batch_size", .number("\(arguments.batchSize)")),
      ("trial_name", .null),
      ("trial_params", .null),
    ]
    if arguments.dialect == .torch215 {
      members.append(("best_global_step", optional(bestGlobalStep)))
      members.append(("stateful_callbacks", callbacks(arguments)))
    }
    return .object(members.sorted { $0.0 < $1.0 }.map { JSONValue.Member($0.0, $0.1) })
  }

  /// The callbacks that transformers 5 would restore from the file.
  private func callbacks(_ arguments: TrainingArguments) -> JSONValue {
    func object(_ members: (String, JSONValue)...) -> JSONValue {
      .object(members.map { JSONValue.Member($0.0, $0.1) })
    }
    var callbacks: [JSONValue.Member] = []
    if let patience = arguments.earlyStoppingPatience {
      callbacks.append(
        .init(
          "EarlyStoppingCallback",
          object(
            (
              "args",
              object(
                ("early_stopping_patience", .number("\(patience)")),
                ("early_stopping_threshold", .number(arguments.earlyStoppingThreshold)))
            ), ("attributes", object(("early_stopping_patience_counter", .number("\(earlyStoppingCounter)"))))
          )))
    }
    callbacks.append(
      .init(
        "TrainerControl",
        object(
          (
            "args",
            object(
              ("should_epoch_stop", .bool(false)), ("should_evaluate", .bool(false)),
              ("should_log", .bool(false)), ("should_save", .bool(true)),
              ("should_training_stop", .bool(shouldTrainingStop)))
          ), ("attributes", .object([])))))
    return .object(callbacks)
  }
}

extension LogRecord {
  /// An object with sorted keys, as in `log_history`.
  public var document: JSONValue {
    let members = entries.map { entry in
      switch entry.value {
      case .integer(let value): JSONValue.Member(entry.name, .number("\(value)"))
      case .number(let value): JSONValue.Member(entry.name, .number(value))
      }
    }
    return .object(members.sorted { $0.key < $1.key })
  }
}
