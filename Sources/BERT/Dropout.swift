package import RandomStreams
import Tensors

/// Which elements a dropout kept: one byte an element, and the factor of those that stay.
package struct DropoutMask {
  package let bytes: UnsafeMutablePointer<UInt8>
  /// float(1 / (1 - p)), as torch rounds it.
  package let scale: Float
}

/// torch's global generator in a training run, and how its bits become dropout masks.
///
/// Masks are drawn in the order of the forward pass (embeddings; per layer attention probabilities, attention output
/// and feed-forward output; last the pooled output), because that order is part of a seeded run. A probability of 0
/// draws nothing. Reference: `torch.nn.functional.dropout` as transformers' `modeling_bert.py` calls it.
package final class Dropout {
  package var generator: TorchGenerator
  package let dialect: RandomDialect

  package init(generator: TorchGenerator, dialect: RandomDialect) {
    (self.generator, self.dialect) = (generator, dialect)
  }

  /// Draws `count` bytes into `bytes`; nil when `probability` is 0.
  func mask(_ bytes: UnsafeMutablePointer<UInt8>, count: Int, probability: Double) -> DropoutMask? {
    guard probability > 0 else { return nil }
    generator.fillDropoutMask(bytes, count: count, probability: probability, dialect: dialect)
    // bernoulli_(1 - p) is divided by the float of 1 - p.
    return DropoutMask(bytes: bytes, scale: 1 / Float(1 - probability))
  }
}

extension Compute {
  /// y = x·scale where the mask keeps, else 0; a copy where there is no mask.
  func dropout(_ x: Matrix, mask: DropoutMask?, into y: Matrix) {
    if let mask {
      dropout(x, mask: mask.bytes, scale: mask.scale, into: y)
    } else {
      y.copy(x)
    }
  }
}
