import Tensors

/// Embeddings and layers: token ids to hidden states, and the way back.
///
/// B sequences of S positions, T rows in all (B·S, or fewer where padding is left out), C hidden, H heads, F
/// feed-forward, V vocabulary, L layers.
struct Encoder: Sendable {
  let embeddings: Embeddings
  let layers: [EncoderLayer]
  let compute: Compute

  init(_ store: ParameterStore, prefix: String, _ configuration: BERTConfiguration, _ compute: Compute) {
    self.compute = compute
    embeddings = Embeddings(store, prefix: prefix, configuration)
    layers = (0..<configuration.numHiddenLayers).map { index in
      EncoderLayer(
        attention: SelfAttention(store, "\(prefix)encoder.layer.\(index).attention", configuration),
        feedForward: FeedForward(store, "\(prefix)encoder.layer.\(index)", configuration))
    }
  }

  /// Computes the hidden states of the workspace's batch; the last ones are `workspace.lastHiddenState`.
  ///
  /// - Parameters:
  ///   - dropout: nil in evaluation.
  ///   - visit: sees the embeddings' output (0) and each layer's (1…L) while they are there.
  func forward(_ workspace: Workspace, dropout: Dropout? = nil, visit: ((Int, Matrix) -> Void)? = nil) {
    let batch = workspace.batch
    embeddings.forward(batch, &workspace.embeddings, dropout, compute)
    var x = workspace.embeddings.output
    visit?(0, x)
    for (index, layer) in layers.enumerated() {
      layer.attention.forward(x, batch, &workspace.layers[index].attention, dropout, compute)
      layer.feedForward.forward(
        workspace.layers[index].attention.output, batch, &workspace.layers[index].feedForward, dropout,
        compute)
      x = workspace.layers[index].feedForward.output
      visit?(index + 1, x)
    }
  }

  /// Takes `workspace.lastGradient`, the gradient of the last hidden states, to every parameter.
  func backward(_ workspace: Workspace, _ gradients: Gradients) {
    let batch = workspace.batch
    let dx = workspace.gradient
    var dy = workspace.lastGradient
    if layers.isEmpty, batch.wanted == .firstTokens {
      // No layer takes the rows of first tokens to those of all.
      dx.spread(to: batch.firstRows)
      dy = dx
    }
    for (index, layer) in layers.enumerated().reversed() {
      let activations = workspace.layers[index]
      let buffers = workspace.backwardBuffers(ofLayer: index)
      let x = index > 0 ? workspace.layers[index - 1].feedForward.output : workspace.embeddings.output
      layer.feedForward.backward(
        input: activations.attention.output, activations.feedForward, inPlace: dy, buffers, gradients, compute
      )
      layer.attention.backward(
        input: x, batch, activations.attention, inPlace: dy, into: dx, buffers, gradients, compute)
      dy = dx
    }
    embeddings.backward(batch, workspace.embeddings, inPlace: dy, gradients, compute)
  }
}

/// One layer: attention, then feed-forward.
struct EncoderLayer: Sendable {
  let attention: SelfAttention
  let feedForward: FeedForward
}

/// What one layer leaves for its backward.
struct LayerActivations {
  var attention: AttentionActivations
  var feedForward: FeedForwardActivations

  /// The same buffers for a last layer of which only first tokens are wanted.
  func firstTokens(_ count: Int, input: Matrix, query: Matrix) -> LayerActivations {
    LayerActivations(
      attention: attention.firstTokens(count, input: input, query: query),
      feedForward: feedForward.firstRows(count))
  }
}
