public import ArgumentParser
public import Pretrained

struct Finetune: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Fine-tune a checkpoint to give texts one of several labels.",
    discussion: """
      With the seed of a Python run, gives what Hugging Face's Trainer gives: the same split, new head, order of \
      examples and dropout masks. Options are named and defaulted as there, or as in the usual notebook.

      OUT receives the model as a folder that transformers opens, trainer_state.json, predict_results.json, \
      predictions.jsonl, training_log.jsonl with every step and metrics.jsonl with every evaluation, written as they \
      come, run.json, runs/ for TensorBoard, and a checkpoint-N folder at every save; ckpt report OUT makes a page of \
      it. Ctrl-C once finishes the step, saves a checkpoint and prints the command that resumes; twice ends at once.

      A run that was ended in any way goes on with the same command and --resume, to the same end. Checkpoints are \
      Trainer's: its resume_from_checkpoint takes ours, and --resume takes its.
      """)

  @Option(help: ArgumentHelp("The checkpoint to start from.", valueName: "model"))
  var base: String?

  @Option(
    defaultAsFlag: "",
    help: ArgumentHelp(
      "Go on from a checkpoint-N folder, of ckpt or of Trainer; without a value, from the newest in OUT.",
      valueName: "checkpoint"))
  var resume: String?

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
  var out: String

  @OptionGroup(title: "Data") var source: SourceOptions
  @OptionGroup(title: "Parts") var parts: PartOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Evaluating and saving") var saving: SavingOptions
  @OptionGroup(title: "Texts") var truncation: TruncationOptions
  @OptionGroup(title: "Computing") var compute: ComputeOptions
  @OptionGroup(title: "Publishing") var publishing: FinetunePushOptions

  @Flag(help: "Replace an earlier run in OUT.")
  var force = false

  @Flag(help: "Check data, checkpoint, labels, lengths and disk space, time a few steps; write nothing.")
  var dryRun = false

  @Flag(help: "At the end, one JSON object on standard output; the table goes to standard error.")
  var json = false

  func validate() throws {
    if base == nil && resume == nil { throw ValidationError("give --base MODEL, or --resume") }
    if parts.train == nil {
      if source.dataset == nil && source.data == nil {
        throw ValidationError("give --dataset iris, --data FILE, or --train FILE")
      }
    } else if source.dataset != nil || source.data != nil {
      throw ValidationError("--train excludes --data and --dataset; give one")
    } else {
      try source.requireColumns()
    }
    if parts.train == nil && (parts.validation != nil || parts.test != nil) {
      throw ValidationError("--validation and --test belong to --train FILE; --data is split")
    }
  }

  func run() throws { try FinetuneRun(self).run() }
}

/// The parts of the data: files of their own, or sizes to split by.
struct PartOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A file to train on, in place of --data.", valueName: "file"))
  var train: String?

  @Option(help: ArgumentHelp("A file to evaluate on while training.", valueName: "file"))
  var validation: String?

  @Option(help: ArgumentHelp("A file to measure the finished model on.", valueName: "file"))
  var test: String?

  @OptionGroup var sizes: SplitOptions
}

struct TrainingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Passes over the training rows.", valueName: "n"))
  var epochs = 15.0

  @Option(help: ArgumentHelp("Steps in all, in place of --epochs.", valueName: "n"))
  var maxSteps: Int?

  @Option(help: ArgumentHelp("Rows a step.", valueName: "n"))
  var batchSize = 8

  @Option(help: ArgumentHelp("Rows a batch in evaluation.", valueName: "n"))
  var evalBatchSize = 8

  @Option(help: ArgumentHelp("Batches whose gradients make one step.", valueName: "n"))
  var gradientAccumulation = 1

  @Option(help: ArgumentHelp("The base learning rate.", valueName: "rate"))
  var learningRate = 2e-5

  @Option(help: ArgumentHelp("How the learning rate goes.", valueName: "schedule"))
  var lrScheduler = LearningRateSchedule.linear

  @Option(help: ArgumentHelp("Steps over which the learning rate rises.", valueName: "n"))
  var warmupSteps: Int?

  @Option(help: ArgumentHelp("The same as a share of all steps.", valueName: "share"))
  var warmupRatio: Double?

  @Option(help: ArgumentHelp("Weight decay of all but biases and normalisations.", valueName: "w"))
  var weightDecay = 0.01

  @Option(help: ArgumentHelp("The gradient's norm is clipped to this; 0 clips nothing.", valueName: "norm"))
  var maxGradNorm = 1.0

  @Option(help: ArgumentHelp("The share of a label that goes to all labels alike.", valueName: "share"))
  var labelSmoothing = 0.0

  @Option(
    help: ArgumentHelp(
      "Dropout of hidden states and attention; the checkpoint's unless given.", valueName: "p"))
  var dropout: Double?

  @Option(
    help: ArgumentHelp(
      "Seeds the split, the new head, the order of rows and the dropout masks.", valueName: "n"))
  var seed: UInt64 = 42

  @Option(help: ArgumentHelp("Seeds the order of rows alone.", valueName: "n"))
  var dataSeed: UInt64?

  @Option(help: ArgumentHelp("The stack whose random numbers are drawn.", valueName: "stack"))
  var rngDialect = RandomDialect.torch215

  func validate() throws {
    if warmupSteps != nil && warmupRatio != nil {
      throw ValidationError("--warmup-steps and --warmup-ratio exclude each other; give one")
    }
    if let warmupRatio, !(0..<1).contains(warmupRatio) {
      throw ValidationError("--warmup-ratio is \(warmupRatio); give a number from 0 to below 1")
    }
    if let dropout, !(0..<1).contains(dropout) {
      throw ValidationError("--dropout is \(dropout); give a number from 0 to below 1")
    }
  }
}

