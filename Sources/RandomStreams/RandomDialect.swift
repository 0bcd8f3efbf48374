/// Which generation of PyTorch's dropout masks to draw. Everything else is drawn alike in both.
public enum RandomDialect: String, Sendable, CaseIterable {
  /// The current rule, and that of builds without MKL: each element takes two draws of the Mersenne Twister.
  case torch215 = "torch-2.15"
  /// The rule of torch 2.2 built with MKL (its x86-64 packages): each mask takes one draw, which seeds MKL's
  /// MCG31.
  case torch22 = "torch-2.2"
}
