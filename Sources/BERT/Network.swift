package import ModelFiles
import Synchronization
package import Tensors

/// What every BERT class shares: configuration, parameters, encoder and the memory its calls work in.
package final class Network: Sendable {
  package let configuration: BERTConfiguration
  package let architecture: BERTArchitecture
  package let store: ParameterStore
  package let compute: Compute
  let encoder: Encoder
  /// "bert." in every class but the bare model.
  let prefix: String
  /// Workspaces that no call is using; concurrent calls each take their own.
  private let idle = Mutex<[Workspace]>([])

  init(
    store: ParameterStore, configuration: BERTConfiguration, architecture: BERTArchitecture, compute: Compute
  ) {
    self.store = store
    self.configuration = configuration
    self.architecture = architecture
    self.compute = compute
    prefix = architecture == .model ? "" : "bert."
    encoder = Encoder(store, prefix: prefix, configuration, compute)
  }

  /// Loads the parameters of `architecture` from a checkpoint.
  ///
  /// - Parameters:
  ///   - storage: `.mapped` for inference, `.flat` for training.
  ///   - seed: of the weights that the checkpoint lacks.
  ///   - threads: nil uses every core.
  ///   - linearWeights: the form of the encoder's linear layers; other than `.float32` only for a mapped store.
  /// - Throws: ``BERTLoadError`` when encoder weights are missing or do not fit; `LinearWeightsError` when the form
  ///   cannot hold them.
  package static func load(
    from source: any WeightSource, configuration: BERTConfiguration, architecture: BERTArchitecture,
    storage: ParameterStore.Storage, seed: UInt64, threads: Int?, linearWeights: LinearWeights = .float32
  ) throws -> (network: Network, report: LoadReport) {
    let (store, report) = try ParameterStore.load(
      from: source, configuration: configuration, architecture: architecture, storage: storage, seed: seed)
    var configuration = configuration
    // A decoder with values of its own must not be tied again by whoever opens the model next.
    if store.table.hasUntiedDecoder { configuration.tieWordEmbeddings = false }
    precondition(storage == .mapped || linearWeights == .float32, "prepared weights cannot be trained")
    let compute = Compute(threads: threads)
    let network = Network(
      store: try store.prepared(as: linearWeights, for: compute), configuration: configuration,
      architecture: architecture, compute: compute)
    return (network, report)
  }

  /// The same network with its parameters copied into one flat block, as training needs them.
  package func flattened() throws -> Network {
    Network(
      store: try store.copyFlat(), configuration: configuration, architecture: architecture, compute: compute)
  }

  /// Runs the encoder on `inputs` and gives `body` the workspace that holds the hidden states.
  ///
  /// - Parameter wanted: the states that `body` reads; others need not be there.
  /// - Throws: ``BERTInputError`` when an id or the length is outside the tables; what `body` throws.
  func withHiddenStates<Result>(
    _ inputs: BERTInputs, _ wanted: WantedStates, visit: ((Int, Matrix) -> Void)? = nil,
    _ body: (Workspace) throws -> Result
  ) throws -> Result {
    try inputs.check(against: configuration)
    let rows = Batch.rows(inputs, wanted)
    let workspace = try idleWorkspace(for: Workspace.Capacity(lengths: rows.lengths))
    workspace.fill(inputs, rows, for: wanted)
    encoder.forward(workspace, visit: visit)
    defer { idle.withLock { $0.append(workspace) } }
    return try body(workspace)
  }

  /// A workspace that no other call has, made where none is large enough.
  ///
  /// One that is too small makes way for one that is large enough for both, so that there are never more than there
  /// were calls at a time.
  private func idleWorkspace(for capacity: Workspace.Capacity) throws -> Workspace {
    var planned = capacity
    let found = idle.withLock { workspaces -> Workspace? in
      if let index = workspaces.lastIndex(where: { $0.capacity.holds(capacity) }) {
        return workspaces.remove(at: index)
      }
      if let small = workspaces.popLast() { planned = capacity.union(small.capacity) }
      return nil
    }
    return try found ?? Workspace(configuration, planned, training: false)
  }
}

extension Tensor {
  /// A copy of a matrix in the given shape.
  init(shape: [Int], copying matrix: Matrix) {
    var values: [Float] = []
    values.reserveCapacity(matrix.rows * matrix.columns)
    for row in 0..<matrix.rows {
      values.append(
        contentsOf: UnsafeBufferPointer(start: matrix.start + row * matrix.stride, count: matrix.columns))
    }
    self.init(shape: shape, values: values)
  }
}
