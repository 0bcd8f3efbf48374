import Tensors

/// Embeddings and layers: token ids to hidden states, and the way back.
///
/// B sequences, S tokens each, T = B·S, C hidden, H heads, F feed-forward, V vocabulary, L layers.
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

  /// Fills the workspace from its batch; the last hidden states, (T, C), are `workspace.lastHiddenState`.
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
        workspace.layers[index].attention.output, &workspace.layers[index].feedForward, dropout, compute)
      x = workspace.layers[index].feedForward.output
      visit?(index + 1, x)
    }
  }

  /// Takes `workspace.gradient` (T, C), the gradient of the last hidden states, to every parameter.
  func backward(_ workspace: Workspace, _ gradients: Gradients) {
    let batch = workspace.batch
    let scratch = workspace.backwardScratch
    let dy = workspace.gradient
    for (index, layer) in layers.enumerated().reversed() {
      let activations = workspace.layers[index]
      let x = index > 0 ? workspace.layers[index - 1].feedForward.output : workspace.embeddings.output
      layer.feedForward.backward(
        input: activations.attention.output, activations.feedForward, inPlace: dy, scratch, gradients, compute
      )
      layer.attention.backward(
        input: x, batch, activations.attention, inPlace: dy, scratch, gradients, compute)
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
}
