import Tensors

/// How the optimiser moves the weights of linear layers.
package enum UpdateImplementation: String, Sendable, CaseIterable {
  /// In the epilogue of the product that makes the gradient, where a step has one batch of few tokens. The gradient is
  /// never in memory; its norm comes from the factors. A parameter moves as in the plain way but for the rounding of
  /// the norm, which matters only where gradients are clipped.
  case fused
  /// From a gradient in memory.
  case plain

  /// The fused way, or what the environment variable `PRETRAINED_UPDATES` names.
  package static var chosen: UpdateImplementation {
    Compute.environment("PRETRAINED_UPDATES").flatMap(UpdateImplementation.init) ?? .fused
  }
}
