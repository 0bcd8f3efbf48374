import ArgumentParser
import Pretrained

/// In which form the model keeps its linear layers.
struct WeightsOption: ParsableArguments {
  @Option(help: ArgumentHelp(WeightsForm.help, valueName: "form"))
  var weights = WeightsForm.float32
}

/// `LinearWeights` as an argument.
enum WeightsForm: String, ExpressibleByArgument, CaseIterable {
  case float32, packed, float16, int8

  static let help: String =
    "Linear layers as in the file (float32), copied for speed (packed), or rounded (float16, int8)."

  var linearWeights: LinearWeights {
    switch self {
    case .float32: .float32
    case .packed: .packed
    case .float16: .float16
    case .int8: .int8
    }
  }
}
