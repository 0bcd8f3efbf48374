package import Tensors

/// A model whose loss has a backward.
package protocol Trainable: Sendable {
  associatedtype Labels: Sendable

  /// Whether the word table is tied to a decoder, so that its gradient is dense.
  var hasDenseWordGradient: Bool { get }

  var network: Network { get }

  init(network: Network)

  /// One forward and backward: the mean loss of the batch, its gradients added to `gradients`.
  ///
  /// - Parameters:
  ///   - workspace: planned for training, with room for the batch.
  ///   - dropout: nil trains without dropout.
  /// - Throws: ``BERTInputError`` when the inputs or labels do not fit the model.
  func step(
    _ inputs: BERTInputs, labels: Labels, _ workspace: Workspace, _ gradients: Gradients, dropout: Dropout?,
    _ options: LossOptions
  ) throws -> Float
}

extension Trainable {
  package var hasDenseWordGradient: Bool { false }

  /// The mean loss of one batch and the gradient of every parameter, without dropout.
  ///
  /// - Parameters:
  ///   - inputs: (B, S)
  ///   - labels: what the head is trained on.
  /// - Returns: gradients by parameter name, in the order of the weight table; shapes as the parameters.
  /// - Throws: ``BERTInputError`` when inputs or labels do not fit the model; an error when memory runs out.
  package func gradientsOfLoss(_ inputs: BERTInputs, labels: Labels, options: LossOptions) throws
    -> (loss: Float, gradients: [(name: String, gradient: Tensor)])
  {
    // Gradients need the flat layout; a model that was mapped for inference is copied into one.
    guard let layout = network.store.layout else {
      return try Self(network: try network.flattened()).gradientsOfLoss(
        inputs, labels: labels, options: options)
    }
    let gradients = try Gradients(
      layout: layout, configuration: network.configuration, tokenCapacity: inputs.tokenCount,
      denseWordGradient: hasDenseWordGradient)
    gradients.begin()
    let workspace = try Workspace(network.configuration, .init(inputs), training: true)
    let loss = try step(inputs, labels: labels, workspace, gradients, dropout: nil, options)
    return (loss, network.store.table.specs.map { ($0.name, gradients.tensor($0, layout)) })
  }
}

extension Gradients {
  /// A copy of one parameter's gradient in its own shape; rows that were not looked up are 0.
  package func tensor(_ spec: WeightSpec, _ layout: ParameterLayout) -> Tensor {
    let count = spec.shape.reduce(1, *)
    let rows: EmbeddingGradient? =
      if spec.name.hasSuffix("word_embeddings.weight") {
        hasDenseWordGradient ? nil : wordRows
      } else if spec.name.hasSuffix("position_embeddings.weight") {
        positionRows
      } else if spec.name.hasSuffix("token_type_embeddings.weight") {
        tokenTypeRows
      } else {
        nil
      }
    guard let rows else {
      let start = values(at: layout.offset(of: spec.name))
      return Tensor(shape: spec.shape, values: Array(UnsafeBufferPointer(start: start, count: count)))
    }
    var values = [Float](repeating: 0, count: count)
    for row in rows.rows {
      guard let gradient = rows.gradient(ofRow: Int(row)) else { continue }
      for column in 0..<rows.columns { values[Int(row) * rows.columns + column] = gradient[column] }
    }
    return Tensor(shape: spec.shape, values: values)
  }
}
