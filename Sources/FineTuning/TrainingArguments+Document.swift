public import ModelFiles
import RandomStreams

extension TrainingArguments {
  /// The arguments under their names in transformers, for `HfArgumentParser.parse_json_file`.
  ///
  /// What transformers keeps, `training_args.bin`, is an object of a Python class of one version and can be made by that
  /// version only. From this file either version makes its own.
  public var document: JSONValue {
    let isCurrent = dialect == .torch215
    func name(_ strategy: IntervalStrategy) -> JSONValue {
      switch strategy {
      case .never: "no"
      case .epoch: "epoch"
      case .steps: "steps"
      }
    }
    func steps(_ strategy: IntervalStrategy) -> JSONValue {
      if case .steps(let count) = strategy { .number(count) } else { .number(500) }
    }
    var document: JSONValue = [
      "output_dir": .string(outputDirectory),
      "num_train_epochs": .number(numTrainEpochs),
      "max_steps": .number(maxSteps ?? -1),
      "per_device_train_batch_size": .number(batchSize),
      "per_device_eval_batch_size": .number(evalBatchSize),
      "gradient_accumulation_steps": .number(gradientAccumulationSteps),
      "learning_rate": .number(learningRate),
      "lr_scheduler_type": .string(lrScheduler.rawValue),
      "weight_decay": .number(weightDecay),
      "adam_beta1": .number(adamBeta1),
      "adam_beta2": .number(adamBeta2),
      "adam_epsilon": .number(adamEpsilon),
      "max_grad_norm": .number(maxGradNorm),
      "label_smoothing_factor": .number(labelSmoothingFactor),
      "logging_strategy": name(loggingStrategy),
      "logging_steps": steps(loggingStrategy),
      "logging_first_step": .bool(loggingFirstStep),
      isCurrent ? "eval_strategy" : "evaluation_strategy": name(evalStrategy),
      "eval_steps": steps(evalStrategy),
      "save_strategy": name(saveStrategy),
      "save_steps": steps(saveStrategy),
      "load_best_model_at_end": .bool(loadBestModelAtEnd),
      "metric_for_best_model": metricForBestModel.map(JSONValue.string) ?? .null,
      "greater_is_better": greaterIsBetter.map(JSONValue.bool) ?? .null,
      "seed": .number("\(seed)"),
      "data_seed": dataSeed.map { .number("\($0)") } ?? .null,
      "use_cpu": true,
      "report_to": "none",
    ]
    // Below 1 a share of all steps; the older version has another argument for that.
    if isCurrent {
      document.set("warmup_steps", .number(warmupSteps))
    } else if warmupSteps < 1 {
      document.set("warmup_ratio", .number(warmupSteps))
    } else {
      document.set("warmup_steps", .number(Int(warmupSteps)))
    }
    return document
  }
}
