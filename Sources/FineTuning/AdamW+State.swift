import BERT
import ModelFiles
import Tensors

extension AdamW {
  /// The moments as named tensors; they are the optimiser's own memory.
  func moments(_ parameters: [TensorInfo]) -> Moments {
    Moments(layout: layout, first: firstMoment, second: secondMoment, parameters: parameters)
  }

  /// Takes up the memory of another optimiser.
  ///
  /// - Throws: ``TrainingStateError`` when a tensor is missing or is none of 32-bit floats in the parameter's shape; the
  ///   errors of reading them. The optimiser is of no use then.
  func restore(_ state: OptimizerState, _ parameters: [TensorInfo]) throws {
    for info in parameters {
      let offset = layout.offset(of: info.name)
      for (name, block) in [
        (OptimizerState.firstMoment, firstMoment), (OptimizerState.secondMoment, secondMoment),
      ] {
        let full = "\(info.name).\(name)"
        guard let found = state.moments.tensor(named: full) else {
          throw TrainingStateError.parameters(expected: "'\(full)'", found: "no such tensor")
        }
        guard found.shape == info.shape, found.elementType == .float32 else {
          throw TrainingStateError.parameters(
            expected: "'\(full)' of type F32 and shape \(info.shape)",
            found: "it as \(found.elementType.rawValue) of shape \(found.shape)")
        }
        try state.moments.forEachPiece(of: found) { range, bytes in
          let target = UnsafeMutableRawPointer(
            block.floats(at: offset + range.lowerBound, count: range.count))
          bytes.withUnsafeBytes { bytes in
            if let source = bytes.baseAddress { target.copyMemory(from: source, byteCount: bytes.count) }
          }
        }
      }
    }
    markActiveRows()
    stepCount = state.stepCount
  }

  /// Named tensors over the optimiser's blocks.
  struct Moments: WeightSource {
    private let layout: ParameterLayout
    private let first: MemoryBlock
    private let second: MemoryBlock
    let tensors: [TensorInfo]
    private let indices: [String: Int]

    init(layout: ParameterLayout, first: MemoryBlock, second: MemoryBlock, parameters: [TensorInfo]) {
      (self.layout, self.first, self.second) = (layout, first, second)
      tensors = parameters.flatMap { info in
        [OptimizerState.firstMoment, OptimizerState.secondMoment].map { name in
          TensorInfo(name: "\(info.name).\(name)", elementType: .float32, shape: info.shape)
        }
      }
      indices = Dictionary(
        tensors.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    func tensor(named name: String) -> TensorInfo? { indices[name].map { tensors[$0] } }

    func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
      guard let index = indices[name] else {
        throw TrainingStateError.parameters(expected: "a parameter's moment", found: "'\(name)'")
      }
      // Two tensors a parameter, the first moment before the second.
      let (block, info) = (index % 2 == 0 ? first : second, tensors[index])
      let suffix = index % 2 == 0 ? OptimizerState.firstMoment : OptimizerState.secondMoment
      let offset = layout.offset(of: String(info.name.dropLast(suffix.count + 1)))
      let floats = UnsafeRawBufferPointer(
        start: block.floats(at: offset, count: info.elementCount), count: info.byteCount)
      return try withExtendedLifetime(block) { try body(floats.bytes) }
    }
  }
}
