package import FineTuning
package import ModelFiles
import Pretrained

extension TrainingArguments {
  /// Every argument under its name in transformers, and what only this package has.
  package var hyperparameters: JSONValue {
    func interval(_ name: String, _ strategy: IntervalStrategy) -> [JSONValue.Member] {
      switch strategy {
      case .never: [.init("\(name)_strategy", "no")]
      case .epoch: [.init("\(name)_strategy", "epoch")]
      case .steps(let count): [.init("\(name)_strategy", "steps"), .init("\(name)_steps", .number(count))]
      }
    }
    var members: [JSONValue.Member] = [
      .init("learning_rate", .number(learningRate)),
      .init("per_device_train_batch_size", .number(batchSize)),
      .init("per_device_eval_batch_size", .number(evalBatchSize)),
      .init("gradient_accumulation_steps", .number(gradientAccumulationSteps)),
      .init("num_train_epochs", .number(numTrainEpochs)),
      .init("max_steps", .number(maxSteps ?? -1)),
      .init("lr_scheduler_type", .string(lrScheduler.rawValue)),
      .init("warmup_steps", .number(warmupSteps)),
      .init("weight_decay", .number(weightDecay)),
      .init("adam_beta1", .number(adamBeta1)),
      .init("adam_beta2", .number(adamBeta2)),
      .init("adam_epsilon", .number(adamEpsilon)),
      .init("max_grad_norm", .number(maxGradNorm)),
      .init("label_smoothing_factor", .number(labelSmoothingFactor)),
      .init("seed", .number("\(seed)")),
      .init("data_seed", dataSeed.map { .number("\($0)") } ?? .null),
      .init("rng_dialect", .string(dialect.rawValue)),
    ]
    members += interval("logging", loggingStrategy) + interval("eval", evalStrategy)
    members += interval("save", saveStrategy)
    members += [
      .init("load_best_model_at_end", .bool(loadBestModelAtEnd)),
      .init("metric_for_best_model", metricForBestModel.map { .string($0) } ?? .null),
      .init("early_stopping_patience", earlyStoppingPatience.map { .number($0) } ?? .null),
    ]
    return .object(members)
  }
}
