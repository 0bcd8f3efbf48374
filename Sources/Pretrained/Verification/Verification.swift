public import ModelFiles

/// Whether a checkpoint is sound, and its files agree with one another.
public struct Verification: Sendable {
  public enum Severity: String, Sendable, Hashable, Comparable {
    /// Sound and yet unusual.
    case note
    /// Something is likely to go wrong.
    case warning
    /// The checkpoint must not be used as it is.
    case error

    private var rank: Int { self == .note ? 0 : self == .warning ? 1 : 2 }
    public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
  }

  /// One thing that is not as it should be.
  public struct Finding: Sendable, Hashable {
    public var severity: Severity
    /// A stable word for programs, such as `missingTensor`.
    public var code: String
    /// One sentence with the remedy, for people.
    public var message: String
    /// The file, and where in it.
    public var place: String

    public init(_ severity: Severity, _ code: String, _ message: String, at place: String) {
      (self.severity, self.code, self.message, self.place) = (severity, code, message, place)
    }
  }

  /// A question that was asked, and its answer.
  public struct Check: Sendable, Hashable {
    public var name: String
    /// What was found in order, for people.
    public var summary: String
    public var isPassed: Bool
  }

  public internal(set) var findings: [Finding] = []
  /// In the order they were made.
  public internal(set) var checks: [Check] = []

  /// Whether nothing speaks against using the checkpoint.
  public var isSound: Bool { !findings.contains { $0.severity == .error } }

  init() {}

  /// Opens what is at `path` and checks everything that can be checked; reads all of it once.
  ///
  /// - Parameters:
  ///   - path: as for ``Checkpoint/init(_:access:)-(String,_)``.
  ///   - access: how the weights are brought into memory.
  ///   - progress: called with the bytes of tensors read so far and all there are.
  /// - Throws: what says that nothing could be checked: ``CheckpointError/notFound(path:cache:)``, `SystemError`, and
  ///   what `progress` throws. What is wrong with the files is among the ``findings``.
  public init(
    _ path: String, access: FileAccess = .mapped,
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    self.init()
    let checkpoint: Checkpoint
    do { checkpoint = try Checkpoint(path, access: access) } catch let error as SystemError {
      throw error
    } catch let error as CheckpointError {
      throw error
    } catch {
      record(error, "container", at: path)
      return
    }
    try check(checkpoint, progress)
  }

  /// Checks an open checkpoint.
  ///
  /// - Throws: what `progress` throws.
  public init(
    _ checkpoint: Checkpoint, progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    self.init()
    try check(checkpoint, progress)
  }

  private mutating func check(
    _ checkpoint: Checkpoint, _ progress: (_ done: Int, _ total: Int) throws -> Void
  ) throws {
    try checkData(checkpoint, progress)
    checkContainer(checkpoint)
    checkModel(checkpoint)
    checkTokenizer(checkpoint)
  }

  /// Enters an error as a finding, and the check it came from as failed.
  mutating func record(_ error: any Error, _ check: String, at place: String) {
    findings.append(Finding(.error, Self.code(of: error), "\(error)", at: place))
    checks.append(Check(name: check, summary: "", isPassed: false))
  }

  /// Enters a check; it has passed when nothing worse than a note was found since `before`.
  mutating func close(_ name: String, _ summary: String, since before: Int) {
    let isPassed = !findings[before...].contains { $0.severity == .error }
    checks.append(Check(name: name, summary: summary, isPassed: isPassed))
  }

  /// The name of the error's innermost case: `duplicateName` for a `SafetensorsError` with that fault.
  static func code(of error: any Error) -> String {
    func label(_ value: Any) -> String? {
      let mirror = Mirror(reflecting: value)
      if mirror.displayStyle == .enum { return mirror.children.first?.label }
      return mirror.children.first { $0.label == "fault" }.map { label($0.value) ?? "fault" }
    }
    return label(error) ?? "invalid"
  }
}
