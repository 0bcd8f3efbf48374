public import BERT
public import Tensors

// A model's own `load` takes any source of weights and a configuration; a checkpoint is both.

extension BERTModel {
  /// Loads the bare model of a checkpoint; its weights are used where they lie in the file.
  ///
  /// - Parameters:
  ///   - seed: of a pooler that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: `BERTLoadError`, `LinearWeightsError`, `ConfigurationError` or ``CheckpointError/noConfiguration(folder:)``.
  public static func load(
    from checkpoint: Checkpoint, seed: UInt64 = 42, threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTModel, report: LoadReport) {
    try load(
      from: checkpoint.weights, configuration: checkpoint.bertConfiguration(), seed: seed, threads: threads,
      linearWeights: linearWeights)
  }
}

extension BERTForSequenceClassification {
  /// Loads a classifier, or a checkpoint to make one of; its weights are used where they lie in the file.
  ///
  /// - Parameters:
  ///   - labels: the names of the classes; those of the configuration when nil.
  ///   - problemType: overrides the configuration's.
  ///   - seed: of a classifier that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: `BERTLoadError`, `LinearWeightsError`, `ConfigurationError` or ``CheckpointError/noConfiguration(folder:)``.
  public static func load(
    from checkpoint: Checkpoint, labels: [String]? = nil, problemType: ProblemType? = nil, seed: UInt64 = 42,
    threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTForSequenceClassification, report: LoadReport) {
    try load(
      from: checkpoint.weights, configuration: checkpoint.bertConfiguration(), labels: labels,
      problemType: problemType, seed: seed, threads: threads,
      linearWeights: linearWeights)
  }
}

extension BERTForMaskedLM {
  /// Loads a masked language model; its weights are used where they lie in the file.
  ///
  /// - Parameters:
  ///   - seed: of a head that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: `BERTLoadError`, `LinearWeightsError`, `ConfigurationError` or ``CheckpointError/noConfiguration(folder:)``.
  public static func load(
    from checkpoint: Checkpoint, seed: UInt64 = 42, threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTForMaskedLM, report: LoadReport) {
    try load(
      from: checkpoint.weights, configuration: checkpoint.bertConfiguration(), seed: seed, threads: threads,
      linearWeights: linearWeights)
  }
}

extension BERTForNextSentencePrediction {
  /// Loads a next sentence predictor; its weights are used where they lie in the file.
  ///
  /// - Parameters:
  ///   - seed: of a head that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: `BERTLoadError`, `LinearWeightsError`, `ConfigurationError` or ``CheckpointError/noConfiguration(folder:)``.
  public static func load(
    from checkpoint: Checkpoint, seed: UInt64 = 42, threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTForNextSentencePrediction, report: LoadReport) {
    try load(
      from: checkpoint.weights, configuration: checkpoint.bertConfiguration(), seed: seed, threads: threads,
      linearWeights: linearWeights)
  }
}

extension BERTForTokenClassification {
  /// Loads a token classifier; its weights are used where they lie in the file.
  ///
  /// - Parameters:
  ///   - labels: the names of the classes; those of the configuration when nil.
  ///   - seed: of a classifier that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: `BERTLoadError`, `LinearWeightsError`, `ConfigurationError` or ``CheckpointError/noConfiguration(folder:)``.
  public static func load(
    from checkpoint: Checkpoint, labels: [String]? = nil, seed: UInt64 = 42, threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTForTokenClassification, report: LoadReport) {
    try load(
      from: checkpoint.weights, configuration: checkpoint.bertConfiguration(), labels: labels, seed: seed,
      threads: threads,
      linearWeights: linearWeights)
  }
}

extension BERTForQuestionAnswering {
  /// Loads a model that finds answers in a text; its weights are used where they lie in the file.
  ///
  /// - Parameters:
  ///   - seed: of a head that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers.
  /// - Throws: `BERTLoadError`, `LinearWeightsError`, `ConfigurationError` or ``CheckpointError/noConfiguration(folder:)``.
  public static func load(
    from checkpoint: Checkpoint, seed: UInt64 = 42, threads: Int? = nil,
    linearWeights: LinearWeights = .float32
  ) throws -> (model: BERTForQuestionAnswering, report: LoadReport) {
    try load(
      from: checkpoint.weights, configuration: checkpoint.bertConfiguration(), seed: seed, threads: threads,
      linearWeights: linearWeights)
  }
}
