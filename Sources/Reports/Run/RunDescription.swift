public import ModelFiles

/// What only the run itself knows, as `run.json` in its folder keeps it: the program, the data, the machine.
///
/// Everything but the labels may be missing, so that a report can be made of what there is.
public struct RunDescription: Sendable, Equatable {
  /// The file's name in the folder of a run.
  public static let fileName = "run.json"
  /// The version of the layout that is written.
  public static let schemaVersion = 1

  /// The model that was fine-tuned.
  public struct BaseModel: Sendable, Equatable {
    /// The repository, `org/name`; nil when the files come from no repository.
    public var name: String?
    /// As it was given.
    public var path: String?
    /// The fingerprint of the weights, in hexadecimal digits.
    public var rootHash: String?

    /// A model of which something is known.
    public init(name: String? = nil, path: String? = nil, rootHash: String? = nil) {
      (self.name, self.path, self.rootHash) = (name, path, rootHash)
    }
  }

  /// One of the parts the data was split into.
  public struct Part: Sendable, Equatable {
    /// `train`, `validation` or `test`.
    public var name: String
    /// How many rows it has.
    public var rowCount: Int
    /// Rows of each class, in the order of the labels; empty when unknown.
    public var classCounts: [Int]
    /// The line of the source each row begins on; empty when unknown.
    public var lineNumbers: [Int]
    /// The class number of each row; empty when unknown.
    public var labels: [Int]

    /// A part of the data.
    public init(
      name: String, rowCount: Int, classCounts: [Int] = [], lineNumbers: [Int] = [], labels: [Int] = []
    ) {
      (self.name, self.rowCount, self.classCounts) = (name, rowCount, classCounts)
      (self.lineNumbers, self.labels) = (lineNumbers, labels)
    }
  }

  /// Where the texts came from.
  public struct Data: Sendable, Equatable {
    /// For people, such as `Iris as text`.
    public var name: String?
    /// How the parts were made, for people.
    public var origin: String?
    /// The files that were read.
    public var files: [String] = []
    /// How columns became a text; nil when the text was a column.
    public var template: String?
    /// The columns the texts were made of.
    public var columns: [String] = []
    /// The parts, `train` first.
    public var parts: [Part] = []

    /// Nothing known yet.
    public init() {}
  }

  /// What the run was computed with.
  public struct Machine: Sendable, Equatable {
    /// Threads that computed.
    public var threads: Int?
    /// The processor's name.
    public var processor: String?
    /// The instruction set of the kernels, such as `avx2`.
    public var instructionSet: String?
    /// The operating system and its architecture.
    public var system: String?

    /// Nothing known yet.
    public init() {}
  }

  /// The program's version.
  public var toolVersion: String?
  /// When the run began, as ISO 8601 in UTC.
  public var started: String?
  /// From the first to the last moment of the run, in seconds.
  public var wallSeconds: Double?
  /// The words of the command line.
  public var command: [String] = []
  /// What was fine-tuned.
  public var baseModel = BaseModel()
  /// What it was fine-tuned on.
  public var data = Data()
  /// The name of each class.
  public var labels: [String]
  /// The arguments of the training, an object under transformers' names.
  public var hyperparameters: JSONValue = .object([])
  /// What happened to texts that were too long, for people.
  public var truncation: String?
  /// What it was computed with.
  public var machine = Machine()
  /// Optimiser steps that were planned.
  public var plannedSteps: Int?
  /// Whether the run was ended before its last step.
  public var wasStopped = false

  /// A run of which only the labels are known.
  public init(labels: [String]) { self.labels = labels }

  /// The part of a name, or nil.
  public func part(_ name: String) -> Part? { data.parts.first { $0.name == name } }

  /// When something began, as ISO 8601 in UTC.
  ///
  /// - Parameter time: seconds since 1970.
  public static func timestamp(_ time: Double) -> String {
    CalendarTime(secondsSince1970: Int(exactly: time.rounded(.down)) ?? 0).text
  }

  /// Writes `run.json`.
  ///
  /// - Parameter folder: of the run, which exists.
  /// - Throws: `SystemError`.
  public func write(to folder: String) throws(SystemError) {
    try AtomicFile.write(document.pythonText() + "\n", to: FileSystem.join(folder, Self.fileName))
  }
}
