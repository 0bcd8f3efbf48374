/// The form in which a model loaded for inference keeps the weights of its encoder's linear layers.
///
/// All forms but ``float32`` are copies, made while loading; embeddings, pooler and head stay as they are. What each
/// needs for bert-base, of whose 438 MB the linear layers are 340: 0, 340, 170 and 86 MB.
public enum LinearWeights: String, Sendable, CaseIterable {
  /// As the file has them, read where they lie: no copy and the shortest loading, but every call rearranges them.
  /// For a program that asks a few questions.
  case float32
  /// Floats in the order in which the products read them. The logits are those of ``float32`` but for rounding in the
  /// last bits of short inputs. For servers and batch jobs.
  case packed
  /// As ``packed``, rounded to IEEE halves, so that half the bytes are read: faster for a single short text, and no
  /// faster for long ones. A weight moves by at most 2⁻¹¹ of itself; a logit by about 10⁻³ of the range of logits.
  case float16
  /// Bytes with a scale for each output; activations are rounded to bytes for each token while computing. Sums are
  /// exact, so results are the same on every processor but for rounding of floats. Two to four times as fast where
  /// the processor multiplies bytes (VNNI). A logit moves by about 10⁻² of the range of logits.
  case int8
}

/// Weights that a form cannot hold.
@nonexhaustive
public enum LinearWeightsError: Error, Equatable, CustomStringConvertible {
  /// A layer has weights beyond ±65504, the range of a half.
  case outsideHalf(layer: String)
  /// A layer sums over more inputs than 32 bits have room for.
  case tooManyInputs(layer: String, expected: Int, found: Int)

  public var description: String {
    switch self {
    case .outsideHalf(let layer):
      "the weights of '\(layer)' go beyond ±65504, the range of float16; use packed or float32"
    case .tooManyInputs(let layer, let expected, let found):
      "'\(layer)' has \(found) inputs, and int8 takes at most \(expected); use packed or float32"
    }
  }
}
