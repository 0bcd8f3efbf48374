import Tensors

/// What the sequence heads work in.
struct HeadBuffers {
  let first: Matrix  // (B, C), the first tokens' states where they do not lie together
  let pooled: Matrix  // (B, C)
  let droppedPooled: Matrix  // (B, C)
  let pooledGradient: Matrix  // (B, C)
  let logits: Matrix  // (B, labels)
  let maskBytes: UnsafeMutablePointer<UInt8>  // (B, C)
}

/// The gradients of one layer that are factors of its weights' gradients, and what its backward needs besides.
struct LayerGradients {
  let feedForwardOutput: Matrix  // (T, C)
  let inner: Matrix  // (T, F)
  let attentionOutput: Matrix  // (T, C)
  let queryKeyValue: Matrix  // (T, 3C)
  let query: Matrix  // (B, C), of a last layer that is computed for first tokens alone
  let context: Matrix  // (T, C), no factor; shared by all layers
  let residual: Matrix  // (B, C), no factor
  let scores: UnsafeMutablePointer<Float>  // (B, H, S, S), no factor; shared by all layers

  /// Those of the last layer, of which only some rows are wanted.
  func lastRows(_ count: Int) -> LayerGradients {
    LayerGradients(
      feedForwardOutput: feedForwardOutput.rows(0..<count), inner: inner.rows(0..<count),
      attentionOutput: attentionOutput.rows(0..<count), queryKeyValue: queryKeyValue, query: query,
      context: context.rows(0..<count), residual: residual, scores: scores)
  }
}

/// The buffers of the backward.
struct BackwardBuffers {
  /// One a layer, for batches whose factors are kept.
  let layers: [LayerGradients]
  /// For all layers of a batch whose products are formed at once.
  let shared: LayerGradients
}

/// Every buffer of a workspace, in the order in which they are cut.
struct Buffers {
  let integers: BatchBuffers
  let embeddings: EmbeddingActivations
  let layers: [LayerActivations]
  let head: HeadBuffers
  let gradient: Matrix
  let backward: BackwardBuffers

  /// - Parameters:
  ///   - capacity: what each buffer is sized for.
  ///   - batch: whose rows the views show; those of the capacity when nil.
  init(
    _ carver: inout Carver, _ configuration: BERTConfiguration, _ capacity: Workspace.Capacity,
    showing batch: Batch? = nil, training: Bool
  ) {
    let (size, inner, heads) =
      (configuration.hiddenSize, configuration.intermediateSize, configuration.numAttentionHeads)
    let (tokens, sequences) = (capacity.tokens, capacity.sequences)
    let shownTokens = batch?.tokenCount ?? tokens
    let shownSequences = batch?.batchSize ?? sequences
    let isFirstOnly = batch?.wanted == .firstTokens
    let scoreCount = capacity.scores * heads

    func matrix(_ rows: Int, _ columns: Int, showing shown: Int) -> Matrix {
      carver.matrix(rows: rows, columns: columns).rows(0..<shown)
    }
    func hidden(_ columns: Int) -> Matrix { matrix(tokens, columns, showing: shownTokens) }
    func innerStates() -> Matrix { carver.spreadMatrix(rows: tokens, columns: inner).rows(0..<shownTokens) }
    func pooled(_ columns: Int) -> Matrix { matrix(sequences, columns, showing: shownSequences) }
    func statistics() -> RowStatistics {
      RowStatistics(mean: carver.floats(tokens), rstd: carver.floats(tokens))
    }
    func maskBytes(_ count: Int) -> UnsafeMutablePointer<UInt8>? { training ? carver.bytes(count) : nil }

    integers = BatchBuffers(
      inputIDs: carver.integers(tokens), tokenTypeIDs: carver.integers(tokens),
      positions: carver.integers(tokens), keep: carver.bytes(tokens))
    embeddings = EmbeddingActivations(
      sum: hidden(size), statistics: statistics(), output: hidden(size), maskBytes: maskBytes(tokens * size))

    // Without a backward, probabilities need memory only in sequences that are very long.
    let keepsProbabilities = training || capacity.longest > Compute.keysWithoutProbabilities
    func layer(output: Matrix? = nil) -> LayerActivations {
      let packed = hidden(3 * size)
      let probabilities = keepsProbabilities ? carver.floats(scoreCount) : nil
      let attention = AttentionActivations(
        queryKeyValue: packed, probabilities: probabilities,
        dropped: training ? carver.floats(scoreCount) : probabilities, context: hidden(size),
        sum: hidden(size),
        statistics: statistics(), output: hidden(size), probabilityMaskBytes: maskBytes(scoreCount),
        outputMaskBytes: maskBytes(tokens * size))
      let activated = innerStates()
      let feedForward = FeedForwardActivations(
        preActivation: training ? innerStates() : activated, inner: activated, sum: hidden(size),
        statistics: statistics(), output: output ?? hidden(size), maskBytes: maskBytes(tokens * size))
      return LayerActivations(attention: attention, feedForward: feedForward)
    }
    let count = configuration.numHiddenLayers
    var layers: [LayerActivations] =
      if training {
        (0..<count).map { _ in layer() }
      } else {
        // In inference every layer reads and writes the same buffers: a layer's input is dead once its feed-forward
        // block starts, so the output may take its place.
        count == 0 ? [] : Array(repeating: layer(output: embeddings.output), count: count)
      }
    let (firstInput, firstQuery) = (pooled(size), pooled(size))
    if isFirstOnly, let last = layers.popLast() {
      layers.append(last.firstTokens(shownSequences, input: firstInput, query: firstQuery))
    }
    self.layers = layers

    head = HeadBuffers(
      first: pooled(size), pooled: pooled(size), droppedPooled: pooled(size), pooledGradient: pooled(size),
      logits: pooled(configuration.labels.count), maskBytes: carver.bytes(sequences * size))
    let trained = training ? tokens : 0
    gradient = matrix(trained, size, showing: training ? shownTokens : 0)
    let context = matrix(trained, size, showing: training ? shownTokens : 0)
    let scores = carver.floats(training ? scoreCount : 0)
    let residual = pooled(training ? size : 0)
    func gradients(_ rows: Int) -> LayerGradients {
      let shown = min(rows, shownTokens)
      return LayerGradients(
        feedForwardOutput: matrix(rows, size, showing: shown),
        inner: carver.spreadMatrix(rows: rows, columns: inner).rows(0..<shown),
        attentionOutput: matrix(rows, size, showing: shown),
        queryKeyValue: matrix(rows, 3 * size, showing: shown),
        query: pooled(training ? size : 0), context: context, residual: residual, scores: scores)
    }
    backward = BackwardBuffers(
      layers: (0..<(training ? count : 0)).map { _ in gradients(min(trained, WeightUpdate.tokenLimit)) },
      shared: gradients(trained > WeightUpdate.tokenLimit ? trained : 0))
  }
}
