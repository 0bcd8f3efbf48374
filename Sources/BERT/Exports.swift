// What models answer with, so that `import BERT` is enough to read it.
@_exported public import enum Tensors.LinearWeights
@_exported public import enum Tensors.LinearWeightsError
@_exported public import struct Tensors.Tensor
