public import BERT
public import FineTuning
import ForeignFormats
public import ModelFiles
import RandomStreams

/// A `checkpoint-N` folder: a model with all that its training needs to go on, in the files of transformers' Trainer.
///
/// | file | holds |
/// |---|---|
/// | `model.safetensors`, `config.json`, the tokenizer's | the model, as ``ModelExport`` writes it |
/// | `optimizer.pt` | AdamW's moments |
/// | `scheduler.pt` | how far the learning rate has come |
/// | `rng_state.pth` | the generators of Python, NumPy and torch |
/// | `trainer_state.json` | steps, log, best model |
/// | `training_args.json` | the arguments, for `HfArgumentParser.parse_json_file` |
/// | `training_progress.json` | sums between two log entries, which Trainer loses |
///
/// `Trainer.train(resume_from_checkpoint:)` of either version takes up such a folder, and what Trainer writes is taken
/// up here. Trainer's `training_args.bin` is an object of a Python class; it is neither written nor read.
public struct TrainingCheckpoint: Sendable {
  public let path: String
  public let state: TrainingState
  /// What `training_args.json` says; nil in a checkpoint of Trainer.
  public let arguments: JSONValue?

  enum File {
    static let optimizer = "optimizer.pt"
    static let scheduler = "scheduler.pt"
    static let randomStates = "rng_state.pth"
    static let trainerState = "trainer_state.json"
    static let arguments = "training_args.json"
    static let progress = "training_progress.json"
  }

  // MARK: Writing

  /// Writes a folder, whole or not at all: it is made beside and renamed when every file in it is durable.
  ///
  /// - Parameters:
  ///   - export: the model.
  ///   - state: as the trainer gives it at the moment of the checkpoint.
  ///   - arguments: those of the run.
  ///   - path: the folder; one that is there is replaced.
  /// - Throws: the errors of writing; then nothing has changed.
  public static func write(
    _ export: ModelExport, state: TrainingState, arguments: TrainingArguments, to path: String
  ) throws {
    var export = export
    export.trainerState = state.trainer.document(arguments)
    try export.writeReplacing(path) { folder in
      try state.optimizer.write(to: FileSystem.join(folder, File.optimizer), dialect: arguments.dialect)
      try PyTorchWriter.write(
        state.optimizer.scheduler(arguments), to: FileSystem.join(folder, File.scheduler))
      let random = RandomStates(seed: arguments.seed, generator: state.generator)
      try PyTorchWriter.write(
        random.value, numPyCore: arguments.dialect == .torch215 ? "numpy._core" : "numpy.core",
        to: FileSystem.join(folder, File.randomStates)
      ) { _, sink in try sink(random.generator.span.bytes) }
      for (name, document) in [
        (File.arguments, arguments.document), (File.progress, state.progress?.document),
      ] {
        guard let document else { continue }
        try AtomicFile.write(document.pythonText() + "\n", to: FileSystem.join(folder, name))
      }
    }
  }

  // MARK: Reading

  /// Opens the training state in a folder. The model in it is opened as any other.
  ///
  /// - Parameters:
  ///   - path: a `checkpoint-N` folder of this package or of Trainer.
  ///   - configuration: the model's, which says what parameters the optimiser has moments for.
  /// - Throws: ``TrainingCheckpointError`` when a file is missing; `TrainingStateError` and the errors of the files'
  ///   formats when one is damaged.
  public init(_ path: String, configuration: BERTConfiguration) throws {
    for file in [File.trainerState, File.optimizer, File.randomStates]
    where !FileSystem.isRegularFile(FileSystem.join(path, file)) {
      throw TrainingCheckpointError.missingFile(folder: path, file: file)
    }
    func json(_ file: String) throws -> JSONValue {
      try JSONValue(path: FileSystem.join(path, file), acceptsNonFinite: true)
    }
    func within<Result>(_ file: String, _ read: () throws -> Result) throws -> Result {
      do { return try read() } catch let error as TrainingStateError {
        throw TrainingCheckpointError.invalid(file: FileSystem.join(path, file), error)
      }
    }
    let parameters = WeightTable(configuration, .sequenceClassification).specs.map {
      TensorInfo(name: $0.name, elementType: .float32, shape: $0.shape)
    }
    func optional(_ file: String) throws -> JSONValue? {
      // A bare nil would be JSON's null.
      FileSystem.isRegularFile(FileSystem.join(path, file)) ? .some(try json(file)) : .none
    }
    let trainer = try within(File.trainerState) { try TrainerState(json(File.trainerState)) }
    let optimizer = try within(File.optimizer) {
      try OptimizerState(PyTorchDocument(path: FileSystem.join(path, File.optimizer)), parameters)
    }
    let generator = try within(File.randomStates) {
      try RandomStates.generator(PyTorchDocument(path: FileSystem.join(path, File.randomStates)))
    }
    let progress = try within(File.progress) { try optional(File.progress).map { try TrainingProgress($0) } }
    state = TrainingState(
      trainer: trainer, optimizer: optimizer, generator: generator, progress: progress,
      bestWeights: Self.bestWeights(trainer, beside: path))
    arguments = try optional(File.arguments)
    self.path = path
  }

  /// The weights of the best step so far: in its checkpoint beside this one, wherever both are now.
  private static func bestWeights(_ trainer: TrainerState, beside path: String) -> (any WeightSource)? {
    guard let best = trainer.bestGlobalStep else { return nil }
    let real = FileSystem.resolved(path) ?? path
    let beside = FileSystem.join(FileSystem.parent(of: real), "checkpoint-\(best)")
    return [beside, trainer.bestModelCheckpoint].lazy.compactMap(\.self).compactMap { folder in
      try? Checkpoint(folder).weights
    }.first
  }

  /// The newest checkpoint in a run's folder that a run can go on from, or nil.
  ///
  /// - Throws: `SystemError` when the folder cannot be listed.
  public static func latest(in folder: String) throws -> String? {
    let steps = try FileSystem.list(folder).compactMap { step(ofFolder: $0) }
    return steps.sorted(by: >).map { FileSystem.join(folder, "checkpoint-\($0)") }.first {
      FileSystem.isRegularFile(FileSystem.join($0, File.trainerState))
    }
  }

  /// N of `checkpoint-N`, or nil.
  package static func step(ofFolder name: String) -> Int? {
    guard name.hasPrefix("checkpoint-") else { return nil }
    let digits = name.dropFirst("checkpoint-".count)
    return digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(digits) : nil
  }
}

/// Why a folder is none to go on from.
@nonexhaustive
public enum TrainingCheckpointError: Error, CustomStringConvertible {
  /// A file that a run needs to go on is not there.
  case missingFile(folder: String, file: String)
  /// A file is there and does not hold what it should.
  case invalid(file: String, TrainingStateError)

  public var description: String {
    switch self {
    case .missingFile(let folder, let file):
      "\(folder): '\(file)' is missing, so no run can be resumed from here; "
        + "name a checkpoint-N folder of ckpt finetune or of Trainer"
    case .invalid(let file, let error): "\(file): \(error)"
    }
  }
}
