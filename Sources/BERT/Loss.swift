import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How a loss is taken from logits.
public struct LossOptions: Sendable, Equatable {
  /// ε of label smoothing: (1 - ε)·NLL + ε·mean over classes of -log p. Single-label classification only.
  /// Reference: `LabelSmoother` in transformers' `trainer_pt_utils.py`.
  public var labelSmoothing: Float
  /// Multiplies the gradients, not the loss: 1/k when gradients of k batches are accumulated.
  public var gradientScale: Float

  public init(labelSmoothing: Float = 0, gradientScale: Float = 1) {
    (self.labelSmoothing, self.gradientScale) = (labelSmoothing, gradientScale)
  }
}

/// The losses of the heads. Each returns the mean and turns the logits into their gradient, in place.
enum Loss {
  /// Mean cross entropy of the rows whose target is not negative. torch's `CrossEntropyLoss(ignore_index=-100)`.
  ///
  /// Without any such row the mean is 0/0; torch says NaN, and so does this.
  static func crossEntropy(
    inPlace logits: Matrix, targets: [Int32], _ options: LossOptions, _ compute: Compute
  ) -> Float {
    let valid = targets.count { $0 >= 0 }
    let losses = [Float](unsafeUninitializedCapacity: targets.count) { losses, count in
      compute.crossEntropy(
        inPlace: logits, targets: targets, smoothing: options.labelSmoothing,
        weight: options.gradientScale / Float(max(valid, 1)), losses: losses)
      count = targets.count
    }
    return Float(losses.reduce(0.0) { $0 + Double($1) } / Double(valid))
  }

  /// Mean squared error over all elements. torch's `MSELoss`.
  static func meanSquaredError(inPlace logits: Matrix, targets: [Float], _ options: LossOptions) -> Float {
    var sum = 0.0
    let factor = options.gradientScale * 2 / Float(targets.count)
    logits.forEachElement(with: targets) { value, target in
      let difference = value - target
      sum += Double(difference) * Double(difference)
      value = difference * factor
    }
    return Float(sum / Double(targets.count))
  }

  /// Mean binary cross entropy of σ(logits) over all elements. torch's `BCEWithLogitsLoss`.
  static func binaryCrossEntropy(inPlace logits: Matrix, targets: [Float], _ options: LossOptions) -> Float {
    var sum = 0.0
    let factor = options.gradientScale / Float(targets.count)
    logits.forEachElement(with: targets) { value, target in
      // max(x, 0) - x·y + log(1 + exp(-|x|)), which neither overflows nor cancels.
      let x = Double(value)
      let tail = exp(-abs(x))
      sum += max(x, 0) - x * Double(target) + log1p(tail)
      let sigmoid = x >= 0 ? 1 / (1 + tail) : tail / (1 + tail)
      value = Float(sigmoid - Double(target)) * factor
    }
    return Float(sum / Double(targets.count))
  }
}

extension Matrix {
  /// Visits the elements row by row beside those of `other`, which has as many.
  fileprivate func forEachElement(with other: [Float], _ body: (inout Float, Float) -> Void) {
    for row in 0..<rows {
      for column in 0..<columns { body(&start[row * stride + column], other[row * columns + column]) }
    }
  }
}
