import Tensors

/// What models compute with on this machine, and whether it computes rightly.
public struct ComputeReport: Sendable {
  /// Who multiplies matrices, and how fast each candidate is on one thread.
  public let products: String
  /// The instruction set of the kernels in use, such as `avx2`.
  public let instructionSet: String
  /// All that this processor runs, slowest first.
  public let availableSets: [String]
  public let threadCount: Int
  /// Whether test products came out right.
  public let isCorrect: Bool

  /// Runs the self-test; takes a few milliseconds.
  ///
  /// - Parameter threads: nil uses every core.
  public init(threads: Int? = nil) {
    let compute = Compute(threads: threads)
    let test = BLASSelfTest(compute)
    products = test.description
    instructionSet = test.instructionSet
    availableSets = Kernels.available.map(\.name)
    threadCount = compute.pool.threadCount
    isCorrect = test.isCorrect
  }
}