struct SavingOptions: ParsableArguments {
  /// When something happens; how many steps `steps` means is an option of its own.
  enum Strategy: String, ExpressibleByArgument, CaseIterable { case epoch, steps, no }

  @Option(help: ArgumentHelp("Steps between logged losses.", valueName: "n"))
  var loggingSteps = 50

  @Option(
    help: ArgumentHelp("When to evaluate; at every epoch's end if there is data for it.", valueName: "when"))
  var evalStrategy: Strategy?

  @Option(help: ArgumentHelp("Steps between evaluations, with --eval-strategy steps.", valueName: "n"))
  var evalSteps: Int?

  @Option(help: ArgumentHelp("When to write checkpoint-N.", valueName: "when"))
  var saveStrategy = Strategy.epoch

  @Option(help: ArgumentHelp("Steps between checkpoints, with --save-strategy steps.", valueName: "n"))
  var saveSteps = 500

  @Option(help: ArgumentHelp("Keep this many checkpoints, the best always among them.", valueName: "n"))
  var saveTotalLimit: Int?

  @Flag(help: "End with the best evaluated weights instead of the last ones.")
  var loadBestModelAtEnd = false

  @Option(
    help: ArgumentHelp("The metric that decides which is best: loss, accuracy, f1, ….", valueName: "name"))
  var metricForBestModel: String?

  @Option(help: ArgumentHelp("End after this many evaluations that are no better.", valueName: "n"))
  var earlyStoppingPatience: Int?

  func validate() throws {
    if let saveTotalLimit, saveTotalLimit < 1 {
      throw ValidationError("--save-total-limit is \(saveTotalLimit); give at least 1, or --save-strategy no")
    }
  }
}

extension LearningRateSchedule: ExpressibleByArgument {}
extension RandomDialect: ExpressibleByArgument {}

extension Finetune {
  /// The trainer's arguments.
  ///
  /// - Parameter canEvaluate: whether there are validation rows.
  func trainingArguments(canEvaluate: Bool) -> TrainingArguments {
    func interval(_ strategy: SavingOptions.Strategy, _ steps: Int) -> IntervalStrategy {
      switch strategy {
      case .epoch: .epoch
      case .steps: .steps(steps)
      case .no: .never
      }
    }
    var arguments = TrainingArguments()
    arguments.outputDirectory = out
    arguments.numTrainEpochs = training.epochs
    arguments.maxSteps = training.maxSteps
    arguments.batchSize = training.batchSize
    arguments.evalBatchSize = training.evalBatchSize
    arguments.gradientAccumulationSteps = training.gradientAccumulation
    arguments.learningRate = training.learningRate
    arguments.lrScheduler = training.lrScheduler
    arguments.warmupSteps = training.warmupSteps.map(Double.init) ?? training.warmupRatio ?? 0
    arguments.weightDecay = training.weightDecay
    arguments.maxGradNorm = training.maxGradNorm
    arguments.labelSmoothingFactor = training.labelSmoothing
    arguments.seed = training.seed
    arguments.dataSeed = training.dataSeed
    arguments.dialect = training.rngDialect
    arguments.loggingStrategy = .steps(saving.loggingSteps)
    arguments.evalStrategy = interval(
      saving.evalStrategy ?? (canEvaluate ? .epoch : .no), saving.evalSteps ?? saving.loggingSteps)
    arguments.saveStrategy = interval(saving.saveStrategy, saving.saveSteps)
    arguments.loadBestModelAtEnd = saving.loadBestModelAtEnd
    arguments.metricForBestModel = saving.metricForBestModel
    arguments.earlyStoppingPatience = saving.earlyStoppingPatience
    return arguments
  }
}
