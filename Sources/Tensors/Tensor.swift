/// A result handed to a user: values in row-major order, and their shape.
public struct Tensor: Sendable, Equatable {
  public var shape: [Int]
  public var values: [Float]

  public init(shape: [Int], values: [Float]) {
    (self.shape, self.values) = (shape, values)
  }
}
