import RandomStreams
public import ModelFiles

/// What a run carries from step to step beside weights, moments, random numbers and log.
///
/// Trainer keeps none of this in a checkpoint, so that after a restart it logs the mean of fewer steps, and totals
/// begin anew. With it a run that is taken up again ends as one that was never stopped, bit for bit.
public struct TrainingProgress: Sendable, Equatable {
  /// Sum of the step losses since the last log.
  var lossSinceLog: Float = 0
  /// Sum of those before it.
  var lossBeforeLog = 0.0
  var lastLoggedStep = 0
  /// The norm of the last step's gradients; nil before the first, and where an older file does not say.
  var gradNorm: Float?
  var floatingPointOperationsSinceStore = 0.0
  /// Batches of the run so far.
  var batchCount = 0
  /// Batches whose gradients wait for the rest of their group, as happens at the end of an epoch in the older dialect;
  /// and the generator as it was before them, so that they can be gone through again.
  var pendingBatches = 0
  var generatorBeforePending: [UInt8] = []
  /// Evaluations without improvement, and whether the run has come to its end; transformers 4 keeps neither.
  var earlyStoppingCounter = 0
  var hasEnded = false
  /// Seconds the run has taken so far.
  var elapsedSeconds = 0.0
  /// The orders of names in the log's records, which `trainer_state.json` sorts.
  var logOrders: [[String]] = []

  init() {}

  private static let formatVersion = 1
  /// Seconds: some thirty years.
  private static let longestRun = 1_000_000_000

  /// As an object that ``init(_:)`` reads back exactly.
  public var document: JSONValue {
    [
      "format_version": .number(Self.formatVersion),
      "loss_since_log": .number(Double(lossSinceLog)),
      "loss_before_log": .number(lossBeforeLog),
      "last_logged_step": .number(lastLoggedStep),
      "grad_norm": gradNorm.map { .number(Double($0)) } ?? .null,
      "flos_since_store": .number(floatingPointOperationsSinceStore),
      "batches": .number(batchCount),
      "pending_batches": .number(pendingBatches),
      "generator_before_pending": .array(generatorBeforePending.map { .number(Int($0)) }),
      "early_stopping_counter": .number(earlyStoppingCounter),
      "has_ended": .bool(hasEnded),
      "elapsed_seconds": .number(elapsedSeconds),
      "log_orders": .array(logOrders.map(JSONValue.strings)),
    ]
  }

  /// - Throws: ``TrainingStateError`` for what is missing or out of range.
  public init(_ document: JSONValue) throws(TrainingStateError) {
    let reader = StateReader(document)
    guard try reader.count("format_version") == Self.formatVersion else {
      throw .value(
        key: "format_version", expected: "\(Self.formatVersion)",
        found: document["format_version"]?.compactText() ?? "nothing")
    }
    lossSinceLog = Float(try reader.number("loss_since_log"))
    lossBeforeLog = try reader.number("loss_before_log")
    lastLoggedStep = try reader.count("last_logged_step")
    if let value = document["grad_norm"], value != .null {
      gradNorm = Float(try reader.number("grad_norm"))
    }
    floatingPointOperationsSinceStore = try reader.number("flos_since_store")
    batchCount = try reader.count("batches")
    pendingBatches = try reader.count("pending_batches")
    earlyStoppingCounter = try reader.count("early_stopping_counter")
    hasEnded = document["has_ended"]?.boolValue ?? false
    elapsedSeconds = try reader.size("elapsed_seconds", limit: Self.longestRun)
    for value in try reader.array("generator_before_pending") {
      guard let byte = value.intValue.flatMap(UInt8.init(exactly:)) else {
        throw .value(key: "generator_before_pending", expected: "bytes", found: value.compactText())
      }
      generatorBeforePending.append(byte)
    }
    logOrders = try reader.array("log_orders").map { order in
      (order.arrayValue ?? []).compactMap(\.stringValue)
    }
  }
}

/// Reads members of a training state's object and says what is wrong with them.
struct StateReader {
  private let object: JSONValue

  init(_ object: JSONValue) { self.object = object }

  func number(_ key: String) throws(TrainingStateError) -> Double {
    guard let value = object[key]?.doubleValue else { throw fault(key, "a number") }
    return value
  }

  /// A finite number from 0, to `limit` where there is one.
  func size(_ key: String, limit: Int? = nil) throws(TrainingStateError) -> Double {
    let value = try number(key)
    guard value >= 0, value.isFinite, value <= limit.map(Double.init) ?? .infinity else {
      throw fault(key, "a number from 0" + (limit.map { " to \($0)" } ?? ""))
    }
    return value
  }

  /// An integer from 0 to below 2⁵³.
  func count(_ key: String) throws(TrainingStateError) -> Int {
    guard let value = object[key]?.intValue, (0..<1 << 53).contains(value) else {
      throw fault(key, "an integer from 0")
    }
    return value
  }

  func array(_ key: String) throws(TrainingStateError) -> [JSONValue] {
    guard let value = object[key]?.arrayValue else { throw fault(key, "a list") }
    return value
  }

  private func fault(_ key: String, _ expected: String) -> TrainingStateError {
    .value(
      key: key, expected: expected,
      found: object[key].map { String($0.compactText().prefix(60)) } ?? "nothing")
  }
}
