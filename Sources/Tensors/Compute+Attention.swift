import CKernels

extension Compute {
  /// context (B·S, C) of multi-head self-attention; C = H·D.
  ///
  /// - Parameters:
  ///   - qkv: (B·S, 3C): queries, keys and values side by side.
  ///   - keep: (B·S), not zero for the tokens that may be attended to; nil for all. A masked key weighs exactly 0.
  ///   - mask: (B, H, S, S), the dropout of the probabilities; nil keeps all.
  ///   - probabilities: (B, H, S, S), before dropout.
  ///   - dropped: (B, H, S, S), after dropout; untouched, and may be nil, without a mask.
  package func attentionForward(
    batch: Int, heads: Int, tokens: Int, headSize: Int, qkv: Matrix, keep: UnsafePointer<UInt8>?,
    mask: UnsafePointer<UInt8>?, maskScale: Float, probabilities: UnsafeMutablePointer<Float>,
    dropped: UnsafeMutablePointer<Float>?, context: Matrix
  ) {
    precondition(mask == nil || dropped != nil, "dropout needs room for the dropped probabilities")
    let layout = HeadLayout(batch: batch, heads: heads, tokens: tokens, headSize: headSize, qkv, context)
    let set = kernels.set
    pool.forEachRange(batch * heads, grain: layout.headsPerTask) { range in
      for index in range {
        let (q, scores) = (layout.query(index, of: qkv), index * tokens * tokens)
        withUnsafePointer(to: layout.shape) { shape in
          attention_forward(
            set, shape, q, q + layout.size, q + 2 * layout.size,
            keep.map { $0 + index / heads * tokens }, mask.map { $0 + scores }, maskScale,
            probabilities + scores,
            dropped.map { $0 + scores }, layout.context(index, of: context))
        }
      }
    }
  }

  /// qkvGradient (B·S, 3C) from contextGradient (B·S, C).
  ///
  /// - Parameters:
  ///   - qkv: as in the forward; `probabilities`, `dropped` and `mask` as the forward had and left them.
  ///   - scratch: (B, H, S, S).
  package func attentionBackward(
    batch: Int, heads: Int, tokens: Int, headSize: Int, qkv: Matrix, probabilities: UnsafePointer<Float>,
    dropped: UnsafePointer<Float>?, mask: UnsafePointer<UInt8>?, maskScale: Float, contextGradient: Matrix,
    qkvGradient: Matrix, scratch: UnsafeMutablePointer<Float>
  ) {
    precondition(mask == nil || dropped != nil, "dropout needs the dropped probabilities")
    precondition(qkvGradient.stride == qkv.stride, "the gradient is laid out as what it is the gradient of")
    let layout = HeadLayout(
      batch: batch, heads: heads, tokens: tokens, headSize: headSize, qkv, contextGradient)
    let set = kernels.set
    pool.forEachRange(batch * heads, grain: layout.headsPerTask) { range in
      for index in range {
        let (q, scores) = (layout.query(index, of: qkv), index * tokens * tokens)
        let dq = layout.query(index, of: qkvGradient)
        withUnsafePointer(to: layout.shape) { shape in
          attention_backward(
            set, shape, q, q + layout.size, q + 2 * layout.size, probabilities + scores,
            dropped.map { $0 + scores }, mask.map { $0 + scores }, maskScale,
            layout.context(index, of: contextGradient), dq, dq + layout.size, dq + 2 * layout.size,
            scratch + scores)
        }
      }
    }
  }
}

/// Where the heads lie in the packed block. A head's index counts sequences first, then heads.
private struct HeadLayout {
  let shape: head_shape
  /// C = H·D
  let size: Int
  /// So many that a task is worth handing out.
  let headsPerTask: Int
  private let heads: Int
  private let tokens: Int
  private let headSize: Int

  init(batch: Int, heads: Int, tokens: Int, headSize: Int, _ qkv: Matrix, _ context: Matrix) {
    (self.heads, self.tokens, self.headSize) = (heads, tokens, headSize)
    size = heads * headSize
    precondition(
      qkv.rows == batch * tokens && qkv.columns == 3 * size && context.rows == qkv.rows
        && context.columns == size,
      "the shapes of attention do not fit")
    shape = head_shape(
      tokens: tokens, head_size: headSize, qkv_stride: qkv.stride, context_stride: context.stride,
      scale: 1 / Float(headSize).squareRoot())
    headsPerTask = max(1, (1 << 18) / max(tokens * tokens * headSize, 1))
  }

  func query(_ index: Int, of qkv: Matrix) -> UnsafeMutablePointer<Float> {
    qkv.row(index / heads * tokens) + index % heads * headSize
  }

  func context(_ index: Int, of context: Matrix) -> UnsafeMutablePointer<Float> {
    context.row(index / heads * tokens) + index % heads * headSize
  }
}
