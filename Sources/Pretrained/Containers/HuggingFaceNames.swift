import BERT
import ForeignFormats
import ModelFiles

extension Container {
  /// The tensors under the names that transformers uses, as far as they are known.
  ///
  /// TensorFlow's and llama.cpp's names are translated, TensorFlow's kernels transposed, and the optimiser's slots left
  /// out. In the other formats names are transformers' already, or nobody's.
  ///
  /// - Throws: `StoredWeightsError` when two tensors would have the same name.
  func huggingFaceWeights() throws -> (source: any WeightSource, leftOut: [LeftOut]) {
    var items: [WeightView.Item] = []
    var leftOut = leftOut
    switch format {
    case .tensorFlow:
      for info in source.tensors {
        switch TensorFlowNames.meaning(of: info.name) {
        case .parameter(let name, let isTransposed):
          items.append(.init(name: name, original: info, isTransposed: isTransposed))
        case .optimiser: leftOut.append(.init(name: info.name, reason: "state of the optimiser"))
        case .unknown: items.append(.init(name: info.name, original: info))
        }
      }
    case .gguf: return (translated ?? source, leftOut)
    default: return (source, leftOut)
    }
    return (try WeightView(source, path: path, items), leftOut)
  }
}
