import FineTuning
import ForeignFormats
import ModelFiles
import RandomStreams

/// What `rng_state.pth` holds: the generators of Python, of NumPy and of torch.
///
/// A run here draws from torch's alone; the others are as `set_seed` left them.
struct RandomStates {
  let seed: UInt64
  /// 5056 bytes.
  let generator: [UInt8]

  private static let torch = "cpu"

  /// Reference: `_save_rng_state` in `transformers/trainer.py`.
  var value: PyTorchValue {
    let count = PythonRandomState.wordCount
    let python = PythonRandomState.words(seed: seed).map { PyTorchValue.integer(Int($0)) }
    let numPy = PythonRandomState.numPyWords(seed: seed).flatMap { word in
      withUnsafeBytes(of: word.littleEndian) { Array($0) }
    }
    return .dictionary([
      "python": .tuple([.integer(3), .tuple(python + [.integer(count)]), .none]),
      "numpy": .tuple([
        .text("MT19937"), .array(TensorInfo(name: "numpy", elementType: .uint32, shape: [count]), numPy),
        .integer(count), .integer(0), .float(0),
      ]),
      Self.torch: .tensor(TensorInfo(name: Self.torch, elementType: .uint8, shape: [generator.count])),
    ])
  }

  /// The state of torch's generator.
  ///
  /// - Throws: `TrainingStateError` when there is none.
  static func generator(_ document: PyTorchDocument) throws -> [UInt8] {
    guard let info = document.root[torch]?.tensorValue, info.elementType == .uint8,
      info.elementCount == TorchGenerator.stateByteCount
    else {
      throw TrainingStateError.value(
        key: torch, expected: "torch's generator of \(TorchGenerator.stateByteCount) bytes",
        found: "something else")
    }
    return try document.withBytes(of: info.name) { bytes in bytes.withUnsafeBytes { Array($0) } }
  }
}
