/// The form in which a model loaded for inference keeps the weights of its encoder's linear layers.
///
/// All forms but ``float32`` are copies, made while loading; embeddings, pooler and head stay as they are, and so do
/// attention and normalisation, which compute in floats. Where query, key and value lie apart in the file, the copy
/// joins them. The copies of bert-base, of whose 438 MB the linear layers are 340, take 340, 170 and 86 MB besides the
/// file. Whatever the form, no bit of an output depends on the number of threads or on the run.
public enum LinearWeights: String, Sendable, CaseIterable {
  /// As the file has them, read where they lie: no copy and the shortest loading, but every call rearranges them.
  /// For a program that asks a few questions.
  case float32
  /// Floats in the order in which the products read them: the fastest of the exact forms. Differs from ``float32`` in
  /// rounding, within the error that float products have. For servers and batch jobs.
  case packed
  /// As ``packed``, each weight rounded to the nearest IEEE half, 2⁻¹¹ of itself at most; half the bytes are read, which
  /// shows where few tokens are computed at a time. Vectors of all-MiniLM-L6-v2 move by 5·10⁻⁴ of their length.
  case float16
  /// Bytes with a scale for each output; activations are rounded to bytes with a range for each token, while computing.
  /// The sums are exact, so that every instruction set rounds alike. Two to three times as fast where the processor
  /// multiplies bytes (VNNI); elsewhere it saves memory, not time. Vectors of all-MiniLM-L6-v2 move by 5 % of their
  /// length (cosine 0.9989).
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
