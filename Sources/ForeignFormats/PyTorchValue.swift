public import ModelFiles

/// A Python value as torch.save keeps it: what `optimizer.pt`, `scheduler.pt` and `rng_state.pth` are made of.
public indirect enum PyTorchValue: Sendable, Hashable {
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case text(String)
  case bytes([UInt8])
  case tuple([PyTorchValue])
  case list([PyTorchValue])
  case dictionary([Entry])
  /// A tensor; its elements are asked for by its name.
  case tensor(TensorInfo)
  /// A NumPy array: its type, shape and row-major, little-endian elements.
  case array(TensorInfo, [UInt8])
  /// Something else, much as Python would show it. Only read, never written.
  case other(String)

  public struct Entry: Sendable, Hashable {
    public var key: PyTorchValue
    public var value: PyTorchValue

    public init(_ key: PyTorchValue, _ value: PyTorchValue) { (self.key, self.value) = (key, value) }
  }

  /// A dictionary with keys of text.
  public static func dictionary(_ members: KeyValuePairs<String, PyTorchValue>) -> PyTorchValue {
    .dictionary(members.map { Entry(.text($0.key), $0.value) })
  }

  public subscript(key: String) -> PyTorchValue? { self[.text(key)] }

  /// The value of an integer key.
  public subscript(key: Int) -> PyTorchValue? { self[.integer(key)] }

  private subscript(key: PyTorchValue) -> PyTorchValue? {
    guard case .dictionary(let entries) = self else { return nil }
    return entries.first { $0.key == key }?.value
  }

  /// The elements of a list or tuple.
  public var elements: [PyTorchValue]? {
    switch self {
    case .list(let values), .tuple(let values): values
    default: nil
    }
  }

  public var integerValue: Int? { if case .integer(let value) = self { value } else { nil } }

  /// A float, or an integer as one.
  public var doubleValue: Double? {
    switch self {
    case .float(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }

  public var textValue: String? { if case .text(let value) = self { value } else { nil } }

  public var tensorValue: TensorInfo? { if case .tensor(let info) = self { info } else { nil } }
}
